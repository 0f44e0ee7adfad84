// Package vfstest tests implementations of package vfs.
//
// [Run] is the suite, one case for each promise that calls can show. What survives a crash they cannot: package crashfs is
// there to find out whether a program counts on more than package vfs promises.
//
//	func TestFS(t *testing.T) {
//		vfstest.Run(t, func(t testing.TB) (vfs.FS, string) { return vfs.OS{}, t.TempDir() })
//	}
package vfstest

import (
	"testing"

	"github.com/revkv/kv/store/filestore/vfs"
)

// Run checks an implementation. newDir returns it and the path of an empty directory; each case gets one of its own.
func Run(t *testing.T, newDir func(testing.TB) (files vfs.FS, dir string)) {
	for i := range cases {
		c := &cases[i]
		t.Run(c.name, func(t *testing.T) {
			files, dir := newDir(t)
			c.check(t, files, dir)
		})
	}
}

// A testCase checks one promise.
type testCase struct {
	name    string
	promise string // printed if it is broken
	run     func(*trial)
}

var cases = joinCases(nameCases, byteCases)

func joinCases(lists ...[]testCase) (all []testCase) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// check runs the case in an empty directory.
func (c *testCase) check(t testing.TB, files vfs.FS, dir string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the promise is: %s", c.promise)
		}
	}()
	r := &trial{TB: t, files: files, dir: dir}
	defer r.close()
	c.run(r)
}

// Package storetest tests implementations of package store.
//
// [Run] is the suite: it checks what package store asks of a Backend and its Stores, one case for each promise. What an
// implementation does beyond the least it says with the optional interfaces of package store, and the suite looks at these:
// a store.Volatile is not expected to keep anything, the stores of a store.ValueReader must hand out values. So an
// implementation should assert its interfaces itself.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t testing.TB) storetest.Place {
//			dir := t.TempDir()
//			return func() (store.Backend, error) { return filestore.Open(dir) }
//		})
//	}
//
// [Disk] is an implementation in memory that tests of the layer above can hold up and make fail.
package storetest

import (
	"testing"

	"github.com/revkv/kv/store"
)

// A Place opens a backend. Each call opens the same place again; the suite calls it only when the backend before is closed.
type Place func() (store.Backend, error)

// Run checks an implementation. newPlace makes a new, empty place; each case gets one of its own.
func Run(t *testing.T, newPlace func(testing.TB) Place) {
	for i := range cases {
		c := &cases[i]
		t.Run(c.name, func(t *testing.T) { c.check(t, newPlace(t)) })
	}
}

// A need says which implementations a case is for.
type need int

const (
	anyStore need = iota
	durable       // what is appended outlives the backend
	values        // and its stores are ValueReaders
)

// A testCase checks one promise.
type testCase struct {
	name    string
	promise string // printed if it is broken
	need    need
	run     func(*trial)
}

var cases = joinCases(logCases, valueCases, backendCases)

func joinCases(lists ...[]testCase) (all []testCase) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// check runs the case on an empty place.
func (c *testCase) check(t testing.TB, place Place) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the promise is: %s", c.promise)
		}
	}()
	r := &trial{TB: t, place: place}
	r.open()
	if have := r.kind(); have < c.need {
		t.Skip(map[need]string{durable: "the store is volatile", values: "the store is no ValueReader"}[c.need])
	}
	c.run(r)
	r.close()
}

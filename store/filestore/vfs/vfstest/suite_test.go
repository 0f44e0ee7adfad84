package vfstest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

func TestCasesAreNamedAndPromiseSomething(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases {
		if c.name == "" || seen[c.name] || len(c.promise) < 20 {
			t.Errorf("case %q: its name is not its own, or its promise %q says nothing", c.name, c.promise)
		}
		seen[c.name] = true
	}
}

// TestFlawsAreFound breaks an implementation in one way at a time. The cases that are named for a flaw have to find it, and
// each case has to find something.
func TestFlawsAreFound(t *testing.T) {
	found := map[string]bool{}
	for _, f := range flaws {
		t.Run(f.name, func(t *testing.T) {
			for _, name := range f.breaks {
				i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })
				if i < 0 {
					t.Fatalf("there is no case %q", name)
				}
				o := observe(t, &cases[i], f)
				if !o.failed {
					t.Errorf("case %q does not find it", name)
				}
				if !strings.Contains(o.text(), cases[i].promise) {
					t.Errorf("case %q does not print its promise:\n%s", name, o.text())
				}
				found[name] = true
			}
		})
	}
	for _, c := range cases {
		if !found[c.name] {
			t.Errorf("no flaw shows that case %q can fail", c.name)
		}
	}
}

// TestFlawlessIsNotBlamed runs the cases on what flaws are built into, without a flaw.
func TestFlawlessIsNotBlamed(t *testing.T) {
	for i := range cases {
		if o := observe(t, &cases[i], flaw{}); o.failed {
			t.Errorf("%s: %s", cases[i].name, o.text())
		}
	}
}

// An observer is a testing.TB that lets a case fail without failing the test.
type observer struct {
	testing.TB
	failed bool
	log    []string
}

// observe runs a case on a file system with a flaw and returns what became of it.
func observe(t testing.TB, c *testCase, f flaw) *observer {
	o := &observer{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.check(o, &flawedFS{FS: crashfs.New(), flaw: f}, "")
	}()
	<-done
	return o
}

func (o *observer) Helper()      {}
func (o *observer) Failed() bool { return o.failed }

func (o *observer) Logf(format string, args ...any) {
	o.log = append(o.log, fmt.Sprintf(format, args...))
}

func (o *observer) Fatalf(format string, args ...any) {
	o.Logf(format, args...)
	o.failed = true
	runtime.Goexit()
}

func (o *observer) text() string { return strings.Join(o.log, "\n") }

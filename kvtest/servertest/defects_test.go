package servertest

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv/kvtest"
)

// A defect is a case that servers are not asked to pass, and what it says of one that fails it.
type defect struct {
	name   string
	says   string
	always []jetstream.StorageType // where every server fails it; elsewhere it passes or depends on who is faster
}

var defects = []defect{
	{"limit-marker/fits-always", `get "k0": got 1 k0=xxx`, storages},
	{"private/patterns", `patterns after the call: got [$KV.B.a $KV.B.b.*]`, storages},
	{"pattern/glued-wildcard-behind-a-key", `watch of "a*": unexpected error`, []jetstream.StorageType{jetstream.MemoryStorage}},
	{"purge-deletes/keeps-concurrent-writes", "", nil},
	{"watcher/caught-up-after-every-key", "", nil},
}

// TestDefectsAreListed makes sure that no case is left out for a defect nobody has looked for.
func TestDefectsAreListed(t *testing.T) {
	var needSound, listed []string
	for _, c := range kvtest.Cases() {
		if slices.Contains(c.Needs, kvtest.Sound) {
			needSound = append(needSound, c.Name)
		}
	}
	for _, d := range defects {
		listed = append(listed, d.name)
	}
	slices.Sort(needSound)
	slices.Sort(listed)
	if !slices.Equal(needSound, listed) {
		t.Errorf("the cases that need a sound place are %q, listed are %q", needSound, listed)
	}
}

// TestDefects finds the defects that a server shows every time. Where one has gone the suite can do with fewer Needs.
func TestDefects(t *testing.T) {
	t.Parallel()
	for _, d := range defects {
		for _, storage := range d.always {
			t.Run(fmt.Sprint(d.name, "/", storage), func(t *testing.T) {
				t.Parallel()
				place, release := open(t, storage, kvtest.Sound)
				release() // one of them waits all the time
				r := record(find(t, d.name), place)
				if !strings.Contains(r.errors, d.says) {
					t.Errorf("the case reports %q, want something with %q", r.errors, d.says)
				}
			})
		}
	}
}

// find returns the case with a name.
func find(tb testing.TB, name string) kvtest.Case {
	tb.Helper()
	cases := kvtest.Cases()
	i := slices.IndexFunc(cases, func(c kvtest.Case) bool { return c.Name == name })
	if i < 0 {
		tb.Fatalf("there is no case %q", name)
	}
	return cases[i]
}

// A recorder is a kvtest.T that keeps what a case reports.
type recorder struct{ errors string }

var _ kvtest.T = (*recorder)(nil)

func (r *recorder) Helper()                           {}
func (r *recorder) Errorf(format string, args ...any) { r.errors += fmt.Sprintf(format, args...) }
func (r *recorder) FailNow()                          { runtime.Goexit() }
func (r *recorder) Skipf(format string, args ...any)  { runtime.Goexit() }

// record runs a case that may fail, and returns what it reports.
func record(c kvtest.Case, p kvtest.Place) *recorder {
	var r recorder
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(&r, p)
	}()
	<-done
	return &r
}

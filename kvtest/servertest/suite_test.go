package servertest

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv/kvtest"
	"github.com/revkv/kv/natskv/natsplace"
)

// TestMain allows any number of tests at a time, unless the command line has -parallel: most of the time they wait for TTLs,
// and slots bounds those that work.
func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "1000")
	m.Run()
}

var storages = []jetstream.StorageType{jetstream.MemoryStorage, jetstream.FileStorage}

// TestServer is kvtest.RunInRealTime with all cases at once. It begins at the end of the suite, where those are that wait
// longest.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, c := range slices.Backward(kvtest.Cases()) {
		for _, storage := range storages {
			t.Run(fmt.Sprint(storage, "/", c.Name), func(t *testing.T) {
				t.Parallel()
				if i := slices.IndexFunc(c.Needs, lacking); i >= 0 {
					t.Skipf("a server has not got %s", c.Needs[i])
				}
				place, _ := open(t, storage)
				c.Run(t, place)
			})
		}
	}
}

// lacking reports whether a server has not got what a case needs, so that none is started for a case that is skipped then.
func lacking(n kvtest.Need) bool { return n != kvtest.Statuses }

// slots is how many cases may work at a time. A case gives its slot back when it first waits and never takes another, so
// that it goes on at once when its time has come: what it finds then depends on the moment.
var slots = make(chan struct{}, 2*runtime.GOMAXPROCS(0))

// late is what a server gets to act on a deadline: it looks at them every quarter of a second.
const late = 750 * time.Millisecond

// open returns a place with a server of its own, as soon as there is a slot for the test.
func open(tb testing.TB, storage jetstream.StorageType, rules ...kvtest.Need) (place kvtest.Place, release func()) {
	tb.Helper()
	slots <- struct{}{}
	release = sync.OnceFunc(func() { <-slots })
	tb.Cleanup(release)
	return natsplace.New(connect(tb), natsplace.Options{Storage: storage, Late: late, Waits: release, Rules: rules}), release
}

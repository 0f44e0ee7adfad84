package natstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// An operation is one call, or a few that belong together: how it reads, and what it does.
type operation struct {
	text string
	do   func(*run)
}

// A program is what is played on both sides, and at the end a look at everything.
type program []operation

func (p program) text(at int) string {
	if at < len(p) {
		return p[at].text
	}
	return "the end: what is watched is written once more, watchers are stopped, and everything is read"
}

// A run plays a program on one side. After every operation it reads its watchers: what an operation makes them deliver is part
// of the answer.
type run struct {
	*notes
	buckets    map[string]jetstream.KeyValue
	oldBuckets map[string]nats.KeyValue
	watchers   [watchersOfRun]*runWatcher
	delivered  [][]string        // to each watcher, in the order they were started
	read       func()            // reads the watchers
	settle     func(name string) // waits until a bucket is deleted
	deleted    map[string]bool
	waits      int // how often the client has waited for a bucket to come back
}

const watchersOfRun = 4

// What a run leaves.
type played struct {
	answers   [][]string           // to each operation, and at the end
	counts    [][watchersOfRun]int // how much the watchers delivered each time they were read
	delivered [][]string
}

// A difference is the first operation that two runs answer in different ways.
type difference struct {
	at           int
	server, ours []string
}

// differ plays a program on both sides. It returns nil if all answers are the same.
func differ(t *testing.T, l *lane, p program) *difference {
	ours := playOurs(t, p, inMemory)
	if d := playTheirs(l, p, ours); d != nil {
		return d
	}
	return compareOurs(ours, playOurs(t, p, inFolder))
}

// A way is one to play a program on natskv.
type way struct {
	open func() (*kv.DB, error)
	late bool // watchers are read only when they are stopped, and have to have missed nothing
}

var (
	inMemory = way{func() (*kv.DB, error) { return kv.New(), nil }, false}
	inFolder = way{func() (*kv.DB, error) { return kv.Open("db", kv.FileSystem(crashfs.New())) }, true}
)

// compareOurs compares what two ways leave. The second is read late, so that what watchers deliver is compared as a whole.
func compareOurs(ours, late played) *difference {
	replies := func(answer []string) []string {
		return slices.DeleteFunc(slices.Clone(answer), func(line string) bool { return strings.HasPrefix(line, delivery) })
	}
	for at := range ours.answers {
		if a, b := replies(ours.answers[at]), replies(late.answers[at]); !slices.Equal(a, b) {
			return &difference{at, append([]string{"in memory:"}, a...), append([]string{"in a folder:"}, b...)}
		}
	}
	for i := range ours.delivered {
		if a, b := ours.delivered[i], late.delivered[i]; !slices.Equal(a, b) {
			last := len(ours.answers) - 1
			return &difference{last, append([]string{"read at once:"}, a...), append([]string{"read late in a folder:"}, b...)}
		}
	}
	return nil
}

// playOurs plays a program on natskv, in a bubble: so it is known when everything has been delivered, and no wait takes time.
func playOurs(t *testing.T, p program, w way) (result played) {
	synctest.Test(t, func(t *testing.T) {
		db, err := w.open()
		if err != nil {
			t.Fatal(err)
		}
		r := newRun(&notes{js: natskv.New(db), old: natskv.Legacy(db), close: func() { _ = db.Close() }})
		defer r.close()
		r.read = func() { result.counts = append(result.counts, r.readAll(w.late)) }
		for at := range len(p) + 1 {
			result.answers = append(result.answers, r.play(p, at))
			time.Sleep(time.Millisecond) // a server is not as quick as to write twice at one time
		}
		result.delivered = r.delivered
	})
	return result
}

// playTheirs plays a program on a server until an answer is not ours. A watcher is read until it has delivered what ours has:
// there is no need to wait and see whether more comes, since that would be seen after the next operation.
func playTheirs(l *lane, p program, ours played) *difference {
	l.clear()
	r := newRun(l.notes())
	r.settle = l.settle
	counts := ours.counts
	r.read = func() {
		r.readCounts(counts[0])
		counts = counts[1:]
	}
	for at := range len(p) + 1 {
		if theirs := r.play(p, at); !slices.Equal(theirs, ours.answers[at]) {
			r.read = func() {}
			r.stopWatchers("")
			return &difference{at, theirs, ours.answers[at]}
		}
	}
	return nil
}

func newRun(n *notes) *run {
	return &run{
		notes: n, buckets: map[string]jetstream.KeyValue{}, oldBuckets: map[string]nats.KeyValue{}, deleted: map[string]bool{},
		settle: func(string) {},
	}
}

// play plays one operation and returns the answer.
func (r *run) play(p program, at int) (answer []string) {
	defer func() {
		if fault := recover(); fault != nil {
			answer = append(r.lines, fmt.Sprint("panic: ", fault))
		}
	}()
	r.lines = nil
	if at < len(p) {
		p[at].do(r)
	} else {
		r.end()
	}
	r.read()
	return r.lines
}

// readAll reads what there is, of all watchers or only of those that are stopped. It returns how much each has delivered. It is
// called in a bubble.
func (r *run) readAll(stopped bool) (counts [watchersOfRun]int) {
	synctest.Wait()
	for i, w := range r.watchers {
		if w == nil || stopped && !w.stopped {
			continue
		}
		for line, ok := w.next(0); ok; line, ok = w.next(0) {
			r.deliver(i, line)
			counts[i]++
			synctest.Wait() // there may be more than the channel holds
		}
	}
	return counts
}

// readCounts waits until each watcher has delivered so many entries, and reads what else there is.
func (r *run) readCounts(counts [watchersOfRun]int) {
	for i, w := range r.watchers {
		if w == nil {
			continue
		}
		for n := 0; ; n++ {
			wait := time.Duration(0)
			if n < counts[i] {
				wait = patience
			}
			line, ok := w.next(wait)
			if !ok {
				break
			}
			r.deliver(i, line)
		}
	}
}

// delivery begins the line of an entry that a watcher delivers.
const delivery = "watcher "

// deliver notes what a watcher has delivered.
func (r *run) deliver(i int, line string) {
	w := r.watchers[i]
	r.note(delivery+"%d: %s", i, line)
	r.delivered[w.number] = append(r.delivered[w.number], line)
}

// end writes once more to all that is watched, so that entries too many would be seen, and looks at everything.
func (r *run) end() {
	for _, name := range bucketNames {
		b := r.buckets[name]
		if b == nil || !slices.ContainsFunc(r.watchers[:], func(w *runWatcher) bool { return w != nil && w.bucket == name }) {
			continue
		}
		if !r.deleted[name] {
			for _, key := range goodKeys {
				r.put(b, key, "last")
				r.read()
			}
		}
	}
	r.stopWatchers("")
	r.listStores()
	for _, name := range bucketNames {
		if b := r.buckets[name]; b != nil {
			r.history(b, ">")
			r.keys(b)
		}
	}
}

// gone notes how a bucket was deleted.
func (r *run) gone(name string, err error) {
	r.note("%s", describe(err))
	if err == nil {
		r.deleted[name] = true
		r.settle(name)
	}
}

// created calls create, and again if a server fails because of what is left of a deleted bucket.
func (r *run) created(name string, create func() error) error {
	const noStore = "error creating store for stream"
	err := create()
	for try := 1; err != nil && strings.HasSuffix(err.Error(), noStore) && try < 10; try++ {
		r.settle(name)
		err = create()
	}
	return err
}

// with calls f with a bucket that has been opened before.
func (r *run) with(name string, f func(jetstream.KeyValue)) {
	if b := r.buckets[name]; b != nil {
		f(b)
	} else {
		r.note("not opened")
	}
}

// withOld is with for the interface of package nats.
func (r *run) withOld(name string, f func(nats.KeyValue)) {
	b := r.oldBuckets[name]
	if b == nil {
		var err error
		if b, err = r.old.KeyValue(name); err != nil {
			r.note("open: %s", describe(err))
			return
		}
		r.oldBuckets[name] = b
	}
	f(b)
}

// mayWait reports whether a write to a bucket is to be made. If the bucket is missing the client waits half a second for it to
// come back, which is worth it only once.
func (r *run) mayWait(name string) bool {
	if !r.deleted[name] {
		return true
	}
	if r.waits++; r.waits == 1 {
		return true
	}
	r.note("not again")
	return false
}

// kind says in what way the answers differ, without the numbers and texts that depend on what was played before.
func (d *difference) kind(p program) string {
	method, _, _ := strings.Cut(p.text(d.at), "(")
	_, method, _ = strings.Cut(method, ".")
	for i := range max(len(d.server), len(d.ours)) {
		if a, b := at(d.server, i), at(d.ours, i); a != b {
			return method + " | " + plain(a) + " | " + plain(b)
		}
	}
	return method
}

// plain leaves out the numbers.
func plain(line string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, line)
}

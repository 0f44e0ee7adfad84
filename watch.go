package kv

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/revkv/kv/store"
)

// An EventKind says what an Event is.
type EventKind uint8

const (
	// Changed: the event has an entry.
	Changed EventKind = iota + 1
	// CaughtUp: of every matching key that the bucket held when the watch began the watcher has delivered the state of then
	// or a newer one, unless the key has gone meanwhile. It comes once, also if there was nothing to deliver, but not
	// with UpdatesOnly. NATS's client says it with a nil entry.
	CaughtUp
)

// String returns changed or caught up.
func (k EventKind) String() string {
	switch k {
	case Changed:
		return "changed"
	case CaughtUp:
		return "caught up"
	}
	return fmt.Sprintf("EventKind(%d)", uint8(k))
}

// An Event is what a Watcher delivers.
type Event struct {
	Kind  EventKind
	Entry Entry // if Kind is Changed
}

// A Watcher follows a bucket: it is a cursor on the bucket's log. It delivers matching entries in rising order of revision,
// first what is kept, then what is written. The log is its buffer, so it never holds a writer up, loses nothing in
// silence, and costs no more however far behind it is: what it may miss are revisions that the depth or a deadline
// removes from the log before it gets to them, and each key's newest state arrives in the end.
//
// Next and Events are for one goroutine at a time. Stop may be called by any.
type Watcher struct {
	b        *Bucket
	patterns []pattern
	all      bool // every key matches
	watchOptions
	ctx      context.Context
	unwatch  func() bool   // lets go of ctx
	bell     chan struct{} // has room for one: a write concerns the watcher
	done     chan struct{} // closed when err is set
	endOnce  sync.Once
	err      atomic.Pointer[error]
	ready    []found // what was found last
	next     int     // the first of ready that is not delivered yet
	slab     []byte  // room for the values of these
	position uint64  // everything up to here is found; written by Next under the bucket's read lock

	// What follows is written by Next under the bucket's read lock and by writers under its write lock.

	waiting bool   // Next waits for the bell
	rung    uint64 // the revision that rang it; nothing between position and that one concerns the watcher

	start    uint64              // the bucket's revision when the watch began
	ahead    []uint64            // what to deliver up to start, if byKey
	byKey    bool                // the matching keys were looked up in the index
	caughtUp bool                // CaughtUp was found, or is not to be
	owed     map[string]struct{} // keys whose state at start was overwritten before it was found, and whose new one is not found yet
	overflow bool                // there were more than maxOwed of these

	clientState // if it is to deliver as NATS's client does
}

// Watch returns a watcher of the keys that match pattern. A pattern is written like a key, with wildcards that each stand
// for whole tokens: '*' for one, and '>' at the end for one or more.
//
//	pattern    of the keys  a  b  a.b  b.b  a.b.c
//	a                       a
//	*                       a  b
//	a.*                           a.b
//	*.b                           a.b  b.b
//	a.>                           a.b       a.b.c
//	>                       a  b  a.b  b.b  a.b.c
//	a*                      nothing: this wildcard is no whole token
//
// Without options the watcher first delivers the newest revision of each matching key, markers included, then CaughtUp,
// then every matching write. With depth 3, after
//
//	1 put z   2 put a   3 put z   4 delete a   5 put q
//
//	options                      delivers at once
//	none                         3 z, 4 a DELETE, 5 q, CaughtUp
//	IncludeHistory               1 z, 2 a, 3 z, 4 a DELETE, 5 q, CaughtUp
//	IgnoreDeletes                3 z, 5 q, CaughtUp
//	UpdatesOnly                  nothing
//	ResumeFromRevision(2)        2 a, 3 z, 4 a DELETE, 5 q, CaughtUp
//
// The watch ends with Stop, with ctx, and when the bucket is deleted or the database closed; each gives Next an error of
// its own. Starting one on a large bucket does not hold writers up.
func (b *Bucket) Watch(ctx context.Context, pattern string, opts ...WatchOption) (*Watcher, error) {
	return b.watch(ctx, []string{pattern}, opts)
}

// WatchFiltered is Watch with several patterns: a key that matches more than one is delivered once. No patterns mean all
// keys. A pattern that matches everything another one does is an error that matches ErrOverlappingPatterns, as in NATS.
// The slice stays the caller's.
func (b *Bucket) WatchFiltered(ctx context.Context, patterns []string, opts ...WatchOption) (*Watcher, error) {
	return b.watch(ctx, patterns, opts)
}

func (b *Bucket) watch(ctx context.Context, texts []string, opts []WatchOption) (*Watcher, error) {
	const op = "watch"
	patterns, err := parsePatterns(op, texts)
	if err != nil {
		return nil, err
	}
	w := &Watcher{b: b, patterns: patterns, ctx: ctx, bell: make(chan struct{}, 1), done: make(chan struct{})}
	w.all = len(patterns) == 1 && patterns[0].text == ">"
	if err := w.parse(op, opts); err != nil {
		return nil, err
	}
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	b.settle()
	w.byKey = w.narrow()
	if w.byKey && slices.ContainsFunc(patterns, func(p pattern) bool { return !p.exact }) {
		b.lockOrdered()
	} else {
		b.mu.Lock()
	}
	err = b.gone
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		w.unwatch = context.AfterFunc(ctx, func() { w.close(ctx.Err()) }) // which waits for mu
		w.begin()
	}
	b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if w.byKey {
		w.lookUp()
	}
	if w.asClient {
		w.count()
	}
	return w, nil
}

// Next returns the next event, and waits for it if need be. ctx bounds the wait; its error leaves the watcher as it was.
// When the watch has ended Next returns why: ErrWatcherStopped, the error of the context given to Watch, ErrClosed, or an
// error that matches ErrBucketDeleted.
//
// The entry belongs to the caller. Values of up to 256 bytes that were there to be delivered one after the other have their
// bytes side by side in an array of up to 1 KiB, which stays in memory as long as one of them is in use. (Appending to a value
// does not reach the next one.)
func (w *Watcher) Next(ctx context.Context) (e Event, err error) {
	if err := checkContext(ctx); err != nil {
		return Event{}, err
	}
	for {
		if err := w.ended(); err != nil {
			return Event{}, err
		}
		for w.next < len(w.ready) {
			ok, err := w.event(&e, &w.ready[w.next])
			if err != nil {
				return Event{}, err // next time the same again
			}
			w.next++
			if ok {
				return e, nil
			}
		}
		if w.find() {
			continue
		}
		select {
		case <-w.bell:
		case <-w.done:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// Events yields what Next returns, until the loop ends or Next returns an error, which is the last pair.
func (w *Watcher) Events(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			e, err := w.Next(ctx)
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Stop ends the watch: Next, also one that waits, returns ErrWatcherStopped from then on. Later calls do nothing.
func (w *Watcher) Stop() { w.close(ErrWatcherStopped) }

// close ends the watch with err and makes writers forget it.
func (w *Watcher) close(err error) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	w.end(err)
	if _, ok := w.b.bells.watchers[w]; ok {
		w.b.bells.remove(w)
		w.b.starting = without(w.b.starting, w)
	}
}

// end ends the watch with err, unless it has ended. The bucket's write lock is held.
func (w *Watcher) end(err error) {
	w.endOnce.Do(func() {
		if early := w.ctx.Err(); early != nil { // what ended said so far stays
			err = early
		}
		w.err.Store(&err)
		w.unwatch()
		close(w.done)
	})
}

// ended returns why the watch has ended, nil if it has not.
func (w *Watcher) ended() error {
	if err := w.err.Load(); err != nil {
		return *err
	}
	return w.ctx.Err()
}

// found is an event before its value is copied.
type found struct {
	kind     EventKind
	history  *history
	revision revision
	delta    uint64
	expires  int64 // 0 if never
	gone     int64 // when the event is not to be delivered any more, because its key expires; 0 if never
	config   int64 // which of the bucket's configurations these are by
	held     bool  // revision has the value
}

// event makes e, which is zero, of what was found. It returns false if that has expired or left the log meanwhile.
func (w *Watcher) event(e *Event, f *found) (ok bool, err error) {
	if f.kind == CaughtUp {
		e.Kind = CaughtUp
		return true, nil
	}
	b := w.b
	if f.config != b.configured.Load() {
		w.setDeadlines(f)
	}
	if pastNow(f.expires) || pastNow(f.gone) {
		return false, nil
	}
	value, err := w.value(f)
	if errors.Is(err, store.ErrNotFound) {
		w.lost(f.history)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	e.Kind = Changed
	b.meta(&e.Entry, f.history.key, &f.revision, f.expires)
	e.Entry.Value, e.Entry.Delta = value, f.delta
	return true, nil
}

// value returns a copy of the value of what was found.
func (w *Watcher) value(f *found) ([]byte, error) {
	switch {
	case w.metaOnly:
		return []byte{}, nil
	case f.held || w.b.values == nil:
		return w.copyValue(f.revision.value), nil
	}
	return w.b.value(f.history.key, &f.revision)
}

const (
	// slabSize is how many bytes the values in one slab have at most.
	slabSize = 1 << 10
	// mostSlabbed is how many bytes a value in a slab has at most.
	mostSlabbed = slabSize / 4
)

// copyValue returns a copy of the value that is delivered next, cut from a slab if it is small.
func (w *Watcher) copyValue(value string) []byte {
	n := len(value)
	if n == 0 || n > mostSlabbed {
		return []byte(value)
	}
	if n > len(w.slab) {
		w.slab = make([]byte, w.slabbed())
	}
	v := w.slab[:n:n]
	w.slab = w.slab[n:]
	copy(v, value)
	return v
}

// slabbed returns how many bytes the next small values have together, as many as go into one slab.
func (w *Watcher) slabbed() (size int) {
	for i := w.next; i < len(w.ready); i++ {
		n := len(w.ready[i].revision.value)
		switch {
		case n > mostSlabbed:
		case size+n > slabSize:
			return size
		default:
			size += n
		}
	}
	return size
}

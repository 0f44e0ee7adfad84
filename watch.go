package kv

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

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
	watchOptions
	ctx      context.Context
	unwatch  func() bool   // lets go of ctx
	bell     chan struct{} // has room for one: a write concerns the watcher
	done     chan struct{} // closed when err is set
	endOnce  sync.Once
	err      error
	buffer   []found // what ready is a part of
	ready    []found // found and not delivered yet
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
// error that matches ErrBucketDeleted. The entry belongs to the caller.
func (w *Watcher) Next(ctx context.Context) (Event, error) {
	if err := checkContext(ctx); err != nil {
		return Event{}, err
	}
	for {
		if err := w.ended(); err != nil {
			return Event{}, err
		}
		for len(w.ready) > 0 {
			e, ok, err := w.event(&w.ready[0])
			if err != nil {
				return Event{}, err // next time the same again
			}
			w.ready = w.ready[1:]
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
		if w.err = w.ctx.Err(); w.err == nil { // what ended said so far stays
			w.err = err
		}
		w.unwatch()
		close(w.done)
	})
}

// ended returns why the watch has ended, nil if it has not.
func (w *Watcher) ended() error {
	select {
	case <-w.done:
		return w.err
	default:
		return w.ctx.Err()
	}
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

// event makes an Event of what was found, unless it has expired or left the log meanwhile.
func (w *Watcher) event(f *found) (e Event, ok bool, err error) {
	if f.kind == CaughtUp {
		return Event{Kind: CaughtUp}, true, nil
	}
	b := w.b
	if f.config != b.configured.Load() {
		w.setDeadlines(f)
	}
	if pastNow(f.expires) || pastNow(f.gone) {
		return Event{}, false, nil
	}
	e.Kind = Changed
	if w.metaOnly {
		e.Entry = b.meta(f.history.key, &f.revision, f.expires)
	} else if f.held {
		e.Entry = b.meta(f.history.key, &f.revision, f.expires)
		e.Entry.Value = []byte(f.revision.value)
	} else if e.Entry, err = b.entry(f.history.key, &f.revision, f.expires); errors.Is(err, store.ErrNotFound) {
		w.lost(f.history)
		return Event{}, false, nil
	}
	e.Entry.Delta = f.delta
	return e, err == nil, err
}

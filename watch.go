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
}

const (
	// readyEvents is how many entries a watcher takes from the log at a time.
	readyEvents = 32
	// watchChunk is how many slots of the log a watcher looks at under the lock at a time.
	watchChunk = 1024
	// maxAhead is how many revisions a watcher looks up in the index when it begins; if more match it reads the log.
	maxAhead = 1 << 14
	// maxOwed bounds Watcher.owed. With more, the watcher has caught up when it has reached the end of the log.
	maxOwed = 1 << 12
)

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
	return b.watch(ctx, "watch", []string{pattern}, opts)
}

// WatchFiltered is Watch with several patterns: a key that matches more than one is delivered once. No patterns mean all
// keys. A pattern that matches everything another one does is an error that matches ErrOverlappingPatterns, as in NATS.
// The slice stays the caller's.
func (b *Bucket) WatchFiltered(ctx context.Context, patterns []string, opts ...WatchOption) (*Watcher, error) {
	return b.watch(ctx, "watch", patterns, opts)
}

func (b *Bucket) watch(ctx context.Context, op string, texts []string, opts []WatchOption) (*Watcher, error) {
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
	return w, nil
}

// narrow reports whether the patterns leave ranges of keys in which to look up what the watch begins with.
func (w *Watcher) narrow() bool {
	for i := range w.patterns {
		if p := &w.patterns[i]; p.prefix == "" && !p.never {
			return false
		}
	}
	return !w.updatesOnly || w.resume > 0
}

// begin sets the position and makes the watcher known to writers.
func (w *Watcher) begin() {
	b := w.b
	w.start = b.published
	w.caughtUp = w.updatesOnly
	switch {
	case w.resume > 0:
		w.position = w.resume - 1
		w.includeHistory = true
	case w.updatesOnly:
		w.position = w.start
	}
	b.bells.add(w)
	if !w.caughtUp && w.position < w.start {
		b.starting = append(b.starting, w)
	}
}

// lookUp finds what is to be delivered up to start by key. If that is too much the watcher goes by the log.
func (w *Watcher) lookUp() {
	for i := range w.patterns {
		p := &w.patterns[i]
		rest := p.keys()
		for more := !p.never && w.position < w.start; more; {
			if more = w.lookUpChunk(p, &rest); len(w.ahead) > maxAhead {
				w.ahead, w.byKey = nil, false
				return
			}
		}
	}
	slices.Sort(w.ahead)
	w.ahead = slices.Compact(w.ahead)
}

// lookUpChunk looks at the next keys of a pattern's range, and says whether there are more.
func (w *Watcher) lookUpChunk(p *pattern, rest *keyRange) (more bool) {
	w.b.mu.RLock()
	defer w.b.mu.RUnlock()
	seen := 0
	w.b.index.ascend(*rest, func(h *history) bool {
		if p.matches(h.key) {
			last := h.upTo(w.start)
			first := 0
			if !w.includeHistory {
				first = max(last-1, 0)
			}
			for i := first; i < last; i++ {
				if n := h.at(i).number; n > w.position {
					w.ahead = append(w.ahead, n)
				}
			}
		}
		rest.first = h.key + "\x00"
		seen++
		return seen < watchChunk
	})
	return seen == watchChunk
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
	} else if e.Entry, err = b.entry(f.history.key, &f.revision, f.expires); errors.Is(err, store.ErrNotFound) {
		w.lost(f.history)
		return Event{}, false, nil
	}
	e.Entry.Delta = f.delta
	return e, err == nil, err
}

// find fills ready with what the log has behind position. It returns false if that is nothing: then the bell will ring.
func (w *Watcher) find() bool {
	w.b.settle()
	w.b.mu.RLock()
	before := w.caughtUp
	w.catchBell()
	w.ready = w.buffer[:0]
	if w.byKey {
		w.findByKey()
	} else {
		w.findInLog()
	}
	w.buffer = w.ready
	after, waiting := w.caughtUp, w.waiting
	w.b.mu.RUnlock()
	if before != after {
		w.b.mu.Lock()
		w.b.starting = without(w.b.starting, w)
		w.b.mu.Unlock()
	}
	return !waiting
}

// catchBell moves position over what did not ring the bell while the watcher waited.
func (w *Watcher) catchBell() {
	switch {
	case w.rung > 0:
		w.position = max(w.position, w.rung-1)
	case w.waiting:
		w.position = max(w.position, w.b.published)
	}
	w.waiting, w.rung = false, 0
}

// findByKey takes from what lookUp found.
func (w *Watcher) findByKey() {
	for len(w.ahead) > 0 && w.room() {
		w.position = w.ahead[0]
		w.ahead = w.ahead[1:]
		if h := w.b.revisions.find(w.position); h != nil {
			w.take(h)
		}
	}
	if len(w.ahead) == 0 {
		w.ahead, w.byKey = nil, false
		w.position = max(w.position, w.start)
	}
}

// findInLog takes from the log.
func (w *Watcher) findInLog() {
	c := w.b.revisions.from(w.position + 1)
	for range watchChunk {
		if !w.room() {
			return
		}
		number, h, ok := c.next()
		if !ok || number > w.b.published {
			w.position = max(w.position, w.b.published)
			w.catchUp()
			w.waiting = len(w.ready) == 0
			return
		}
		if number > w.start && len(w.owed) == 0 && !w.overflow {
			w.catchUp()
		}
		w.position = number
		if h != nil && w.matches(h.key) {
			w.take(h)
		}
	}
}

// room reports whether ready takes another entry. While values that the store keeps are still to be delivered for the
// first time it takes but one, so that none can leave the log between find and event unnoticed.
func (w *Watcher) room() bool {
	if w.b.values != nil && !w.caughtUp {
		return len(w.ready) == 0
	}
	return len(w.ready) < readyEvents
}

// catchUp takes CaughtUp, once.
func (w *Watcher) catchUp() {
	if !w.caughtUp {
		w.caughtUp, w.owed = true, nil
		w.ready = append(w.ready, found{kind: CaughtUp})
	}
}

// take takes the revision at position, which h holds, unless the options leave it out.
func (w *Watcher) take(h *history) {
	i, _ := h.find(w.position)
	r := h.at(i)
	if r.number > w.start {
		delete(w.owed, h.key)
	} else if !w.includeHistory {
		_, missed := w.owed[h.key] // then this is an older one
		if missed || i+1 < h.len() && h.at(i+1).number <= w.start {
			return
		}
	}
	if w.ignoreDeletes && r.op != Put {
		return
	}
	b := w.b
	w.ready = append(w.ready, found{
		kind: Changed, history: h, revision: *r, delta: b.delta(h, r.number), expires: b.expires(r), gone: b.expires(b.visible(h)),
		config: b.configured.Load(),
	})
}

// setDeadlines notes again when f goes: since it was found the bucket has got another configuration.
func (w *Watcher) setDeadlines(f *found) {
	b := w.b
	b.mu.RLock()
	defer b.mu.RUnlock()
	f.config = b.configured.Load()
	r, newest := &f.revision, b.visible(f.history)
	f.gone = b.expires(newest)
	if newest.number == 0 { // nothing is left of the key
		f.gone = r.created
	}
	if f.history.holds(r.number) {
		f.expires = b.expires(r)
	} else if byAge := addTime(r.created, b.cfg.TTL); b.cfg.TTL > 0 && (f.expires == 0 || byAge < f.expires) {
		f.expires = byAge
	}
}

// ring wakes the watcher if it waits; the bucket's write lock is held.
func (w *Watcher) ring(number uint64, op Operation) {
	if !w.waiting || number <= w.position || w.ignoreDeletes && op != Put {
		return
	}
	w.waiting, w.rung = false, number
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// missed notes that the i-th revision of h leaves the log. If that was the key's state when the watch began, and is not
// found yet, then a newer one has to be before the watcher has caught up. The bucket's write lock is held.
func (w *Watcher) missed(h *history, i int) {
	n := h.at(i).number
	if n <= w.position || n > w.start || w.caughtUp || w.overflow {
		return
	}
	if i+1 < h.len() && h.at(i+1).number <= w.start || !w.matches(h.key) {
		return
	}
	w.owe(h)
}

// lost is missed for a revision that left the log right after it was found.
func (w *Watcher) lost(h *history) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if i := h.upTo(w.start); i > 0 && h.at(i-1).number > w.position {
		return // that one comes yet
	}
	if !w.caughtUp && h.len() > 0 {
		w.owe(h)
	}
}

func (w *Watcher) owe(h *history) {
	if w.owed == nil {
		w.owed = map[string]struct{}{}
	}
	w.owed[h.key] = struct{}{}
	if len(w.owed) > maxOwed {
		w.owed, w.overflow = nil, true
	}
}

// matches reports whether one of the patterns matches key.
func (w *Watcher) matches(key string) bool {
	for i := range w.patterns {
		if w.patterns[i].matches(key) {
			return true
		}
	}
	return false
}

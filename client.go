package kv

import (
	"context"
	"math"

	"github.com/revkv/kv/internal/adapter"
)

// A server sends a watcher what is written as it is written, and with every entry how many are still to come. The engine's own
// watchers do neither: the log is their buffer, and nobody counts for them. What follows is for watchers of module natskv,
// whose users are used to it.

func init() {
	adapter.AsClient = WatchOption(watchOption(func(o *watchOptions) error {
		o.asClient = true
		return nil
	}))
	adapter.Get = func(ctx context.Context, bucket any, key string) (value []byte, revision uint64, created int64, err error) {
		e, err := bucket.(*Bucket).Get(ctx, key)
		return e.Value, e.Revision, e.Created.UnixNano(), err
	}
	adapter.Done = func(watcher any) <-chan struct{} { return watcher.(*Watcher).done }
}

// Limits on what is pushed to a watcher and not found by it yet. With more it reads the log until it has caught up.
const (
	maxPushed      = 1 << 12
	maxPushedBytes = 8 << 20 // of values
)

// byLog is a pushedFrom that is never reached.
const byLog = math.MaxUint64

// A clientState is what a watcher has if it delivers as NATS's client does. It is written by Next under the bucket's read lock
// and by writers under its write lock.
type clientState struct {
	initial uint64 // how many entries there were to take before CaughtUp
	taken   uint64 // how many of these have been

	pushedFrom  uint64 // what concerns the watcher and is written after this revision is in pushed; byLog if nothing is
	pushed      []found
	head        int    // the first of pushed that is not found yet
	pushedTo    uint64 // the revision pushed last
	pushedBytes int
	full        bool // writes are not pushed any more; those that are still count
}

// beginPushing makes writers push what they write from now on.
func (w *Watcher) beginPushing() {
	w.pushedFrom = byLog
	if w.asClient {
		w.pushedFrom = w.start
	}
}

// push keeps what is written for Next. The bucket's write lock is held.
func (w *Watcher) push(what *written) {
	r := what.revision
	switch {
	case !w.asClient || w.full || r.number <= w.position || r.number <= w.pushedTo:
		return
	case w.caughtUp && w.ignoreDeletes && r.op != Put:
		return
	case len(w.pushed)-w.head >= maxPushed || w.pushedBytes+int(r.size) > maxPushedBytes:
		w.full = true
		return
	}
	if len(what.value) > 0 && !w.metaOnly {
		r.value = string(what.value)
	}
	if w.head > len(w.pushed)/2 {
		w.pushed = w.pushed[:copy(w.pushed, w.pushed[w.head:])]
		w.head = 0
	}
	b := w.b
	w.pushedTo = r.number
	w.pushedBytes += int(r.size)
	w.pushed = append(w.pushed, found{
		kind: Changed, history: what.history, revision: r, held: true,
		expires: b.expiresBy(&r, what.deadline), config: b.configured.Load(),
	})
}

// findPushed takes what was pushed, after everything before. It returns false if there is nothing more in the log either. The
// bucket's read lock is held.
func (w *Watcher) findPushed() (more bool) {
	if !w.asClient {
		return false
	}
	for ; w.head < len(w.pushed); w.head++ {
		if len(w.ready) >= readyEvents {
			return true
		}
		if len(w.owed) == 0 && !w.overflow {
			w.catchUp()
		}
		w.takePushed(&w.pushed[w.head])
		w.pushed[w.head] = found{}
	}
	w.pushed, w.head, w.pushedBytes = w.pushed[:0], 0, 0
	if w.full && w.pushedFrom != byLog {
		w.pushedFrom = byLog
		return true
	}
	w.full = false
	w.position = max(w.position, w.b.published)
	w.pushedFrom = w.b.published
	return false
}

// takePushed is take for what was pushed.
func (w *Watcher) takePushed(f *found) {
	w.position = f.revision.number
	w.tally(w.position, w.takeOwed(f.history.key, w.position))
	if w.ignoreDeletes && f.revision.op != Put {
		return
	}
	f.delta = w.remaining(w.position)
	*w.place() = *f
}

// tally counts an entry that is taken. One that stands for an older one that is missed counts as that.
func (w *Watcher) tally(number uint64, missed bool) {
	if number <= w.start || missed {
		w.taken++
	}
}

// delta returns the Delta of the revision that was taken last. The bucket's read lock is held.
func (w *Watcher) delta(h *history, number uint64) uint64 {
	switch {
	case w.asClient:
		return w.remaining(number)
	case h.newest.number == number:
		return 0
	}
	return w.b.delta(h, number)
}

// remaining returns how many entries are still to come before CaughtUp, after the one that was taken last.
func (w *Watcher) remaining(number uint64) uint64 {
	if w.taken >= w.initial || w.caughtUp && number > w.start {
		return 0
	}
	return w.initial - w.taken
}

// count finds out how many entries the watcher is to take before it has caught up.
func (w *Watcher) count() {
	switch {
	case w.position >= w.start:
	case w.byKey:
		w.initial = uint64(len(w.ahead))
	case w.countAll():
	default:
		for position, more := w.position, true; more; {
			position, more = w.countChunk(position)
		}
	}
}

// countAll counts without looking, if all there is matches.
func (w *Watcher) countAll() bool {
	b := w.b
	b.mu.RLock()
	defer b.mu.RUnlock()
	if w.position > 0 || !w.all || pastNow(b.nextDue.Load()) || b.published != w.start {
		return false
	}
	n := b.index.len() - b.pending.keys
	if w.includeHistory {
		n = b.revisions.count - b.pending.values
	}
	w.initial = uint64(n)
	return true
}

// countChunk counts the next slots of the log behind position, and says whether there are more.
func (w *Watcher) countChunk(position uint64) (end uint64, more bool) {
	b := w.b
	b.mu.RLock()
	defer b.mu.RUnlock()
	c := b.revisions.from(position + 1)
	for range watchChunk {
		number, h, ok := c.next()
		if !ok || number > w.start {
			return position, false
		}
		position = number
		if h == nil || !w.matches(h.key) {
			continue
		}
		i, _ := h.find(number)
		newest := i+1 == h.len() || h.at(i+1).number > w.start
		if (newest || w.includeHistory) && !pastNow(b.expires(h.at(i))) && !pastNow(b.expires(b.visible(h))) {
			w.initial++
		}
	}
	return position, true
}

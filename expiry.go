package kv

import (
	"math"
	"time"

	"github.com/google/btree"
)

// Expiry is a fact, not an event: a revision past its deadline is seen by nobody, because every read compares its deadline
// with the clock. Taking expired revisions out, and writing limit markers for them, happens
//
//   - before every write and, in memory, before every read that would show the difference, and
//   - by a timer, which exists only while something has a deadline, so that memory is freed and watchers are woken even
//     if nobody calls.
//
// What a deadline is counted from is written in the log, and deadlines are absolute, so a restart changes nothing.

// never is a time that does not come.
const never = math.MaxInt64

// minTimerPause is the least time between two runs of the timer.
const minTimerPause = time.Millisecond

// A deadline is a revision with a deadline of its own. Revisions that go by the bucket's TTL need no entry: they go in the
// order of the log.
type deadline struct {
	at      int64
	number  uint64
	history *history
}

func (d deadline) before(o deadline) bool {
	if d.at != o.at {
		return d.at < o.at
	}
	return d.number < o.number
}

// addDeadline notes a revision with a deadline of its own.
func (b *Bucket) addDeadline(d deadline) {
	if b.due == nil {
		b.due = btree.NewG(16, deadline.before)
		b.deadlines = map[uint64]int64{}
	}
	b.due.ReplaceOrInsert(d)
	b.deadlines[d.number] = d.at
}

// removeDeadline undoes addDeadline. If nothing is due any more no timer is left.
func (b *Bucket) removeDeadline(number uint64, h *history) {
	b.due.Delete(deadline{b.deadlines[number], number, h})
	delete(b.deadlines, number)
	if b.due.Len() == 0 && b.cfg.TTL == 0 {
		b.setDue(never)
	}
}

// ownDeadline returns when r goes by a deadline of its own, 0 if it has none.
func (b *Bucket) ownDeadline(r *revision) int64 {
	if !r.timed {
		return 0
	}
	return b.deadlines[r.number]
}

// expires returns when r goes by its own deadline or by the bucket's TTL, 0 if never.
func (b *Bucket) expires(r *revision) int64 {
	if !r.timed && b.cfg.TTL == 0 {
		return 0
	}
	return b.expiresBy(r, b.ownDeadline(r))
}

// expiresBy is expires for a revision whose own deadline is at, 0 if it has none.
func (b *Bucket) expiresBy(r *revision, at int64) int64 {
	if b.cfg.TTL == 0 || r.number == 0 {
		return at
	}
	if byAge := addTime(r.created, b.cfg.TTL); at == 0 || byAge < at {
		at = byAge
	}
	return at
}

// expired reports whether r is past its time at now.
func (b *Bucket) expired(r *revision, now int64) bool { return past(b.expires(r), now) }

// past reports whether a deadline, 0 for none, is over at now.
func past(at, now int64) bool { return at != 0 && at <= now }

// pastNow reports whether a deadline, 0 for none, is over.
func pastNow(at int64) bool { return at != 0 && at <= time.Now().UnixNano() }

// settle expires what is due, if the store needs not be waited for. With a durable store the timer and the next write do
// that, and reads go by the deadlines alone.
func (b *Bucket) settle() {
	if at := b.nextDue.Load(); b.durable || at == never || time.Now().UnixNano() < at {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone == nil {
		b.expire(b.now())
	}
}

// onTimer expires what is due.
func (b *Bucket) onTimer() {
	b.freeze()
	defer b.unfreeze()
	b.timerAt = never
	if b.gone == nil {
		now := b.now()
		b.lastTimer = now
		b.expire(now)
	}
}

// expire takes out the revisions whose deadlines are past at now, earliest deadline first.
func (b *Bucket) expire(now int64) {
	if b.db.readOnly() != nil {
		b.setDue(never) // limit markers cannot be written any more; reads go by the deadlines
		return
	}
	for {
		d := b.firstDeadline()
		if d.number > b.published {
			b.setDue(never) // publish looks at it again
			return
		}
		if d.at > now || d.history == nil {
			b.setDue(d.at)
			return
		}
		h := d.history
		if i, _ := h.find(d.number); i == h.len()-1 {
			b.expireKey(h, now)
		} else {
			b.letGo(h, i, i+1)
		}
	}
}

// firstDeadline returns the next revision to expire, at never if none will.
func (b *Bucket) firstDeadline() deadline {
	first := deadline{at: never}
	if b.due != nil {
		if d, ok := b.due.Min(); ok {
			first = d
		}
	}
	if b.cfg.TTL > 0 {
		if number, h := b.revisions.dropHead(); h != nil {
			i, _ := h.find(number)
			if d := (deadline{addTime(h.at(i).created, b.cfg.TTL), number, h}); d.before(first) {
				first = d
			}
		}
	}
	return first
}

// expireKey removes a key whose newest revision has expired. A put and a delete marker are followed by a limit marker if
// the bucket has them; a purge marker, which a limit marker is, goes without a word.
func (b *Bucket) expireKey(h *history, now int64) {
	marked := b.cfg.LimitMarkerTTL > 0 && h.newest.op != Purge
	b.letGo(h, 0, h.len())
	if !marked {
		b.removeKey(h)
		return
	}
	b.accepted++
	marker := revision{number: b.accepted, created: now, header: limitHeader(b.cfg.LimitMarkerTTL), op: Purge}
	b.bytes.add(b.weigh(h.key, &marker), 1)
	goes := addTime(now, b.cfg.LimitMarkerTTL)
	if b.durable {
		b.acceptRevision(h, marker, goes, nil)
		return
	}
	b.insert(h, marker, goes)
	b.published = b.accepted
	b.bells.ring(&written{history: h, revision: marker, deadline: goes})
}

// letGo drops the revisions of h from place from to before place to, without any record of it but that the store may forget
// them: should it fail to, their deadlines are still past.
func (b *Bucket) letGo(h *history, from, to int) {
	for i := from; i < to; i++ {
		r := h.at(from)
		if b.durable && !r.leaving {
			b.made.trim = append(b.made.trim, r.number)
		}
		if r.leaving { // its bytes are off already, and the store is told
			b.drop(h, from)
		} else {
			b.free(h, from)
		}
	}
}

// setDue notes when the next revision expires and sets the timer to it.
func (b *Bucket) setDue(at int64) {
	b.nextDue.Store(at)
	if at == never {
		if b.timer != nil {
			b.timer.Stop()
			b.timerAt = never
		}
		return
	}
	if b.timerAt <= at {
		return // a timer that runs early does no harm
	}
	b.timerAt = max(at, addTime(b.lastTimer, minTimerPause))
	pause := time.Duration(b.timerAt - time.Now().UnixNano())
	if b.timer == nil {
		b.timer = time.AfterFunc(pause, b.onTimer)
	} else {
		b.timer.Reset(pause)
	}
}

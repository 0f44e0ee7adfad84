package kv

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/revkv/kv/store"
)

// A group is what one call of the store's Append carries: the records of all writes that were accepted while the group
// before was being written. Whoever makes a group commits it; the others only wait.
//
//	accept          append           publish
//	w1 |--group 1--|=================|
//	w2             |--group 2--------|==================|
//	w3                  |--group 2---|
//
// So one writer pays for one append, and many share it. No goroutine of the engine's own is involved.
type group struct {
	before *group // must be done first; nil if there is none
	groupWork
	bytes int // of the values of records

	waiting chan struct{} // closed when the group is done; nil if nobody waits; guarded by the committer's mu
	done    bool          // err is set and, without one, everything is published; guarded by the committer's mu
	shared  bool          // somebody but the one who made it knows of it; guarded by the committer's mu
	err     error
}

// A groupWork is what a group has to write and to publish.
type groupWork struct {
	records []store.Record
	trim    []uint64 // revisions that leave when the group is published
	writes  []groupWrite
}

type groupWrite struct {
	history *history
	number  uint64
	op      Operation
	oldest  uint64 // the oldest revision of the history that stays
	size    size
}

// A committer forms groups.
type committer struct {
	mu   sync.Mutex // taken after accept
	open *group     // the group that writes can still join; nil if there is none
	tail *group     // the group made last, if it is not done

	spareGroup *group    // one that is done, and that nobody knows of; nil if there is none
	spare      groupWork // of a group that is done, empty
}

// spareWrites is how many writes a group has at most whose room is used again.
const spareWrites = 256

// fullGroup is how many bytes of values a group takes before no other write joins it.
const fullGroup = 8 << 20

// join calls add with the open group, and makes one if there is none: made is then that group, which the caller has to
// commit when it has let its locks go.
func (c *committer) join(add func(*group)) (g, made *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil || c.open.bytes >= fullGroup {
		made = c.make()
		c.open, c.tail = made, made
	} else {
		c.open.shared = true
	}
	add(c.open)
	return c.open, made
}

// make returns a group to be made last.
func (c *committer) make() *group {
	g := c.spareGroup
	if g == nil {
		g = new(group)
	}
	if c.tail != nil {
		c.tail.shared = true
	}
	*g = group{before: c.tail, groupWork: c.spare}
	c.spareGroup, c.spare = nil, groupWork{}
	return g
}

// awaitBefore waits until the group before is done.
func (c *committer) awaitBefore(g *group) {
	if g.before != nil {
		c.waitFor(g.before)
		g.before = nil
	}
}

// close ends joining.
func (c *committer) close(g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == g {
		c.open = nil
	}
}

// outcome waits until a group is done and returns its error, none if g is nil.
func (c *committer) outcome(g *group) error {
	if g == nil {
		return nil
	}
	c.waitFor(g)
	return g.err
}

// waitFor waits until a group is done.
func (c *committer) waitFor(g *group) {
	c.mu.Lock()
	if !g.done && g.waiting == nil {
		g.waiting = make(chan struct{})
	}
	done, waiting := g.done, g.waiting
	c.mu.Unlock()
	if !done {
		<-waiting
	}
}

// last returns the group made last, nil if that is done.
func (c *committer) last() *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tail != nil {
		c.tail.shared = true
	}
	return c.tail
}

// wait waits until all groups are done. The caller holds accept, so no write joins meanwhile.
func (c *committer) wait() {
	if tail := c.last(); tail != nil {
		c.waitFor(tail)
	}
}

// writeDurable is write for a bucket whose store is not volatile.
func (b *Bucket) writeDurable(ops []Op) (first uint64, at int, err error) {
	if at, err := b.fetchReverts(ops); err != nil {
		return 0, at, err
	}
	if at := tooLong(ops); at >= 0 {
		return 0, at, ops[at].tooLarge(b.name, MaxValueLength)
	}
	if b.values == nil {
		for i := range ops {
			ops[i].copied = string(ops[i].value)
		}
	}
	b.writers.Add(1)
	defer b.writers.Add(-1)
	b.accept.Lock()
	b.mu.Lock()
	now := b.now()
	at, err = -1, b.gone
	if err == nil {
		err = b.db.readOnly()
	}
	if err == nil {
		at, err = b.decide(ops, now)
	}
	var g *group
	if err == nil {
		first = b.accepted + 1
		g = b.join(func(g *group) {
			for i := range ops {
				h := b.historyFor(&ops[i])
				var r revision
				deadline := b.number(&ops[i], now, &r)
				b.acceptRevision(g, h, r, deadline, ops[i].value)
			}
		})
	}
	if err != nil {
		g = b.refusedFor(err)
	}
	mine := err == nil && g == b.made
	failed := b.unlockAndCommit()
	if !mine {
		failed = b.commits.outcome(g)
	}
	if failed != nil {
		return 0, -1, failed
	}
	return first, at, err
}

// refusedFor returns the group that has to be done before err can be returned, nil if none has. A refusal because of a write
// that nobody sees yet would tell of it: reads that follow would not find it, and it may come to nothing.
func (b *Bucket) refusedFor(err error) *group {
	var stale *RevisionError
	switch {
	case b.accepted == b.published:
		return nil
	case errors.As(err, &stale) && stale.Newest > b.published, errors.Is(err, ErrBucketFull):
		return b.commits.last()
	}
	return nil
}

// join is committer.join; accept and mu are held until unlockAndCommit.
func (b *Bucket) join(add func(*group)) *group {
	g, made := b.commits.join(add)
	if made != nil {
		b.made = made
	}
	return g
}

// unlockAndCommit lets mu and accept go and commits the group that was made while they were held. It returns the group's error.
func (b *Bucket) unlockAndCommit() error {
	made := b.made
	b.made = nil
	b.mu.Unlock()
	b.accept.Unlock()
	if made == nil {
		return nil
	}
	return b.commit(made)
}

// acceptRevision makes r, with a deadline of its own or 0, the newest accepted revision of h and adds it to a group.
func (b *Bucket) acceptRevision(g *group, h *history, r revision, deadline int64, value []byte) {
	leaving := b.displaced(h, r.op, r.created)
	for i := range leaving {
		if old := h.at(i); !old.leaving {
			old.leaving = true
			g.trim = append(g.trim, old.number)
		}
	}
	size := size{values: 1, bytes: b.weigh(h.key, &r)}
	if h.len() == 0 {
		size.keys = 1
	}
	b.pending.add(size, 1)
	b.insert(h, r, deadline)
	g.records = append(g.records, record(h.key, &r, deadline, value))
	g.bytes += len(value)
	w := groupWrite{h, r.number, r.op, h.at(leaving).number, size}
	g.writes = append(g.writes, w)
}

// commit hands a group to the store and publishes it, and returns its error. The caller has no use of the group after that, unless
// somebody else knows of it too.
func (b *Bucket) commit(g *group) error {
	b.commits.awaitBefore(g)
	several := b.writers.Load() > 1
	var begun time.Time
	if several {
		if b.slow {
			runtime.Gosched() // so that the others, who may have been woken by the group before, can join
		}
		begun = time.Now()
	}
	b.commits.close(g)
	if g.err = b.db.readOnly(); g.err == nil {
		b.mu.Lock()
		g.err = b.append(g.records, g.trim)
		if g.err == nil {
			b.publish(g)
		}
		b.mu.Unlock()
	}
	if several {
		b.slow = time.Since(begun) > slowAppend
	}
	return b.commits.finish(g)
}

// slowAppend is from when on an append takes longer than it takes to wait for more writes to join it.
const slowAppend = 50 * time.Microsecond

// finish wakes those who wait for a group, and returns its error. It takes the work off it: the group made last is remembered until
// there is another. Room for a few writes is kept for the next group, and the group itself if nobody else knows of it.
func (c *committer) finish(g *group) error {
	work := g.groupWork
	g.groupWork = groupWork{}
	few := len(work.records) <= spareWrites && len(work.trim) <= spareWrites
	if few {
		clear(work.records)
		clear(work.writes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tail == g {
		c.tail = nil
	}
	if few {
		c.spare = groupWork{work.records[:0], work.trim[:0], work.writes[:0]}
	}
	g.done = true
	if g.waiting != nil {
		close(g.waiting)
	}
	if !g.shared {
		c.spareGroup = g
	}
	return g.err
}

// append hands records, and revisions to forget, to the store. mu is held, and let go meanwhile. If it fails the database is
// read-only from then on.
func (b *Bucket) append(records []store.Record, trim []uint64) error {
	b.forgetting = b.pinFor(trim)
	b.mu.Unlock()
	err := b.log.Append(records, trim)
	b.mu.Lock()
	if b.forgetting.unpin() {
		b.sparePin = b.forgetting
	}
	b.forgetting = nil
	if err != nil {
		return b.db.fail(fmt.Errorf("bucket %q: %w", b.name, err))
	}
	return nil
}

// A pin keeps values readable that the store forgets. While it forgets them reads still see their revisions, so an Append
// has a pin, and a listing that begins meanwhile has to share it: a pin of its own would come too late.
type pin struct {
	users   int // guarded by the bucket's mu
	release func()
}

// pinFor returns a pin for an Append that forgets revisions, nil if there is nothing to keep.
func (b *Bucket) pinFor(trim []uint64) *pin {
	if b.values == nil || len(trim) == 0 {
		return nil
	}
	p := b.sparePin
	if p == nil {
		p = new(pin)
	}
	b.sparePin = nil
	p.users, p.release = 1, b.values.Pin()
	return p
}

// pin returns a pin for a listing, nil if there is nothing to keep; mu is held.
func (b *Bucket) pin() *pin {
	switch {
	case b.values == nil:
		return nil
	case b.forgetting != nil:
		b.forgetting.users++
		return b.forgetting
	}
	return &pin{1, b.values.Pin()}
}

// unpin ends one use of the pin, and reports whether it was the last; mu is held.
func (p *pin) unpin() bool {
	if p == nil {
		return false
	}
	if p.users--; p.users > 0 {
		return false
	}
	p.release()
	return true
}

// add adds what, or takes it off if sign is -1.
func (s *size) add(what size, sign int) {
	s.keys += sign * what.keys
	s.values += sign * what.values
	s.bytes.add(what.bytes, int64(sign))
}

// publish makes the writes of a group visible, all at once.
func (b *Bucket) publish(g *group) {
	for _, w := range g.writes {
		for w.history.at(0).number < w.oldest {
			b.drop(w.history, 0)
		}
		b.published = w.number
		b.pending.add(w.size, -1)
	}
	b.setDue(b.firstDeadline().at)
	for i, w := range g.writes {
		rec := &g.records[i]
		r := revision{number: w.number, created: rec.Created, size: uint32(len(rec.Value)), op: w.op}
		b.bells.ring(&written{history: w.history, revision: r, deadline: rec.Deadline, value: rec.Value})
	}
}

// fetchReverts reads the values that RevertOps want, which a store might have on disk, before any lock is taken. If one is
// missing, or leaves the history meanwhile, decide says so.
func (b *Bucket) fetchReverts(ops []Op) (at int, err error) {
	if b.values == nil {
		return -1, nil
	}
	for i := range ops {
		if op := &ops[i]; op.kind == opRevert {
			e, err := b.GetRevision(context.Background(), op.key, op.revision)
			if err != nil && !errors.Is(err, ErrKeyNotFound) {
				return i, err
			}
			op.value, op.missing = e.Value, err != nil
		}
	}
	return -1, nil
}

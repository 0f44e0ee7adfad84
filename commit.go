package kv

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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
	before  *outcome // of the group before, which has to be done first; nil if that is done
	records []store.Record
	trim    []uint64 // revisions that leave when the group is published
	writes  []groupWrite
	bytes   int      // of the values of records
	outcome *outcome // nil as long as nobody waits for it
}

// An outcome is how a group ended, for those who wait for that.
type outcome struct {
	done chan struct{} // closed when err is set and, without one, everything is published
	err  error
}

// wait waits until the group is done and returns its error, none if there is no group.
func (o *outcome) wait() error {
	if o == nil {
		return nil
	}
	<-o.done
	return o.err
}

type groupWrite struct {
	history *history
	number  uint64
	op      Operation
	oldest  uint64 // the oldest revision of the history that stays
	size    size
}

// A committer forms groups. The bucket's mu is held for all that it does.
type committer struct {
	open  *group // the group that writes can still join; nil if there is none
	tail  *group // the group made last; nil if it is done
	spare *group // one that is done, to be used again; nil if there is none
}

const (
	// fullGroup is how many bytes of values a group takes before no other write joins it.
	fullGroup = 8 << 20
	// spareWrites is how many writes a group has at most that is used again.
	spareWrites = 256
)

// join returns the group that a write joins, and whether it was made for that: then it has to be committed.
func (c *committer) join() (g *group, made bool) {
	if c.open != nil && c.open.bytes < fullGroup {
		return c.open, false
	}
	g = c.spare
	if c.spare = nil; g == nil {
		g = new(group)
	}
	g.before = c.last()
	c.open, c.tail = g, g
	return g, true
}

// last returns the outcome of the group made last, nil if that is done.
func (c *committer) last() *outcome {
	if c.tail == nil {
		return nil
	}
	return c.tail.await()
}

// await returns the outcome of a group.
func (g *group) await() *outcome {
	if g.outcome == nil {
		g.outcome = &outcome{done: make(chan struct{})}
	}
	return g.outcome
}

// close ends joining.
func (c *committer) close(g *group) {
	if c.open == g {
		c.open = nil
	}
}

// finish wakes those who wait for a group.
func (c *committer) finish(g *group, err error) {
	if c.tail == g {
		c.tail = nil
	}
	if g.outcome != nil {
		g.outcome.err = err
		close(g.outcome.done)
	}
	if len(g.records) <= spareWrites && len(g.trim) <= spareWrites {
		clear(g.records)
		clear(g.writes)
		*g = group{records: g.records[:0], trim: g.trim[:0], writes: g.writes[:0]}
		c.spare = g
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
	made := false
	var other *outcome
	if err == nil {
		first = b.accepted + 1
		var g *group
		if g, made = b.join(); !made {
			other = g.await()
		}
		for i := range ops {
			h := b.historyFor(&ops[i])
			var r revision
			deadline := b.number(&ops[i], now, &r)
			b.acceptRevision(g, h, r, deadline, ops[i].value)
		}
	} else {
		other = b.refusedFor(err)
	}
	failed := b.unlockAndCommit()
	if !made {
		failed = other.wait()
	}
	if failed != nil {
		return 0, -1, failed
	}
	return first, at, err
}

// refusedFor returns the outcome that has to be there before err can be returned, nil if none has. A refusal because of a write
// that nobody sees yet would tell of it: reads that follow would not find it, and it may come to nothing.
func (b *Bucket) refusedFor(err error) *outcome {
	var stale *RevisionError
	switch {
	case b.accepted == b.published:
		return nil
	case errors.As(err, &stale) && stale.Newest > b.published, errors.Is(err, ErrBucketFull):
		return b.commits.last()
	}
	return nil
}

// join returns the group that a write joins, and whether it was made under the locks held, accept and mu: then unlockAndCommit
// commits it.
func (b *Bucket) join() (g *group, made bool) {
	if b.made != nil {
		return b.made, true
	}
	if g, made = b.commits.join(); made {
		b.made = g
	}
	return g, made
}

// unlockAndCommit lets mu and accept go and commits the group that was made while they were held. It returns the group's error.
func (b *Bucket) unlockAndCommit() error {
	g := b.made
	if b.made = nil; g == nil {
		b.mu.Unlock()
		b.accept.Unlock()
		return nil
	}
	grows := g.before != nil || b.slow && b.writers.Load() > 1
	if !grows {
		b.commits.close(g)
	}
	b.mu.Unlock()
	b.accept.Unlock()
	if grows {
		b.grow(g)
	}
	return b.commit(g)
}

// grow lets writes join a group until the one before is done.
func (b *Bucket) grow(g *group) {
	_ = g.before.wait() // if it has failed this one will too
	if b.slow && b.writers.Load() > 1 {
		runtime.Gosched() // so that the others, who may have been woken by the group before, can join
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commits.close(g)
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

// commit hands a group that nobody joins any more to the store and publishes it, and returns its error. The caller has no use of the
// group after that.
func (b *Bucket) commit(g *group) error {
	several := b.writers.Load() > 1
	var begun time.Time
	if several {
		begun = time.Now()
	}
	err := b.db.readOnly()
	if err == nil {
		err = b.append(g.records, g.trim)
	}
	slow := several && time.Since(begun) > slowAppend
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.publish(g)
	}
	if several {
		b.slow = slow
	}
	b.commits.finish(g, err)
	return err
}

// slowAppend is from when on an append takes longer than it takes to wait for more writes to join it.
const slowAppend = 50 * time.Microsecond

// append hands records, and revisions to forget, to the store. No lock is held but, perhaps, accept. If it fails the database is
// read-only from then on.
func (b *Bucket) append(records []store.Record, trim []uint64) error {
	if err := b.log.Append(records, trim); err != nil {
		return b.db.fail(fmt.Errorf("bucket %q: %w", b.name, err))
	}
	return nil
}

// publishValues has the store publish what was appended. Mu is held until reads see the same of the bucket.
func (b *Bucket) publishValues() {
	if b.values != nil {
		b.values.Publish()
	}
}

// pin keeps values readable that are published now, until release is called.
func (b *Bucket) pin() (release func()) {
	if b.values == nil {
		return func() {}
	}
	return b.values.Pin()
}

// add adds what, or takes it off if sign is -1.
func (s *size) add(what size, sign int) {
	s.keys += sign * what.keys
	s.values += sign * what.values
	s.bytes.add(what.bytes, int64(sign))
}

// publish makes the writes of a group visible, all at once.
func (b *Bucket) publish(g *group) {
	b.publishValues()
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

package kv

import (
	"context"
	"errors"
	"fmt"

	"github.com/revkv/kv/store"
)

// A commit is what one call of the store's Append carries. It is made by the one who leads, out of his write and those that wait for
// it, or of what expires; then it is handed to the store, and published.
type commit struct {
	records []store.Record
	trim    []uint64 // revisions that leave when it is published
	writes  []commitWrite
}

type commitWrite struct {
	history *history
	number  uint64
	op      Operation
	oldest  uint64 // the oldest revision of the history that stays
	size    size
}

// spareWrites is how many writes a commit has at most whose room is used again.
const spareWrites = 256

// reset empties the commit.
func (c *commit) reset() {
	if len(c.records) > spareWrites || len(c.trim) > spareWrites {
		*c = commit{}
		return
	}
	clear(c.records)
	clear(c.writes)
	c.records, c.trim, c.writes = c.records[:0], c.trim[:0], c.writes[:0]
}

// A result is what has become of a write.
type result struct {
	first  uint64 // of its revisions
	at     int    // which operation is refused; -1 if it is none of them in particular
	err    error
	unseen bool // err tells of a write that is not published yet
}

// fail makes r what has become of a write whose commit has failed.
func (r *result) fail(err error) {
	if r.err == nil || r.unseen {
		*r = result{at: -1, err: err}
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
	r, leads := b.queue.write(ops)
	if leads {
		r = b.writeTurn(ops)
	}
	return r.first, r.at, r.err
}

// writeTurn does a write, and those that wait for it. Its caller leads, and does so no more when it returns.
func (b *Bucket) writeTurn(ops []Op) (own result) {
	defer b.queue.leave()
	turn := b.queue.take(ops)
	b.mu.Lock()
	defer b.mu.Unlock()
	whole := false
	defer func() {
		if !whole {
			b.abandon(turn)
		}
	}()
	if len(turn) > 0 {
		b.touch(ops)
	}
	for _, r := range turn {
		b.touch(r.ops)
	}
	now := b.now()
	own = b.accept(ops, now)
	for _, r := range turn {
		r.result = b.accept(r.ops, now)
	}
	if err := b.commit(); err != nil {
		own.fail(err)
		for _, r := range turn {
			r.result.fail(err)
		}
	}
	whole = true
	return own
}

// abandon is for a turn that has panicked, such as in a store, which its leader's caller may survive: nobody knows what was written, so
// the database is read-only, and nobody is told that he has written.
func (b *Bucket) abandon(turn []*request) {
	err := b.db.fail(fmt.Errorf("bucket %q: a write has panicked", b.name))
	for _, r := range turn {
		r.result = result{at: -1, err: err}
	}
	b.made.reset()
}

// touch looks up the histories of several writes before these are decided on: so the processor's waits for memory overlap.
func (b *Bucket) touch(ops []Op) {
	for i := range ops {
		ops[i].history = b.index.find(ops[i].hash, ops[i].key)
	}
}

// accept decides on a write, and takes all of it or nothing into the commit.
func (b *Bucket) accept(ops []Op, now int64) (r result) {
	r.at, r.err = -1, b.gone
	if r.err == nil {
		r.err = b.db.readOnly()
	}
	if r.err == nil {
		r.at, r.err = b.decide(ops, now)
	}
	if r.err != nil {
		r.unseen = b.isUnseen(r.err)
		return r
	}
	r.first = b.accepted + 1
	for i := range ops {
		op := &ops[i]
		h := b.historyFor(op)
		var rev revision
		deadline := b.number(op, now, &rev)
		b.acceptRevision(h, rev, deadline, op.value)
	}
	return r
}

// isUnseen reports whether a refusal tells of a write that nobody sees yet. If that comes to nothing, so does the refusal.
func (b *Bucket) isUnseen(err error) bool {
	if b.accepted == b.published {
		return false
	}
	var stale *RevisionError
	return errors.As(err, &stale) && stale.Newest > b.published || errors.Is(err, ErrBucketFull)
}

// acceptRevision makes r, with a deadline of its own or 0, the newest accepted revision of h, and takes it into the commit.
func (b *Bucket) acceptRevision(h *history, r revision, deadline int64, value []byte) {
	c := &b.made
	leaving := h.displaced(int(b.cfg.History), r.op)
	for i := range leaving {
		if old := h.at(i); !old.leaving {
			old.leaving = true
			c.trim = append(c.trim, old.number)
		}
	}
	size := size{values: 1, bytes: b.weigh(h.key, &r)}
	if h.len() == 0 {
		size.keys = 1
	}
	b.pending.add(size, 1)
	b.insert(h, r, deadline)
	c.records = append(c.records, record(h.key, &r, deadline, value))
	c.writes = append(c.writes, commitWrite{h, r.number, r.op, h.at(leaving).number, size})
}

// commit hands what was made to the store and publishes it. Its caller leads and holds mu, which is let go meanwhile.
func (b *Bucket) commit() error {
	c := &b.made
	if len(c.records) == 0 && len(c.trim) == 0 {
		return nil
	}
	err := b.append(c.records, c.trim)
	if err == nil {
		b.publish(c)
	}
	c.reset()
	return err
}

// append hands records, and revisions to forget, to the store, and has it publish them. Its caller leads and holds mu, which is let go
// while the store writes. If that fails the database is read-only from then on.
func (b *Bucket) append(records []store.Record, trim []uint64) error {
	if err := b.db.readOnly(); err != nil {
		return err
	}
	if err := b.appendUnlocked(records, trim); err != nil {
		return b.db.fail(fmt.Errorf("bucket %q: %w", b.name, err))
	}
	if b.values != nil {
		b.values.Publish()
	}
	return nil
}

// appendUnlocked is the store's Append without mu, which is held again afterwards, should the store panic too.
func (b *Bucket) appendUnlocked(records []store.Record, trim []uint64) error {
	b.mu.Unlock()
	defer b.mu.Lock()
	return b.log.Append(records, trim)
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

// publish makes the writes of a commit visible, all at once.
func (b *Bucket) publish(c *commit) {
	for _, w := range c.writes {
		for w.history.at(0).number < w.oldest {
			b.drop(w.history, 0)
		}
		b.published = w.number
		b.pending.add(w.size, -1)
	}
	if at := b.firstDeadline().at; at != b.nextDue.Load() {
		b.setDue(at)
	}
	for i := 0; i < len(c.writes) && len(b.bells.watchers) > 0; i++ {
		w := &c.writes[i]
		rec := &c.records[i]
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

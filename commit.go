package kv

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
	before  *group // must be done first; nil if there is none
	records []store.Record
	trim    []uint64 // revisions that leave when the group is published
	writes  []groupWrite
	done    chan struct{} // closed when err is set and, without one, everything is published
	err     error
}

type groupWrite struct {
	history *history
	number  uint64
	op      Operation
}

// A committer forms groups.
type committer struct {
	mu   sync.Mutex // taken after accept
	open *group     // the group that writes can still join; nil if there is none
	tail *group     // the group made last
}

// join calls add with the open group, and makes one if there is none: made is then that group, which the caller has to
// commit when it has let its locks go.
func (c *committer) join(add func(*group)) (g, made *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = &group{before: c.tail, done: make(chan struct{})}
		c.tail = c.open
		made = c.open
	}
	add(c.open)
	return c.open, made
}

// close ends joining.
func (c *committer) close(g *group) {
	if g.before != nil {
		<-g.before.done
		g.before = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == g {
		c.open = nil
	}
}

// wait waits until all groups are done. The caller holds accept, so no write joins meanwhile.
func (c *committer) wait() {
	c.mu.Lock()
	tail := c.tail
	c.mu.Unlock()
	if tail != nil {
		<-tail.done
	}
}

// writeDurable is write for a bucket whose store is not volatile.
func (b *Bucket) writeDurable(ops []Op) (first uint64, at int, err error) {
	if at, err := b.fetchReverts(ops); err != nil {
		return 0, at, err
	}
	if b.values == nil {
		for i := range ops {
			ops[i].copied = string(ops[i].value)
		}
	}
	b.accept.Lock()
	b.mu.Lock()
	now := b.now()
	if err = b.db.readOnly(); err == nil {
		at, err = b.decide(ops, now)
	} else {
		at = -1
	}
	var g *group
	if err == nil {
		first = b.accepted + 1
		g = b.join(func(g *group) {
			for i := range ops {
				h := b.historyFor(&ops[i])
				b.acceptRevision(g, h, b.number(&ops[i], now), ops[i].value)
			}
		})
	}
	b.unlockAndCommit()
	if err != nil {
		return 0, at, err
	}
	if <-g.done; g.err != nil {
		return 0, -1, g.err
	}
	return first, -1, nil
}

// join is committer.join; accept and mu are held until unlockAndCommit.
func (b *Bucket) join(add func(*group)) *group {
	g, made := b.commits.join(add)
	if made != nil {
		b.made = made
	}
	return g
}

// unlockAndCommit lets mu and accept go and commits the group that was made while they were held.
func (b *Bucket) unlockAndCommit() {
	made := b.made
	b.made = nil
	b.mu.Unlock()
	b.accept.Unlock()
	if made != nil {
		b.commit(made)
	}
}

// acceptRevision makes r the newest accepted revision of h and adds it to a group.
func (b *Bucket) acceptRevision(g *group, h *history, r revision, value []byte) {
	depth := int(b.cfg.History)
	for i := h.keptFrom(depth); i < h.displaced(depth, r.op); i++ {
		g.trim = append(g.trim, h.at(i).number)
	}
	b.insert(h, r)
	g.records = append(g.records, record(h.key, &r, value))
	g.writes = append(g.writes, groupWrite{h, r.number, r.op})
}

// commit hands a group to the store and publishes it.
func (b *Bucket) commit(g *group) {
	b.commits.close(g)
	if g.err = b.db.readOnly(); g.err == nil {
		if err := b.log.Append(g.records, g.trim); err != nil {
			g.err = b.db.fail(fmt.Errorf("bucket %q: %w", b.name, err))
		}
	}
	if g.err == nil {
		b.mu.Lock()
		b.publish(g)
		b.mu.Unlock()
	}
	close(g.done)
}

// publish makes the writes of a group visible, all at once.
func (b *Bucket) publish(g *group) {
	for _, w := range g.writes {
		leaving, _ := w.history.find(w.number)
		if w.op != Purge {
			leaving += 1 - int(b.cfg.History)
		}
		for ; leaving > 0; leaving-- {
			b.drop(w.history, 0)
		}
		b.published = w.number
	}
	for _, w := range g.writes {
		b.bells.ring(w.history.key, w.number, w.op)
	}
}

// fetchReverts reads the values that RevertOps want, which a store might have on disk, before any lock is taken. If one
// leaves the history meanwhile, decide finds out.
func (b *Bucket) fetchReverts(ops []Op) (at int, err error) {
	if b.values == nil {
		return -1, nil
	}
	for i := range ops {
		if op := &ops[i]; op.kind == opRevert {
			e, err := b.GetRevision(context.Background(), op.key, op.revision)
			if err != nil {
				return i, inRevert(err)
			}
			op.value = e.Value
		}
	}
	return -1, nil
}

// inRevert makes an error of GetRevision one of Revert.
func inRevert(err error) error {
	var e *RevisionError
	if errors.As(err, &e) {
		e.Op = opRevert.String()
	}
	return err
}

package kv

import (
	"context"
	"time"
)

// purgeChunk is how many keys PurgeDeletes looks at under the lock at a time.
const purgeChunk = 1024

// PurgeDeletes clears up behind deleted keys: for every key whose newest revision is a marker it drops the older revisions,
// and if the marker is older than a threshold (DeleteMarkersOlderThan, by default DefaultMarkerAge) the marker as well.
// Keys whose newest revision is a put are left alone, with the markers in their history. It writes nothing, so it takes no
// revision, and watchers see nothing.
//
// Depth 5, default threshold, markers a minute old:
//
//	1 put a   2 put a   3 delete a            leaves {3 DELETE}; with DeleteMarkersOlderThan(-1) nothing
//	4 put b   5 delete b   6 put b            leaves all three
//
// Each key is decided on and cleared at once: a key that is written meanwhile is either cleared before that or left
// alone. (A real server can lose such a write.) If ctx ends, what was cleared stays cleared.
func (b *Bucket) PurgeDeletes(ctx context.Context, opts ...PurgeDeletesOption) error {
	var age time.Duration
	for _, o := range opts {
		if o != nil {
			age = o.purgeDeletesOption()
		}
	}
	if age == 0 {
		age = DefaultMarkerAge
	}
	rest := keyRange{}
	for more := true; more; {
		if err := checkContext(ctx); err != nil {
			return err
		}
		var err error
		if more, err = b.purgeDeletes(&rest, int64(age)); err != nil {
			return err
		}
	}
	return nil
}

// purgeDeletes clears the next keys of a range, and says whether there are more.
func (b *Bucket) purgeDeletes(rest *keyRange, age int64) (more bool, err error) {
	b.lockOrdered() // most of the work, without stopping anybody for long
	b.mu.Unlock()
	b.queue.lead()
	b.lockOrdered()
	defer b.unfreeze()
	if b.gone != nil {
		return false, b.gone
	}
	if err := b.db.readOnly(); err != nil {
		return false, err
	}
	now := b.now()
	b.expire(now)
	type cut struct {
		history *history
		leaving int
	}
	var cuts []cut
	var trim []uint64
	seen := 0
	b.index.ascend(*rest, func(h *history) bool {
		if h.newest.op != Put && h.newest.number <= b.published {
			c := cut{h, h.len() - 1}
			if age < 0 || h.newest.created < now-age {
				c.leaving++
			}
			cuts = append(cuts, c)
			for i := range c.leaving {
				trim = append(trim, h.at(i).number)
			}
		}
		rest.first = h.key + "\x00"
		seen++
		return seen < purgeChunk
	})
	if err := b.forget(trim); err != nil {
		return false, err
	}
	for _, c := range cuts {
		if c.leaving == c.history.len() {
			b.removeKey(c.history)
			continue
		}
		for range c.leaving {
			b.free(c.history, 0)
		}
	}
	return seen == purgeChunk, nil
}

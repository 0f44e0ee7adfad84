package kv

import (
	"context"
	"iter"
	"slices"

	"github.com/google/btree"
)

// Entries yields the newest revision of every key that has a value and matches pattern, in rising order of key. The
// patterns are those of Watch; one with a literal prefix reads only the keys with that prefix. Without entries it yields
// nothing, and no error.
//
// A loop sees one state of the bucket, that of its start: writes made meanwhile, also by the loop body, are not seen, and
// are not held up. (Revisions that expire meanwhile are left out, though.) Ranging again begins again. While a loop runs
// the bucket keeps what is overwritten before the loop gets to it.
//
// If the context ends, the last pair has its error. If the bucket is deleted or the database closed the loop ends with that
// error too, but it may first yield what it has found already, 256 keys at most.
//
//	for e, err := range b.Entries(ctx, "orders.>", kv.After("orders.1024"), kv.Limit(100)) {
func (b *Bucket) Entries(ctx context.Context, pattern string, opts ...ListOption) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := b.list(ctx, "list entries", pattern, opts, func(f *listed, o *listOptions) (more bool, err error) {
			var e Entry
			if o.metaOnly {
				b.meta(&e, f.key, &f.revision, f.expires)
			} else if err := b.entry(&e, f.key, &f.revision, f.expires); err != nil {
				return false, err
			}
			return yield(e, nil), nil
		})
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// Keys yields the keys that Entries would.
func (b *Bucket) Keys(ctx context.Context, pattern string, opts ...ListOption) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := b.list(ctx, "list keys", pattern, opts, func(f *listed, _ *listOptions) (bool, error) {
			return yield(f.key, nil), nil
		})
		if err != nil {
			yield("", err)
		}
	}
}

// listChunk is how many keys a listing looks at under the lock at a time.
const listChunk = 256

// A listed key is one that a listing found.
type listed struct {
	key      string
	revision revision
	expires  int64 // 0 if never
}

// list calls f for each entry of a listing until it returns false or an error.
func (b *Bucket) list(ctx context.Context, op, text string, opts []ListOption, f func(*listed, *listOptions) (bool, error)) error {
	p, err := parsePattern(op, text)
	if err != nil {
		return err
	}
	var o listOptions
	if err := o.parse(op, opts); err != nil {
		return err
	}
	if err := checkContext(ctx); err != nil {
		return err
	}
	s, err := b.snapshot(&p, &o)
	if err != nil {
		return err
	}
	defer b.closeSnapshot(s)
	left := o.limit
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var found []listed
		if found, more, err = b.chunk(s); err != nil {
			return err
		}
		for i := range found {
			l := &found[i]
			if pastNow(l.expires) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if goOn, err := f(l, &o); err != nil || !goOn {
				return err
			}
			if left--; left == 0 {
				return nil
			}
		}
	}
	return nil
}

// A snapshot is a bucket at one revision, for as long as a listing needs it. It costs nothing but what writers put into it:
// a revision that the listing is still to see is moved here when it leaves its history.
type snapshot struct {
	at      uint64 // the revision
	pattern *pattern
	rest    keyRange // keys still to be read
	reverse bool
	saved   *btree.BTreeG[listed] // by key; nil if empty
	seen    []*history            // these two are reused from chunk to chunk
	found   []listed
	unpin   func()
}

// snapshot begins a listing.
func (b *Bucket) snapshot(p *pattern, o *listOptions) (*snapshot, error) {
	s := &snapshot{pattern: p, rest: p.keys(), reverse: o.reverse}
	if o.after != "" {
		s.skip(o.after)
	}
	b.settle()
	if p.exact {
		b.mu.Lock()
	} else {
		b.lockOrdered()
	}
	defer b.mu.Unlock()
	if b.gone != nil {
		return nil, b.gone
	}
	s.unpin = b.pin()
	s.at = b.published
	b.snapshots = append(b.snapshots, s)
	return s, nil
}

func (b *Bucket) closeSnapshot(s *snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.snapshots = without(b.snapshots, s)
	s.unpin()
}

// skip leaves out the keys up to and including key.
func (s *snapshot) skip(key string) {
	if s.reverse {
		if s.rest.last == "" || key < s.rest.last {
			s.rest.last = key
		}
		return
	}
	s.rest.first = max(s.rest.first, key+"\x00")
}

// keep saves the i-th revision of h, which is about to leave, if the listing still wants it.
func (s *snapshot) keep(h *history, i int, expires int64) {
	r := h.at(i)
	if r.number > s.at || i+1 < h.len() && h.at(i+1).number <= s.at {
		return // it is not the newest of its key at that revision
	}
	if !s.rest.contains(h.key) || !s.pattern.matches(h.key) {
		return
	}
	if s.saved == nil {
		s.saved = btree.NewG(16, func(a, b listed) bool { return a.key < b.key })
	}
	if !s.has(h.key) {
		s.saved.ReplaceOrInsert(listed{h.key, *r, expires})
	}
}

// chunk reads the next keys, and says whether there are more.
func (b *Bucket) chunk(s *snapshot) (found []listed, more bool, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.gone != nil {
		return nil, false, b.gone
	}
	s.seen, s.found = s.seen[:0], s.found[:0]
	step := func(h *history) bool {
		s.seen = append(s.seen, h)
		return len(s.seen) < listChunk
	}
	rest := s.rest
	if s.reverse {
		b.index.descend(rest, step)
	} else {
		b.index.ascend(rest, step)
	}
	// A loop of its own lets the processor overlap its waits for memory, which are most of what a listing takes.
	for _, h := range s.seen {
		if i := h.upTo(s.at); i > 0 && !s.has(h.key) && s.pattern.matches(h.key) {
			s.add(listed{h.key, *h.at(i - 1), b.expires(h.at(i - 1))})
		}
	}
	if more = len(s.seen) == listChunk; more {
		s.skip(s.seen[listChunk-1].key)
	} else {
		s.rest = keyRange{"\xff", "\xff"}
	}
	s.addSaved(rest)
	return s.found, more, nil
}

func (s *snapshot) has(key string) bool { return s.saved != nil && s.saved.Has(listed{key: key}) }

// addSaved adds the saved revisions of the keys that were read: those in before and not in what is left.
func (s *snapshot) addSaved(before keyRange) {
	if s.saved == nil {
		return
	}
	n := len(s.found)
	s.saved.AscendGreaterOrEqual(listed{key: before.first}, func(v listed) bool {
		if before.contains(v.key) && !s.rest.contains(v.key) {
			s.add(v)
		}
		return before.last == "" || v.key < before.last
	})
	if len(s.found) == n {
		return
	}
	slices.SortFunc(s.found, func(a, b listed) int {
		if (a.key < b.key) != s.reverse {
			return -1
		}
		return 1
	})
}

// add takes a key into the chunk if it has a value.
func (s *snapshot) add(l listed) {
	if l.revision.op == Put {
		s.found = append(s.found, l)
	}
}

package kv

import (
	"slices"
	"strings"

	"github.com/google/btree"
)

// An index finds histories: by key in a hash table, in order of key in a btree.
//
// A history goes into the btree only when somebody asks for the order: a comparison of keys is a walk through memory, and
// the twenty that it takes to find a place among a million keys cost more than everything else that happens when a key is
// created. Until then it is fresh, in a list; the first listing sorts that and works it in, in small steps. The next ones
// find nothing left to do.
type index struct {
	table
	ordered *btree.BTreeG[*history] // all but the fresh ones; nil until there is one
	fresh   []*history
	swept   int // the fresh history to look at next
}

func (x *index) len() int { return x.count }

// insert adds a history whose key is not there yet, and has that hash.
func (x *index) insert(hash uint32, h *history) {
	if len(x.fresh) > 2*x.count {
		x.sweep() // before h is there: it is empty as yet
	}
	x.table.insert(hash, h)
	x.fresh = append(x.fresh, h)
}

// remove takes a history out, which must be there and empty. If it is fresh it stays in that list until the list is swept or
// sorted; an empty history is not used again.
func (x *index) remove(h *history) {
	x.table.remove(h)
	if x.ordered != nil {
		x.ordered.Delete(h)
	}
}

// sweep drops removed histories from the next few places of fresh.
func (x *index) sweep() {
	for range 4 {
		if x.swept >= len(x.fresh) {
			x.swept = 0
		}
		if len(x.fresh) == 0 {
			return
		}
		last := len(x.fresh) - 1
		if x.fresh[x.swept].len() > 0 {
			x.swept++
			continue
		}
		x.fresh[x.swept], x.fresh[last] = x.fresh[last], nil
		x.fresh = x.fresh[:last]
	}
}

// takeFresh empties the list of fresh histories and returns it.
func (x *index) takeFresh() []*history {
	fresh := x.fresh
	x.fresh, x.swept = nil, 0
	return fresh
}

// order works histories in that were fresh.
func (x *index) order(fresh []*history) {
	if x.ordered == nil {
		x.ordered = btree.NewG(32, func(a, b *history) bool { return a.key < b.key })
	}
	for _, h := range fresh {
		if h.len() > 0 {
			x.ordered.ReplaceOrInsert(h)
		}
	}
}

// A keyRange is the keys from first to before last; last "" means to the end.
type keyRange struct{ first, last string }

// contains reports whether key is in the range.
func (r keyRange) contains(key string) bool {
	return key >= r.first && (r.last == "" || key < r.last)
}

// only returns the one key of a range that has room for no other.
func (r keyRange) only() (key string, ok bool) {
	return r.first, len(r.last) == len(r.first)+1 && r.last == r.first+"\x00"
}

// ascend calls f for the keys of a range in rising order until it returns false. Unless the range is of one key, keys that are
// fresh are left out.
func (x *index) ascend(r keyRange, f func(*history) bool) {
	if key, ok := r.only(); ok {
		x.one(key, f)
		return
	}
	if x.ordered == nil {
		return
	}
	x.ordered.AscendGreaterOrEqual(&history{key: r.first}, func(h *history) bool {
		return (r.last == "" || h.key < r.last) && f(h)
	})
}

// descend is ascend in falling order.
func (x *index) descend(r keyRange, f func(*history) bool) {
	if key, ok := r.only(); ok {
		x.one(key, f)
		return
	}
	if x.ordered == nil {
		return
	}
	step := func(h *history) bool {
		return r.last != "" && h.key >= r.last || h.key >= r.first && f(h)
	}
	if r.last == "" {
		x.ordered.Descend(step)
		return
	}
	x.ordered.DescendLessOrEqual(&history{key: r.last}, step)
}

func (x *index) one(key string, f func(*history) bool) {
	if h := x.get(key); h != nil {
		f(h)
	}
}

// orderChunk is how many histories are put in order under the lock at a time.
const orderChunk = 256

// lockOrdered takes the bucket's write lock, with all keys in order. Sorting needs no lock, since a history's key does not
// change; working in the sorted keys takes the lock in small steps.
func (b *Bucket) lockOrdered() {
	b.ordering.Lock()
	defer b.ordering.Unlock()
	b.mu.Lock()
	for len(b.index.fresh) > orderChunk {
		fresh := b.index.takeFresh()
		b.mu.Unlock()
		slices.SortFunc(fresh, func(a, b *history) int { return strings.Compare(a.key, b.key) })
		for chunk := range slices.Chunk(fresh, orderChunk) {
			b.mu.Lock()
			b.index.order(chunk)
			b.mu.Unlock()
		}
		b.mu.Lock()
	}
	b.index.order(b.index.takeFresh())
}

package kv

import "github.com/google/btree"

// An index finds histories by key: a hash for one key, a btree for keys in order.
type index struct {
	byKey   map[string]*history
	ordered *btree.BTreeG[indexed]
}

// indexed holds the key beside the history, so that comparing needs not follow the pointer.
type indexed struct {
	key string
	h   *history
}

func newIndex() index {
	return index{
		byKey:   map[string]*history{},
		ordered: btree.NewG(32, func(a, b indexed) bool { return a.key < b.key }),
	}
}

func (x *index) len() int { return len(x.byKey) }

// get returns the history of key, nil if there is none.
func (x *index) get(key string) *history { return x.byKey[key] }

// insert adds a history whose key is not there yet.
func (x *index) insert(h *history) {
	x.byKey[h.key] = h
	x.ordered.ReplaceOrInsert(indexed{h.key, h})
}

// remove takes the history of a key out.
func (x *index) remove(key string) {
	delete(x.byKey, key)
	x.ordered.Delete(indexed{key: key})
}

// A keyRange is the keys from first to before last; last "" means to the end.
type keyRange struct{ first, last string }

// ascend calls f for the keys of a range in rising order until it returns false.
func (x *index) ascend(r keyRange, f func(*history) bool) {
	step := func(i indexed) bool { return f(i.h) }
	if r.last == "" {
		x.ordered.AscendGreaterOrEqual(indexed{key: r.first}, step)
		return
	}
	x.ordered.AscendRange(indexed{key: r.first}, indexed{key: r.last}, step)
}

// descend calls f for the keys of a range in falling order until it returns false.
func (x *index) descend(r keyRange, f func(*history) bool) {
	step := func(i indexed) bool {
		if r.last != "" && i.key >= r.last {
			return true
		}
		return i.key >= r.first && f(i.h)
	}
	if r.last == "" {
		x.ordered.Descend(step)
		return
	}
	x.ordered.DescendLessOrEqual(indexed{key: r.last}, step)
}

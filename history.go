package kv

import "sort"

// A history is one key and its kept revisions, the newest apart because that is the one nearly everybody asks for.
//
// With depth 2, after
//
//	1 put a   2 put a   3 put b   4 delete a   5 put a
//
// the history of a is {4 delete, 5 put}: revision 1 left when 4 arrived, 2 when 5 arrived. Markers count.
//
// In a bucket whose store is durable a history can hold, at its new end, revisions that are accepted but not yet
// published; it is trimmed when they are.
type history struct {
	key    string
	newest revision    // number 0 if the history is empty
	older  *[]revision // oldest first; a pointer because most histories have none
}

// len returns how many revisions are held.
func (h *history) len() int {
	if h.newest.number == 0 {
		return 0
	}
	if h.older == nil {
		return 1
	}
	return len(*h.older) + 1
}

// at returns the i-th revision, 0 being the oldest. The pointer is good until the history changes.
func (h *history) at(i int) *revision {
	if h.older == nil || i == len(*h.older) {
		return &h.newest
	}
	return &(*h.older)[i]
}

// upTo returns how many revisions have a number of at most n.
func (h *history) upTo(n uint64) int {
	if h.newest.number == 0 {
		return 0
	}
	if h.newest.number <= n {
		return h.len()
	}
	if h.older == nil {
		return 0
	}
	older := *h.older
	return sort.Search(len(older), func(i int) bool { return older[i].number > n })
}

// find returns the place of the revision with number n, and whether there is one.
func (h *history) find(n uint64) (int, bool) {
	i := h.upTo(n) - 1
	return i, i >= 0 && h.at(i).number == n
}

// holds reports whether the revision with number n is there.
func (h *history) holds(n uint64) bool {
	if h.newest.number == n {
		return true
	}
	if h.older == nil {
		return false
	}
	_, ok := h.find(n)
	return ok
}

// displaced returns how many of the oldest revisions leave when one with operation op arrives, counting those that leave
// anyhow.
func (h *history) displaced(depth int, op Operation) int {
	if op == Purge {
		return h.len()
	}
	held := h.len()
	n := max(held+1-depth, 0)
	for n < held && h.at(n).leaving {
		n++
	}
	return n
}

// add makes room for a newest revision and returns it, for the caller to fill in whole.
func (h *history) add(room *spareRoom) *revision {
	if h.newest.number != 0 {
		if h.older == nil {
			h.older = room.take()
		}
		*h.older = append(*h.older, h.newest)
	}
	return &h.newest
}

// A spareRoom is room for older revisions that histories had, for others to use: where only the newest is kept, a write needs some
// until the one before has left.
type spareRoom []*[]revision

const (
	mostSpareRooms     = spareWrites
	mostSpareRevisions = 8 // in each
)

func (r *spareRoom) take() *[]revision {
	last := len(*r) - 1
	if last < 0 {
		return new([]revision)
	}
	room := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return room
}

func (r *spareRoom) put(room *[]revision) {
	if len(*r) < mostSpareRooms && cap(*room) <= mostSpareRevisions {
		*r = append(*r, room)
	}
}

// remove takes the i-th revision out.
func (h *history) remove(i int, room *spareRoom) {
	last := h.len() - 1
	if last == 0 {
		h.newest = revision{}
		return
	}
	older := *h.older
	if i == last {
		h.newest = older[last-1]
		i = last - 1
	}
	copy(older[i:], older[i+1:])
	older[last-1] = revision{} // lets go of the value
	*h.older = older[:last-1]
	if last == 1 {
		room.put(h.older)
		h.older = nil
	}
}

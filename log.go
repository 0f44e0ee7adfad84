package kv

import (
	"math"
	"slices"
	"sort"
)

// A revisionLog lists the kept revisions of a bucket in revision order: for each the history that holds it. It is what
// watchers follow, and what tells which revision is the oldest.
//
// A slot of the log is in use as long as its history holds its revision, so a revision leaves the log by leaving its
// history: nothing has to be looked up and struck out here. What is left behind is swept away later. The log is cut into
// pieces, and these are swept in turn, a part for every few revisions: each is packed, dropped if nothing in it is in use,
// and joined with the piece before it if both are small. So the log takes a constant number of bytes for each kept
// revision, however many were written, and no write sweeps much.
//
//	depth 1, after 1 a   2 b   3 a   4 b   5 a   6 c     slots  1:a 2:b 3:a 4:b 5:a 6:c     swept  4:b 5:a 6:c
type revisionLog struct {
	pieces []*logPiece // in rising order of first
	count  int         // revisions that histories hold
	head   int         // slots of the first piece that are known to be out of use
	sweep  sweep
}

// A sweep is how far the log has been swept.
type sweep struct {
	piece int // that is looked at
	slot  int // of it, the next to look at
	used  int // of those before, how many were in use when they were looked at
}

type logPiece struct {
	first   uint64
	offsets []uint32 // of the slots' revisions from first; nil while slot i is revision first+i
	slots   []*history
}

const (
	// pieceSize is how many slots a piece has at most.
	pieceSize = 512
	// sweepPart is how many slots are looked at at a time, for every sweepPart/2 revisions: so the log has about as many slots
	// out of use as in use.
	sweepPart = 128
)

// append adds a revision greater than all before.
func (l *revisionLog) append(number uint64, h *history) {
	l.count++
	if n := len(l.pieces); n > 0 && l.pieces[n-1].append(number, h) {
		if len(l.pieces[n-1].slots)%(sweepPart/2) == 0 {
			l.sweepOn()
		}
		return
	}
	room := 1
	if len(l.pieces) > 0 {
		room = pieceSize
	}
	l.pieces = append(l.pieces, &logPiece{first: number, slots: append(make([]*history, 0, room), h)})
}

// append adds a slot if there is room.
func (p *logPiece) append(number uint64, h *history) bool {
	offset := number - p.first
	if len(p.slots) >= pieceSize || offset > math.MaxUint32 {
		return false
	}
	if p.offsets == nil && offset != uint64(len(p.slots)) {
		for i := range p.slots {
			p.offsets = append(p.offsets, uint32(i))
		}
	}
	if p.offsets != nil {
		p.offsets = append(p.offsets, uint32(offset))
	}
	p.slots = append(p.slots, h)
	return true
}

// remove is told that a history has let a revision go.
func (l *revisionLog) remove() { l.count-- }

// sweepOn looks at the next slots, and deals with a piece of which it has seen all. The last one still grows.
func (l *revisionLog) sweepOn() {
	i := l.sweep.piece
	if i >= len(l.pieces)-1 {
		l.sweep = sweep{}
		return
	}
	p := l.pieces[i]
	end := min(l.sweep.slot+sweepPart, len(p.slots))
	l.sweep.used += p.used(l.sweep.slot, end)
	if l.sweep.slot = end; end < len(p.slots) {
		return
	}
	from, packed := i, []*logPiece{p}
	switch used := l.sweep.used; { // at most: some may be out of use by now
	case i > 0 && l.pieces[i-1].joins(p, used):
		from, packed = i-1, pack(len(l.pieces[i-1].slots)+used, l.pieces[i-1], p)
	case used <= len(p.slots)*3/4:
		packed = pack(used, p)
	}
	l.replace(from, i+1, packed...)
	l.sweep = sweep{piece: from + len(packed)}
}

// replace puts pieces in place of some.
func (l *revisionLog) replace(from, to int, with ...*logPiece) {
	l.pieces = slices.Replace(l.pieces, from, to, with...)
	if from == 0 {
		l.head = 0
	}
}

// used returns how many of some slots are in use. Looking at the histories in a loop of its own lets the processor overlap its waits
// for memory, which are most of what a sweep takes.
func (p *logPiece) used(from, to int) int {
	var newest [sweepPart]uint64
	slots := p.slots[from:to]
	for i, h := range slots {
		newest[i] = h.newest.number
	}
	n := 0
	for i, h := range slots {
		if number := p.number(from + i); number == newest[i] || h.holds(number) {
			n++
		}
	}
	return n
}

// joins reports whether a neighbour of which so many slots are in use fits into the piece.
func (p *logPiece) joins(next *logPiece, used int) bool {
	span := next.number(len(next.slots)-1) - p.first
	return len(p.slots)+used <= pieceSize && span <= math.MaxUint32
}

// pack returns one piece with what is in use in several, none if nothing is.
func pack(used int, pieces ...*logPiece) []*logPiece {
	packed := &logPiece{offsets: make([]uint32, 0, used), slots: make([]*history, 0, used)}
	for _, p := range pieces {
		for i, h := range p.slots {
			number := p.number(i)
			if !h.holds(number) {
				continue
			}
			if packed.first == 0 {
				packed.first = number
			}
			packed.offsets = append(packed.offsets, uint32(number-packed.first))
			packed.slots = append(packed.slots, h)
		}
	}
	if len(packed.slots) == 0 {
		return nil
	}
	return []*logPiece{packed}
}

// find returns the history that holds a revision, nil if that revision is not kept.
func (l *revisionLog) find(number uint64) *history {
	c := l.from(number)
	if found, h, ok := c.next(); ok && found == number {
		return h
	}
	return nil
}

// oldest returns the oldest kept revision, 0 and nil if there is none.
func (l *revisionLog) oldest() (uint64, *history) {
	for c := (logCursor{log: l, slot: l.head}); ; {
		number, h, ok := c.next()
		if h != nil || !ok {
			return number, h
		}
	}
}

// dropHead is oldest for the one who may change the log: it remembers how far it had to look.
func (l *revisionLog) dropHead() (uint64, *history) {
	for len(l.pieces) > 0 {
		p := l.pieces[0]
		for ; l.head < len(p.slots); l.head++ {
			if h := p.slots[l.head]; h.holds(p.number(l.head)) {
				return p.number(l.head), h
			}
		}
		if len(l.pieces) == 1 {
			break // it still grows
		}
		l.replace(0, 1)
		if l.sweep.piece == 0 {
			l.sweep = sweep{}
		} else {
			l.sweep.piece--
		}
	}
	return 0, nil
}

// piece returns the place of the piece that holds number if any does, -1 if number is before all.
func (l *revisionLog) piece(number uint64) int {
	last := len(l.pieces) - 1
	if last >= 0 && l.pieces[last].first <= number {
		return last
	}
	return sort.Search(len(l.pieces), func(i int) bool { return l.pieces[i].first > number }) - 1
}

// slot returns the first slot whose number is at least number.
func (p *logPiece) slot(number uint64) int {
	if number <= p.first {
		return 0
	}
	if p.offsets == nil {
		return int(min(number-p.first, uint64(len(p.slots))))
	}
	return sort.Search(len(p.offsets), func(i int) bool { return p.number(i) >= number })
}

func (p *logPiece) number(slot int) uint64 {
	if p.offsets == nil {
		return p.first + uint64(slot)
	}
	return p.first + uint64(p.offsets[slot])
}

// A logCursor steps through the log. It is good until the log changes.
type logCursor struct {
	log   *revisionLog
	piece int
	slot  int
}

// from returns a cursor that stands before the first slot whose number is at least number.
func (l *revisionLog) from(number uint64) logCursor {
	c := logCursor{log: l, piece: l.piece(number)}
	if c.piece < 0 {
		c.piece = 0
		return c
	}
	c.slot = l.pieces[c.piece].slot(number)
	return c
}

// next returns the next slot: its revision, and the history that holds it, nil if the slot is out of use.
func (c *logCursor) next() (number uint64, h *history, ok bool) {
	for c.piece < len(c.log.pieces) {
		p := c.log.pieces[c.piece]
		if c.slot < len(p.slots) {
			number, h = p.number(c.slot), p.slots[c.slot]
			c.slot++
			if !h.holds(number) {
				h = nil
			}
			return number, h, true
		}
		c.piece++
		c.slot = 0
	}
	return 0, nil, false
}

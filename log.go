package kv

import (
	"slices"
	"sort"
)

// A revisionLog lists the kept revisions of a bucket in revision order: for each the history that holds it. It is what
// watchers follow and what tells which revision is the oldest.
//
// Revisions are dense when they are written and thin out as the depth trims them, so the log is cut into pieces. A piece
// starts dense, a slot for each number; when less than half of its slots are in use it is packed, and packed neighbours
// are joined. So the log costs a constant number of bytes for each kept revision, however many were written:
//
//	after 1..8, depth 1, keys a b a b a a a b     slots of a full piece:  - - - - - - a b     packed: 7:a 8:b
type revisionLog struct {
	pieces []*logPiece // in rising order of first
	count  int
}

type logPiece struct {
	first   uint64
	numbers []uint64   // numbers of the slots; nil while dense, when slot i is revision first+i
	slots   []*history // nil where the revision is gone
	count   int        // slots that are not nil
	head    int        // no slot before this one is in use
}

// pieceSize is how many slots a piece has at most.
const pieceSize = 512

// append adds a revision greater than all before.
func (l *revisionLog) append(number uint64, h *history) {
	l.count++
	if n := len(l.pieces); n > 0 {
		p := l.pieces[n-1]
		if p.numbers == nil && number-p.first < pieceSize {
			for p.first+uint64(len(p.slots)) < number {
				p.slots = append(p.slots, nil)
			}
			p.slots = append(p.slots, h)
			p.count++
			return
		}
		l.tidy(n - 1)
	}
	l.pieces = append(l.pieces, &logPiece{first: number, slots: []*history{h}, count: 1})
}

// remove takes a revision out. It must be there.
func (l *revisionLog) remove(number uint64) {
	i := l.piece(number)
	p := l.pieces[i]
	p.slots[p.slot(number)] = nil
	p.count--
	for p.head < len(p.slots) && p.slots[p.head] == nil {
		p.head++
	}
	l.count--
	if i < len(l.pieces)-1 { // the last piece still grows
		l.tidy(i)
	}
}

// tidy drops, packs or joins the i-th piece if too little of it is in use.
func (l *revisionLog) tidy(i int) {
	p := l.pieces[i]
	if p.count == 0 {
		l.pieces = slices.Delete(l.pieces, i, i+1)
		return
	}
	if p.count*2 >= len(p.slots) {
		return
	}
	if i > 0 && l.pieces[i-1].count+p.count <= pieceSize/2 {
		l.pieces[i-1] = pack(l.pieces[i-1], p)
		l.pieces = slices.Delete(l.pieces, i, i+1)
		return
	}
	l.pieces[i] = pack(p)
}

// pack returns one piece with what is in use in several.
func pack(pieces ...*logPiece) *logPiece {
	count := 0
	for _, p := range pieces {
		count += p.count
	}
	packed := &logPiece{
		first:   pieces[0].first,
		numbers: make([]uint64, 0, count),
		slots:   make([]*history, 0, count),
		count:   count,
	}
	for _, p := range pieces {
		for i, h := range p.slots {
			if h != nil {
				packed.numbers = append(packed.numbers, p.number(i))
				packed.slots = append(packed.slots, h)
			}
		}
	}
	return packed
}

// find returns the history that holds a revision, nil if that revision is not kept.
func (l *revisionLog) find(number uint64) *history {
	i := l.piece(number)
	if i < 0 {
		return nil
	}
	p := l.pieces[i]
	slot := p.slot(number)
	if slot == len(p.slots) || p.number(slot) != number {
		return nil
	}
	return p.slots[slot]
}

// oldest returns the oldest kept revision, 0 and nil if there is none.
func (l *revisionLog) oldest() (uint64, *history) {
	if l.count == 0 {
		return 0, nil
	}
	p := l.pieces[0]
	if p.count == 0 {
		p = l.pieces[1]
	}
	return p.number(p.head), p.slots[p.head]
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
	if p.numbers == nil {
		return int(min(number-p.first, uint64(len(p.slots))))
	}
	return sort.Search(len(p.numbers), func(i int) bool { return p.numbers[i] >= number })
}

func (p *logPiece) number(slot int) uint64 {
	if p.numbers == nil {
		return p.first + uint64(slot)
	}
	return p.numbers[slot]
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

// next returns the next slot: its revision, and the history that holds it, nil if that revision is gone.
func (c *logCursor) next() (number uint64, h *history, ok bool) {
	for c.piece < len(c.log.pieces) {
		p := c.log.pieces[c.piece]
		if c.slot < len(p.slots) {
			number, h = p.number(c.slot), p.slots[c.slot]
			c.slot++
			return number, h, true
		}
		c.piece++
		c.slot = 0
	}
	return 0, nil, false
}

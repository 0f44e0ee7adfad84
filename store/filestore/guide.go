package filestore

import "math/bits"

// A guide tells where in the entries of a segment to look for a revision. Compaction leaves gaps between revisions, so a place cannot
// be computed, and a search through all of memory costs more than all else that a read or a trim does.
//
// It divides the revisions into spans of equal size, and has for each where its first entry is:
//
//	entries  0:100 1:101 2:107 3:120 4:121 5:122    spans of 16 from 100    at 0 3 6
type guide struct {
	shift int // a span is 1<<shift revisions
	at    []uint32
}

// guided is how many entries there are for a span, about.
const guided = 4

// makeGuide returns the guide to entries, the zero guide if they have no gaps.
func makeGuide(entries []entry) (g guide) {
	if len(entries) == 0 {
		return g
	}
	first := entries[0].revision
	last := entries[len(entries)-1].revision - first
	if last < uint64(len(entries)) {
		return g
	}
	g.shift = bits.Len64(last / uint64(len(entries)/guided+1))
	g.at = make([]uint32, 0, last>>g.shift+2)
	for i := range entries {
		for span := (entries[i].revision - first) >> g.shift; uint64(len(g.at)) <= span; {
			g.at = append(g.at, uint32(i))
		}
	}
	g.at = append(g.at, uint32(len(entries)))
	return g
}

// find returns the place of a revision in the entries, or false.
func (g *guide) find(entries []entry, revision uint64) (int, bool) {
	if len(entries) == 0 || revision < entries[0].revision {
		return 0, false
	}
	from, to := 0, len(entries)
	past := revision - entries[0].revision
	if len(g.at) > 0 {
		span := past >> g.shift
		if span >= uint64(len(g.at)-1) {
			return 0, false
		}
		from, to = int(g.at[span]), int(g.at[span+1])
	} else if past < uint64(to) && entries[past].revision == revision {
		return int(past), true
	}
	for n := to - from; n > 1; { // without a branch that depends on an entry: the processor need not wait for it
		half := n / 2
		if entries[from+half].revision <= revision {
			from += half
		}
		n -= half
	}
	return from, from < to && entries[from].revision == revision
}

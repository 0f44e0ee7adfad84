package filestore

import "slices"

// Pins keep trimmed revisions readable: each those that are trimmed after it was made.
type pins struct {
	clock uint64            // how many pins there were
	open  []uint64          // their numbers, rising
	kept  map[uint64]uint64 // by trimmed revision: the clock when it was trimmed
}

func (p *pins) add() (number uint64) {
	p.clock++
	p.open = append(p.open, p.clock)
	return p.clock
}

// remove ends a pin, and forgets what no pin keeps any more.
func (p *pins) remove(number uint64) {
	at, ok := slices.BinarySearch(p.open, number)
	if !ok {
		return
	}
	p.open = slices.Delete(p.open, at, at+1)
	switch {
	case len(p.open) == 0 && len(p.kept) <= 8: // mostly; each append has a pin
		clear(p.kept)
	case len(p.open) == 0:
		p.kept = nil
	case at == 0:
		for revision, clock := range p.kept {
			if clock < p.open[0] {
				delete(p.kept, revision)
			}
		}
	}
}

// trimmed notes that a revision is trimmed now.
func (p *pins) trimmed(revision uint64) {
	if len(p.open) == 0 {
		return
	}
	if p.kept == nil {
		p.kept = map[uint64]uint64{}
	}
	if _, before := p.kept[revision]; !before {
		p.kept[revision] = p.clock
	}
}

// hold reports whether a pin is open that is no newer than number.
func (p *pins) hold(number uint64) bool { return len(p.open) > 0 && p.open[0] <= number }

// holds reports whether a trimmed revision can still be read.
func (p *pins) holds(revision uint64) bool {
	_, ok := p.kept[revision]
	return ok
}

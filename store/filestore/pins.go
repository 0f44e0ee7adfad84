package filestore

import "slices"

// Pins keep trimmed revisions readable: each those that there were when it was made, and that are trimmed after that. So
// however long a pin is open, it keeps no more than the store had then.
//
// A trimmed revision belongs to the newest of the pins that keep it. When that one ends it goes to the one before, if that
// keeps it too.
//
//	append 1 to 10    pin A   trim 3        A has 3
//	append 11 to 20   pin B   trim 4, 15    B has 4 and 15
//	B ends                                  A has 3 and 4; 15 came after it
type pins struct {
	clock uint64              // how many pins there were
	open  []pin               // in the order in which they were made
	kept  map[uint64]struct{} // what they have
}

type pin struct {
	number uint64
	newest uint64   // the greatest revision when it was made
	has    []uint64 // trimmed revisions
}

// add makes a pin.
func (p *pins) add(newest uint64) (number uint64) {
	p.clock++
	p.open = append(p.open, pin{number: p.clock, newest: newest})
	return p.clock
}

// remove ends a pin, and forgets what no pin keeps any more.
func (p *pins) remove(number uint64) {
	at := slices.IndexFunc(p.open, func(o pin) bool { return o.number == number })
	if at < 0 {
		return
	}
	has := p.open[at].has
	p.open = slices.Delete(p.open, at, at+1)
	if len(p.open) == 0 {
		p.kept = nil
		return
	}
	for _, revision := range has {
		if at > 0 && revision <= p.open[at-1].newest {
			p.open[at-1].has = append(p.open[at-1].has, revision)
		} else {
			delete(p.kept, revision)
		}
	}
}

// trimmed notes that a revision is trimmed now.
func (p *pins) trimmed(revision uint64) {
	last := len(p.open) - 1
	if last < 0 || revision > p.open[last].newest {
		return
	}
	if p.kept == nil {
		p.kept = map[uint64]struct{}{}
	}
	p.kept[revision] = struct{}{}
	p.open[last].has = append(p.open[last].has, revision)
}

// holds reports whether a trimmed revision can still be read.
func (p *pins) holds(revision uint64) bool {
	_, ok := p.kept[revision]
	return ok
}

// hold reports whether a pin is open that was there when number was the last, and keeps revision or something after it.
func (p *pins) hold(number, revision uint64) bool {
	return slices.ContainsFunc(p.open, func(o pin) bool { return o.number <= number && o.newest >= revision })
}

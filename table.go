package kv

import "hash/maphash"

// A table finds histories by key: a hash table that grows in small steps.
//
// It is a directory of pages. The leading bits of a key's hash choose the page, the trailing bits the slot in it where the
// search begins. A full page of the largest size is split in two, by the next of the leading bits; the directory doubles
// when a page that it names only once is split. So no insertion moves more than one page, and since the hashes are kept
// beside the histories none looks at keys for that.
//
//	directory  00 01 10 11        page 0*: hashes with a leading 0
//	            \ /   |  |        page 10
//	             0*  10  11       page 11
//
// Beside Go's map of strings it needs two thirds of the memory, because a slot has a pointer and 32 bits where the map's has
// the key's string header as well.
type table struct {
	directory []*page // its length is a power of two
	bits      uint    // that power
	count     int
}

// A page is a hash table with linear probing.
type page struct {
	bits  uint   // how many leading bits the hashes have in common
	slots []slot // as many as a power of two
	count int
}

type slot struct {
	hash    uint32 // 0 if the slot is free
	history *history
}

const (
	smallestPage = 8
	largestPage  = 2048
)

// seed is of all tables, so that a key can be hashed before the lock on one is taken.
var seed = maphash.MakeSeed()

// hashOf returns the hash of a key, which is not 0.
func hashOf(key string) uint32 {
	return max(uint32(maphash.String(seed, key)), 1)
}

// place returns the place in the directory for a hash.
func (t *table) place(hash uint32) uint32 {
	return uint32(uint64(hash) >> (32 - t.bits))
}

// get returns the history of key, nil if there is none.
func (t *table) get(key string) *history { return t.find(hashOf(key), key) }

// find is get for a key whose hash is known.
func (t *table) find(hash uint32, key string) *history {
	if t.count == 0 {
		return nil
	}
	p := t.directory[t.place(hash)]
	for i := hash & p.mask(); p.slots[i].hash != 0; i = (i + 1) & p.mask() {
		if s := &p.slots[i]; s.hash == hash && s.history.key == key {
			return s.history
		}
	}
	return nil
}

// insert adds a history whose key is not there yet, and has that hash.
func (t *table) insert(hash uint32, h *history) {
	if t.directory == nil {
		t.directory = []*page{newPage(0, smallestPage)}
	}
	for {
		p := t.directory[t.place(hash)]
		switch {
		case p.count < len(p.slots)*7/8:
			p.put(slot{hash, h})
			t.count++
			return
		case len(p.slots) < largestPage || p.bits == 20: // beyond that the bits for the slot would run out
			p.grow()
		default:
			t.split(p, hash)
		}
	}
}

// remove takes a history out, which must be there.
func (t *table) remove(h *history) {
	hash := hashOf(h.key)
	p := t.directory[t.place(hash)]
	i := hash & p.mask()
	for p.slots[i].history != h {
		i = (i + 1) & p.mask()
	}
	p.free(i)
	t.count--
}

// all calls f for every history, in no order, until it returns false.
func (t *table) all(f func(*history) bool) {
	for i := 0; i < len(t.directory); {
		p := t.directory[i]
		for _, s := range p.slots {
			if s.hash != 0 && !f(s.history) {
				return
			}
		}
		i += 1 << (t.bits - p.bits) // the page stands at so many places in a row
	}
}

// split makes two pages of the one that a hash belongs to.
func (t *table) split(p *page, hash uint32) {
	if p.bits == t.bits {
		double := make([]*page, 0, 2*len(t.directory))
		for _, q := range t.directory {
			double = append(double, q, q)
		}
		t.directory = double
		t.bits++
	}
	bit := uint32(1) << (31 - p.bits)
	halves := [2]*page{newPage(p.bits+1, len(p.slots)), newPage(p.bits+1, len(p.slots))}
	for _, s := range p.slots {
		switch {
		case s.hash == 0:
		case s.hash&bit == 0:
			halves[0].put(s)
		default:
			halves[1].put(s)
		}
	}
	span := uint32(1) << (t.bits - p.bits) // places of p
	first := t.place(hash) &^ (span - 1)
	for i := range span {
		t.directory[first+i] = halves[i/(span/2)]
	}
}

func newPage(bits uint, size int) *page {
	return &page{bits: bits, slots: make([]slot, size)}
}

func (p *page) mask() uint32 { return uint32(len(p.slots) - 1) }

// put fills a slot; there is room.
func (p *page) put(s slot) {
	i := s.hash & p.mask()
	for p.slots[i].hash != 0 {
		i = (i + 1) & p.mask()
	}
	p.slots[i] = s
	p.count++
}

// free empties slot i and moves up what was put further on because it was taken.
func (p *page) free(i uint32) {
	p.count--
	for j := i; ; {
		j = (j + 1) & p.mask()
		if p.slots[j].hash == 0 {
			break
		}
		if home := p.slots[j].hash & p.mask(); (j-home)&p.mask() >= (j-i)&p.mask() {
			p.slots[i] = p.slots[j]
			i = j
		}
	}
	p.slots[i] = slot{}
}

// grow doubles the page.
func (p *page) grow() {
	double := newPage(p.bits, 2*len(p.slots))
	for _, s := range p.slots {
		if s.hash != 0 {
			double.put(s)
		}
	}
	*p = *double
}

package crashfs

import "math/rand/v2"

// sectorSize is what a disk writes whole or not at all.
const sectorSize = 512

// A change is one write to a file, or one truncation. It is never altered, so copies of a file share it.
type change struct {
	data []byte // nil for a truncation
	at   int64  // where data is written; of a truncation the new length
}

// do does the change.
func (c change) do(to *content) {
	if c.data == nil {
		to.truncate(c.at)
		return
	}
	to.writeAt(c.data, c.at)
}

// risk does as much of the change as chance will have: all, nothing, or of a write a part, with or without the length that the
// whole would give the file.
func (c change) risk(to *content, rng *rand.Rand) {
	if c.data == nil {
		if rng.IntN(2) == 0 {
			c.do(to)
		}
		return
	}
	switch rng.IntN(4) {
	case 0:
		c.do(to)
		return
	case 1:
		to.writeAt(c.data[:rng.IntN(len(c.data))], c.at)
	case 2:
		for _, sector := range c.sectors() {
			if rng.IntN(2) == 0 {
				sector.do(to)
			}
		}
	}
	if rng.IntN(2) == 0 {
		to.extend(c.at + int64(len(c.data)))
	}
}

// sectors returns the write cut at the borders of the sectors.
func (c change) sectors() (cut []change) {
	for at, rest := c.at, c.data; len(rest) > 0; {
		n := min(int64(len(rest)), sectorSize-at%sectorSize)
		cut = append(cut, change{data: rest[:n], at: at})
		at, rest = at+n, rest[n:]
	}
	return cut
}

// A file is the bytes of a file, as calls see them and as they are on the disk.
type file struct {
	now     content
	durable content
	pending []change // what was done since the last Sync; it leads from durable to now, unless a Sync has failed
}

// do does a change that is not durable before the next Sync.
func (f *file) do(c change) {
	c.do(&f.now)
	f.pending = append(f.pending, c)
}

// sync makes all that is pending durable.
func (f *file) sync() {
	for _, c := range f.pending {
		c.do(&f.durable)
	}
	f.pending = nil
}

// failSync is a Sync that fails. What was pending is done with: chance, if there is any, says what of it is durable, and no
// later sync will write the rest.
func (f *file) failSync(rng *rand.Rand) {
	if rng != nil {
		f.durable = f.risk(rng)
	}
	f.pending = nil
}

// risk returns what may be on the disk after a power cut.
func (f *file) risk(rng *rand.Rand) content {
	c := f.durable.clone()
	whole, lost := span(rng, len(f.pending))
	for i, change := range f.pending[:lost] {
		if i < whole {
			change.do(&c)
		} else {
			change.risk(&c, rng)
		}
	}
	return c
}

// span says which of n operations, in the order they were made, survive: those before whole do, those from lost on do not,
// and for those between chance decides. Were it for chance alone, a long row would hardly ever survive up to a point and no
// further, which is what disks do most.
func span(rng *rand.Rand, n int) (whole, lost int) {
	whole = rng.IntN(n + 1)
	return whole, whole + rng.IntN(n+1-whole)
}

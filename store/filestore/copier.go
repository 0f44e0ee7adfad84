package filestore

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// A copier writes what is live in a run of segments to another one.
type copier struct {
	log    *log
	run    []*segment
	next   *segment
	sealed *sealedEntry // what a manifest says of next; nil if there is nothing to keep
	head   head         // of the frame in buf

	reader reader // of the segment that is read
	body   []byte // of its index
	buf    []byte
	index  indexWriter
	wanted []uint64 // of a segment, what is live or pinned
	trim   []uint64
	pinned []uint64 // what is dead and copied nevertheless
}

// copiers are those that are not in use. What a step needs is much beside what a program keeps; most of it is used again.
var copiers = sync.Pool{New: func() any { return new(copier) }}

// begin makes the copier ready for a step.
func (c *copier) begin(l *log, run []*segment, next *segment) {
	c.log, c.run, c.next, c.head = l, run, next, head{kind: kindFrame}
	c.buf, c.wanted, c.trim, c.pinned = c.buf[:0], c.wanted[:0], c.trim[:0], c.pinned[:0]
	c.index.reset()
}

// end gives the copier back.
func (c *copier) end() {
	c.log, c.run, c.next, c.sealed, c.reader.file = nil, nil, nil, nil, nil
	copiers.Put(c)
}

// write copies what is to be kept, and makes it durable. Its error matches errNoRoom if nothing else is wrong.
func (c *copier) write() error {
	index, err := c.copy()
	if err != nil || c.sealed == nil {
		return noRoom(err)
	}
	var finished error
	err = together(func() error { finished = c.next.finish(index); return nil }, c.log.syncDir)
	return cmp.Or(err, noRoom(finished))
}

// copy copies what is to be kept, and returns the new segment's index.
func (c *copier) copy() (index []byte, err error) {
	for _, seg := range c.run {
		if err := c.copySegment(seg); err != nil {
			return nil, err
		}
	}
	c.next.guide = makeGuide(c.next.entries)
	c.forgetTrims()
	for _, revision := range c.pinned {
		if at, ok := c.next.find(revision); ok {
			c.next.kill(at)
		}
	}
	c.trim = append(c.trim, c.pinned...)
	if len(c.next.entries) == 0 && len(c.trim) == 0 {
		return nil, nil
	}
	if err := c.addTrim(); err != nil {
		return nil, err
	}
	sealed, index := c.next.index(&c.index)
	c.sealed = &sealed
	return index, nil
}

// forgetTrims leaves out trims of what is gone from all files, or left out of this one. What is trimmed is in no segment that came
// later, and of the others entries change only in whether they are dead, so writers are not held up.
func (c *copier) forgetTrims() {
	c.log.mu.RLock()
	segments := c.log.segments
	c.log.mu.RUnlock()
	kept := c.trim[:0]
	for _, revision := range c.trim {
		seg := holder(segments, revision)
		if seg == nil {
			continue
		}
		if slices.Contains(c.run, seg) {
			seg = c.next // where it is if it was trimmed too late to be marked
		}
		if _, ok := seg.find(revision); ok {
			kept = append(kept, revision)
		}
	}
	c.trim = kept
}

// copySegment copies the records of a segment, less what is dead, and takes its trims. Its index tells where they are and what they
// are, so what is dead is not looked at, and may be damaged.
func (c *copier) copySegment(seg *segment) error {
	c.findWanted(seg)
	wanted := c.wanted
	c.next.entries = slices.Grow(c.next.entries, len(wanted))
	c.reader = reader{name: seg.name, file: seg.file, size: seg.size, buf: c.reader.buf[:0]}
	var err error
	if _, c.body, err = readIndex(&c.reader, seg.salt, seg.end, c.body); err != nil {
		return err
	}
	ir := newIndexReader(c.body, seg.end)
	for ir.next() {
		if len(wanted) == 0 || wanted[0] != ir.entry.revision {
			continue
		}
		wanted = wanted[1:]
		if err := c.copyRecord(seg, ir); err != nil {
			return err
		}
	}
	c.trim = ir.addRevisions(c.trim)
	if reason := ir.fault(); reason != "" {
		return c.reader.corrupt(seg.end, "%s", reason)
	}
	if len(wanted) > 0 {
		return c.reader.corrupt(seg.end, "expected an index with revision %d", wanted[0])
	}
	return nil
}

// copyRecord copies the record that the reader of its segment's index stands on.
func (c *copier) copyRecord(seg *segment, ir *indexReader) error {
	buf, err := c.reader.bytes(int64(ir.entry.offset), int64(ir.entry.size()))
	if err != nil {
		return err
	}
	it, err := seg.parse(buf, ir.entry)
	if err != nil {
		return err
	}
	it.record.Created, it.record.Deadline = ir.meta.created, ir.meta.deadline
	return c.add(&it)
}

// findWanted sets wanted: what is not dead, and what is but is pinned.
func (c *copier) findWanted(seg *segment) {
	l := c.log
	l.mu.RLock()
	pinned, clock := len(l.pins.kept) > 0, l.pins.clock
	l.mu.RUnlock()
	c.wanted = slices.Grow(c.wanted[:0], len(seg.entries))
	for i := range seg.entries {
		e := &seg.entries[i]
		if e.dead() {
			if !pinned || !l.isPinned(e.revision) {
				continue
			}
			c.pin(e.revision, clock)
		}
		c.wanted = append(c.wanted, e.revision)
	}
}

// pin notes that a record is copied because it is pinned.
func (c *copier) pin(revision, clock uint64) {
	p := &c.next.pinned
	if p.clock == 0 {
		p.oldest = revision
	}
	p.clock = clock
	c.pinned = append(c.pinned, revision)
}

// beginFrame begins a frame if none is begun.
func (c *copier) beginFrame(revision uint64, created int64) {
	if len(c.buf) == 0 {
		c.buf = append(c.buf, make([]byte, headLen)...)
		c.head.revision, c.head.created = revision, created
	}
}

// add copies a record.
func (c *copier) add(it *item) error {
	rec := &it.record
	c.beginFrame(rec.Revision, rec.Created)
	start := len(c.buf)
	c.buf = appendRecord(c.buf, c.next.salt, &c.head, rec, it.key)
	e := entry{rec.Revision, uint32(c.next.end) + uint32(start), uint32(len(c.buf) - start)}
	c.next.add(e)
	addToIndex(&c.index, e, rec, it.key)
	if len(c.buf) >= copyFrame {
		return c.flush()
	}
	return nil
}

// addTrim writes which revisions are trimmed, and all that is not written yet.
func (c *copier) addTrim() error {
	if slices.Sort(c.trim); len(c.trim) > 0 {
		c.trim = slices.Compact(c.trim)
		for _, revision := range c.trim {
			c.index.trim(revision)
		}
		c.beginFrame(c.run[len(c.run)-1].newest, 0)
		c.buf = appendTrim(c.buf, c.next.salt, c.trim)
	}
	return c.flush()
}

// flush writes the frame in buf.
func (c *copier) flush() error {
	if len(c.buf) == 0 {
		return nil
	}
	seg := c.next
	c.head.length, c.head.unsynced = uint32(len(c.buf)-headLen), seg.unsynced()
	c.head.put(c.buf, seg.salt, seg.end)
	if _, err := seg.file.WriteAt(c.buf, seg.end); err != nil {
		return fmt.Errorf("write %s: %w", seg.name, err)
	}
	seg.end += int64(len(c.buf))
	seg.size = seg.end
	c.buf = c.buf[:0]
	runtime.Gosched() // a writer that has no processor should not have to wait for the end of the segment
	if c.log.opts.Sync == SyncAlways() && seg.unsynced() >= copySync {
		return seg.sync()
	}
	return nil
}

package filestore

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
)

// Compaction writes segments anew that have much garbage, without it, and joins small ones. It goes in steps: a step takes one
// segment, or some adjacent ones, and makes one segment of it. A goroutine does that as long as there is
// something to do. Writers wait for a step only while the manifest is replaced, unless they outrun it, and reads not at all.
//
//	1  copy    what is live, into a new file; sync it, and the active segment
//	2  commit  a manifest with the new segment in place of the old ones
//	3  remove  the old files, when the last read has let go of them
//
// A crash before 2 leaves a file that no manifest names, one after 2 leaves files that none names any more; opening removes
// both.

const (
	// checkNow as the bytes freed makes the next write look whether to compact.
	checkNow = math.MaxInt64 / 2
	// mergeRun is how many adjacent segments are joined at least.
	mergeRun = 8
	// copyFrame is about how many bytes a frame has that compaction writes.
	copyFrame = 64 << 10
	// copySync is how many bytes compaction writes before it syncs where appends are synced too, so that none of these waits
	// for more. Where they are not, each sync would hold them up.
	copySync = 256 << 10
)

// compactLater starts compaction if there is something to compact. It looks when a segment has just been sealed: then little is
// appended that is not synced, and compaction has to sync that. Or when very much was trimmed at once.
func (l *log) compactLater() {
	if l.freed < l.opts.SegmentSize {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.freed = 0
	if l.compacting || l.closed.Load() || len(l.victims()) == 0 {
		return
	}
	l.compacting = true
	l.work.Add(1)
	go l.compact()
}

// compact does steps until there is nothing to do. Close waits for one step, or else a program that opens a bucket, writes to it
// and closes it, over and over, would leave a segment each time.
func (l *log) compact() {
	defer l.work.Done()
	for steps := 0; ; steps++ {
		l.mu.Lock()
		run := l.victims()
		if len(run) == 0 || l.closed.Load() && steps > 0 || l.fault.Load() != nil {
			l.compacting = false
			l.stepped.Broadcast()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		if err := l.rewrite(run); err != nil {
			_ = l.fail(fmt.Errorf("compact %s: %w", run[0].name, err))
		}
		l.mu.Lock()
		l.steps++
		l.stepped.Broadcast()
		l.mu.Unlock()
	}
}

// giveWay has the append that seals a segment wait for a step or two of compaction, if that falls behind. So however fast writers are,
// garbage does not grow without end.
func (l *log) giveWay() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := l.steps + 2; l.compacting && l.steps < end && l.excess() > 2*l.segmentSize(); {
		l.stepped.Wait()
	}
}

// victims returns the segments that the next step takes, none if there is nothing to do; mu is held. It is the segment with the
// largest share of garbage and others around it, if the bucket as a whole has too much, or else a run of small ones.
func (l *log) victims() []*segment {
	worst, share := -1, 0.0
	for i, seg := range l.segments {
		if s := float64(seg.waste) / float64(seg.size); s > share && l.wasteful(seg) {
			worst, share = i, s
		}
	}
	excess, coming := l.excess(), l.segmentSize()
	switch {
	case worst < 0 || excess <= 0:
		return l.smallRun()
	case excess <= coming:
		return l.wastefulRun(worst, coming/2)
	}
	return l.wastefulRun(worst, coming)
}

// excess returns by how many bytes the bucket's garbage is more than it may be, with what the next segment may make of it; mu is held.
func (l *log) excess() int64 {
	total := l.segmentSize() // the next look is when another one is sealed, and that may make as much garbage as it has bytes
	garbage := total
	if seg := l.active; seg != nil {
		total += seg.end
		garbage += seg.end - seg.start - seg.bytes
	}
	for _, seg := range l.segments {
		total += seg.size
		garbage += seg.waste
	}
	return garbage - int64(l.opts.Garbage*float64(total))
}

// wastefulRun returns a segment with its neighbours that have much garbage too, as far as no more than limit is wanted of them. What a
// step copies takes room twice until its end, so the limit is small; but where compaction falls behind writers that do not wait for
// the disk, though its steps do, it is a whole segment.
func (l *log) wastefulRun(at int, limit int64) []*segment {
	sum := l.segments[at].needs()
	joins := func(seg *segment) bool {
		if !l.wasteful(seg) || sum+seg.needs() > limit {
			return false
		}
		sum += seg.needs()
		return true
	}
	from, to := at, at+1
	for to < len(l.segments) && joins(l.segments[to]) {
		to++
	}
	for from > 0 && joins(l.segments[from-1]) {
		from--
	}
	return l.segments[from:to:to]
}

// wasteful reports whether a segment has so much garbage that it is worth writing anew; mu is held.
func (l *log) wasteful(seg *segment) bool {
	return float64(seg.waste) > float64(seg.size)*l.opts.Garbage/2 && !l.pins.hold(seg.pinned.clock, seg.pinned.oldest)
}

// smallRun returns adjacent segments that make one of normal size, none of which is more than half of it: so a record is copied
// only as often as the bucket doubles.
func (l *log) smallRun() []*segment {
	limit := l.segmentSize()
	for from := 0; from+mergeRun <= len(l.segments); from++ {
		sum, largest := int64(0), int64(0)
		to := from
		for ; to < len(l.segments); to++ {
			needs := l.segments[to].needs()
			if sum+needs > limit {
				break
			}
			sum, largest = sum+needs, max(largest, needs)
		}
		if to-from >= mergeRun && largest <= sum/2 {
			return l.segments[from:to:to]
		}
	}
	return nil
}

// rewrite does one step.
func (l *log) rewrite(run []*segment) error {
	l.changing.Lock()
	next, err := l.create()
	l.changing.Unlock()
	if err != nil {
		return err
	}
	c := copiers.Get().(*copier)
	c.begin(l, run, next)
	l.setCopying(c)
	defer c.end()
	sealed, err := c.copy()
	if err == nil {
		// What is left out may be trimmed by an append that is not durable yet, for the sake of a record of that append.
		err = l.syncActive()
	}
	if err == nil {
		err = l.replace(c, sealed)
	}
	if err != nil {
		return errors.Join(err, next.drop()) // the file may be in the manifest, so it stays
	}
	if sealed == nil {
		next.gone.Store(true)
		return next.drop()
	}
	return nil
}

func (l *log) setCopying(c *copier) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.copying = c
}

// replace puts what was copied, nothing if sealed is nil, in place of what it was copied from.
func (l *log) replace(c *copier, sealed *sealedEntry) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	run, next := c.run, c.next
	m := *l.manifest
	at := slices.IndexFunc(m.Segments, func(s sealedEntry) bool { return s.Number == run[0].number })
	var with []sealedEntry
	var segments []*segment
	if sealed != nil {
		with, segments = []sealedEntry{*sealed}, []*segment{next}
		next.size, next.first, next.newest = sealed.Size, run[0].first, run[len(run)-1].newest
	}
	m.Segments = slices.Replace(slices.Clone(m.Segments), at, at+len(run), with...)
	if err := m.write(l.fsys, l.dir); err != nil {
		return err
	}
	l.manifest = &m
	l.mu.Lock()
	c.killDead(len(c.dead))
	at = slices.Index(l.segments, run[0])
	l.segments = slices.Replace(slices.Clone(l.segments), at, at+len(run), segments...)
	l.mu.Unlock()
	for _, seg := range run {
		seg.gone.Store(true)
		_ = seg.drop() // it is of no use any more
	}
	return nil
}

// A copier writes what is live in a run of segments to another one.
type copier struct {
	log  *log
	run  []*segment
	next *segment
	head head // of the frame in buf

	reader reader // of the segment that is read
	buf    []byte
	index  indexWriter
	wanted []uint64 // of a segment, what is live or pinned
	trim   []uint64
	dead   []uint64 // pinned, or trimmed since the copying began: to be marked in next if they are there; guarded by the log's mu
}

// copiers are those that are not in use. What a step needs is much beside what a program keeps; most of it is used again.
var copiers = sync.Pool{New: func() any { return new(copier) }}

// begin makes the copier ready for a step.
func (c *copier) begin(l *log, run []*segment, next *segment) {
	c.log, c.run, c.next, c.head = l, run, next, head{kind: kindFrame}
	c.buf, c.wanted, c.trim, c.dead = c.buf[:0], c.wanted[:0], c.trim[:0], c.dead[:0]
	c.index.reset()
}

// end gives the copier back.
func (c *copier) end() {
	c.log.setCopying(nil)
	c.log, c.run, c.next, c.reader.file = nil, nil, nil, nil
	copiers.Put(c)
}

// copy returns the finished segment's entry, nil if there is nothing to keep.
func (c *copier) copy() (*sealedEntry, error) {
	for _, seg := range c.run {
		if err := c.copySegment(seg); err != nil {
			return nil, err
		}
	}
	c.forgetTrims()
	c.next.guide = makeGuide(c.next.entries)
	for more := true; more; {
		c.log.mu.Lock()
		more = c.killDead(atOnce)
		c.log.mu.Unlock()
		runtime.Gosched()
	}
	c.trim = c.next.appendDead(c.trim)
	if len(c.next.entries) == 0 && len(c.trim) == 0 {
		return nil, nil
	}
	if err := c.addTrim(); err != nil {
		return nil, err
	}
	sealed, index := c.next.index(&c.index)
	return &sealed, c.next.finish(index)
}

// atOnce is for how many records the log's lock is held. Appends wait for it, so it is for so short a time that they need not go to
// sleep; and it is held for writing, as those who wait for readers always do.
const atOnce = 1 << 4

// forgetTrims leaves out trims of what is gone from all files, or left out of this one.
func (c *copier) forgetTrims() {
	l := c.log
	kept := c.trim[:0]
	for some := range slices.Chunk(c.trim, atOnce) {
		l.mu.Lock()
		for _, revision := range some {
			if seg, _, ok := l.find(revision); ok && !slices.Contains(c.run, seg) {
				kept = append(kept, revision)
			}
		}
		l.mu.Unlock()
		runtime.Gosched()
	}
	c.trim = kept
}

// killDead marks in next some of what is dead by now, and reports whether there is more; the log's mu is held.
func (c *copier) killDead(most int) (more bool) {
	left := max(len(c.dead)-most, 0)
	for _, revision := range c.dead[left:] {
		if at, ok := c.next.find(revision); ok {
			c.next.kill(at)
		}
	}
	c.dead = c.dead[:left]
	return left > 0
}

// copySegment copies the records of a segment, less what is dead, and takes its trims. Its index tells where they are and what they
// are, so what is dead is not looked at, and may be damaged.
func (c *copier) copySegment(seg *segment) error {
	c.findWanted(seg)
	wanted := c.wanted
	c.next.entries = slices.Grow(c.next.entries, len(wanted))
	c.reader = reader{name: seg.name, file: seg.file, size: seg.size, buf: c.reader.buf[:0]}
	_, body, err := readIndex(&c.reader, seg.salt, seg.end)
	if err != nil {
		return err
	}
	ir := newIndexReader(body, seg.end)
	for ir.next() {
		if len(wanted) == 0 || wanted[0] != ir.entry.revision {
			continue
		}
		wanted = wanted[1:]
		if err := c.copyRecord(seg, ir); err != nil {
			return err
		}
	}
	c.trim = append(c.trim, ir.revisions()...)
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

// findWanted sets wanted.
func (c *copier) findWanted(seg *segment) {
	l := c.log
	c.wanted = slices.Grow(c.wanted[:0], len(seg.entries))
	for some := range slices.Chunk(seg.entries, atOnce) {
		l.mu.Lock()
		for i := range some {
			e := &some[i]
			if e.dead() && !l.pins.holds(e.revision) {
				continue
			}
			if e.dead() {
				c.pin(e.revision)
			}
			c.wanted = append(c.wanted, e.revision)
		}
		l.mu.Unlock()
		runtime.Gosched()
	}
}

// pin notes that a record is copied because it is pinned.
func (c *copier) pin(revision uint64) {
	p := &c.next.pinned
	if p.clock == 0 {
		p.oldest = revision
	}
	p.clock = c.log.pins.clock
	c.dead = append(c.dead, revision)
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
	runtime.Gosched()
	if c.log.opts.Sync == SyncAlways() && seg.unsynced() >= copySync {
		return seg.sync()
	}
	return nil
}

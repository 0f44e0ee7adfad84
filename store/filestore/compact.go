package filestore

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"
)

// Compaction writes segments anew that have much garbage, without it, and joins small ones. It goes in steps: a step takes one
// segment, or some adjacent ones, and makes one segment of it. A goroutine does that as long as there is
// something to do. Writers wait for a step only while the manifest is replaced, unless they outrun it, and reads not at all.
//
//	1  copy    what is live, into a new file; sync it, its name, and the active segment
//	2  commit  a manifest with the new segment in place of the old ones
//	3  remove  the old files, when the last read has let go of them
//
// A crash before 2 leaves a file that no manifest names, one after 2 leaves files that none names any more; opening removes
// both. A step that finds no room on the disk before 2 is given up: its file is removed, and nothing is lost but the work.

const (
	// looks is how often it is looked whether to compact while as much is trimmed as a segment holds.
	looks = 8
	// checkNow as the bytes freed makes the next write look.
	checkNow = math.MaxInt64 / 2
	// mergeRun is how many adjacent segments are joined at least.
	mergeRun = 8
	// copyFrame is about how many bytes a frame has that compaction writes.
	copyFrame = 64 << 10
	// copySync is how many bytes compaction writes before it syncs where appends are synced too, so that none of these waits
	// for more. Where they are not, each sync would hold them up.
	copySync = 256 << 10
)

// compactLater has compaction look whether there is something to do, when a segment has just been sealed and when much was trimmed
// since it looked; mu is held.
func (l *log) compactLater() {
	if len(l.trimmed) < markNow && l.freed+l.waiting < l.limit/looks || l.compacting || l.closed.Load() {
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
		l.mark()
		l.mu.Lock()
		var run []*segment
		if steps > 0 || l.freed >= l.limit/looks {
			l.freed = 0
			run = l.victims()
		}
		if len(run) == 0 || l.closed.Load() && steps > 0 || l.fault.Load() != nil {
			l.rest()
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		err := l.rewrite(run)
		givenUp := errors.Is(err, errNoRoom)
		if err != nil && !givenUp {
			_ = l.fail(fmt.Errorf("compact %s: %w", run[0].name, err))
		}
		l.mu.Lock()
		if givenUp {
			l.rest() // and the next look is when as much was trimmed again, or a segment is full
			l.mu.Unlock()
			return
		}
		l.steps++
		l.stepped.Broadcast()
		l.mu.Unlock()
	}
}

// errNoRoom: a step found no room on the disk, and has changed nothing.
var errNoRoom = errors.New("compaction is given up")

// noRoom makes an error match errNoRoom if it is for want of room. It is for what nothing but the step needs: that of a sync of what is
// there already has to end writing.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", errNoRoom, err)
	}
	return err
}

// rest ends compaction, or has it look again for what was trimmed too late to be marked; mu is held.
func (l *log) rest() {
	l.compacting = false
	l.stepped.Broadcast()
	if l.fault.Load() == nil {
		l.compactLater()
	}
}

// giveWay has the append that seals a segment wait for a step or two of compaction, if that falls behind. So however fast writers are,
// garbage does not grow without end.
func (l *log) giveWay() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := l.steps + 2; l.compacting && l.steps < end && l.excess() > l.segmentSize(); {
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
	if worst < 0 || l.excess() <= 0 {
		return l.smallRun()
	}
	return l.wastefulRun(worst)
}

// excess returns by how many bytes the bucket's garbage is more than it may be, or would be at the next look; mu is held.
func (l *log) excess() int64 {
	total := l.segmentSize() / looks // what may become garbage until then
	garbage := total
	var live, bytes int64
	if seg := l.active; seg != nil {
		total += seg.end
		garbage += seg.end - seg.start - seg.bytes
	}
	for _, seg := range l.segments {
		total += seg.size
		garbage += seg.waste
		live, bytes = live+int64(seg.live), bytes+seg.bytes
	}
	garbage += int64(len(l.trimmed)) * (bytes / max(live, 1)) // about, for these are not marked yet
	return garbage - int64(l.opts.Garbage*float64(total))
}

// wastefulRun returns a segment with its neighbours that have much garbage too, as far as no more than half a segment is wanted of them:
// what a step copies takes room twice until its end.
func (l *log) wastefulRun(at int) []*segment {
	limit, sum := l.segmentSize()/2, l.segments[at].needs()
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
		return noRoom(err)
	}
	c := copiers.Get().(*copier)
	c.begin(l, run, next)
	defer c.end()
	// What is left out may be trimmed by an append that is not durable yet, for the sake of a record of that append.
	var copied error
	err = together(l.syncActive, func() error { copied = c.write(); return nil })
	if err = cmp.Or(err, copied); err == nil {
		err = l.replace(c)
	}
	if errors.Is(err, errNoRoom) {
		next.discard()
		return err
	}
	if err != nil {
		return errors.Join(err, next.drop()) // the file may be in the manifest, so it stays
	}
	l.work.Go(func() { // what it takes need not hold up the next step
		for _, seg := range run {
			seg.discard()
		}
	})
	if c.sealed == nil {
		next.discard()
	}
	return nil
}

// together does two things that wait for the disk, at the same time.
func together(one, other func() error) error {
	done := make(chan error, 1)
	go func() { done <- one() }()
	return errors.Join(other(), <-done)
}

// replace puts what was copied, which may be nothing, in place of what it was copied from.
func (l *log) replace(c *copier) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	run, next := c.run, c.next
	m := *l.manifest
	at := slices.IndexFunc(m.Segments, func(s sealedEntry) bool { return s.Number == run[0].number })
	var with []sealedEntry
	var segments []*segment
	if c.sealed != nil {
		with, segments = []sealedEntry{*c.sealed}, []*segment{next}
		next.size, next.first, next.newest = c.sealed.Size, run[0].first, run[len(run)-1].newest
	}
	m.Segments = slices.Replace(slices.Clone(m.Segments), at, at+len(run), with...)
	body, err := m.encode()
	if err != nil {
		return err
	}
	if err := writeTemp(l.fsys, l.dir, manifestName, body); err != nil {
		return noRoom(err)
	}
	if err := installTemp(l.fsys, l.dir, manifestName); err != nil {
		return err
	}
	l.manifest = &m
	l.mu.Lock()
	at = slices.Index(l.segments, run[0])
	l.segments = slices.Replace(slices.Clone(l.segments), at, at+len(run), segments...)
	l.mu.Unlock()
	return nil
}

package filestore

import (
	"runtime"
	"slices"
)

// What is trimmed is marked dead among the entries of its segment, so that compaction leaves it out. The place of a revision is
// anywhere in memory, which takes longer to look at than all else that an append does with it. So for a sealed segment an append only
// notes what it trims, and whoever compacts marks that before a step, many at a time. Until then a trimmed revision can be read, and
// during a step nothing in a sealed segment becomes dead.

const (
	// markNow is how many revisions are trimmed before they are marked.
	markNow = 512
	// keepTrimmed is for how many of them room is kept.
	keepTrimmed = 1 << 16
	// markPart is how many are marked at a time, while appends and reads wait.
	markPart = 128
)

// forget trims a revision; mu is held.
func (l *log) forget(revision uint64) {
	if revision < l.active.first {
		seg := holder(l.segments, revision)
		if seg == nil {
			return
		}
		l.reach = true
		l.trimmed = append(l.trimmed, revision)
		l.waiting += int64(seg.largest)
	} else if !l.kill(revision) {
		return
	}
	l.index.trim(revision)
	l.pins.trimmed(revision)
}

// kill marks a revision dead now, and reports whether it was there and alive; mu is held.
func (l *log) kill(revision uint64) bool {
	seg, at, ok := l.find(revision)
	if !ok {
		return false
	}
	freed := seg.kill(at)
	l.freed += freed
	return freed > 0
}

// A place is where an entry is.
type place struct {
	seg *segment
	at  int
}

// mark marks dead what was trimmed before it was called. Only who compacts calls it, and who loads. Where the entries are is looked
// up without a lock: those of sealed segments change only in whether they are dead.
func (l *log) mark() {
	l.mu.Lock()
	trimmed, segments := l.trimmed, l.segments
	l.trimmed, l.waiting = l.marked[:0], 0
	l.mu.Unlock()
	if l.marked = trimmed; cap(trimmed) > keepTrimmed {
		l.marked = nil
	}
	var places [markPart]place
	for some := range slices.Chunk(trimmed, markPart) {
		n := 0
		for _, revision := range some {
			if seg := holder(segments, revision); seg != nil {
				if at, ok := seg.find(revision); ok {
					places[n] = place{seg, at}
					n++
				}
			}
		}
		l.mu.Lock()
		for _, p := range places[:n] {
			l.freed += p.seg.kill(p.at)
		}
		l.mu.Unlock()
		runtime.Gosched() // who waits would otherwise have to be woken on another processor
	}
}

// find returns where a revision is; mu is held.
func (l *log) find(revision uint64) (seg *segment, at int, ok bool) {
	if l.active != nil && revision >= l.active.first {
		seg = l.active
	} else {
		if seg = holder(l.segments, revision); seg == nil {
			return nil, 0, false
		}
	}
	at, ok = seg.find(revision)
	return seg, at, ok
}

// holder returns the last segment whose first revision is not above a revision: if that is in any it is in this one.
func holder(segments []*segment, revision uint64) *segment {
	lo, hi := 0, len(segments)
	for lo < hi {
		if mid := (lo + hi) / 2; segments[mid].first <= revision {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return nil
	}
	return segments[lo-1]
}

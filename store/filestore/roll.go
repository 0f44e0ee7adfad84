package filestore

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/revkv/kv/store/filestore/vfs"
)

// makeRoom sees to it that there is an active segment with room for size bytes.
func (l *log) makeRoom(size int64) error {
	if seg := l.active; seg != nil && (seg.end == seg.start || seg.end+size <= l.limit) {
		return nil
	}
	l.giveWay()
	l.changing.Lock()
	defer l.changing.Unlock()
	next := l.next
	if next == nil {
		var err error
		if next, err = l.createDurable(); err != nil {
			return err
		}
	}
	l.next = nil
	l.preparing.Store(false)
	if err := l.seal(next); err != nil {
		return errors.Join(err, next.drop()) // the file may be in the manifest, so it stays
	}
	return nil
}

// prepareLater makes the file of the next segment when the active one is half full, so that no append waits for that. No manifest
// names it yet, so a crash leaves a file that is nothing.
func (l *log) prepareLater() {
	if l.active.end <= l.limit/2 || l.preparing.Load() {
		return
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed.Load() {
		return
	}
	l.preparing.Store(true)
	l.work.Add(1)
	go l.prepare()
}

// prepare makes it. If that fails nothing is lost, and the append that needs a new segment tries again: until then there may be room.
func (l *log) prepare() {
	defer l.work.Done()
	l.changing.Lock()
	defer l.changing.Unlock()
	if l.fault.Load() != nil || !l.preparing.Load() || l.next != nil {
		return
	}
	next, err := l.createDurable()
	if err != nil {
		return
	}
	l.mu.RLock()
	expected := 2 * len(l.active.entries) // that one is half full
	l.mu.RUnlock()
	next.entries = make([]entry, 0, expected+expected/8)
	l.next = next
}

// dropNext removes the file of the next segment, if it is made; changing is held.
func (l *log) dropNext() {
	if l.next != nil {
		l.next.discard() // nothing is in it
		l.next = nil
	}
	l.preparing.Store(false)
}

// segmentSize returns how large a segment of this bucket may be: a sixteenth of what the bucket has, within bounds. So the segments are
// few, and the one that is active and not compacted, and what compaction copies at a time, are a small part of the whole. mu is held.
func (l *log) segmentSize() int64 {
	most := l.opts.SegmentSize
	total := int64(0)
	for _, seg := range l.segments {
		total += seg.size
	}
	return min(max(total/16, most/8), most)
}

// createDurable makes a new segment that a manifest may name at once; changing is held.
func (l *log) createDurable() (*segment, error) {
	seg, err := l.create()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(seg.sync(), l.syncDir()); err != nil {
		seg.discard()
		return nil, fmt.Errorf("create %s: %w", seg.name, err)
	}
	return seg, nil
}

// syncDir makes the names of the segments durable.
func (l *log) syncDir() error { return l.fsys.SyncDir(l.dir) }

// create makes a new segment, which is in no manifest yet, and of which nothing is durable; changing is held.
func (l *log) create() (*segment, error) {
	l.number++
	seg, err := createSegment(l.fsys, l.dir, &header{l.number, rand.Uint64(), l.manifest.Bucket, l.manifest.Config})
	if err != nil {
		return nil, err
	}
	// Where each append is synced a page of memory would have to be made writable again for each.
	always := l.opts.Sync == SyncAlways()
	switch mapped := seg.mapTo(l.opts.SegmentSize, !always); {
	case always:
		seg.fills = int64(len(zeros))
	case mapped:
		seg.fills = fewZeros
	}
	return seg, nil
}

// createSegment makes a segment's file.
func createSegment(fsys vfs.FS, dir string, h *header) (*segment, error) {
	name := path(dir, h.number)
	file, err := fsys.Create(name)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	encoded := h.append(nil)
	end := int64(len(encoded))
	seg := &segment{
		name: name, number: h.number, salt: h.salt, file: file, fsys: fsys, start: end, end: end, size: end,
	}
	seg.hold()
	if _, err = file.WriteAt(encoded, 0); err != nil {
		seg.discard()
		return nil, fmt.Errorf("create %s: %w", name, err)
	}
	return seg, nil
}

// sync makes all that is in the file durable; nobody writes to it meanwhile.
func (s *segment) sync() error { return s.syncTo(s.size) }

// syncTo makes durable what has been written up to an offset. When that has failed once no later sync succeeds: a system tells of
// such an error but once, and takes for written what it could not write.
func (s *segment) syncTo(end int64) error {
	s.syncing.Lock()
	defer s.syncing.Unlock()
	if s.syncFault != nil {
		return s.syncFault
	}
	if err := s.file.Sync(); err != nil {
		s.syncFault = fmt.Errorf("sync %s: %w", s.name, err)
		return s.syncFault
	}
	s.synced.Store(max(end, s.synced.Load()))
	return nil
}

// zeros are what fill adds at most. Where appends wait for the disk that is much, or else many would have a new length to sync; where
// they do not, little takes little time.
var zeros [1 << 19]byte

const fewZeros = 1 << 15

// fill sees to it that the file goes on behind what has been written up to end, with zeros. So most syncs have no new length to
// write, which takes a file system much longer than the bytes, and what is mapped is there to be written. Where there is no room
// for them the file does without.
func (s *segment) fill(end int64) {
	if s.fills == 0 || end <= s.filled {
		return
	}
	s.filled = end + min(end, s.fills)
	if _, err := s.file.WriteAt(zeros[:s.filled-end], end); err != nil {
		s.filled = math.MaxInt64
	}
}

// rewrite writes again what is not known to be synced, for a sync to come: one that has failed may have left it in memory only.
func (s *segment) rewrite() error {
	r := &reader{name: s.name, file: s.file, size: s.end}
	for at := s.synced.Load(); at < s.end; {
		buf, err := r.bytes(at, min(readAhead, s.end-at))
		if err != nil {
			return err
		}
		if _, err := s.file.WriteAt(buf, at); err != nil {
			return fmt.Errorf("write %s again: %w", s.name, err)
		}
		at += int64(len(buf))
	}
	return nil
}

// index returns what a manifest says of the segment when it is sealed, and its index.
func (s *segment) index(w *indexWriter) (sealedEntry, []byte) {
	index := w.finish(s)
	return sealedEntry{Number: s.number, Size: s.end + int64(len(index)), Index: s.end}, index
}

// finish writes the index and makes the segment durable.
func (s *segment) finish(index []byte) error {
	if _, err := s.file.WriteAt(index, s.end); err != nil {
		return fmt.Errorf("write index of %s: %w", s.name, err)
	}
	if size := s.end + int64(len(index)); size < s.filled {
		if err := s.file.Truncate(size); err != nil {
			return fmt.Errorf("cut %s behind its index: %w", s.name, err)
		}
	}
	return s.sync()
}

// seal ends the active segment, if there is one, and makes next active, which may be nil; changing is held, no Append
// is under way but the one that calls, and all before are published. A segment in which nothing is wanted any more is left out at once.
func (l *log) seal(next *segment) error {
	m := *l.manifest
	m.Newest, m.Active = l.newest, 0
	if next != nil {
		m.Active = next.number
		next.first, next.newest = l.newest+1, l.newest
	}
	seg := l.active
	wanted := seg != nil && (seg.live > 0 || l.reach || l.anyPinned(seg))
	var sealed sealedEntry
	var err error
	if wanted {
		var index []byte
		sealed, index = seg.index(&l.index)
		m.Segments = append(m.Segments[:len(m.Segments):len(m.Segments)], sealed)
		err = m.writeAfter(l.fsys, l.dir, func() error { return seg.finish(index) })
	} else {
		err = m.write(l.fsys, l.dir)
	}
	if err != nil {
		return err
	}
	l.manifest = &m
	l.mu.Lock()
	if wanted {
		seg.size, seg.guide = sealed.Size, makeGuide(seg.entries)
		seg.count(len(l.index.trims))
		l.segments = append(l.segments[:len(l.segments):len(l.segments)], seg)
	}
	l.active = next
	l.index.reset()
	l.reach = false
	l.freed, l.limit = checkNow, l.segmentSize()
	l.mu.Unlock()
	if seg != nil && !wanted {
		seg.discard()
	}
	return nil
}

// anyPinned reports whether a pin keeps a record of a segment.
func (l *log) anyPinned(seg *segment) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.ContainsFunc(seg.entries, func(e entry) bool { return l.pins.holds(e.revision) })
}

// configure replaces the bucket's configuration.
func (l *log) configure(config []byte) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	if fault := l.fault.Load(); fault != nil {
		return *fault
	}
	m := *l.manifest
	m.Config = config
	if err := m.write(l.fsys, l.dir); err != nil {
		return l.fail(err)
	}
	l.manifest = &m
	l.dropNext() // the old configuration is in it
	return nil
}

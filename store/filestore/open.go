package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"strings"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A TornTail is what opening found at the end of a log after a crash: bytes of writes that were not acknowledged, or under
// a policy other than SyncAlways not synced. Opening cuts them off; an opening for reading passes over them.
type TornTail struct {
	Bucket string
	File   string
	Offset int64 // where the whole frames end
	Bytes  int64 // after that
	Reason string
}

// openLog opens the log of the bucket in a folder.
func openLog(fsys vfs.FS, dir string, opts Options) (*log, error) {
	l, err := loadLog(fsys, dir, opts)
	if err != nil {
		return nil, err
	}
	return l, l.use()
}

// use makes a log that was loaded ready to be used. Until then nothing of it is changed.
func (l *log) use() error {
	l.loaded = false
	if l.opts.ReadOnly {
		return nil
	}
	if err := l.recover(); err != nil {
		_ = l.dropAll() // nothing was appended
		return err
	}
	return nil
}

// loadLog reads the log of the bucket in a folder.
func loadLog(fsys vfs.FS, dir string, opts Options) (*log, error) {
	for tries := 0; ; tries++ {
		m, err := readManifest(fsys, dir)
		if err != nil {
			return nil, err
		}
		l := &log{fsys: fsys, dir: dir, opts: opts, manifest: m, freed: checkNow, loaded: true}
		l.stepped.L = &l.mu
		if err = l.load(); err == nil {
			return l, nil
		}
		_ = l.dropAll() // they were only read
		// While another process writes, compaction may have removed a file since the manifest was read.
		if newer, again := readManifest(fsys, dir); !opts.ReadOnly || tries == 100 || again != nil || same(m, newer) {
			return nil, err
		}
	}
}

// same reports whether two manifests name the same segments.
func same(a, b *manifest) bool {
	if a.Active != b.Active || len(a.Segments) != len(b.Segments) {
		return false
	}
	for i := range a.Segments {
		if a.Segments[i] != b.Segments[i] {
			return false
		}
	}
	return true
}

// load reads what the manifest names: of sealed segments the index, of the active one the frames.
func (l *log) load() error {
	var trim []uint64
	for _, sealed := range l.manifest.Segments {
		seg, err := l.openSegment(sealed.Number)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, seg)
		r, err := newReader(seg.name, seg.file)
		if err != nil {
			return err
		}
		if r.size != sealed.Size {
			return r.corrupt(min(r.size, sealed.Size), "expected a file of %d bytes, found %d", sealed.Size, r.size)
		}
		seg.end, seg.size = sealed.Index, sealed.Size
		_, body, err := readIndex(r, seg.salt, sealed.Index, nil)
		if err != nil {
			return err
		}
		trimmed, err := l.takeIndex(seg, body)
		if err != nil {
			return err
		}
		trim = append(trim, trimmed...)
	}
	l.newest = max(l.newest, l.manifest.Newest)
	trimmed, err := l.loadActive()
	if err != nil {
		return err
	}
	for _, revision := range trim {
		l.kill(revision)
	}
	for _, revision := range trimmed {
		l.forget(revision)
	}
	l.mark()
	return nil
}

// openSegment opens a segment's file and reads its header.
func (l *log) openSegment(number uint64) (seg *segment, err error) {
	name := path(l.dir, number)
	open := l.fsys.Open
	if !l.opts.ReadOnly && number == l.manifest.Active {
		open = l.fsys.OpenWrite
	}
	file, err := open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.CorruptError{File: name, Reason: "expected a segment, found no file"}
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
		}
	}()
	r, err := newReader(name, file)
	if err != nil {
		return nil, err
	}
	h, start, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if h.number != number || h.name != l.manifest.Bucket {
		return nil, r.corrupt(0, "expected segment %d of bucket %q, found segment %d of bucket %q", number, l.manifest.Bucket, h.number, h.name)
	}
	seg = &segment{name: name, number: number, salt: h.salt, file: file, fsys: l.fsys, start: start, end: start}
	seg.mapTo(r.size, false)
	seg.hold()
	return seg, nil
}

// takeIndex takes the index of a segment into memory, and returns what it trims.
func (l *log) takeIndex(seg *segment, body []byte) (trim []uint64, err error) {
	ir := newIndexReader(body, seg.end)
	seg.entries = make([]entry, 0, ir.left)
	newest := uint64(0)
	if n := len(l.segments); n > 1 {
		newest = l.segments[n-2].newest
	}
	seg.first, seg.newest = newest+1, newest
	for ir.next() {
		if ir.entry.revision <= newest || int64(ir.entry.offset) < seg.start {
			ir.fail()
			break
		}
		if len(seg.entries) == 0 {
			seg.first = ir.entry.revision
		}
		seg.add(ir.entry)
	}
	trims := len(ir.buf)
	trim = ir.revisions()
	if reason := ir.fault(); reason != "" {
		return nil, &store.CorruptError{File: seg.name, Offset: seg.end, Reason: reason}
	}
	seg.guide = makeGuide(seg.entries)
	seg.count(trims)
	l.newest = max(l.newest, seg.newest)
	l.replay = append(l.replay, replayed{seg, body})
	return trim, nil
}

// A replayed is a segment whose records Records is to yield, with its index.
type replayed struct {
	seg  *segment
	body []byte
}

// records yields what is live, and returns false if yield does.
func (p replayed) records(yield func(store.Replayed, error) bool) bool {
	ir := newIndexReader(p.body, math.MaxInt64)
	for i := 0; ir.next(); i++ {
		if p.seg.entries[i].dead() {
			continue
		}
		rec := store.Replayed{Size: int(ir.meta.valueLen), Record: store.Record{
			Revision: ir.entry.revision, Operation: ir.meta.operation, Key: string(ir.key),
			Created: ir.meta.created, Deadline: ir.meta.deadline,
		}}
		if !yield(rec, nil) {
			return false
		}
	}
	return true
}

// loadActive reads the segment that was written to when the log was last open, if it was not closed: a crash, or another
// process that has it open. It returns what that trims.
func (l *log) loadActive() (trim []uint64, err error) {
	if l.manifest.Active == 0 {
		return nil, nil
	}
	seg, err := l.openSegment(l.manifest.Active)
	if err != nil {
		return nil, err
	}
	l.active = seg
	r, err := newReader(seg.name, seg.file)
	if err != nil {
		return nil, err
	}
	seg.first, seg.newest = l.newest+1, l.newest
	s := scanner{reader: r, salt: seg.salt, at: seg.start, newest: l.newest, active: true}
	for {
		ok, reason, err := s.next()
		if err == nil && !ok {
			err = s.judge(reason)
		}
		if err != nil {
			if l.opts.ReadOnly && isDamage(err) && s.again(seg.file) {
				continue
			}
			return nil, err
		}
		if !ok {
			seg.end, seg.size, l.newest = s.at, s.at, s.newest
			l.endActive(&s, reason)
			return trim, nil
		}
		for i := range s.items {
			trim = append(trim, s.items[i].trim...)
		}
		at := s.at - headLen - int64(s.head.length)
		seg.synced.Store(at - int64(s.head.unsynced))
		l.noteItems(seg, at+headLen, s.items)
	}
}

// noteItems takes the records of a frame into memory, whose items begin at an offset.
func (l *log) noteItems(seg *segment, at int64, items []item) {
	for i := range items {
		it := &items[i]
		if rec := &it.record; it.key != nil {
			e := entry{rec.Revision, uint32(at), uint32(it.length)}
			seg.add(e)
			addToIndex(&l.index, e, rec, it.key)
		}
		at += int64(it.length)
	}
}

// endActive ends the reading of the active segment, behind whose last frame is nothing, or what is no frame for a reason.
func (l *log) endActive(s *scanner, reason string) {
	if reason != "" && s.head.kind != kindIndex { // a torn index has no writes in it
		l.torn = &TornTail{l.manifest.Bucket, l.active.name, s.at, s.reader.size - s.at, reason}
	}
	l.replay = append(l.replay, replayed{l.active, l.index.body()})
}

// recover makes a log that was loaded ready to be written: it removes files that are in no manifest, which may be the room that the
// rest needs, cuts off a torn tail, and seals the segment that was active. Before, it makes the manifest durable that was found: a
// process that was killed may not have, and the one before may name these files.
func (l *log) recover() error {
	if err := l.fsys.SyncDir(l.dir); err != nil {
		return fmt.Errorf("sync %s: %w", l.dir, err)
	}
	names, err := l.fsys.List(l.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if n, ok := segmentNumber(name); ok {
			l.number = max(l.number, n)
		}
	}
	kept := map[string]bool{manifestName: true, segmentName(l.manifest.Active): true}
	for _, s := range l.manifest.Segments {
		kept[segmentName(s.Number)] = true
	}
	for _, name := range names {
		_, isSegment := segmentNumber(name)
		if (isSegment || strings.HasSuffix(name, tempSuffix)) && !kept[name] {
			_ = l.fsys.Remove(filepath.Join(l.dir, name)) // the next opening tries again
		}
	}
	if l.active == nil {
		return nil
	}
	if err := l.active.file.Truncate(l.active.end); err != nil {
		return fmt.Errorf("cut the torn tail of %s: %w", l.active.name, err)
	}
	if err := l.active.rewrite(); err != nil {
		return err
	}
	return l.seal(nil)
}

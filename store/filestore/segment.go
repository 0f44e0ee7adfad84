package filestore

import (
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A segment is a file of frames, and what is in memory of it: where each record is. One segment of a store is active, the
// others are sealed, and change only in which of their records are dead.
//
// What a lock guards is guarded by the store's mu. But the revisions and the guide of a sealed segment may be read without it, and
// whoever compacts, who alone marks entries of it dead, may read whether they are.
type segment struct {
	name   string // the path
	number uint64
	salt   uint64
	file   vfs.File
	fsys   vfs.FS

	start   int64   // where the frames begin
	end     int64   // where they end, and the index of a sealed segment begins; guarded while the segment is active
	size    int64   // of the file; guarded
	fills   int64   // how many zeros are written at a time behind what is appended
	filled  int64   // of an active segment: up to where its file is known to go; Append's
	newest  uint64  // the greatest revision appended up to its end, to this segment or one before; guarded
	entries []entry // in rising order of revision; guarded
	guide   guide   // to the entries, once they are complete; guarded
	live    int     // entries that are not dead; guarded
	bytes   int64   // of the items of these; guarded
	largest uint32  // of the items' lengths; guarded
	waste   int64   // bytes of the file that it would not have if it were written anew; guarded
	pinned  pinned  // what is dead and was copied to it; guarded
	first   uint64  // no revision below is in it, and none from here on is in a segment before; guarded

	syncing   sync.Mutex
	syncFault error        // of the first sync that failed; guarded by syncing
	synced    atomic.Int64 // up to where the file is known to be synced; written under syncing

	users atomic.Int32 // of the file: the store and the reads under way
	gone  atomic.Bool  // the file is to be removed when nobody uses it any more
}

// A pinned tells of the records that are dead and were copied to a segment because of pins.
type pinned struct {
	oldest uint64 // the least of their revisions
	clock  uint64 // of the pins then; 0 if there are none
}

// hold keeps the file open until drop is called.
func (s *segment) hold() { s.users.Add(1) }

// drop ends one use of the file. A file that cannot be removed (some systems keep a file that another process reads)
// is removed by the next opening.
func (s *segment) drop() error {
	if s.users.Add(-1) > 0 {
		return nil
	}
	err := s.file.Close()
	if s.gone.Load() {
		_ = s.fsys.Remove(s.name)
		return nil
	}
	return err
}

// discard drops a file that is of no use any more.
func (s *segment) discard() {
	s.gone.Store(true)
	_ = s.drop()
}

// unsynced returns how much of the file is not known to be synced.
func (s *segment) unsynced() uint32 { return uint32(s.end - s.synced.Load()) }

// find returns the place of a revision in entries, or false.
func (s *segment) find(revision uint64) (int, bool) { return s.guide.find(s.entries, revision) }

// add appends an entry.
func (s *segment) add(e entry) {
	s.entries = append(s.entries, e)
	s.newest = e.revision
	s.live++
	s.bytes += int64(e.length)
	s.largest = max(s.largest, e.length)
}

// kill marks a revision dead and returns how many bytes that frees, 0 if it was dead already.
func (s *segment) kill(at int) (freed int64) {
	e := &s.entries[at]
	if e.dead() {
		return 0
	}
	freed = int64(e.length)
	s.live--
	s.bytes -= freed
	s.waste += freed + s.indexed()
	e.length |= deadBit
	return freed
}

// indexed returns how many bytes a sealed segment's index has for a record, 0 for one that is not sealed.
func (s *segment) indexed() int64 { return (s.size - s.end) / int64(len(s.entries)) }

// count sets waste for a segment that has just been sealed or opened, whose index has some bytes of trims: its frames may hold records
// that were dead before it was sealed, and frames of single records have more heads than those that compaction writes.
func (s *segment) count(trims int) {
	s.waste = max(0, s.end-s.start-s.bytes-headLen*(2+s.bytes/copyFrame)-int64(trims))
	if dead := len(s.entries) - s.live; dead > 0 {
		s.waste += int64(dead) * s.indexed()
	}
}

// needs returns about how many bytes the segment would have if it were written anew.
func (s *segment) needs() int64 { return s.size - s.waste }

// read returns the item of an entry.
func (s *segment) read(e entry) (it item, err error) {
	buf := make([]byte, e.size())
	if n, err := s.file.ReadAt(buf, int64(e.offset)); n < len(buf) {
		return it, readError(s.name, int64(e.offset)+int64(n), err)
	}
	// The revision is counted from the frame's, which is not at hand; parseItem is told what comes out.
	return s.parse(buf, e)
}

// parse decodes the item of an entry.
func (s *segment) parse(buf []byte, e entry) (it item, err error) {
	d := decoder{buf: buf[min(len(buf), checksumLen+1):]}
	base := head{revision: e.revision - d.uvarint()}
	it, reason := parseItem(buf, s.salt, &base)
	if reason == "" && it.length != len(buf) {
		reason = "expected the item to be as long as the index says"
	}
	if reason != "" {
		return it, &store.CorruptError{File: s.name, Offset: int64(e.offset), Reason: reason}
	}
	return it, nil
}

// mapTo has the first size bytes of the file read, and written if write is true, as memory, if the file system can do that. It
// reports whether it can; nothing else depends on it.
func (s *segment) mapTo(size int64, write bool) bool {
	m, ok := s.file.(vfs.Mapper)
	return ok && m.Map(size, write) == nil
}

// path returns the path of a segment's file.
func path(dir string, number uint64) string { return filepath.Join(dir, segmentName(number)) }

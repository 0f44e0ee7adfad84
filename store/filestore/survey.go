package filestore

import (
	"encoding/binary"
	"errors"
	"slices"
	"sort"

	"github.com/revkv/kv/store"
)

// A role says what a segment's file is to be.
type role uint8

const (
	roleSealed  role = iota // the manifest says how long it is and where its index is
	roleActive              // the manifest says that it is written to, so its end may be torn
	roleUnknown             // no manifest tells
)

// A survey is all that can be learned from the file of a segment, damaged or not.
//
// Frames and index tell the same, so each stands in for the other where that is damaged. The frames are read from front to
// back, and the index beside them:
//
//	index    1     2        5     6        what is kept
//	frames  [1]   [2] [4]  ~~~~~ [6]       4 is trimmed; 5 is read by itself, by what the index says about it, and lost
//	                                       only if it is damaged itself
//
// Without an index all records of the frames count that the bucket does not trim.
type survey struct {
	tool   *tool
	bucket string
	role   role
	sealed sealedEntry // if the role is roleSealed
	number uint64      // that it is to have
	above  uint64      // its revisions are to be above this one

	file   *source // nil if there is none
	reader *reader
	name   string
	salt   uint64
	start  int64        // where the frames begin
	end    int64        // where they end at the latest
	index  *indexReader // stands on a record that is not met yet; nil if there is no such record
	whole  bool         // there is an index, and it is whole

	kept       []found  // records, as far as this segment tells
	dropped    []found  // whole records that are not in the index
	bytes      int64    // of both
	frameTrim  []uint64 // what the frames trim, in any segment
	indexTrim  []uint64 // what the index says of that; in order
	newest     uint64   // the greatest revision that is heard of
	regions    []*region
	gaps       []*region // those of the frames, in order
	cut        *region   // at the end of the file, if something is missing there
	open       int       // regions that are
	torn       *TornTail
	unreadable bool // nothing of it can be read: its header is another's, or its salt is lost
}

// A found record is one that is whole.
type found struct {
	revision uint64
	created  int64
	offset   uint32
	length   uint32
	in       *survey
}

// A region is a damaged part of a segment.
type region struct {
	Damage
	open bool   // which revisions it had is not known yet
	from uint64 // none below this one
	kept int    // records of the same frames that are whole
}

// isDamage reports whether an error says that a file is not as it was written, and not that it cannot be read.
func isDamage(err error) bool {
	return errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFormatVersion)
}

// read reads the file. An error is one of the file system or the context.
func (s *survey) read() error {
	if s.file == nil {
		s.unreadable = true
		s.leaveOpen(s.damaged(0, 0, &store.CorruptError{File: s.name, Reason: "expected a segment, found no file"}))
		return nil
	}
	if err := s.readHeader(); err != nil || s.unreadable {
		return err
	}
	if err := s.readIndex(); err != nil {
		return err
	}
	s.reader.size = s.end
	if err := s.readFrames(); err != nil {
		return err
	}
	if s.cut != nil && !s.whole {
		s.leaveOpen(s.cut)
	}
	return s.drainIndex()
}

// damaged notes a damaged part of the file.
func (s *survey) damaged(offset, bytes int64, err error) *region {
	r := &region{Damage: Damage{Bucket: s.bucket, File: s.name, Offset: offset, Bytes: bytes, Err: err}}
	var corrupt *store.CorruptError
	if cause := s.file.unreadable(offset, bytes); cause != nil && errors.As(err, &corrupt) {
		corrupt.Err = cause
	}
	s.regions = append(s.regions, r)
	return r
}

// corrupt is damaged for an error of a few words.
func (s *survey) corrupt(offset, bytes int64, format string, args ...any) *region {
	return s.damaged(offset, bytes, s.reader.corrupt(offset, format, args...))
}

// readHeader finds out what the segment is.
func (s *survey) readHeader() error {
	h, start, err := readHeader(s.reader)
	switch {
	case err == nil:
		s.salt, s.start = h.salt, start
		if h.number != s.number || h.name != s.bucket {
			s.unreadable = true
			s.leaveOpen(s.corrupt(0, s.reader.size,
				"expected segment %d of bucket %q, found segment %d of bucket %q", s.number, s.bucket, h.number, h.name))
		}
		return nil
	case !isDamage(err):
		return err
	}
	return s.doWithoutHeader(err)
}

// doWithoutHeader looks for frames in a segment whose header is damaged.
func (s *survey) doWithoutHeader(damage error) error {
	salt, found, err := findSalt(s.reader)
	if err != nil {
		return err
	}
	s.salt, s.start, s.unreadable = salt, s.reader.size, !found
	if found {
		c := scanner{reader: s.reader, salt: salt}
		if s.start, err = c.nextHead(0); err != nil {
			return err
		}
	}
	r := s.damaged(0, s.start, damage)
	s.gaps = append(s.gaps, r)
	alone, err := s.headerEndsAt(s.start)
	if !alone {
		s.leaveOpen(r)
	}
	return err
}

// headerEndsAt reports whether a damaged header, as far as it tells, ends at an offset: then no frame was before.
func (s *survey) headerEndsAt(end int64) (bool, error) {
	if end < headerFixed {
		return false, nil
	}
	buf, err := s.reader.bytes(0, end)
	if err != nil {
		return false, err
	}
	for _, nameLen := range []int{len(s.bucket), int(binary.LittleEndian.Uint16(buf[12:]))} {
		at := headerFixed + nameLen
		if at+4 <= len(buf) && int64(at)+4+int64(binary.LittleEndian.Uint32(buf[at:]))+checksumLen == end {
			return true, nil
		}
	}
	return false, nil
}

// readIndex reads the index, if there is one to be read.
func (s *survey) readIndex() (err error) {
	size := s.reader.size
	s.end = size
	switch s.role {
	case roleActive:
		return nil
	case roleUnknown:
		if s.end, err = s.findIndex(); err != nil || s.end == size {
			return err
		}
		s.role = roleSealed
	case roleSealed:
		s.end = min(s.sealed.Index, size)
		if size != s.sealed.Size {
			s.cut = s.corrupt(min(size, s.sealed.Size), max(size-s.sealed.Size, 0), "expected a file of %d bytes, found %d", s.sealed.Size, size)
		}
	}
	s.start = min(s.start, s.end)
	h, body, err := readIndex(s.reader, s.salt, s.end, nil)
	if err != nil {
		return s.lostIndex(err)
	}
	s.newest = max(s.newest, h.revision)
	ir := newIndexReader(body, s.end)
	for ir.next() {
		if ir.entry.revision <= s.above || int64(ir.entry.offset) < headerFixed {
			ir.fail()
		}
	}
	trim := ir.revisions()
	if reason := ir.fault(); reason != "" {
		return s.lostIndex(s.reader.corrupt(s.end, "%s", reason))
	}
	slices.Sort(trim)
	s.closeAll(0) // from now on the index tells what is lost
	s.whole, s.indexTrim, s.index = true, trim, newIndexReader(body, s.end)
	s.nextIndexed()
	return nil
}

// lostIndex notes that the index is damaged.
func (s *survey) lostIndex(err error) error {
	if isDamage(err) {
		s.damaged(s.end, s.reader.size-s.end, err)
		return nil
	}
	return err
}

// findIndex returns where the first index of the file is, its end if there is none.
func (s *survey) findIndex() (int64, error) {
	for at := s.start; at+headLen <= s.reader.size; at++ {
		buf, err := s.reader.bytes(at, headLen)
		if err != nil {
			return 0, err
		}
		if buf[4] != kindIndex {
			continue
		}
		if _, reason := parseHead(buf, s.salt, at); reason == "" {
			return at, nil
		}
	}
	return s.reader.size, nil
}

// nextIndexed goes on to the next record of the index.
func (s *survey) nextIndexed() {
	if !s.index.next() {
		s.index = nil
	}
}

// readFrames reads what is before the index.
func (s *survey) readFrames() error {
	c := scanner{reader: s.reader, salt: s.salt, at: s.start, newest: s.above, active: s.role != roleSealed}
	for {
		at := c.at
		ok, reason, err := c.next()
		over := err == nil && !ok && reason == ""
		if err == nil && reason != "" {
			over, err = s.endsTorn(&c, reason)
		}
		switch {
		case err == nil && ok:
			err = s.takeFrame(&c, at)
		case over:
			s.endFrames(&c, reason)
			return nil
		case s.role == roleActive && (err == nil || isDamage(err)) && c.again(s.file):
			s.end = s.reader.size
			continue
		case err == nil:
			err = s.skipDamage(&c, reason)
		}
		if err != nil {
			return err
		}
		s.tool.reached(s.file, c.at)
	}
}

// endsTorn reports whether what follows is what a crash has left, by the rule of Open.
func (s *survey) endsTorn(c *scanner, reason string) (bool, error) {
	if s.role == roleSealed {
		return false, nil
	}
	_, damaged, err := c.laterHead(c.at)
	return err == nil && !damaged, err
}

// endFrames deals with what is behind the last frame: an index, nothing, or what a crash has left.
func (s *survey) endFrames(c *scanner, reason string) {
	switch isIndex := c.head.kind == kindIndex; {
	case reason != "" && !isIndex:
		s.torn = &TornTail{s.bucket, s.name, c.at, s.reader.size - c.at, reason}
	case reason == "" && isIndex:
		s.newest = max(s.newest, c.head.revision)
		s.closeAll(c.head.revision)
	}
}

// takeFrame takes the items of a whole frame that begins at an offset.
func (s *survey) takeFrame(c *scanner, at int64) error {
	at += headLen
	if len(c.items) > 0 && c.items[0].key == nil {
		s.closeAll(c.head.revision) // there is no record that tells better
	}
	s.newest = max(s.newest, c.head.revision)
	for i := range c.items {
		it := &c.items[i]
		if err := s.take(at, it); err != nil {
			return err
		}
		at += int64(it.length)
	}
	return nil
}

// take takes an item that is whole.
func (s *survey) take(at int64, it *item) error {
	if it.key == nil {
		s.frameTrim = append(s.frameTrim, it.trim...)
		return nil
	}
	rec := &it.record
	s.closeAll(rec.Revision - 1)
	s.newest = max(s.newest, rec.Revision)
	s.bytes += int64(it.length)
	if reason := s.tool.keyFault(it.key); reason != "" {
		s.corrupt(at, int64(it.length), "revision %d: %s", rec.Revision, reason)
	}
	for s.index != nil && int64(s.index.entry.offset) < at {
		if err := s.takeAlone(); err != nil {
			return err
		}
	}
	f := found{rec.Revision, rec.Created, uint32(at), uint32(it.length), s}
	if s.whole && (s.index == nil || int64(s.index.entry.offset) != at) {
		s.dropped = append(s.dropped, f)
		return nil
	}
	if s.whole {
		if !s.index.tells(it, rec.Created) {
			s.corrupt(at, int64(it.length), "expected revision %d as in the index, found revision %d", s.index.entry.revision, rec.Revision)
		}
		s.nextIndexed()
	}
	s.kept = append(s.kept, f)
	return nil
}

// tells reports whether the index says of its record what the item does, if base is added to the item's times.
func (r *indexReader) tells(it *item, created int64) bool {
	rec, e, m := &it.record, &r.entry, &r.meta
	deadline := int64(0)
	if it.timed {
		deadline = created + (rec.Deadline - rec.Created)
	}
	return rec.Revision == e.revision && it.length == e.size() && rec.Operation == m.operation &&
		created == m.created && deadline == m.deadline &&
		string(it.key) == string(r.key) && len(rec.Value) == int(m.valueLen)
}

// drainIndex deals with what the index has and the frames have not.
func (s *survey) drainIndex() error {
	for s.index != nil {
		if err := s.takeAlone(); err != nil {
			return err
		}
	}
	for _, r := range s.regions {
		r.Split = len(r.Lost) > 0 && r.kept > 0
	}
	return nil
}

// takeAlone takes the index's record, which was not met in a whole frame, from where the index says it is.
func (s *survey) takeAlone() error {
	defer s.nextIndexed()
	e := s.index.entry
	f := found{e.revision, s.index.meta.created, e.offset, e.length, s}
	it, err := s.item(f)
	if err == nil && !s.index.tells(&it, f.created) {
		err = s.reader.corrupt(int64(e.offset), "expected revision %d as in the index", e.revision)
	}
	r := s.gapAt(int64(e.offset))
	switch {
	case err == nil:
		s.kept = append(s.kept, f)
		s.bytes += int64(e.length)
		if r != nil {
			r.kept++
		}
		return nil
	case !isDamage(err):
		return err
	case r == nil:
		r = s.damaged(int64(e.offset), int64(e.length), err)
	}
	if contains(s.indexTrim, e.revision) {
		return nil
	}
	r.Lost, r.Exact = addRevision(r.Lost, e.revision), true
	return nil
}

// item reads the item of a record. Its times are counted from 0; how it is to be read otherwise is known from f.
func (s *survey) item(f found) (item, error) {
	buf := make([]byte, f.length)
	if n, err := s.file.ReadAt(buf, int64(f.offset)); n < len(buf) {
		return item{}, readError(s.name, int64(f.offset)+int64(n), err)
	}
	seg := segment{name: s.name, salt: s.salt}
	return seg.parse(buf, entry{f.revision, f.offset, f.length})
}

// record reads a record.
func (s *survey) record(f found) (store.Record, error) {
	it, err := s.item(f)
	if err != nil {
		return store.Record{}, err
	}
	rec := it.record
	if it.timed {
		rec.Deadline = f.created + (rec.Deadline - rec.Created)
	}
	rec.Key, rec.Created = string(it.key), f.created
	return rec, nil
}

// gapAt returns the damaged part of the frames that an offset is in, nil if there is none.
func (s *survey) gapAt(offset int64) *region {
	at := sort.Search(len(s.gaps), func(i int) bool { return s.gaps[i].Offset > offset }) - 1
	if at < 0 || offset >= s.gaps[at].Offset+s.gaps[at].Bytes {
		return nil
	}
	return s.gaps[at]
}

// leaveOpen notes that a region may have had revisions above all so far.
func (s *survey) leaveOpen(r *region) {
	r.open, r.from = true, max(s.newest, s.above)+1
	s.open++
}

// closeAll notes that none of the open regions had a revision above last.
func (s *survey) closeAll(last uint64) {
	for i := len(s.regions) - 1; i >= 0 && s.open > 0; i-- {
		if s.regions[i].open {
			s.regions[i].close(last)
			s.open--
		}
	}
}

func (r *region) close(last uint64) {
	if r.open = false; r.from <= last {
		r.Lost = []Revisions{{r.from, last}}
	}
}

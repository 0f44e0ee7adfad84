package filestore_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/revkv/kv/store"
)

// This file reads folders by what FORMAT.md says, with the standard library and nothing of package filestore. It is short
// rather than fast.

// A formatReader reads files.
type formatReader struct {
	readFile func(name string) ([]byte, error)
}

var errFormat = errors.New("not what FORMAT.md says")

// folder reads all buckets of a folder, by name.
func (r formatReader) folder(dir string, names []string) (map[string]state, error) {
	marker, err := r.readFile(filepath.Join(dir, "REVKV"))
	if err == nil {
		_, err = formatText(marker)
	}
	if err != nil {
		return nil, err
	}
	buckets := map[string]state{}
	for _, name := range names {
		if !regexp.MustCompile(`^\d+-`).MatchString(name) {
			continue
		}
		b, err := r.bucket(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		buckets[b.name] = b.state
	}
	return buckets, nil
}

// formatText returns the body of a text file.
func formatText(text []byte) ([]byte, error) {
	line, body, _ := bytes.Cut(text, []byte("\n"))
	if string(line) != fmt.Sprintf("revkv 1 %08x", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))) {
		return nil, errFormat
	}
	return body, nil
}

// A formatBucket is a bucket that is being read.
type formatBucket struct {
	name string
	state
	records map[uint64]store.Record
	trims   []uint64
}

func (r formatReader) bucket(dir string) (b formatBucket, err error) {
	text, err := r.readFile(filepath.Join(dir, "MANIFEST"))
	if err != nil {
		return b, err
	}
	if text, err = formatText(text); err != nil {
		return b, err
	}
	var manifest struct {
		Bucket   string
		Config   []byte
		Segments []struct{ Number, Size, Index int }
		Active   int
		Newest   uint64
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return b, err
	}
	b = formatBucket{name: manifest.Bucket, records: map[uint64]store.Record{}}
	b.Config, b.Newest = string(manifest.Config), manifest.Newest
	for _, s := range manifest.Segments {
		seg, err := r.segment(dir, s.Number, b.name)
		if err == nil && len(seg.file) != s.Size {
			err = errFormat
		}
		if err == nil {
			err = seg.index(s.Index, &b)
		}
		if err != nil {
			return b, err
		}
	}
	if manifest.Active != 0 {
		seg, err := r.segment(dir, manifest.Active, b.name)
		if err == nil {
			err = seg.frames(&b)
		}
		if err != nil {
			return b, err
		}
	}
	for _, revision := range b.trims {
		delete(b.records, revision)
	}
	for _, record := range b.records {
		b.Records = append(b.Records, record)
	}
	slices.SortFunc(b.Records, func(x, y store.Record) int { return int(x.Revision) - int(y.Revision) })
	return b, nil
}

// note takes a record.
func (b *formatBucket) note(record store.Record) {
	b.records[record.Revision] = record
	b.Newest = max(b.Newest, record.Revision)
}

// A formatSegment is the file of a segment.
type formatSegment struct {
	file  []byte
	salt  uint64
	start int // of the frames
}

func (r formatReader) segment(dir string, number int, bucket string) (s formatSegment, err error) {
	if s.file, err = r.readFile(filepath.Join(dir, fmt.Sprintf("%08d.seg", number))); err != nil {
		return s, err
	}
	d := formatDecoder{s.file}
	magic, version := string(d.take(8)), d.u32()
	nameLen := int(binary.LittleEndian.Uint16(append(d.take(2), 0, 0)))
	d.take(2)
	gotNumber, salt := d.u64(), d.u64()
	name := string(d.take(nameLen))
	d.take(int(d.u32()))
	before := len(s.file) - len(d.data)
	sum := d.u32()
	s.salt, s.start = salt, before+4
	ok := magic == "revkvseg" && version == 1 && gotNumber == uint64(number) && name == bucket &&
		sum == crc32.Checksum(s.file[:before], crc32.MakeTable(crc32.Castagnoli))
	if !ok {
		return s, errFormat
	}
	return s, nil
}

// sum is the checksum of data at a place.
func (s *formatSegment) sum(place uint64, data []byte) uint32 {
	all := binary.LittleEndian.AppendUint64(nil, s.salt)
	all = binary.LittleEndian.AppendUint64(all, place)
	return crc32.Checksum(append(all, data...), crc32.MakeTable(crc32.Castagnoli))
}

// A formatHead is the head of a frame or an index.
type formatHead struct {
	kind             byte
	length, unsynced int
	revision         uint64
	created          int64
}

// head returns the head at an offset, or false if there is none.
func (s *formatSegment) head(at int) (h formatHead, ok bool) {
	if at < 0 || at+32 > len(s.file) {
		return h, false
	}
	d := formatDecoder{s.file[at : at+32]}
	sum := d.u32()
	h.kind = d.take(1)[0]
	zero := d.take(3)
	h.length, h.unsynced, h.revision, h.created = int(d.u32()), int(d.u32()), d.u64(), int64(d.u64())
	ok = sum == s.sum(uint64(at), s.file[at+4:at+32]) && bytes.Equal(zero, []byte{0, 0, 0}) && (h.kind == 1 || h.kind == 2)
	return h, ok
}

// frames reads the frames of an active segment.
func (s *formatSegment) frames(b *formatBucket) error {
	at := s.start
	for at < len(s.file) {
		h, ok := s.head(at)
		end := at + 32 + h.length
		if ok && end <= len(s.file) && h.kind == 2 {
			return nil
		}
		if !ok || end > len(s.file) || !s.frame(s.file[at+32:end], h, b) {
			if len(bytes.Trim(s.file[at:], "\x00")) == 0 {
				return nil
			}
			return s.judge(at)
		}
		at = end
	}
	return nil
}

// frame reads the items of a frame, all or none.
func (s *formatSegment) frame(items []byte, h formatHead, b *formatBucket) bool {
	var records []store.Record
	var trims []uint64
	newest := b.Newest
	for d := (formatDecoder{items}); len(d.data) > 0; {
		sum, item := d.u32(), d.data
		var place uint64
		if len(item) > 0 && item[0] == 4 {
			d.take(1)
			for _, revision := range d.trims() {
				if revision <= max(newest, h.revision) {
					trims = append(trims, revision)
				}
			}
		} else {
			record := d.record(h.revision, h.created)
			keyLen, valueLen := d.uvarint(), d.uvarint()
			record.Key, record.Value = string(d.take(int(keyLen))), d.take(int(valueLen))
			if record.Revision <= newest {
				return false
			}
			records = append(records, record)
			place, newest = record.Revision, record.Revision
		}
		if d.data == nil || sum != s.sum(place, item[:len(item)-len(d.data)]) {
			return false
		}
	}
	for _, record := range records {
		b.note(record)
	}
	b.trims = append(b.trims, trims...)
	return true
}

// judge decides whether what is at an offset, where no frame is, is a torn tail or damaged.
func (s *formatSegment) judge(at int) error {
	for o := at + 1; o < len(s.file); o++ {
		if h, ok := s.head(o); ok && o-h.unsynced > at {
			return errFormat
		}
	}
	return nil
}

// index reads the index of a sealed segment, and the values of its records.
func (s *formatSegment) index(at int, b *formatBucket) error {
	h, ok := s.head(at)
	if !ok || h.kind != 2 || at+32+h.length != len(s.file) {
		return errFormat
	}
	d := formatDecoder{s.file[at+32:]}
	if d.u32() != s.sum(uint64(at), d.data) {
		return errFormat
	}
	var record store.Record
	end := 0
	for range d.uvarint() {
		record = d.record(record.Revision, record.Created)
		offset := end + int(d.uvarint())
		keyLen, valueLen, rest := int(d.uvarint()), int(d.uvarint()), int(d.uvarint())
		end = offset + keyLen + valueLen + rest
		record.Key = string(d.take(keyLen))
		item := s.file[offset:end]
		if binary.LittleEndian.Uint32(item) != s.sum(record.Revision, item[4:]) {
			return errFormat
		}
		record.Value = item[len(item)-valueLen:]
		b.note(record)
	}
	b.trims = append(b.trims, d.trims()...)
	if d.data == nil || len(d.data) > 0 {
		return errFormat
	}
	return nil
}

// A formatDecoder takes values off the front of data, which is nil when there was not enough.
type formatDecoder struct{ data []byte }

func (d *formatDecoder) take(n int) []byte {
	if n < 0 || n > len(d.data) {
		d.data = nil
		return nil
	}
	taken := d.data[:n:n]
	d.data = d.data[n:]
	return taken
}

func (d *formatDecoder) u32() uint32 {
	return binary.LittleEndian.Uint32(append(d.take(4), 0, 0, 0, 0))
}

func (d *formatDecoder) u64() uint64 {
	return binary.LittleEndian.Uint64(append(d.take(8), 0, 0, 0, 0, 0, 0, 0, 0))
}

func (d *formatDecoder) uvarint() (v uint64) {
	for shift := 0; ; shift += 7 {
		group := append(d.take(1), 0)[0]
		v |= uint64(group&0x7f) << shift
		if group < 0x80 {
			return v
		}
	}
}

func (d *formatDecoder) varint() int64 {
	v := d.uvarint()
	if v%2 == 1 {
		return -int64(v/2) - 1
	}
	return int64(v / 2)
}

// record reads what is the same in frames and indexes: operation, revision and times, counted from others.
func (d *formatDecoder) record(revision uint64, created int64) (r store.Record) {
	operation := append(d.take(1), 0)[0]
	r.Operation = store.Operation(operation & 0x7f)
	r.Revision = revision + d.uvarint()
	r.Created = created + d.varint()
	if operation&0x80 != 0 {
		r.Deadline = r.Created + d.varint()
	}
	return r
}

// trims reads a list of revisions.
func (d *formatDecoder) trims() (revisions []uint64) {
	last := uint64(0)
	for n := d.uvarint(); n > 0 && d.data != nil; n-- {
		last += d.uvarint()
		revisions = append(revisions, last)
	}
	return revisions
}

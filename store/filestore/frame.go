package filestore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/revkv/kv/store"
)

// What a segment is made of; FORMAT.md has the tables.
//
//	segment   header frame frame ... [index]
//	header    magic version number salt name config checksum
//	frame     head item item ...          one call of Append, whole or absent
//	item      a record, or a list of trimmed revisions
//	index     head and, for each record that is kept when the segment is sealed, all but its value
//
// Numbers are little-endian. Checksums are CRC-32C; each is begun with the segment's salt and with the place (of a head) or
// the revision (of a record), so that bytes from elsewhere do not pass for what should be here.

const (
	formatVersion = 1

	headerMagic = "revkvseg"
	headerFixed = 32 // bytes of a header before the name and the configuration
	checksumLen = 4
	headLen     = 32

	kindFrame = 1
	kindIndex = 2

	// maxFrame is the most bytes of one frame, so that an offset in a segment fits into 32 bits.
	maxFrame = math.MaxInt32
)

// Items begin with an operation: that of the record, or trimItem. The flag tells of a deadline.
const (
	trimItem     = 4
	deadlineFlag = 0x80
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumTables are tables for checksums of 8 bytes at once: sumTables[n][b] is what byte b does to a checksum when n bytes follow.
var sumTables = func() (t [8]crc32.Table) {
	t[0] = *castagnoli
	for n := 1; n < len(t); n++ {
		for b := range t[n] {
			sum := t[n-1][b]
			t[n][b] = castagnoli[byte(sum)] ^ sum>>8
		}
	}
	return t
}()

// checksum returns the checksum of data in the segment with a salt, at a place: an offset or a revision.
func checksum(salt, place uint64, data []byte) uint32 {
	return crc32.Update(addToSum(addToSum(0, salt), place), castagnoli, data)
}

// addToSum adds the bytes of v to a checksum. For crc32.Update they would have to be on the heap.
func addToSum(sum uint32, v uint64) uint32 {
	v ^= uint64(^sum)
	sum = 0
	for n := range sumTables {
		sum ^= sumTables[7-n][byte(v>>(8*n))]
	}
	return ^sum
}

// A header is the beginning of a segment. With the bucket's name and configuration in it a segment can be read alone, if
// all else is lost.
type header struct {
	number uint64
	salt   uint64
	name   string
	config []byte
}

// append adds the encoded header to buf, which is empty.
func (h *header) append(buf []byte) []byte {
	buf = append(buf, headerMagic...)
	buf = binary.LittleEndian.AppendUint32(buf, formatVersion)
	buf = binary.LittleEndian.AppendUint16(buf, uint16(len(h.name)))
	buf = binary.LittleEndian.AppendUint16(buf, 0)
	buf = binary.LittleEndian.AppendUint64(buf, h.number)
	buf = binary.LittleEndian.AppendUint64(buf, h.salt)
	buf = append(buf, h.name...)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(h.config)))
	buf = append(buf, h.config...)
	return binary.LittleEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
}

// readHeader reads the header of a segment file, and returns where it ends.
func readHeader(r *reader) (h header, end int64, err error) {
	fixed, err := r.bytes(0, headerFixed)
	if err != nil {
		return h, 0, err
	}
	if string(fixed[:8]) != headerMagic {
		return h, 0, r.corrupt(0, "expected %q, found %q", headerMagic, fixed[:8])
	}
	if version := binary.LittleEndian.Uint32(fixed[8:]); version != formatVersion {
		return h, 0, &store.VersionError{File: r.name, Version: uint64(version), Newest: formatVersion}
	}
	h.number = binary.LittleEndian.Uint64(fixed[16:])
	h.salt = binary.LittleEndian.Uint64(fixed[24:])
	nameLen := int64(binary.LittleEndian.Uint16(fixed[12:]))
	configAt := headerFixed + nameLen + 4
	named, err := r.bytes(0, configAt)
	if err != nil {
		return h, 0, err
	}
	h.name = string(named[headerFixed : headerFixed+nameLen])
	end = configAt + int64(binary.LittleEndian.Uint32(named[headerFixed+nameLen:])) + checksumLen
	all, err := r.bytes(0, end)
	if err != nil {
		return h, 0, err
	}
	body := all[:end-checksumLen]
	if want, got := binary.LittleEndian.Uint32(all[len(body):]), crc32.Checksum(body, castagnoli); want != got {
		return h, 0, r.corrupt(0, "expected a header with checksum %08x, found %08x", want, got)
	}
	h.config = append([]byte(nil), body[configAt:]...)
	return h, end, nil
}

// A head begins a frame or an index.
type head struct {
	kind     uint8
	length   uint32 // of the bytes after the head
	unsynced uint32 // bytes of the file before this head that were not known to be synced when it was written
	revision uint64 // what the revisions in the frame are counted from
	created  int64  // what the times in the frame are counted from
}

// put encodes the head into buf, which begins at offset at of the segment.
func (h *head) put(buf []byte, salt uint64, at int64) {
	buf[4], buf[5], buf[6], buf[7] = h.kind, 0, 0, 0
	binary.LittleEndian.PutUint32(buf[8:], h.length)
	binary.LittleEndian.PutUint32(buf[12:], h.unsynced)
	binary.LittleEndian.PutUint64(buf[16:], h.revision)
	binary.LittleEndian.PutUint64(buf[24:], uint64(h.created))
	binary.LittleEndian.PutUint32(buf, checksum(salt, uint64(at), buf[4:headLen]))
}

// parseHead decodes what put wrote; reason says what is wrong with it, "" if nothing is.
func parseHead(buf []byte, salt uint64, at int64) (h head, reason string) {
	h, ok := decodeHead(buf, at)
	if !ok {
		return h, "expected the head of a frame"
	}
	if want, got := binary.LittleEndian.Uint32(buf), checksum(salt, uint64(at), buf[4:headLen]); want != got {
		return h, fmt.Sprintf("expected the head of a frame with checksum %08x, found %08x", want, got)
	}
	return h, ""
}

// decodeHead decodes what put wrote, and reports whether it makes sense at that place, whatever its checksum.
func decodeHead(buf []byte, at int64) (h head, ok bool) {
	h = head{
		kind:     buf[4],
		length:   binary.LittleEndian.Uint32(buf[8:]),
		unsynced: binary.LittleEndian.Uint32(buf[12:]),
		revision: binary.LittleEndian.Uint64(buf[16:]),
		created:  int64(binary.LittleEndian.Uint64(buf[24:])),
	}
	known := h.kind == kindFrame || h.kind == kindIndex
	return h, known && buf[5]|buf[6]|buf[7] == 0 && int64(h.unsynced) <= at && h.length <= maxFrame
}

// appendRecord adds a record, whose key is given apart, to a frame that counts from base.
func appendRecord[Key string | []byte](buf []byte, salt uint64, base *head, rec *store.Record, key Key) []byte {
	start := len(buf)
	op := byte(rec.Operation)
	if rec.Deadline != 0 {
		op |= deadlineFlag
	}
	buf = append(buf, 0, 0, 0, 0, op)
	buf = binary.AppendUvarint(buf, rec.Revision-base.revision)
	buf = binary.AppendVarint(buf, rec.Created-base.created)
	if rec.Deadline != 0 {
		buf = binary.AppendVarint(buf, rec.Deadline-rec.Created)
	}
	buf = binary.AppendUvarint(buf, uint64(len(key)))
	buf = binary.AppendUvarint(buf, uint64(len(rec.Value)))
	buf = append(buf, key...)
	buf = append(buf, rec.Value...)
	binary.LittleEndian.PutUint32(buf[start:], checksum(salt, rec.Revision, buf[start+checksumLen:]))
	return buf
}

// recordRoom is the most bytes that appendRecord adds to a record's key and value.
const recordRoom = checksumLen + 1 + 5*binary.MaxVarintLen64

// appendTrim adds a list of trimmed revisions, which rise.
func appendTrim(buf []byte, salt uint64, trim []uint64) []byte {
	start := len(buf)
	buf = append(buf, 0, 0, 0, 0, trimItem)
	buf = appendRevisions(buf, trim)
	binary.LittleEndian.PutUint32(buf[start:], checksum(salt, 0, buf[start+checksumLen:]))
	return buf
}

// appendRevisions adds how many revisions there are, and each as the distance from the one before.
func appendRevisions(buf []byte, revisions []uint64) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(revisions)))
	last := uint64(0)
	for _, r := range revisions {
		buf = binary.AppendUvarint(buf, r-last)
		last = r
	}
	return buf
}

// An item is a decoded item. Key and Value of its record lie in the bytes it was decoded from; the key is given as bytes
// because most readers make no string of it.
type item struct {
	record store.Record // without Key
	key    []byte
	trim   []uint64 // of a trim item
	timed  bool     // the record has a deadline
	length int      // of the encoded item
}

// parseItem decodes the item at the beginning of buf, which may go on after it; reason says what is wrong with it.
func parseItem(buf []byte, salt uint64, base *head) (it item, reason string) {
	if len(buf) <= checksumLen {
		return it, "expected an item, found the end of the frame"
	}
	d := decoder{buf: buf[checksumLen:]}
	op, place := d.byte(), uint64(0)
	if op == trimItem {
		it.trim = d.revisions()
	} else {
		it.record.Operation = store.Operation(op &^ deadlineFlag)
		place = base.revision + d.uvarint()
		it.record.Revision = place
		it.record.Created = base.created + d.varint()
		if it.timed = op&deadlineFlag != 0; it.timed {
			it.record.Deadline = it.record.Created + d.varint()
		}
		keyLen, valueLen := d.uvarint(), d.uvarint()
		it.key = d.bytes(keyLen)
		it.record.Value = d.bytes(valueLen)
	}
	if d.bad {
		return it, "expected an item, found lengths that lead out of the frame"
	}
	it.length = len(buf) - len(d.buf)
	want, got := binary.LittleEndian.Uint32(buf), checksum(salt, place, buf[checksumLen:it.length])
	if want != got {
		return it, fmt.Sprintf("expected an item with checksum %08x, found %08x", want, got)
	}
	if place != 0 && (it.record.Operation < store.Put || it.record.Operation > store.Purge) || op != trimItem && place == 0 {
		return it, fmt.Sprintf("expected a record, found operation %d of revision %d", it.record.Operation, place)
	}
	return it, ""
}

// A decoder takes values off the front of buf. When that does not go it is bad, and gives zeros from then on.
type decoder struct {
	buf []byte
	bad bool
}

func (d *decoder) fail() {
	d.buf, d.bad = nil, true
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail()
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.buf)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.buf)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.buf = d.buf[n:]
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.buf)) {
		d.fail()
		return nil
	}
	b := d.buf[:n:n]
	d.buf = d.buf[n:]
	return b
}

// revisions decodes what appendRevisions wrote. It is not nil.
func (d *decoder) revisions() []uint64 { return d.addRevisions([]uint64{}) }

// addRevisions adds what appendRevisions wrote to a list. Each takes a byte at least, so there are no more than bytes left.
func (d *decoder) addRevisions(revisions []uint64) []uint64 {
	n := d.uvarint()
	if n > uint64(len(d.buf)) {
		d.fail()
		return revisions
	}
	revisions = slices.Grow(revisions, int(n))
	last := uint64(0)
	for range n {
		last += d.uvarint()
		revisions = append(revisions, last)
	}
	return revisions
}

package filestore

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/revkv/kv/store"
)

// An entry says where in its segment the item of a revision is.
type entry struct {
	revision uint64
	offset   uint32
	length   uint32 // of the item; the bit deadBit is set when the revision is trimmed
}

const deadBit = 1 << 31

func (e *entry) dead() bool { return e.length&deadBit != 0 }
func (e *entry) size() int  { return int(e.length &^ deadBit) }

// A meta is what an index tells of a record beside its entry and its key.
type meta struct {
	operation store.Operation
	keyLen    uint32
	valueLen  uint32
	created   int64
	deadline  int64
}

// metas are those of a segment, with the keys one behind the other: so an index is written without a look at as many places in
// memory as it has keys, and writers wait for it.
type metas struct {
	list  []meta
	keys  []byte
	index []byte // room for it
}

// addMeta adds the meta of a record, whose key is given apart.
func addMeta[Key string | []byte](m *metas, rec *store.Record, key Key) {
	m.list = append(m.list, meta{rec.Operation, uint32(len(key)), uint32(len(rec.Value)), rec.Created, rec.Deadline})
	m.keys = append(m.keys, key...)
}

// reset empties metas. Their room stays.
func (m *metas) reset() { m.list, m.keys = m.list[:0], m.keys[:0] }

// appendIndex adds the index of a segment, which begins at offset at: of the records that are not dead, and of revisions of
// other segments that are trimmed by this one.
//
// The index is what opens a sealed segment, so it has all but the values; each number is written as the distance from
// the record before.
func appendIndex(buf []byte, seg *segment, metas *metas, trim []uint64) []byte {
	start := len(buf)
	buf = slices.Grow(buf, indexRoom(metas, trim))
	buf = append(buf, make([]byte, headLen+checksumLen)...)
	buf = binary.AppendUvarint(buf, uint64(seg.live))
	var last struct {
		revision uint64
		created  int64
		end      int64
	}
	keys := metas.keys
	for i := range seg.entries {
		e, m := &seg.entries[i], &metas.list[i]
		key := keys[:m.keyLen]
		keys = keys[m.keyLen:]
		if e.dead() {
			continue
		}
		op := byte(m.operation)
		if m.deadline != 0 {
			op |= deadlineFlag
		}
		buf = append(buf, op)
		buf = binary.AppendUvarint(buf, e.revision-last.revision)
		buf = binary.AppendVarint(buf, m.created-last.created)
		if m.deadline != 0 {
			buf = binary.AppendVarint(buf, m.deadline-m.created)
		}
		buf = binary.AppendUvarint(buf, uint64(int64(e.offset)-last.end))
		buf = binary.AppendUvarint(buf, uint64(len(key)))
		buf = binary.AppendUvarint(buf, uint64(m.valueLen))
		buf = binary.AppendUvarint(buf, uint64(e.size()-len(key)-int(m.valueLen)))
		buf = append(buf, key...)
		last.revision, last.created, last.end = e.revision, m.created, int64(e.offset)+int64(e.size())
	}
	buf = appendRevisions(buf, trim)
	body := buf[start+headLen+checksumLen:]
	binary.LittleEndian.PutUint32(buf[start+headLen:], checksum(seg.salt, uint64(seg.end), body))
	h := head{kind: kindIndex, length: uint32(checksumLen + len(body)), unsynced: seg.unsynced(), revision: seg.newest}
	h.put(buf[start:], seg.salt, seg.end)
	return buf
}

// indexRoom returns how many bytes an index has at most, but for numbers that are larger than they mostly are.
func indexRoom(metas *metas, trim []uint64) int {
	const forNumbers = 24 // of a record: operation, revision, created, offset, three lengths
	return headLen + checksumLen + len(metas.list)*forNumbers + len(metas.keys) + len(trim)*binary.MaxVarintLen32
}

// readIndex reads the index of a segment and checks it. The body is the index without head and checksum; it belongs to the
// caller.
func readIndex(r *reader, salt uint64, at int64) (h head, body []byte, err error) {
	buf, err := r.bytes(at, headLen)
	if err != nil {
		return h, nil, err
	}
	h, reason := parseHead(buf, salt, at)
	if reason == "" && (h.kind != kindIndex || h.length < checksumLen) {
		reason = "expected an index"
	}
	if reason != "" {
		return h, nil, r.corrupt(at, "%s", reason)
	}
	buf, err = r.bytes(at+headLen, int64(h.length))
	if err != nil {
		return h, nil, err
	}
	body = append([]byte(nil), buf[checksumLen:]...)
	if want, got := binary.LittleEndian.Uint32(buf), checksum(salt, uint64(at), body); want != got {
		return h, nil, r.corrupt(at+headLen, "expected an index with checksum %08x, found %08x", want, got)
	}
	return h, body, nil
}

// leastIndexed is the fewest bytes that a record has in an index.
const leastIndexed = 7

// An indexReader decodes the body of an index, record by record, then the trimmed revisions.
type indexReader struct {
	decoder
	left  uint64 // records to come
	limit int64  // where the records of the segment end
	entry entry
	meta  meta   // without the key
	key   []byte // of the record; lies in the body
	end   int64
}

func newIndexReader(body []byte, limit int64) *indexReader {
	r := &indexReader{decoder: decoder{buf: body}, limit: limit}
	if r.left = r.uvarint(); r.left > uint64(len(r.buf)/leastIndexed) {
		r.fail()
		r.left = 0 // so that nobody makes room for so many
	}
	return r
}

// next decodes a record. It returns false after the last one, and when the index makes no sense.
func (r *indexReader) next() bool {
	if r.left == 0 || r.bad {
		return false
	}
	r.left--
	op := r.byte()
	r.meta.operation = store.Operation(op &^ deadlineFlag)
	step := r.uvarint()
	r.entry.revision += step
	r.meta.created += r.varint()
	r.meta.deadline = 0
	if op&deadlineFlag != 0 {
		r.meta.deadline = r.meta.created + r.varint()
	}
	offset := uint64(r.end) + r.uvarint()
	keyLen, valueLen, rest := r.uvarint(), r.uvarint(), r.uvarint()
	r.key = r.bytes(keyLen)
	end := offset + keyLen + valueLen + rest
	if step == 0 || offset > maxFrame || valueLen > maxFrame || rest > recordRoom || end > uint64(r.limit) ||
		r.meta.operation < store.Put || r.meta.operation > store.Purge {
		r.fail()
	}
	if r.bad {
		return false
	}
	r.end = int64(end)
	r.entry.offset, r.entry.length, r.meta.valueLen = uint32(offset), uint32(end-offset), uint32(valueLen)
	return true
}

// fault says what is wrong with an index that was read to its end, "" if nothing is.
func (r *indexReader) fault() string {
	if r.bad || r.left > 0 || len(r.buf) > 0 {
		return fmt.Sprintf("expected an index of records that rise, found something else %d records before its end", r.left)
	}
	return ""
}

package filestore

import (
	"bytes"
	"encoding/binary"
	"fmt"

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
	valueLen  uint32
	created   int64
	deadline  int64
}

// An indexWriter makes the index of a segment as records are appended and trimmed: when the segment is sealed, and writers wait for
// that, it is there.
//
// The index is what opens a sealed segment, so it has all but the values; each number is written as the distance from
// the record before.
type indexWriter struct {
	buf     []byte // room for what comes before the records, then these
	records uint64
	last    struct {
		revision uint64
		created  int64
		end      int64 // of its item
	}

	trims    []byte // those of the segment
	trimmed  uint64 // how many
	lastTrim uint64
}

// indexFront is the most bytes that an index has before its records: head, checksum, and how many there are.
const indexFront = headLen + checksumLen + binary.MaxVarintLen64

// addToIndex adds a record, whose key is given apart.
func addToIndex[Key string | []byte](w *indexWriter, e entry, rec *store.Record, key Key) {
	if w.records == 0 {
		w.buf = append(w.buf[:0], make([]byte, indexFront)...)
	}
	w.records++
	op := byte(rec.Operation)
	if rec.Deadline != 0 {
		op |= deadlineFlag
	}
	buf := append(w.buf, op)
	buf = binary.AppendUvarint(buf, e.revision-w.last.revision)
	buf = binary.AppendVarint(buf, rec.Created-w.last.created)
	if rec.Deadline != 0 {
		buf = binary.AppendVarint(buf, rec.Deadline-rec.Created)
	}
	buf = binary.AppendUvarint(buf, uint64(int64(e.offset)-w.last.end))
	buf = binary.AppendUvarint(buf, uint64(len(key)))
	buf = binary.AppendUvarint(buf, uint64(len(rec.Value)))
	buf = binary.AppendUvarint(buf, uint64(e.size()-len(key)-len(rec.Value)))
	w.buf = append(buf, key...)
	w.last.revision, w.last.created, w.last.end = e.revision, rec.Created, int64(e.offset)+int64(e.size())
}

// trim adds a revision that the segment trims, in itself or in another one.
func (w *indexWriter) trim(revision uint64) {
	w.trims = binary.AppendUvarint(w.trims, revision-w.lastTrim)
	w.trimmed++
	w.lastTrim = revision
}

// finish returns the index, which begins at the end of the segment's frames. It lies in the writer's memory, and is good until the
// writer is used again.
func (w *indexWriter) finish(seg *segment) []byte {
	front := w.front()
	index := append(binary.AppendUvarint(w.buf, w.trimmed), w.trims...)
	w.buf, index = index[:len(w.buf)], index[front-checksumLen-headLen:]
	body := index[headLen+checksumLen:]
	binary.LittleEndian.PutUint32(index[headLen:], checksum(seg.salt, uint64(seg.end), body))
	h := head{kind: kindIndex, length: uint32(checksumLen + len(body)), unsynced: seg.unsynced(), revision: seg.newest}
	h.put(index, seg.salt, seg.end)
	return index
}

// body returns what readIndex would of the index so far, without trims.
func (w *indexWriter) body() []byte { return appendRevisions(bytes.Clone(w.buf[w.front():]), nil) }

// front writes how many records there are, in front of them, and returns where in buf that is.
func (w *indexWriter) front() int {
	if w.records == 0 {
		w.buf = append(w.buf[:0], make([]byte, indexFront)...)
	}
	var records [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(records[:], w.records)
	copy(w.buf[indexFront-n:], records[:n])
	return indexFront - n
}

// reset empties the writer. Its room stays.
func (w *indexWriter) reset() { *w = indexWriter{buf: w.buf, trims: w.trims[:0]} }

// readIndex reads the index of a segment and checks it. The body is the index without head and checksum; it belongs to the
// caller, who may give room for it.
func readIndex(r *reader, salt uint64, at int64, room []byte) (h head, body []byte, err error) {
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
	body = append(room[:0], buf[checksumLen:]...)
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
	meta  meta
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

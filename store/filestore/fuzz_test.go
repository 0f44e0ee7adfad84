package filestore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// FuzzFrame decodes bytes as items. What passes is encoded again, and has to come out the same.
func FuzzFrame(f *testing.F) {
	base := head{kind: kindFrame, revision: 5, created: 1000}
	seed := appendRecord(nil, 1, &base, &store.Record{
		Revision: 7, Operation: store.Put, Value: []byte("value"), Created: -3, Deadline: 9,
	}, "key")
	seed = appendRecord(seed, 1, &base, &store.Record{Revision: 9, Operation: store.Purge, Created: 1000}, "key")
	f.Add(appendTrim(seed, 1, []uint64{1, 2, 9}), uint64(1), base.revision, base.created)
	f.Fuzz(func(t *testing.T, data []byte, salt, revision uint64, created int64) {
		s := scanner{salt: salt, head: head{kind: kindFrame, revision: revision, created: created}}
		resealItems(data, salt, &s.head)
		var reason string
		checkAllocated(t, len(data), func() { reason = s.parse(data) })
		if reason != "" {
			return
		}
		for i := range s.items {
			checkItem(t, &s.items[i], salt, &s.head)
		}
	})
}

// checkItem encodes an item and decodes it again.
func checkItem(t *testing.T, it *item, salt uint64, base *head) {
	t.Helper()
	if it.key == nil {
		again, reason := parseItem(appendTrim(nil, salt, it.trim), salt, base)
		require.Empty(t, reason)
		require.Equal(t, it.trim, again.trim)
		return
	}
	again, reason := parseItem(appendRecord(nil, salt, base, &it.record, it.key), salt, base)
	require.Empty(t, reason)
	require.LessOrEqual(t, again.length, it.length) // numbers can be written with more bytes than they need
	again.length, again.timed = it.length, it.timed // a deadline of 0 is none
	require.Equal(t, *it, again)
}

// resealItems gives what looks like items the checksums they should have, so that fuzzing gets past these.
func resealItems(data []byte, salt uint64, base *head) {
	for len(data) > 0 {
		it, reason := parseItem(data, salt, base)
		if it.length == 0 {
			return
		}
		if reason != "" {
			place := it.record.Revision
			binary.LittleEndian.PutUint32(data, checksum(salt, place, data[checksumLen:it.length]))
		}
		data = data[it.length:]
	}
}

// resealFrames does the same for what looks like the frames of a segment, from an offset on, and returns where the index is,
// the end if there is none.
func resealFrames(data []byte, salt uint64, at int64) (index int64) {
	for at+headLen <= int64(len(data)) {
		h, _ := decodeHead(data[at:], at)
		h.length = uint32(min(int64(h.length), int64(len(data))-at-headLen))
		h.put(data[at:], salt, at)
		body := data[at+headLen:][:h.length]
		if h.kind == kindIndex && len(body) >= checksumLen {
			binary.LittleEndian.PutUint32(body, checksum(salt, uint64(at), body[checksumLen:]))
			return at
		}
		resealItems(body, salt, &h)
		at += headLen + int64(h.length)
	}
	return int64(len(data))
}

// checkAllocated requires that f allocates no more than a small multiple of some bytes.
func checkAllocated(t *testing.T, bytes int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<21+100*bytes); got > most {
		t.Errorf("%d bytes were allocated for %d bytes of input", got, bytes)
	}
}

// FuzzSegment makes bytes the active or the only sealed segment of a bucket, or all of it but the header and the checksums, and
// does everything with it.
func FuzzSegment(f *testing.F) {
	good := header{number: 1, salt: 42, name: "b", config: []byte("c")}
	begin := good.append(nil)
	for _, active := range []bool{true, false} {
		data := fuzzSeed(f, active)
		f.Add(data, active, uint32(0), false)
		f.Add(data[len(begin):], active, uint32(0), true)
	}
	many := binary.AppendUvarint(make([]byte, headLen+checksumLen), 1<<60) // records in an index
	(&head{kind: kindIndex, length: uint32(len(many) - headLen)}).put(many, good.salt, int64(len(begin)))
	f.Add(many, false, uint32(0), true)
	f.Fuzz(func(t *testing.T, data []byte, active bool, index uint32, reseal bool) {
		if reseal {
			data = append(begin[:len(begin):len(begin)], data...)
			index = uint32(resealFrames(data, good.salt, int64(len(begin))))
		}
		m := &manifest{Bucket: "b", Config: []byte("c"), Newest: 100}
		if active {
			m.Active, m.Newest = 1, 0
		} else {
			m.Segments = []sealedEntry{{1, int64(len(data)), int64(index)}}
		}
		body, err := m.encode()
		require.NoError(t, err)
		useFolder(t, data, sealText(body))
	})
}

// FuzzManifest makes bytes the manifest of a bucket with a segment that is whole.
func FuzzManifest(f *testing.F) {
	for _, active := range []bool{true, false} {
		data := fuzzSeed(f, active)
		m := &manifest{Bucket: "b", Config: []byte("c")}
		if active {
			m.Active = 1
		} else {
			m.Segments, m.Newest = []sealedEntry{{1, int64(len(data)), indexOf(f, data)}}, 10
		}
		body, err := m.encode()
		require.NoError(f, err)
		f.Add(body, active, true)
		f.Add(sealText(body), active, false)
	}
	active, sealed := fuzzSeed(f, true), fuzzSeed(f, false)
	f.Fuzz(func(t *testing.T, text []byte, isActive, seal bool) {
		if seal {
			text = sealText(text)
		}
		data := sealed
		if isActive {
			data = active
		}
		useFolder(t, data, text)
	})
}

// indexOf returns where the index of a segment is.
func indexOf(f *testing.F, data []byte) int64 {
	f.Helper()
	r := &reader{file: bytes.NewReader(data), size: int64(len(data))}
	h, start, err := readHeader(r)
	require.NoError(f, err)
	s := survey{reader: r, salt: h.salt, start: start}
	index, err := s.findIndex()
	require.NoError(f, err)
	return index
}

// fuzzSeed returns a segment.
func fuzzSeed(f *testing.F, active bool) []byte {
	f.Helper()
	disk := crashfs.New()
	b, err := Open("db", Options{FS: disk})
	require.NoError(f, err)
	s, err := b.Create("b", []byte("c"))
	require.NoError(f, err)
	require.NoError(f, s.Append([]store.Record{
		{Revision: 1, Operation: store.Put, Key: "a", Value: []byte("1"), Created: 1e18},
		{Revision: 2, Operation: store.Put, Key: "bc", Value: []byte("22"), Created: 1e18 + 1, Deadline: 2e18},
	}, nil))
	require.NoError(f, s.Append([]store.Record{{Revision: 5, Operation: store.Delete, Key: "a", Created: 1e18}}, []uint64{1}))
	require.NoError(f, s.Append([]store.Record{{Revision: 10, Operation: store.Purge, Key: "bc"}}, []uint64{2, 5}))
	if !active {
		require.NoError(f, s.Close())
	}
	data, err := disk.ReadFile("db/1-b/00000001.seg")
	require.NoError(f, err)
	require.NoError(f, b.Close())
	return data
}

// useFolder makes a folder of one bucket, and requires of each call that it says what is wrong, and the same as the others.
func useFolder(t *testing.T, segment, manifest []byte) {
	t.Helper()
	disk := crashfs.New()
	require.NoError(t, disk.MakeDir("db"))
	require.NoError(t, disk.MakeDir("db/1-b"))
	require.NoError(t, disk.WriteFile("db/REVKV", sealText([]byte(markerText))))
	require.NoError(t, disk.WriteFile("db/1-b/MANIFEST", manifest))
	require.NoError(t, disk.WriteFile("db/1-b/00000001.seg", segment))
	checkAllocated(t, len(segment)+len(manifest), func() {
		there, openErr := readFolder(disk.Everything(), "db", true)
		again, err := readFolder(disk.Everything(), "db", false)
		require.Equal(t, openErr == nil, err == nil)
		require.Equal(t, there, again)
		verified, err := Verify(t.Context(), "db", ToolOptions{FS: disk})
		require.NoError(t, err)
		if openErr != nil {
			require.True(t, isDamage(openErr), openErr)
			require.False(t, verified.OK(), openErr)
		}
		if verified.OK() {
			require.NoError(t, openErr)
		}
		_, err = Repair(t.Context(), "db", "new", ToolOptions{FS: disk})
		require.NoError(t, err)
		repaired, err := readFolder(disk, "new", false)
		require.NoError(t, err)
		if verified.OK() {
			for name, s := range there {
				require.LessOrEqual(t, s.newest, repaired[name].newest) // heads may tell of more
				s.newest = repaired[name].newest
				require.Equal(t, s, repaired[name])
			}
		}
		verified, err = Verify(t.Context(), "new", ToolOptions{FS: disk})
		require.NoError(t, err)
		require.NoError(t, verified.Err())
	})
}

// A bucketState is what is in a bucket.
type bucketState struct {
	config  string
	newest  uint64
	records []store.Record
}

// readFolder reads all that is in a folder.
func readFolder(disk *crashfs.FS, dir string, readOnly bool) (states map[string]bucketState, err error) {
	b, err := Open(dir, Options{FS: disk, ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	buckets, err := b.Buckets()
	if err != nil {
		return nil, err
	}
	states = map[string]bucketState{}
	for _, bucket := range buckets {
		s := bucketState{config: string(bucket.Config)}
		l, err := b.Open(bucket.Name)
		if err != nil {
			return nil, err
		}
		for r, err := range l.Records() {
			if err != nil {
				return nil, err
			}
			if r.Value, err = l.(store.ValueReader).Value(r.Revision); err != nil {
				return nil, err
			}
			s.records = append(s.records, r.Record)
		}
		s.newest = l.Newest()
		states[bucket.Name] = s
	}
	return states, nil
}

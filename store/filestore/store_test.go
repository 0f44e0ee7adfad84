package filestore_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A trial is a bucket in a folder, and what should be in it.
type trial struct {
	testing.TB
	dir     string
	options filestore.Options
	backend *filestore.Backend
	log     store.ValueReader

	want   map[uint64]store.Record // by revision
	newest uint64
}

// trialBucket is the bucket of a trial.
const trialBucket = "B"

// newTrial makes a bucket in a new folder. Segments are as small as can be unless the options say otherwise.
func newTrial(t testing.TB, options filestore.Options) *trial {
	t.Helper()
	if options.SegmentSize == 0 {
		options.SegmentSize = filestore.MinSegmentSize
	}
	if options.FS == nil {
		options.FS = vfs.OS{}
	}
	r := &trial{TB: t, dir: filepath.Join(t.TempDir(), "db"), options: options, want: map[uint64]store.Record{}}
	r.openFolder()
	r.create()
	t.Cleanup(func() { require.NoError(t, r.backend.Close()) })
	return r
}

func (r *trial) openFolder() {
	r.Helper()
	var err error
	r.backend, err = filestore.Open(r.dir, r.options)
	require.NoError(r, err)
}

func (r *trial) create() {
	r.Helper()
	log, err := r.backend.Create(trialBucket, []byte("config"))
	require.NoError(r, err)
	r.log = log.(store.ValueReader)
	r.newest = 0
	clear(r.want)
}

// reopen closes the folder, opens it again, and checks what is there.
func (r *trial) reopen() {
	r.Helper()
	require.NoError(r, r.backend.Close())
	r.openFolder()
	require.Empty(r, r.backend.TornTails())
	r.checkReplay(r.backend)
}

// checkReplay opens the bucket and checks what it yields. The trial goes on with it.
func (r *trial) checkReplay(backend *filestore.Backend) {
	r.Helper()
	log, err := backend.Open(trialBucket)
	require.NoError(r, err)
	r.log = log.(store.ValueReader)
	var have []uint64
	for rec, err := range log.Records() {
		require.NoError(r, err)
		want, ok := r.want[rec.Revision]
		require.True(r, ok, "revision %d should not be there", rec.Revision)
		require.Equal(r, len(want.Value), rec.Size)
		rec.Value, want.Value = nil, nil
		require.Equal(r, want, rec.Record)
		have = append(have, rec.Revision)
	}
	require.Equal(r, slices.Sorted(maps.Keys(r.want)), have)
	require.Equal(r, r.newest, log.Newest())
	r.check()
}

// check reads all values.
func (r *trial) check() {
	r.Helper()
	for revision, rec := range r.want {
		value, err := r.log.Value(revision)
		require.NoError(r, err, "revision %d", revision)
		require.True(r, bytes.Equal(rec.Value, value), "revision %d has %.40q, want %.40q", revision, value, rec.Value)
	}
}

// append appends records and trims, both here and in what should be there.
func (r *trial) append(recs []store.Record, trim ...uint64) {
	r.Helper()
	require.NoError(r, appendTo(r.log, recs, trim))
	for _, rec := range recs {
		r.want[rec.Revision] = rec
		r.newest = rec.Revision
	}
	for _, revision := range trim {
		delete(r.want, revision)
	}
}

// record returns the next record, with a value of size bytes.
func (r *trial) record(size int) store.Record {
	revision := r.newest + 1
	return store.Record{
		Revision: revision, Operation: store.Put, Key: fmt.Sprintf("key.%d", revision%100), Value: trialValue(revision, size),
		Created: 1_700_000_000_000_000_000 + 1000*int64(revision),
	}
}

// trialValue returns bytes that no other revision has.
func trialValue(revision uint64, size int) []byte {
	word := fmt.Appendf(nil, "%d,", revision)
	return bytes.Repeat(word, size/len(word)+1)[:size]
}

// put appends a record with a value of size bytes, and trims.
func (r *trial) put(size int, trim ...uint64) uint64 {
	r.Helper()
	r.append([]store.Record{r.record(size)}, trim...)
	return r.newest
}

// gone fails unless nothing is left of a revision's value.
func (r *trial) gone(revision uint64) {
	r.Helper()
	_, err := r.log.Value(revision)
	require.ErrorIs(r, err, store.ErrNotFound, "revision %d", revision)
}

// usage is how much there is of a bucket's files.
type usage struct {
	files   int // segments
	bytes   int64
	largest int64 // of the segments
}

// usage looks at the bucket's folder. Compaction may remove a file meanwhile.
func (r *trial) usage() (u usage) {
	r.Helper()
	for _, name := range r.folder() {
		f, err := r.options.FS.Open(name)
		if err != nil {
			require.ErrorIs(r, err, os.ErrNotExist)
			continue
		}
		size, err := f.Size()
		require.NoError(r, err)
		require.NoError(r, f.Close())
		u.bytes += size
		if strings.HasSuffix(name, ".seg") {
			u.files++
			u.largest = max(u.largest, size)
		}
	}
	return u
}

// folder returns the paths of the files in the bucket's folder.
func (r *trial) folder() (paths []string) {
	r.Helper()
	for _, folder := range r.list(r.dir) {
		if strings.HasSuffix(folder, "-"+strings.ToLower(trialBucket)) {
			for _, name := range r.list(filepath.Join(r.dir, folder)) {
				paths = append(paths, filepath.Join(r.dir, folder, name))
			}
		}
	}
	return paths
}

func (r *trial) list(dir string) []string {
	r.Helper()
	names, err := r.options.FS.List(dir)
	require.NoError(r, err)
	return names
}

// needs returns about how many bytes the records take that should be there: each in a frame and in an index.
func (r *trial) needs() (bytes int64) {
	for _, rec := range r.want {
		bytes += int64(2*len(rec.Key) + len(rec.Value) + 30)
	}
	return bytes
}

func TestLargeValues(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			r := newTrial(t, filestore.Options{Sync: policy})
			for _, size := range []int{0, 1, 4 << 20, filestore.MinSegmentSize, 0, 1 << 20} {
				r.put(size)
			}
			r.check()
			r.reopen()
			r.put(3<<20, 3)
			r.reopen()
			r.gone(3)
		})
	}
}

// TestLargeAppends has appends that are many times larger than a segment, between small ones.
func TestLargeAppends(t *testing.T) {
	r := newTrial(t, filestore.Options{Sync: filestore.SyncNever()})
	for range 3 {
		r.put(10)
		var recs []store.Record
		for i := range 500 {
			r.newest++
			rec := r.record(100 + i)
			rec.Revision = r.newest
			recs = append(recs, rec)
		}
		r.append(recs, recs[7].Revision, recs[0].Revision, 1)
		r.put(10)
		r.check()
		r.reopen()
		r.gone(recs[7].Revision)
	}
}

// TestEmptyBuckets has buckets in which there never was anything, and in which there is nothing any more.
func TestEmptyBuckets(t *testing.T) {
	r := newTrial(t, filestore.Options{})
	r.reopen()
	r.reopen()
	for range 100 {
		r.put(100)
	}
	for revision := range r.newest {
		r.append(nil, revision+1)
	}
	r.reopen()
	r.reopen()
	require.Equal(t, uint64(100), r.log.Newest())
	require.ErrorIs(t, r.log.Append([]store.Record{{Revision: 100, Operation: store.Put, Key: "k"}}, nil), store.ErrOrder)
	r.put(5)
	r.reopen()
}

// TestDeletedBuckets deletes and makes a bucket again and again.
func TestDeletedBuckets(t *testing.T) {
	r := newTrial(t, filestore.Options{})
	names := r.list(r.dir)
	for range 5 {
		for range 50 {
			r.put(100)
		}
		require.NoError(t, r.log.Close())
		require.NoError(t, r.backend.Delete(trialBucket))
		require.Len(t, r.list(r.dir), len(names)-1, "its folder is gone")
		r.create()
		require.Zero(t, r.log.Newest())
		r.reopen()
	}
}

// TestNamesOfBuckets has names that differ only in case, and the longest ones.
func TestNamesOfBuckets(t *testing.T) {
	r := newTrial(t, filestore.Options{Sync: filestore.SyncNever()})
	long := strings.Repeat("n", 251)
	names := []string{"a", "A", "Orders", "ORDERS", "orders", "CON", "nul", "-", "_", "1-a", "making-a", "deleted-1-a", long + "x", long + "y"}
	for _, name := range names {
		log, err := r.backend.Create(name, []byte(name))
		require.NoError(t, err)
		require.NoError(t, appendTo(log, []store.Record{{Revision: 1, Operation: store.Put, Key: name}}, nil))
	}
	r.reopen()
	buckets, err := r.backend.Buckets()
	require.NoError(t, err)
	require.Len(t, buckets, len(names)+1)
	for _, name := range names {
		require.Contains(t, buckets, store.Bucket{Name: name, Config: []byte(name)})
		log, err := r.backend.Open(name)
		require.NoError(t, err)
		for rec, err := range log.Records() {
			require.NoError(t, err)
			require.Equal(t, name, rec.Key)
		}
	}
	require.NoError(t, r.backend.Delete("Orders"))
	r.reopen()
	_, err = r.backend.Open("Orders")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = r.backend.Open("orders")
	require.NoError(t, err)
}

// unsynced is the file system of the operating system, without waiting for the disk.
type unsynced struct{ vfs.OS }

func (unsynced) SyncDir(string) error { return nil }

func (u unsynced) Create(name string) (vfs.File, error) {
	f, err := u.OS.Create(name)
	return unsyncedFile{f}, err
}

type unsyncedFile struct{ vfs.File }

func (unsyncedFile) Sync() error { return nil }

func TestManyBuckets(t *testing.T) {
	dir := t.TempDir()
	options := filestore.Options{FS: unsynced{}}
	backend, err := filestore.Open(dir, options)
	require.NoError(t, err)
	const many = 500
	for i := range many {
		log, err := backend.Create(fmt.Sprint("bucket-", i), nil)
		require.NoError(t, err)
		require.NoError(t, appendTo(log, []store.Record{{Revision: uint64(i + 1), Operation: store.Put, Key: "k"}}, nil))
	}
	require.NoError(t, backend.Close())
	backend, err = filestore.Open(dir, options)
	require.NoError(t, err)
	buckets, err := backend.Buckets()
	require.NoError(t, err)
	require.Len(t, buckets, many)
	for i := range many {
		log, err := backend.Open(fmt.Sprint("bucket-", i))
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), log.Newest())
	}
	require.NoError(t, backend.Close())
}

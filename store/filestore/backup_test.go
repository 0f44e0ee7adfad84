package filestore_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// smallSegments are options for a folder in memory with many files, which compaction leaves alone.
func smallSegments() filestore.Options {
	return filestore.Options{FS: crashfs.New(), SegmentSize: filestore.MinSegmentSize, Garbage: 0.99}
}

// fill makes three buckets: one of several segments with records that are trimmed, deadlines and an active segment, one of which
// all is trimmed, and one without anything in it.
func fill(t testing.TB, backend *filestore.Backend) {
	t.Helper()
	log := createStore(t, backend, "Orders")
	for revision := uint64(1); revision <= 16; revision++ {
		record := putOf(revision, fmt.Sprint("key.", revision%7), int(revision)*5)
		record.Deadline = int64(revision%3) * 1e15
		var trim []uint64
		if revision > 7 && revision%5 > 0 {
			trim = []uint64{revision - 7}
		}
		require.NoError(t, appendTo(log, []store.Record{record}, trim))
	}
	require.NoError(t, appendTo(log, []store.Record{{Revision: 50, Operation: store.Delete, Key: "key.1", Created: -1}}, nil))
	log = createStore(t, backend, "trimmed")
	require.NoError(t, appendTo(log, []store.Record{putOf(1000, "k", 1)}, []uint64{1000}))
	createStore(t, backend, "a")
}

// A state is what is in a bucket.
type state struct {
	Config  string
	Newest  uint64
	Records []store.Record
}

// statesOf opens a folder and returns what is in it, by bucket.
func statesOf(t testing.TB, dir string, options filestore.Options) map[string]state {
	t.Helper()
	states, err := readStates(dir, options)
	require.NoError(t, err)
	return states
}

func readStates(dir string, options filestore.Options) (states map[string]state, err error) {
	backend, err := filestore.Open(dir, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, backend.Close()) }()
	return backendStates(backend)
}

// backendStates returns what is in a folder, by bucket.
func backendStates(backend *filestore.Backend) (states map[string]state, err error) {
	buckets, err := backend.Buckets()
	if err != nil {
		return nil, err
	}
	states = map[string]state{}
	for _, bucket := range buckets {
		s := state{Config: string(bucket.Config)}
		log, err := backend.Open(bucket.Name)
		if err != nil {
			return nil, err
		}
		if s.Records, err = readRecords(log.(store.ValueReader)); err != nil {
			return nil, err
		}
		s.Newest = log.Newest()
		states[bucket.Name] = s
	}
	return states, nil
}

// readRecords returns the records of a log with their values.
func readRecords(log store.ValueReader) (records []store.Record, err error) {
	for r, err := range log.Records() {
		if err != nil {
			return nil, err
		}
		if r.Value, err = log.Value(r.Revision); err != nil {
			return nil, err
		}
		records = append(records, r.Record)
	}
	return records, nil
}

// backup returns the archive of a folder.
func backup(t testing.TB, backend *filestore.Backend) []byte {
	t.Helper()
	var archive bytes.Buffer
	require.NoError(t, backend.Backup(t.Context(), &archive, nil))
	return archive.Bytes()
}

// restored restores an archive and returns the file system with the folder "db" in it.
func restored(t testing.TB, archive []byte) *crashfs.FS {
	t.Helper()
	disk := crashfs.New()
	require.NoError(t, filestore.Restore(t.Context(), bytes.NewReader(archive), "db", filestore.ToolOptions{FS: disk}))
	return disk
}

func TestBackupAndRestore(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		t.Run(fmt.Sprint("read-only ", readOnly), func(t *testing.T) {
			options := smallSegments()
			backend := openStore(t, "db", options)
			fill(t, backend)
			if readOnly {
				options.ReadOnly = true
				backend = openStore(t, "db", options)
			}
			disk := restored(t, backup(t, backend))

			options.ReadOnly = true
			want := statesOf(t, "db", options)
			require.Len(t, want, 3)
			options.FS, options.ReadOnly = disk, false
			require.Equal(t, want, statesOf(t, "db", options))

			// What was restored is a folder like any other.
			backend = openStore(t, "db", options)
			require.Empty(t, backend.TornTails())
			for name, was := range want {
				log, err := backend.Open(name)
				require.NoError(t, err)
				_, err = readRecords(log.(store.ValueReader))
				require.NoError(t, err)
				require.ErrorIs(t, log.Append([]store.Record{putOf(was.Newest, "k", 1)}, nil), store.ErrOrder)
				require.NoError(t, appendTo(log, []store.Record{putOf(was.Newest+1, "k", 1)}, nil))
			}
			createStore(t, backend, "new")
		})
	}
}

// An archive has what its manifests name, in order, and tells nothing of the machine.
func TestBackupArchive(t *testing.T) {
	backend := openStore(t, "db", smallSegments())
	fill(t, backend)
	archive := backup(t, backend)
	require.Equal(t, archive, backup(t, backend), "the same state gives the same bytes")

	var names []string
	for _, m := range membersOf(t, archive) {
		names = append(names, m.header.Name)
		plain := &tar.Header{
			Typeflag: tar.TypeReg, Name: m.header.Name, Size: int64(len(m.body)), Mode: 0o644,
			ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
		}
		require.Equal(t, plain, m.header)
	}
	require.Equal(t, []string{
		"1-orders/MANIFEST", "1-orders/00000001.seg", "1-orders/00000002.seg", "1-orders/00000003.seg",
		"1-orders/00000004.seg", "1-orders/00000005.seg", "1-orders/00000006.seg",
		"2-a/MANIFEST",
		"3-trimmed/MANIFEST", "3-trimmed/00000001.seg",
		"REVKV",
	}, names)
}

// A member is a file in an archive.
type member struct {
	header *tar.Header
	body   []byte
}

func membersOf(t testing.TB, archive []byte) (members []member) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if err == io.EOF {
			return members
		}
		require.NoError(t, err)
		body, err := io.ReadAll(r)
		require.NoError(t, err)
		members = append(members, member{h, body})
	}
}

// The files of an archive are a folder of buckets, whoever unpacks it.
func TestBackupUnpackedByHand(t *testing.T) {
	options := smallSegments()
	backend := openStore(t, "db", options)
	fill(t, backend)
	disk := crashfs.New()
	require.NoError(t, disk.MakeDir("db"))
	for _, m := range membersOf(t, backup(t, backend)) {
		if dir := filepath.Join("db", filepath.Dir(m.header.Name)); dir != "db" {
			_ = disk.MakeDir(dir)
		}
		require.NoError(t, disk.WriteFile(filepath.Join("db", m.header.Name), m.body))
	}
	options.ReadOnly = true
	want := statesOf(t, "db", options)
	options.FS = disk
	require.Equal(t, want, statesOf(t, "db", options), "opened for reading")
	options.ReadOnly = false
	require.Equal(t, want, statesOf(t, "db", options))
	require.Equal(t, want, statesOf(t, "db", options), "opened again")
}

// A backup has one state of each bucket, that of its beginning, although files are compacted and buckets come and go while it is
// written. What it needs is there as long as it needs it.
func TestBackupOfOneMoment(t *testing.T) {
	options := smallSegments()
	backend := openStore(t, "db", options)
	fill(t, backend)
	options.ReadOnly = true
	want := statesOf(t, "db", options)

	log, err := backend.Create("b", nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, log.Close()) }()
	want["b"] = state{}
	changed := false
	var archive bytes.Buffer
	change := func() {
		if changed {
			return
		}
		changed = true
		log := createStore(t, backend, "new")
		for revision := uint64(1); revision <= 200; revision++ {
			require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 300)}, []uint64{revision - 1}))
		}
		require.NoError(t, backend.Configure("Orders", []byte("new config")))
		require.NoError(t, backend.Delete("trimmed"))
		require.NoError(t, backend.Delete("a"))
	}
	require.NoError(t, backend.Backup(t.Context(), &archive, func(string, int64, int64) { change() }))
	require.True(t, changed)
	options.FS, options.ReadOnly = restored(t, archive.Bytes()), false
	require.Equal(t, want, statesOf(t, "db", options))
}

// While it is written to and compacted, a log is backed up again and again. After each append there is one record for each of
// some keys, and the revisions are the newest.
func TestBackupDuringCompaction(t *testing.T) {
	const keys, appends = 20, 2000
	disk := crashfs.New()
	backend := openStore(t, "db", filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Sync: filestore.SyncNever()})
	log := createStore(t, backend, "b")
	var acked atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for revision := uint64(1); revision <= appends; revision++ {
			record := putOf(revision, fmt.Sprint(revision%keys), int(revision%100))
			var trim []uint64
			if revision > keys {
				trim = []uint64{revision - keys}
			}
			if !assert.NoError(t, appendTo(log, []store.Record{record}, trim)) {
				return
			}
			acked.Store(revision)
		}
	}()
	backups := 0
	for ended := false; !ended; backups++ {
		select {
		case <-done:
			ended = true
		default:
		}
		before := acked.Load()
		archive := backup(t, backend)
		after := acked.Load()
		got := statesOf(t, "db", filestore.Options{FS: restored(t, archive), ReadOnly: true})["b"]
		require.GreaterOrEqual(t, got.Newest, before)
		require.LessOrEqual(t, got.Newest, after+1)
		require.Len(t, got.Records, int(min(keys, got.Newest)))
		for i, record := range got.Records {
			require.Equal(t, got.Newest-uint64(len(got.Records)-1-i), record.Revision)
		}
	}
	require.Greater(t, backups, 1)
	require.NoError(t, backend.Close())
	require.Equal(t, filesOf(t, disk), filesOf(t, restored(t, backup(t, openStore(t, "db", filestore.Options{FS: disk, ReadOnly: true})))))
}

// filesOf returns the names of all files.
func filesOf(t testing.TB, disk *crashfs.FS) (names []string) {
	t.Helper()
	for _, file := range disk.Files() {
		names = append(names, file.Name)
	}
	return names
}

// A bucket whose log is closed, because it is about to be deleted or was never opened, is backed up too.
func TestBackupOfClosedLogs(t *testing.T) {
	options := smallSegments()
	backend := openStore(t, "db", options)
	fill(t, backend)
	require.NoError(t, backend.Close())
	readOnly := options
	readOnly.ReadOnly = true
	want := statesOf(t, "db", readOnly)

	backend = openStore(t, "db", options)
	log, err := backend.Open("Orders")
	require.NoError(t, err)
	require.NoError(t, log.Close())
	options.FS = restored(t, backup(t, backend))
	require.Equal(t, want, statesOf(t, "db", options))
}

func TestBackupTellsHowFarItIs(t *testing.T) {
	backend := openStore(t, "db", smallSegments())
	fill(t, backend)
	var archive bytes.Buffer
	var buckets []string
	last, end := int64(0), int64(0)
	require.NoError(t, backend.Backup(t.Context(), &archive, func(bucket string, done, total int64) {
		buckets = append(buckets, bucket)
		require.Greater(t, done, last)
		require.LessOrEqual(t, done, total)
		require.Equal(t, int64(archive.Len()), done)
		if end == 0 {
			end = total
		}
		require.Equal(t, end, total)
		last = done
	}))
	require.Equal(t, end, last)
	require.Equal(t, []string{"Orders", "a", "trimmed"}, slices.Compact(buckets))
}

// A limitedWriter fails when it has taken some bytes.
type limitedWriter struct {
	left int
	err  error // nil: it takes less than it is given, and does not say why
}

func (w *limitedWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.left)
	if w.left -= n; n < len(p) {
		return n, w.err
	}
	return n, nil
}

// Whatever ends a backup, its error is returned, no file is left open, and what was written is no backup.
func TestBackupThatFails(t *testing.T) {
	options := smallSegments()
	disk := options.FS.(*crashfs.FS)
	backend := openStore(t, "db", options)
	fill(t, backend)
	open := disk.Unclosed()
	size := len(backup(t, backend))
	full := errors.New("full")
	for left := 0; left < size-2048; left += 100 {
		require.ErrorIs(t, backend.Backup(t.Context(), &limitedWriter{left, full}, nil), full)
		require.ErrorIs(t, backend.Backup(t.Context(), &limitedWriter{left, nil}, nil), io.ErrShortWrite)

		ctx, cancel := context.WithCancel(t.Context())
		err := backend.Backup(ctx, &limitedWriter{size, nil}, func(_ string, done, _ int64) {
			if done >= int64(left) {
				cancel()
			}
		})
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, open, disk.Unclosed())

	err := backend.Backup(t.Context(), io.Discard, func(string, int64, int64) { require.NoError(t, backend.Close()) })
	require.ErrorIs(t, err, store.ErrClosed)
	require.Empty(t, disk.Unclosed())
	require.ErrorIs(t, backend.Backup(t.Context(), io.Discard, nil), store.ErrClosed)
}

// What was acknowledged can be backed up when the disk takes no writes any more, and nothing else is in the backup.
func TestBackupFromABrokenDisk(t *testing.T) {
	for _, kind := range []crashfs.Kind{crashfs.WriteAt, crashfs.Sync, crashfs.Create, crashfs.Rename} {
		options := smallSegments()
		disk := options.FS.(*crashfs.FS)
		backend, err := filestore.Open("db", options)
		require.NoError(t, err)
		fill(t, backend)
		log := createStore(t, backend, "log")
		broken := errors.New("broken")
		disk.Before(func(c crashfs.Call) {
			if c.Kind == kind && log.Newest() > 5 {
				disk.FailFrom(c.N, broken)
			}
		})
		acked := uint64(0)
		for ; err == nil; acked++ {
			err = appendTo(log, []store.Record{putOf(acked+1, "k", 100)}, nil)
		}
		require.ErrorIs(t, err, broken)
		got := statesOf(t, "db", filestore.Options{FS: restored(t, backup(t, backend))})
		require.Len(t, got, 4)
		require.Equal(t, acked-1, got["log"].Newest, kind)
		require.Len(t, got["log"].Records, int(acked-1))
		require.ErrorIs(t, backend.Close(), broken)
	}
}

// Nothing that is damaged gets into a backup without a word.
func TestBackupOfDamage(t *testing.T) {
	options := smallSegments()
	disk := options.FS.(*crashfs.FS)
	backend := openStore(t, "db", options)
	fill(t, backend)
	want := backup(t, backend)
	for _, file := range disk.Files() {
		if !strings.HasSuffix(file.Name, ".seg") {
			continue
		}
		data, err := disk.ReadFile(file.Name)
		require.NoError(t, err)
		for i := range bytes.TrimRight(data, "\x00") { // not what is behind the frames
			damaged := bytes.Clone(data)
			damaged[i] ^= 0x10
			require.NoError(t, disk.WriteFile(file.Name, damaged))
			err := backend.Backup(t.Context(), io.Discard, nil)
			if i < 8 || i >= 12 { // where the version is
				require.ErrorIs(t, err, store.ErrCorrupt, "%s at %d", file.Name, i)
				require.Equal(t, file.Name, err.(*store.CorruptError).File)
			}
			require.Error(t, err, "%s at %d", file.Name, i)
		}
		require.NoError(t, disk.WriteFile(file.Name, data))
	}
	require.Equal(t, want, backup(t, backend))
}

// A file that compaction has replaced is removed when the backup is written, but not if the folder was closed: another opening
// may have given its name anew.
func TestBackupLeavesNoFiles(t *testing.T) {
	for _, closing := range []bool{false, true} {
		t.Run(fmt.Sprint("closing ", closing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				backend := openStore(t, "db", filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize})
				log := createStore(t, backend, "b")
				for revision := uint64(1); revision <= 20; revision++ {
					require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 400)}, nil))
				}
				first := filepath.Join("db", "1-b", "00000001.seg")
				compacted := false
				_ = backend.Backup(t.Context(), io.Discard, func(string, int64, int64) {
					if compacted {
						return
					}
					compacted = true
					for revision := uint64(21); revision <= 80; revision++ {
						require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 400)}, []uint64{revision - 20}))
					}
					synctest.Wait() // for compaction
					require.Contains(t, filesOf(t, disk), first)
					if closing {
						require.NoError(t, backend.Close())
					}
				})
				require.True(t, compacted)
				if closing {
					require.Contains(t, filesOf(t, disk), first)
				} else {
					require.NotContains(t, filesOf(t, disk), first)
				}
			})
		})
	}
}

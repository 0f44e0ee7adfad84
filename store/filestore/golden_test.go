package filestore_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

var update = flag.Bool("update", false, "write the folders of the newest format version in testdata, if there are none")

// goldenDir has folders that format version 1 was written with, and beside each what is in it. They are never written again: what
// reads the format today has to read them for ever. Another version gets folders of its own. The indexes in grown have what their own
// segments trim; those in the others leave it out.
const goldenDir = "testdata/v1"

func TestGoldenFolders(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	for _, name := range []string{"closed", "crashed", "grown"} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(goldenDir, name)
			before := hashes(t, dir)
			text, err := os.ReadFile(dir + ".txt")
			require.NoError(t, err)
			require.Equal(t, string(text), dump(t, dir, true))
			report, err := filestore.Verify(t.Context(), dir, filestore.ToolOptions{})
			require.NoError(t, err)
			require.NoError(t, report.Err())
			require.Empty(t, report.LeftOver)
			require.Equal(t, before, hashes(t, dir), "reading changes nothing")

			repaired := filepath.Join(t.TempDir(), "repaired")
			_, err = filestore.Repair(t.Context(), dir, repaired, filestore.ToolOptions{})
			require.NoError(t, err)
			require.Equal(t, withoutTail(string(text)), dump(t, repaired, true))

			copied := filepath.Join(t.TempDir(), "copied")
			require.NoError(t, os.CopyFS(copied, os.DirFS(dir)))
			require.Equal(t, string(text), dump(t, copied, false), "the first opening for writing cuts the torn tail")
			require.Equal(t, withoutTail(string(text)), dump(t, copied, false))
		})
	}
}

// withoutTail returns a dump without what tells of a torn tail.
func withoutTail(dump string) string {
	dump, _, _ = strings.Cut(dump, "torn tail")
	return dump
}

// dump opens a folder and returns what is in it as text.
func dump(t testing.TB, dir string, readOnly bool) string {
	t.Helper()
	backend, err := filestore.Open(dir, filestore.Options{ReadOnly: readOnly})
	require.NoError(t, err)
	defer func() { require.NoError(t, backend.Close()) }()
	buckets, err := backend.Buckets()
	require.NoError(t, err)
	states, err := backendStates(backend)
	require.NoError(t, err)
	var s strings.Builder
	for _, b := range buckets {
		fmt.Fprintf(&s, "bucket %s\n  config %s\n  newest %d\n", b.Name, b.Config, states[b.Name].Newest)
		for _, r := range states[b.Name].Records {
			fmt.Fprintf(&s, "  %d operation %d key %q value %q created %d deadline %d\n", r.Revision, r.Operation, r.Key, r.Value, r.Created, r.Deadline)
		}
	}
	for _, tail := range backend.TornTails() {
		fmt.Fprintf(&s, "torn tail of bucket %s in %s: %d bytes at %d\n", tail.Bucket, filepath.Base(tail.File), tail.Bytes, tail.Offset)
	}
	return s.String()
}

// writeGolden writes the folders, and what is in them.
func writeGolden(t *testing.T) {
	t.Helper()
	require.NoDirExists(t, goldenDir, "folders of a version are written once")
	disk := crashfs.New()
	options := filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Garbage: 0.1}
	for round := range uint64(2) { // so that the first segments are compacted
		backend, err := filestore.Open("db", options)
		require.NoError(t, err)
		log := createOrOpenGolden(t, backend, "Orders")
		for i := range uint64(6) {
			appendGolden(t, log, round*12+i*2+1, round > 0)
		}
		require.NoError(t, log.Close())
		require.NoError(t, backend.Configure("Orders", goldenConfig("Orders", 3+round)))
		require.NoError(t, backend.Close())
	}
	backend, err := filestore.Open("db", options)
	require.NoError(t, err)
	createGolden(t, backend, "empty")
	log := createGolden(t, backend, "trimmed")
	require.NoError(t, appendTo(log, []store.Record{goldenRecord(7, store.Put, "gone", "")}, []uint64{7}))
	require.NoError(t, log.Close())
	log = createGolden(t, backend, "jobs")
	for revision := uint64(1); revision < 13; revision += 2 {
		appendGolden(t, log, revision, false)
	}
	crashed := disk.Everything()
	require.NoError(t, backend.Close())
	saveGolden(t, disk, "closed")
	tearGolden(t, crashed)
	saveGolden(t, crashed, "crashed")
}

func goldenConfig(bucket string, depth uint64) []byte {
	return fmt.Appendf(nil, `{"bucket":%q,"history":%d,"max_value_size":-1,"max_bytes":-1,"storage":1}`, bucket, depth)
}

func createGolden(t *testing.T, backend *filestore.Backend, bucket string) store.ValueReader {
	t.Helper()
	log, err := backend.Create(bucket, goldenConfig(bucket, 3))
	require.NoError(t, err)
	return log.(store.ValueReader)
}

func createOrOpenGolden(t *testing.T, backend *filestore.Backend, bucket string) store.ValueReader {
	t.Helper()
	if log, err := backend.Open(bucket); err == nil {
		return log.(store.ValueReader)
	}
	return createGolden(t, backend, bucket)
}

func goldenRecord(revision uint64, operation store.Operation, key, value string) store.Record {
	created := time.Date(2026, 1, 2, 15, 4, int(revision), 0, time.UTC)
	return store.Record{Revision: revision, Operation: operation, Key: key, Value: []byte(value), Created: created.UnixNano()}
}

// appendGolden appends two records. Of those of twelve revisions before one is trimmed or both.
func appendGolden(t *testing.T, log store.ValueReader, revision uint64, trim bool) {
	t.Helper()
	a := goldenRecord(revision, store.Put, fmt.Sprint("order.", revision%6), strings.Repeat("value ", int(revision%9)))
	b := goldenRecord(revision+1, store.Operation(1+revision%3), "last", "")
	if b.Operation == store.Put {
		b.Value = []byte{0, 1, 0xfe, 0xff}
		b.Deadline = time.Date(2222, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	}
	var trims []uint64
	if trim {
		trims = []uint64{revision - 12, revision - 11}
		if revision%6 == 1 {
			trims = trims[:1]
		}
	}
	require.NoError(t, appendTo(log, []store.Record{a, b}, trims))
}

// tearGolden takes the last bytes of the active segment away.
func tearGolden(t *testing.T, disk *crashfs.FS) {
	t.Helper()
	frames, err := filestore.Frames(disk.Everything(), "db")
	require.NoError(t, err)
	last := frames[slices.IndexFunc(frames, func(f filestore.FramePlace) bool { return f.Active && f.Last })]
	data, err := disk.ReadFile(last.File)
	require.NoError(t, err)
	require.NoError(t, disk.WriteFile(last.File, data[:len(data)-5]))
}

// saveGolden writes the files of a folder, and what is in it.
func saveGolden(t *testing.T, disk *crashfs.FS, name string) {
	t.Helper()
	dir := filepath.Join(goldenDir, name)
	for _, info := range disk.Files() {
		file, err := filepath.Rel("db", info.Name)
		require.NoError(t, err)
		if file == "LOCK" {
			continue
		}
		data, err := disk.ReadFile(info.Name)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), data, 0o666))
	}
	require.NoError(t, os.WriteFile(dir+".txt", []byte(dump(t, dir, true)), 0o666))
}

// A later version is neither read nor taken for damage.
func TestLaterVersions(t *testing.T) {
	x := soundFolder(t, true)
	for _, file := range x.files {
		if filepath.Base(file) == "LOCK" {
			continue
		}
		disk := x.disk.Everything()
		makeLater(t, disk, file)
		before := contents(t, disk)
		for _, readOnly := range []bool{true, false} {
			_, err := filestore.Open("db", filestore.Options{FS: disk, ReadOnly: readOnly})
			var version *store.VersionError
			require.ErrorAs(t, err, &version, file)
			require.Equal(t, store.VersionError{File: filepath.Clean(file), Version: 2, Newest: 1}, *version)
			require.ErrorIs(t, err, store.ErrFormatVersion)
			require.NotErrorIs(t, err, store.ErrCorrupt)
		}
		report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: disk})
		require.NoError(t, err)
		require.ErrorIs(t, report.Err(), store.ErrFormatVersion, file)
		requireSame(t, before, contents(t, disk), file)

		// All else is of the version that is known, so it was damage.
		_, states := repair(t, disk)
		require.Len(t, states, len(x.states))
		for name, s := range states {
			require.Equal(t, x.states[name].Records, s.Records, file)
		}
	}
}

// A folder of a later version is nothing that Verify and Repair could say more about.
func TestFolderOfALaterVersion(t *testing.T) {
	x := soundFolder(t, true)
	for _, file := range x.files {
		if filepath.Base(file) != "LOCK" {
			makeLater(t, x.disk, file)
		}
	}
	before := contents(t, x.disk)
	options := filestore.ToolOptions{FS: x.disk}
	_, err := filestore.Verify(t.Context(), "db", options)
	require.ErrorIs(t, err, store.ErrFormatVersion)
	_, err = filestore.Repair(t.Context(), "db", "new", options)
	require.ErrorIs(t, err, store.ErrFormatVersion)
	requireSame(t, before, contents(t, x.disk), "a later version")
}

// makeLater makes a file one of version 2.
func makeLater(t *testing.T, disk *crashfs.FS, file string) {
	t.Helper()
	data, err := disk.ReadFile(file)
	require.NoError(t, err)
	at := len("revkv ")
	if filepath.Ext(file) == ".seg" {
		at = len("revkvseg")
	}
	data[at]++
	require.NoError(t, disk.WriteFile(file, data))
}

package filestore_test

import (
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
)

func TestOptionsOutOfBounds(t *testing.T) {
	for _, options := range []filestore.Options{
		{SegmentSize: -1}, {SegmentSize: 1}, {SegmentSize: filestore.MinSegmentSize - 1}, {SegmentSize: filestore.MaxSegmentSize + 1},
		{SegmentSize: math.MaxInt64}, {SegmentSize: math.MinInt64},
		{Garbage: -0.5}, {Garbage: 1}, {Garbage: 2}, {Garbage: math.NaN()}, {Garbage: math.Inf(1)}, {Garbage: math.Inf(-1)},
	} {
		dir := filepath.Join(t.TempDir(), "db")
		_, err := filestore.Open(dir, options)
		require.ErrorIs(t, err, filestore.ErrOptions, "%+v", options)
		require.NoDirExists(t, dir)
	}
}

func TestOptionsAtTheirBounds(t *testing.T) {
	for _, options := range []filestore.Options{
		{}, {SegmentSize: filestore.MinSegmentSize}, {SegmentSize: filestore.MaxSegmentSize},
		{Garbage: math.SmallestNonzeroFloat64}, {Garbage: math.Nextafter(1, 0)},
		{Sync: filestore.SyncEvery(0)}, {Sync: filestore.SyncEvery(-1)}, {Sync: filestore.SyncEvery(math.MaxInt64)},
	} {
		backend, err := filestore.Open(filepath.Join(t.TempDir(), "db"), options)
		require.NoError(t, err, "%+v", options)
		log, err := backend.Create("b", nil)
		require.NoError(t, err)
		require.NoError(t, appendTo(log, []store.Record{{Revision: 1, Operation: store.Put, Key: "k"}}, nil))
		require.NoError(t, backend.Close())
	}
}

// TestFolderIsMade has it make folders above, and take one that is there, empty.
func TestFolderIsMade(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "a", "b", "..", "c", "d")} {
		for range 2 {
			backend, err := filestore.Open(path, filestore.Options{})
			require.NoError(t, err)
			require.NoError(t, backend.Close())
		}
	}
	require.NoDirExists(t, filepath.Join(dir, "a", "b"))
}

// TestNotAFolder opens what is no folder of buckets. Nothing is changed.
func TestNotAFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666))
	}
	write("file", "text")
	write("foreign/notes.txt", "text")
	write("folders/1-orders/MANIFEST", "text")
	write("other/REVKV", "another program's\n")
	write("later/REVKV", "revkv 2 00000000\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o777))
	before := hashes(t, dir)
	for _, test := range []struct {
		path     string
		readOnly bool
		want     error
	}{
		{"file", false, nil},
		{"file", true, nil},
		{"file/db", false, nil},
		{"file/db", true, nil},
		{"foreign", false, store.ErrCorrupt},
		{"foreign", true, store.ErrCorrupt},
		{"folders", false, store.ErrCorrupt},
		{"folders", true, store.ErrCorrupt},
		{"other", true, store.ErrCorrupt},
		{"later", true, store.ErrFormatVersion},
		{"empty", true, store.ErrCorrupt},
		{"missing", true, fs.ErrNotExist},
		{"missing/db", true, fs.ErrNotExist},
	} {
		_, err := filestore.Open(filepath.Join(dir, filepath.FromSlash(test.path)), filestore.Options{ReadOnly: test.readOnly})
		require.Error(t, err, "%+v", test)
		if test.want != nil {
			require.ErrorIs(t, err, test.want, "%+v", test)
		}
		require.ErrorContains(t, err, filepath.Join(dir, filepath.FromSlash(test.path)), "%+v", test)
		require.Equal(t, before, hashes(t, dir), "%+v", test)
	}
}

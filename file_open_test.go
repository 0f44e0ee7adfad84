package kv_test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// reopenFiles closes a database and opens its folder again, and returns the bucket B.
func reopenFiles(t testing.TB, db *kv.DB, dir string, opts ...kv.OpenOption) (*kv.DB, *kv.Bucket) {
	t.Helper()
	require.NoError(t, db.Close())
	db = openFiles(t, dir, opts...)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, bucketB(t, db)
}

func bucketB(t testing.TB, db *kv.DB) *kv.Bucket {
	t.Helper()
	b, err := db.Bucket(t.Context(), "B")
	require.NoError(t, err)
	return b
}

// Options that make no sense are refused, by name, and no folder is made.
func TestInvalidOpenOptions(t *testing.T) {
	for _, row := range []struct {
		opt    kv.OpenOption
		option string
		reason string
	}{
		{nil, "an option", "is nil"},
		{kv.SyncEvery(0), "SyncEvery", "is 0s, it must be above 0"},
		{kv.SyncEvery(-1), "SyncEvery", "is -1ns, it must be above 0"},
		{kv.SegmentSize(0), "SegmentSize", "is 0, it must be from 4096 to 1073741824"},
		{kv.SegmentSize(4095), "SegmentSize", "is 4095, it must be from 4096 to 1073741824"},
		{kv.SegmentSize(1<<30 + 1), "SegmentSize", "is 1073741825, it must be from 4096 to 1073741824"},
		{kv.SegmentSize(math.MinInt64), "SegmentSize", "is -9223372036854775808, it must be from 4096 to 1073741824"},
		{kv.CompactAt(0), "CompactAt", "is 0, it must be above 0 and below 1"},
		{kv.CompactAt(-0.5), "CompactAt", "is -0.5, it must be above 0 and below 1"},
		{kv.CompactAt(1), "CompactAt", "is 1, it must be above 0 and below 1"},
		{kv.CompactAt(math.NaN()), "CompactAt", "is NaN, it must be above 0 and below 1"},
		{kv.CompactAt(math.Inf(1)), "CompactAt", "is +Inf, it must be above 0 and below 1"},
		{kv.FileSystem(nil), "FileSystem", "is nil"},
	} {
		for _, open := range []func(string, ...kv.OpenOption) (*kv.DB, error){kv.Open, kv.OpenReadOnly} {
			dir := filepath.Join(t.TempDir(), "db")
			db, err := open(dir, kv.SyncNever(), row.opt)
			require.Nil(t, db)
			requireErr(t, err, kv.ErrInvalidOption, row.option)
			assert.Equal(t, kv.OptionError{Op: "open", Option: row.option, Reason: row.reason}, *asError[*kv.OptionError](t, err))
			require.NoDirExists(t, dir)
		}
	}
}

func TestOpenLocked(t *testing.T) {
	dir := t.TempDir()
	db, err := kv.Open(dir)
	require.NoError(t, err)
	for range 2 {
		_, err = kv.Open(dir)
		requireErr(t, err, kv.ErrLocked)
		assert.Equal(t, kv.LockedError{Dir: dir, PID: os.Getpid()}, *asError[*kv.LockedError](t, err))
		require.EqualError(t, err, fmt.Sprintf("kv: open: %s is locked: it is open for writing in this process", dir))
	}
	play(t, newBucket(t, db, kv.Config{}), "a")
	db, b := reopenFiles(t, db, dir)
	assert.Equal(t, "a1", drawAll(t, b))
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())
}

func TestOpenWhatIsNoFolder(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(name, []byte("text"), 0o666))
	for _, open := range []func(string, ...kv.OpenOption) (*kv.DB, error){kv.Open, kv.OpenReadOnly} {
		for _, path := range []string{name, filepath.Join(name, "db")} {
			_, err := open(path)
			require.ErrorContains(t, err, path)
			requireErr(t, err, err)
		}
		_, err := open(dir) // in which there is something else
		requireErr(t, err, kv.ErrCorrupt)
		require.ErrorContains(t, err, dir)
	}
	_, err := kv.OpenReadOnly(filepath.Join(dir, "missing"))
	requireErr(t, err, err)
	require.ErrorIs(t, err, fs.ErrNotExist)
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "text", string(text))
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, names, 1)
}

// Everything that a bucket can hold comes back.
func TestFilesKeepEverything(t *testing.T) {
	for _, p := range filePolicies {
		t.Run(p.name, func(t *testing.T) {
			dir := t.TempDir()
			db := openFiles(t, dir, p.policy)
			empty := newBucket(t, db, kv.Config{Bucket: "empty", Description: "nothing was ever written"})
			b := newBucket(t, db, kv.Config{History: 5, Metadata: map[string]string{"k": "v"}})
			play(t, b, "a b a -b !c a d")
			for _, size := range []int{0, 1, 5000, 3 << 20} {
				_, err := b.Put(t.Context(), fmt.Sprintf("size.%d", size), []byte(strings.Repeat("x", size)))
				require.NoError(t, err)
			}
			var ops []kv.Op
			for i := range 300 {
				ops = append(ops, kv.PutOp(fmt.Sprintf("batch.%d", i), []byte(strings.Repeat("y", i))))
			}
			_, err := b.Apply(t.Context(), ops...)
			require.NoError(t, err)
			require.NoError(t, b.Delete(t.Context(), "batch.7"))
			want, wantEmpty := contentsOf(t, b), contentsOf(t, empty)
			for range 2 {
				db, b = reopenFiles(t, db, dir, p.policy)
				assert.Equal(t, want, contentsOf(t, b))
				empty, err = db.Bucket(t.Context(), "empty")
				require.NoError(t, err)
				assert.Equal(t, wantEmpty, contentsOf(t, empty))
				require.Nil(t, db.TornTails())
			}
		})
	}
}

// The numbering goes on behind revisions of which nothing is left.
func TestFilesNumberOn(t *testing.T) {
	dir := t.TempDir()
	db := openFiles(t, dir, kv.SyncNever())
	b := newBucket(t, db, kv.Config{})
	for last := uint64(0); last < 10; {
		play(t, b, "a -a")
		last += 2
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		assert.Empty(t, drawAll(t, b))
		db, b = reopenFiles(t, db, dir, kv.SyncNever())
		assert.Equal(t, last, statusOf(t, b).Newest)
	}
	play(t, b, "a")
	assert.Equal(t, "a11", drawAll(t, b))
}

// A deleted bucket leaves no file, and one that gets its name begins at 1.
func TestFilesOfDeletedBuckets(t *testing.T) {
	dir := t.TempDir()
	db := openFiles(t, dir, kv.SyncNever())
	newBucket(t, db, kv.Config{Bucket: "other"})
	folders, err := os.ReadDir(dir)
	require.NoError(t, err)
	for range 3 {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b c")
		require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, len(folders))
		db = closeAndOpen(t, db, dir)
		names, err := db.BucketNames(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"other"}, names)
	}
	newBucket(t, db, kv.Config{})
	_, b := reopenFiles(t, db, dir, kv.SyncNever())
	play(t, b, "a")
	assert.Equal(t, "a1", drawAll(t, b))
}

func closeAndOpen(t *testing.T, db *kv.DB, dir string) *kv.DB {
	t.Helper()
	require.NoError(t, db.Close())
	return openFiles(t, dir, kv.SyncNever())
}

// Buckets whose names differ in case, or are as long as can be, are different buckets.
func TestFilesOfSimilarNames(t *testing.T) {
	dir := t.TempDir()
	db := openFiles(t, dir, kv.SyncNever())
	long := strings.Repeat("n", 251)
	names := []string{"A", "Orders", "a", long + "x", long + "y", "orders"}
	for _, name := range names {
		_, err := newBucket(t, db, kv.Config{Bucket: name}).PutString(t.Context(), "name", name)
		require.NoError(t, err)
	}
	db = closeAndOpen(t, db, dir)
	defer func() { require.NoError(t, db.Close()) }()
	have, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	assert.Equal(t, names, have)
	for _, name := range names {
		b, err := db.Bucket(t.Context(), name)
		require.NoError(t, err)
		e, err := b.Get(t.Context(), "name")
		require.NoError(t, err)
		assert.Equal(t, name, string(e.Value))
	}
}

package kv_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// openReadOnly opens a folder for reading until the test ends.
func openReadOnly(t testing.TB, dir string) *kv.DB {
	t.Helper()
	db, err := kv.OpenReadOnly(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

// fileHashes returns what is in each file of a folder, and of the folders in it.
func fileHashes(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "folder"
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	}))
	return all
}

// An opening for reading shows everything, changes nothing, and refuses what would.
func TestReadOnly(t *testing.T) {
	dir := t.TempDir()
	db := openFiles(t, dir, kv.SyncNever(), kv.CompactAt(0.99)) // the files change only when this test writes
	b := newBucket(t, db, kv.Config{History: 3})
	newBucket(t, db, kv.Config{Bucket: "empty"})
	play(t, b, "a b a -b !c a d")
	want := contentsOf(t, b)
	for _, state := range []string{"open", "closed"} {
		if state == "closed" {
			require.NoError(t, db.Close())
		}
		before := fileHashes(t, dir)
		reader := openReadOnly(t, dir)
		names, err := reader.BucketNames(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"B", "empty"}, names)
		b := bucketB(t, reader)
		assert.Equal(t, want, contentsOf(t, b))
		refusesWrites(t, reader, b)
		assert.Equal(t, want, contentsOf(t, b))
		require.NoError(t, reader.Close())
		require.NoError(t, reader.Close())
		requireErr(t, errOf(b.Get(t.Context(), "a")), kv.ErrClosed)
		assert.Equal(t, before, fileHashes(t, dir), "the database is %s", state)
	}
	_, b = reopenFiles(t, db, dir)
	play(t, b, "e")
}

// refusesWrites makes every call that writes.
func refusesWrites(t *testing.T, db *kv.DB, b *kv.Bucket) {
	t.Helper()
	ctx := t.Context()
	requireErr(t, errOf(b.Put(ctx, "a", nil)), kv.ErrReadOnly)
	requireErr(t, errOf(b.Create(ctx, "new", nil)), kv.ErrReadOnly)
	requireErr(t, errOf(b.Update(ctx, "a", nil, 6)), kv.ErrReadOnly)
	requireErr(t, errOf(b.Revert(ctx, "a", 3)), kv.ErrReadOnly)
	requireErr(t, b.Delete(ctx, "a"), kv.ErrReadOnly)
	requireErr(t, b.Purge(ctx, "a"), kv.ErrReadOnly)
	requireErr(t, applyOps(ctx, b, kv.PutOp("a", nil)), kv.ErrReadOnly)
	requireErr(t, b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1)), kv.ErrReadOnly)
	requireErr(t, errOf(db.CreateBucket(ctx, kv.Config{Bucket: "new"})), kv.ErrReadOnly)
	requireErr(t, errOf(db.UpdateBucket(ctx, kv.Config{Bucket: "B"})), kv.ErrReadOnly)
	requireErr(t, errOf(db.CreateOrUpdateBucket(ctx, kv.Config{Bucket: "B"})), kv.ErrReadOnly)
	requireErr(t, db.DeleteBucket(ctx, "B"), kv.ErrReadOnly)
}

// A fileWriter writes to a folder all the time, so that it is compacted all the time.
//
//	bucket B   key k: depth 20, values that name their revision
//	bucket P   batches of x and y, with equal values, and other keys
//	bucket C   comes and goes
type fileWriter struct {
	db      *kv.DB
	stopped chan struct{}
	steps   chan struct{} // receives when a step is done; closed when the writer has ended
	err     error         // why it has
}

func newFileWriter(t *testing.T, dir string) *fileWriter {
	t.Helper()
	w := &fileWriter{db: openFiles(t, dir, kv.SyncNever()), stopped: make(chan struct{}), steps: make(chan struct{})}
	newBucket(t, w.db, kv.Config{History: 20})
	newBucket(t, w.db, kv.Config{Bucket: "P"})
	go w.run()
	return w
}

func (w *fileWriter) run() {
	defer close(w.steps)
	for n := 1; w.err == nil; n++ {
		w.err = w.step(n)
		select {
		case <-w.stopped:
			return
		case w.steps <- struct{}{}:
		default:
		}
	}
}

func (w *fileWriter) step(n int) error {
	ctx := context.Background()
	b, err := w.db.Bucket(ctx, "B")
	if err != nil {
		return err
	}
	if _, err := b.PutString(ctx, "k", fmt.Sprintf("%d%s", n, strings.Repeat(".", 200))); err != nil {
		return err
	}
	p, err := w.db.Bucket(ctx, "P")
	if err != nil {
		return err
	}
	value := []byte(fmt.Sprint(n))
	other := fmt.Sprintf("other.%d", n%50)
	if _, err := p.Apply(ctx, kv.PutOp("x", value), kv.PutOp(other, value), kv.PutOp("y", value)); err != nil {
		return err
	}
	if n%10 == 0 {
		if err := w.db.DeleteBucket(ctx, "C"); err != nil && !errors.Is(err, kv.ErrBucketNotFound) {
			return err
		}
		_, err = w.db.CreateBucket(ctx, kv.Config{Bucket: "C"})
	}
	return err
}

func (w *fileWriter) stop(t *testing.T) {
	t.Helper()
	close(w.stopped)
	for range w.steps {
	}
	require.NoError(t, w.err)
	require.NoError(t, w.db.Close())
}

// TestReadOnlyBesideAWriter opens a folder again and again while it is written and compacted: each time it is in one state that the
// buckets had, and it stays so.
func TestReadOnlyBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	w := newFileWriter(t, dir)
	newest := map[string]uint64{}
	for range 60 {
		db, err := kv.OpenReadOnly(dir)
		require.NoError(t, err)
		newest["B"] = checkWrittenHistory(t, db, newest["B"])
		newest["P"] = checkWrittenBatches(t, db, newest["P"])
		for range 5 {
			<-w.steps
		}
		require.Equal(t, newest["B"], checkWrittenHistory(t, db, 0))
		require.Equal(t, newest["P"], checkWrittenBatches(t, db, 0))
		require.NoError(t, db.Close())
	}
	w.stop(t)
	before := fileHashes(t, dir)
	checkWrittenHistory(t, openReadOnly(t, dir), newest["B"])
	assert.Equal(t, before, fileHashes(t, dir))
}

// checkWrittenHistory checks that bucket B has all revisions that its depth keeps, and returns the newest, which is at least
// least.
func checkWrittenHistory(t *testing.T, db *kv.DB, least uint64) uint64 {
	t.Helper()
	b := bucketB(t, db)
	newest := statusOf(t, b).Newest
	require.GreaterOrEqual(t, newest, least)
	entries, err := b.History(t.Context(), "k")
	if newest == 0 {
		requireErr(t, err, kv.ErrKeyNotFound)
		return 0
	}
	require.NoError(t, err)
	require.Len(t, entries, int(min(newest, 20)))
	for i, e := range entries {
		require.Equal(t, newest-uint64(len(entries)-1-i), e.Revision)
		require.Equal(t, fmt.Sprintf("%d%s", e.Revision, strings.Repeat(".", 200)), string(e.Value))
	}
	return newest
}

// checkWrittenBatches checks that bucket P has whole batches.
func checkWrittenBatches(t *testing.T, db *kv.DB, least uint64) uint64 {
	t.Helper()
	b, err := db.Bucket(t.Context(), "P")
	require.NoError(t, err)
	newest := statusOf(t, b).Newest
	require.GreaterOrEqual(t, newest, least)
	require.Zero(t, newest%3, "batches have three revisions")
	entries := collect(t, b.Entries(t.Context(), ">"))
	require.Len(t, entries, int(min(newest/3+2, 52)*min(newest, 1)))
	for _, e := range entries {
		batch := (e.Revision + 2) / 3
		require.Equal(t, fmt.Sprint(batch), string(e.Value), e.Key)
		if e.Key == "x" || e.Key == "y" {
			require.Equal(t, newest/3, batch, e.Key)
		}
	}
	return newest
}

// What is past its deadline is not read, though nothing is taken out of the folder.
func TestReadOnlyExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		db := openFiles(t, dir)
		b := newBucket(t, db, kv.Config{History: 3, LimitMarkerTTL: time.Hour})
		play(t, b, "a b")
		for _, key := range []string{"a", "c"} {
			_, err := b.PutString(t.Context(), key, "late", kv.KeyTTL(time.Minute))
			require.NoError(t, err)
		}
		require.NoError(t, db.Close())
		before := fileHashes(t, dir)
		open := openReadOnly(t, dir)
		for _, reader := range []*kv.DB{open, openReadOnly(t, dir)} {
			assert.Equal(t, "a3 b2 c4", draw(collect(t, bucketB(t, reader).Entries(t.Context(), ">"))...))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, reader := range []*kv.DB{open, openReadOnly(t, dir)} {
			b := bucketB(t, reader)
			for _, key := range []string{"a", "c"} {
				requireErr(t, errOf(b.Get(t.Context(), key)), kv.ErrKeyNotFound)
				requireErr(t, errOf(b.History(t.Context(), key)), kv.ErrKeyNotFound)
			}
			requireErr(t, errOf(b.GetRevision(t.Context(), "a", 1)), kv.ErrKeyNotFound)
			assert.Equal(t, "b2", draw(collect(t, b.Entries(t.Context(), ">"))...))
			assert.Equal(t, "b2", drawAll(t, b))
			requireErr(t, b.Delete(t.Context(), "a"), kv.ErrReadOnly)
		}
		assert.Equal(t, before, fileHashes(t, dir))
	})
}

// copyFolder copies a folder with the buckets in it, as a process that is killed would leave them.
func copyFolder(t testing.TB, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// TestTornTails cuts the end of a log of a process that was killed. Reading passes over what is left of a write, and opening
// cuts it off.
func TestTornTails(t *testing.T) {
	dir := t.TempDir()
	db := openFiles(t, dir, kv.SegmentSize(1<<20))
	b := newBucket(t, db, kv.Config{})
	play(t, b, "a b")
	whole := contentsOf(t, b)
	play(t, b, "c")
	killed := copyFolder(t, dir)
	require.NoError(t, db.Close())
	segments, err := filepath.Glob(filepath.Join(killed, "*-b", "*.seg"))
	require.NoError(t, err)
	require.Len(t, segments, 1)
	data, err := os.ReadFile(segments[0])
	require.NoError(t, err)
	size := int64(len(bytes.TrimRight(data, "\x00"))) - 1 // of zeros there may be many behind the last frame
	require.NoError(t, os.Truncate(segments[0], size))

	before := fileHashes(t, killed)
	reader := openReadOnly(t, killed)
	assert.Equal(t, whole, contentsOf(t, bucketB(t, reader)))
	torn := reader.TornTails()
	require.Len(t, torn, 1)
	assert.Equal(t, "B", torn[0].Bucket)
	assert.Equal(t, segments[0], torn[0].File)
	assert.Equal(t, size, torn[0].Offset+torn[0].Bytes)
	assert.NotEmpty(t, torn[0].Reason)
	assert.Equal(t, before, fileHashes(t, killed))

	db = openFiles(t, killed)
	assert.Equal(t, torn, db.TornTails())
	assert.Equal(t, whole, contentsOf(t, bucketB(t, db)))
	db, b = reopenFiles(t, db, killed)
	assert.Nil(t, db.TornTails())
	play(t, b, "c")
	assert.Equal(t, "a1 b2 c3", drawAll(t, b))
}

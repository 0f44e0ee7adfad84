package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// openDir opens a folder of small files.
func openDir(t testing.TB, dir string, opts ...kv.OpenOption) *kv.DB {
	t.Helper()
	db, err := kv.Open(dir, append([]kv.OpenOption{kv.SegmentSize(4096), kv.SyncNever()}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func backupOf(t testing.TB, db *kv.DB) []byte {
	t.Helper()
	var archive bytes.Buffer
	require.NoError(t, db.Backup(t.Context(), &archive))
	return archive.Bytes()
}

// restored makes a database of a backup.
func restored(t testing.TB, archive []byte) *kv.DB {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	require.NoError(t, kv.Restore(t.Context(), bytes.NewReader(archive), dir))
	return openDir(t, dir)
}

// requireSame checks that two databases have the same buckets with the same in them.
func requireSame(t testing.TB, want, got *kv.DB) {
	t.Helper()
	names, err := want.BucketNames(t.Context())
	require.NoError(t, err)
	gotNames, err := got.BucketNames(t.Context())
	require.NoError(t, err)
	require.Equal(t, names, gotNames)
	for _, name := range names {
		a, b := dumpOf(t, want, name), dumpOf(t, got, name)
		require.Empty(t, kvtest.Diff(a, b), name)
		require.Equal(t, statusOf(t, bucketOf(t, want, name)), statusOf(t, bucketOf(t, got, name)))
	}
}

func bucketOf(t testing.TB, db *kv.DB, name string) *kv.Bucket {
	t.Helper()
	b, err := db.Bucket(t.Context(), name)
	require.NoError(t, err)
	return b
}

func dumpOf(t testing.TB, db *kv.DB, name string) string {
	t.Helper()
	dump, err := kvtest.Dump(t.Context(), bucketOf(t, db, name))
	require.NoError(t, err)
	return dump
}

// fillForBackup makes buckets with all that a bucket can have.
func fillForBackup(t testing.TB, db *kv.DB) {
	t.Helper()
	b := newBucket(t, db, kv.Config{Bucket: "Settings", History: 3, Description: "with history", LimitMarkerTTL: time.Hour})
	play(t, b, strings.Repeat("a b c a -a !b d ", 20))
	_, err := b.PutString(t.Context(), "lease", "mine", kv.KeyTTL(time.Hour))
	require.NoError(t, err)
	_, err = b.Put(t.Context(), "large", bytes.Repeat([]byte("large "), 5000))
	require.NoError(t, err)
	b = newBucket(t, db, kv.Config{Bucket: "trimmed"})
	play(t, b, "a b -a !b")
	require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	newBucket(t, db, kv.Config{Bucket: "empty", TTL: time.Hour})
}

// What was restored is the database that was backed up, and goes on like it.
func TestBackup(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir)
	fillForBackup(t, db)
	readOnly, err := kv.OpenReadOnly(dir)
	require.NoError(t, err)
	defer func() { require.NoError(t, readOnly.Close()) }()
	for _, source := range []*kv.DB{db, readOnly} {
		got := restored(t, backupOf(t, source))
		require.Empty(t, got.TornTails())
		requireSame(t, db, got)
		for _, name := range []string{"Settings", "trimmed", "empty"} {
			b := bucketOf(t, got, name)
			newest := statusOf(t, b).Newest
			r, err := b.PutString(t.Context(), "next", "")
			require.NoError(t, err)
			require.Equal(t, newest+1, r)
		}
		want, err := bucketOf(t, db, "Settings").Get(t.Context(), "lease")
		require.NoError(t, err)
		e, err := bucketOf(t, got, "Settings").Get(t.Context(), "lease")
		require.NoError(t, err)
		require.Equal(t, want, e)
	}
}

// While batches move amounts between two keys, and buckets come and go, each backup has a state from between two batches, and
// what had returned before it began.
func TestBackupDuringWrites(t *testing.T) {
	const total, batches = 1000, 1500
	ctx := t.Context()
	db := openDir(t, t.TempDir(), kv.CompactAt(0.1))
	b := newBucket(t, db, kv.Config{Bucket: "accounts", History: 2})
	amount := func(n int) []byte { return fmt.Appendf(nil, "%d %s", n, strings.Repeat("x", n%50)) }
	_, err := b.Apply(ctx, kv.PutOp("from", amount(total)), kv.PutOp("to", amount(0)))
	require.NoError(t, err)
	var acked atomic.Uint64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; i <= batches; i++ {
			moved := i * 7 % total
			revisions, err := b.Apply(ctx, kv.PutOp("from", amount(total-moved)), kv.PutOp("to", amount(moved)))
			if !assert.NoError(t, err) {
				return
			}
			acked.Store(revisions[1])
			if i%50 == 0 {
				if !assert.NoError(t, changeBuckets(ctx, db, i)) {
					return
				}
			}
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
		archive := backupOf(t, db)
		after := acked.Load()
		got := bucketOf(t, restored(t, archive), "accounts")
		require.GreaterOrEqual(t, statusOf(t, got).Newest, before)
		require.LessOrEqual(t, statusOf(t, got).Newest, after+2)
		for at := range 2 { // of both revisions that are kept
			require.Equal(t, total, amountAt(t, got, "from", at)+amountAt(t, got, "to", at))
		}
	}
	require.Greater(t, backups, 1)
}

// changeBuckets makes a bucket with something in it and deletes the one of the time before.
func changeBuckets(ctx context.Context, db *kv.DB, i int) error {
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: fmt.Sprint("bucket-", i)})
	if err == nil {
		_, err = b.PutString(ctx, "k", strings.Repeat("v", 1000))
	}
	if i > 50 {
		err = errors.Join(err, db.DeleteBucket(ctx, fmt.Sprint("bucket-", i-50)))
	}
	return err
}

// amountAt returns the amount in the at-th revision of a key's history.
func amountAt(t testing.TB, b *kv.Bucket, key string, at int) int {
	t.Helper()
	history, err := b.History(t.Context(), key)
	require.NoError(t, err)
	digits, _, _ := strings.Cut(string(history[min(at, len(history)-1)].Value), " ")
	n, err := strconv.Atoi(digits)
	require.NoError(t, err)
	return n
}

// A bucket that is being imported is in no backup: it is not there yet.
func TestBackupDuringImport(t *testing.T) {
	db := openDir(t, t.TempDir())
	fillForBackup(t, db)
	var export bytes.Buffer
	require.NoError(t, bucketOf(t, db, "Settings").Export(t.Context(), &export))
	var archive []byte
	half := export.Len() / 2
	in := io.MultiReader(bytes.NewReader(export.Bytes()[:half]), readerFunc(func() error {
		archive = backupOf(t, db)
		return io.EOF
	}), bytes.NewReader(export.Bytes()[half:]))
	_, err := db.Import(t.Context(), in, kv.ImportAs("imported"))
	require.NoError(t, err)
	names, err := restored(t, archive).BucketNames(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"Settings", "empty", "trimmed"}, names)
}

// Neither a write nor Close waits for who reads the backup.
func TestBackupHoldsNobodyUp(t *testing.T) {
	db := openDir(t, t.TempDir())
	fillForBackup(t, db)
	b := bucketOf(t, db, "Settings")
	writes := 0
	err := db.Backup(t.Context(), writerFunc(func([]byte) {
		play(t, b, "a b c")
		newBucket(t, db, kv.Config{Bucket: fmt.Sprint("new-", writes)})
		if writes++; writes == 10 {
			require.NoError(t, db.Close())
		}
	}))
	require.ErrorIs(t, err, kv.ErrClosed)
	require.Equal(t, 10, writes)
}

func TestBackupProgress(t *testing.T) {
	db := openDir(t, t.TempDir())
	b := newBucket(t, db, kv.Config{Bucket: "B"})
	for i := range 20 {
		_, err := b.Put(t.Context(), fmt.Sprint("k", i), make([]byte, 100_000))
		require.NoError(t, err)
	}
	var told []kv.Progress
	tell := kv.OnProgress(func(p kv.Progress) { told = append(told, p) })
	var archive bytes.Buffer
	require.NoError(t, db.Backup(t.Context(), &archive, tell))
	end := kv.Progress{Bucket: "B", Done: int64(archive.Len()), Total: int64(archive.Len())}
	require.Greater(t, len(told), 5)
	require.Equal(t, end, told[len(told)-1])
	for i, p := range told {
		require.Equal(t, end.Total, p.Total)
		require.True(t, i == 0 || p.Done >= told[i-1].Done)
	}

	told = nil
	require.NoError(t, kv.Restore(t.Context(), &archive, filepath.Join(t.TempDir(), "db"), tell))
	require.Greater(t, len(told), 5)
	require.Equal(t, end, told[len(told)-1])
	require.Zero(t, told[0].Total)
}

func TestBackupThatCannotBegin(t *testing.T) {
	ctx := t.Context()
	err := kv.New().Backup(ctx, io.Discard)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "Export")

	db := openDir(t, t.TempDir())
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	require.Equal(t, context.Canceled, db.Backup(canceled, io.Discard))
	var none context.Context
	require.ErrorIs(t, db.Backup(none, io.Discard), kv.ErrInvalidContext)
	require.ErrorIs(t, kv.Restore(none, nil, "db"), kv.ErrInvalidContext)
	require.NoError(t, db.Close())
	require.Equal(t, kv.ErrClosed, db.Backup(ctx, io.Discard))

	dir := filepath.Join(t.TempDir(), "db")
	require.Equal(t, context.Canceled, kv.Restore(canceled, nil, dir))
	require.NoDirExists(t, dir)
}

// A backup that was damaged, and a folder in which there is something, are refused.
func TestRestoreThatIsRefused(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir)
	fillForBackup(t, db)
	archive := backupOf(t, db)

	err := kv.Restore(t.Context(), bytes.NewReader(archive), dir)
	require.ErrorIs(t, err, fs.ErrExist)
	play(t, bucketOf(t, db, "trimmed"), "a")

	dir = filepath.Join(t.TempDir(), "a", "b")
	inValue := bytes.Index(archive, []byte("large large")) + 10_000
	archive[inValue] ^= 1
	var corrupt *kv.CorruptError
	err = kv.Restore(t.Context(), bytes.NewReader(archive), dir)
	require.ErrorIs(t, err, kv.ErrCorrupt)
	require.ErrorAs(t, err, &corrupt)
	_, err = kv.OpenReadOnly(dir)
	require.Error(t, err)

	archive[inValue] ^= 1
	require.NoError(t, kv.Restore(t.Context(), bytes.NewReader(archive), dir), "again, into the folder that is empty now")
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, names, 3+len([]string{"LOCK", "REVKV"}))
}

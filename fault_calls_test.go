package kv_test

import (
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// faultDB opens a disk in a bubble, with a bucket B.
func faultDB(t *testing.T, f func(t *testing.T, disk *crashfs.FS, db *kv.DB, b *kv.Bucket)) {
	synctest.Test(t, func(t *testing.T) {
		disk := crashfs.New()
		db, err := crashPolicies[0].open(disk)
		require.NoError(t, err)
		f(t, disk, db, newBucket(t, db, kv.Config{History: 2}))
		require.NoError(t, db.Close())
		require.Empty(t, disk.Unclosed())
	})
}

// faultAt calls fail before the next call of a kind for a name that ends so.
func faultAt(disk *crashfs.FS, kind crashfs.Kind, name string, fail func(n int)) {
	disk.Before(func(c crashfs.Call) {
		if c.Kind == kind && strings.HasSuffix(c.Name, name) {
			disk.Before(nil)
			fail(c.N)
		}
	})
}

// TestFaultRead fails what reads a value. The error says where it should have been, and that is all.
func TestFaultRead(t *testing.T) {
	faultDB(t, func(t *testing.T, disk *crashfs.FS, _ *kv.DB, b *kv.Bucket) {
		play(t, b, "k k other")
		before := contentsOf(t, b)
		ctx := t.Context()
		reads := map[string]func() error{
			"get":          func() error { return errOf(b.Get(ctx, "k")) },
			"get revision": func() error { return errOf(b.GetRevision(ctx, "k", 1)) },
			"history":      func() error { return errOf(b.History(ctx, "k")) },
			"entries":      func() error { return lastError(b.Entries(ctx, "k")) },
			"revert":       func() error { return errOf(b.Revert(ctx, "k", 1)) },
			"batch":        func() error { return applyOps(ctx, b, kv.RevertOp("k", 1)) },
			"export":       func() error { return b.Export(ctx, new(strings.Builder)) },
			"watch": func() error {
				w, err := b.Watch(ctx, "k")
				require.NoError(t, err)
				defer w.Stop()
				return errOf(w.Next(ctx))
			},
		}
		for what, read := range reads {
			faultAt(disk, crashfs.ReadAt, ".seg", func(n int) { disk.Fail(n, syscall.EIO) })
			err := read()
			require.ErrorIs(t, err, syscall.EIO, what)
			require.ErrorContains(t, err, crashDir+"/1-b/00000001.seg", what)
			require.NotErrorIs(t, err, kv.ErrReadOnly, what)
			require.NotErrorIs(t, err, kv.ErrCorrupt, what)
			require.NotErrorIs(t, err, kv.ErrKeyNotFound, what)
			require.Equal(t, before, contentsOf(t, b), what)
		}
		play(t, b, "k")
	})
}

// TestFaultWatch fails the sync of a write. No watcher and no listing sees what was written, also not later.
func TestFaultWatch(t *testing.T) {
	faultDB(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB, b *kv.Bucket) {
		play(t, b, "k k")
		watcher := quietWatch(t, b)
		before := contentsOf(t, b)
		faultAt(disk, crashfs.Sync, ".seg", func(n int) { disk.Fail(n, syscall.EIO) })
		err := applyOps(t.Context(), b, kv.PutOp("k", nil), kv.PutOp("new", nil))
		require.ErrorIs(t, err, kv.ErrReadOnly)
		require.ErrorIs(t, err, syscall.EIO)
		require.ErrorContains(t, err, crashDir+"/1-b/00000001.seg")
		require.Empty(t, drain(t, watcher))
		require.Equal(t, before, contentsOf(t, b))
		require.Equal(t, []string{"k"}, collect(t, b.Keys(t.Context(), ">")))

		require.ErrorIs(t, db.Close(), syscall.EIO)
		for _, image := range crashImages(disk, 1, 5) {
			db, err := crashPolicies[0].open(image.disk)
			require.NoError(t, err)
			require.Empty(t, db.TornTails(), "it was taken back")
			b, err := db.Bucket(t.Context(), "B")
			require.NoError(t, err)
			require.Equal(t, before.Entries, contentsOf(t, b).Entries, image.name)
			require.NoError(t, db.Close())
		}
	})
}

// TestFaultCreateTwice makes a bucket on a disk that breaks at the last step, so that nothing can be taken back, and works again
// then. There are not two folders for the bucket after that.
func TestFaultCreateTwice(t *testing.T) {
	for _, breaks := range []crashfs.Kind{crashfs.SyncDir, crashfs.Open, crashfs.List} {
		t.Run(string(breaks), func(t *testing.T) {
			faultDB(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB, b *kv.Bucket) {
				play(t, b, "k")
				faultAt(disk, crashfs.Rename, "making-2-new", func(n int) {
					faultAt(disk, breaks, "", func(n int) {
						disk.Fail(n, syscall.EIO)
						disk.FailFrom(n, syscall.EIO)
					})
				})
				cfg := kv.Config{Bucket: "new"}
				_, err := db.CreateBucket(t.Context(), cfg)
				require.ErrorIs(t, err, syscall.EIO)
				require.ErrorContains(t, err, "the next opening may find it")
				_, err = db.Bucket(t.Context(), "new")
				require.ErrorIs(t, err, kv.ErrBucketNotFound)
				disk.FailFrom(0, nil)
				require.ErrorIs(t, errOf(db.CreateBucket(t.Context(), cfg)), syscall.EIO, "it is not tried again")
				play(t, b, "k")

				require.NoError(t, db.Close())
				for _, image := range crashImages(disk, 1, 5) {
					db, err := crashPolicies[0].open(image.disk)
					require.NoError(t, err, image.name)
					play(t, newBucket(t, db, cfg), "n")
					require.NoError(t, db.Close())
				}
			})
		})
	}
}

// TestFaultDeleteWhenFull deletes a bucket on a disk that has no room for anything, and so makes some.
func TestFaultDeleteWhenFull(t *testing.T) {
	faultDB(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB, b *kv.Bucket) {
		play(t, b, "k")
		other := newBucket(t, db, kv.Config{Bucket: "other"})
		play(t, other, "o")
		disk.SetCapacity(0)
		require.NoError(t, db.DeleteBucket(t.Context(), "other"))
		disk.SetCapacity(-1)
		play(t, b, "k")
		for _, image := range crashImages(disk, 1, 5) {
			db, err := crashPolicies[0].open(image.disk)
			require.NoError(t, err, image.name)
			require.Equal(t, []string{"B"}, mustNames(t, db))
			require.NoError(t, db.Close())
		}
	})
}

func mustNames(t *testing.T, db *kv.DB) []string {
	t.Helper()
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	return names
}

// TestFaultOpen fails each call of an opening after a crash. Nothing stays open of it, and the next one finds everything.
func TestFaultOpen(t *testing.T) {
	opens := map[string]func(string, ...kv.OpenOption) (*kv.DB, error){"open": kv.Open, "open for reading": kv.OpenReadOnly}
	faultDB(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB, b *kv.Bucket) {
		play(t, b, "k k")
		play(t, newBucket(t, db, kv.Config{Bucket: "other"}), "o !o")
		before := crashRead(t, db)
		crashed := disk.Everything()
		for what, open := range opens {
			failed := 0
			for n, reached := 1, true; reached; n++ {
				disk := crashed.Everything()
				disk.Fail(n, syscall.EIO)
				db, err := open(crashDir, kv.FileSystem(disk))
				reached = disk.Calls() >= n
				disk.Fail(n, nil) // if it is not reached
				if err != nil {
					failed++
					require.ErrorIs(t, err, syscall.EIO, "%s, call %d", what, n)
					require.NotErrorIs(t, err, kv.ErrCorrupt, "%s, call %d", what, n)
					require.Empty(t, disk.Unclosed(), "%s, call %d", what, n)
					db, err = open(crashDir, kv.FileSystem(disk))
				}
				require.NoError(t, err, "%s, call %d", what, n)
				require.Equal(t, before, crashRead(t, db), "%s, call %d", what, n)
				require.NoError(t, db.Close(), "%s, call %d", what, n)
				require.Empty(t, disk.Unclosed(), "%s, call %d", what, n)
			}
			require.Greater(t, failed, 10, what)
		}
	})
}

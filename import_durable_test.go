package kv_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
	"github.com/revkv/kv/store/storetest"
)

// largeExport returns an export of a bucket B that takes four Appends to import.
func largeExport(t *testing.T) string {
	t.Helper()
	b := newBucket(t, kv.New(), kv.Config{History: 5})
	for i := range 11 {
		mustPut(t, b, fmt.Sprint("k", i%3), strings.Repeat(fmt.Sprint(i%10), 300<<10))
	}
	play(t, b, "gone -gone")
	require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	return exportOf(t, b)
}

// importLarge imports what largeExport returned.
func importLarge(t *testing.T, db *kv.DB, text string) error {
	return errOf(db.Import(t.Context(), strings.NewReader(text)))
}

// onImportDisks runs f in a bubble for each kind of disk, with a database over it and an export.
func onImportDisks(t *testing.T, f func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string)) {
	t.Helper()
	text := largeExport(t)
	for _, kind := range diskKinds {
		t.Run(kind.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := kind.new()
				db := openBackend(t, disk.MustOpen())
				f(t, disk, db, text)
				require.NoError(t, db.Close())
			})
		})
	}
}

// opensEmpty opens a disk, which must show no bucket, and keep none.
func opensEmpty(t *testing.T, disk *storetest.Disk) {
	t.Helper()
	db := openBackend(t, disk.MustOpen())
	noBuckets(t, db)
	require.NoError(t, db.Close())
	backend := disk.MustOpen()
	buckets, err := backend.Buckets()
	require.NoError(t, err)
	require.Empty(t, buckets)
	require.NoError(t, backend.Close())
	db = openBackend(t, disk.MustOpen())
	require.Equal(t, emptyExport("B"), exportOf(t, mustImport(t, db, emptyExport("B"))))
	require.NoError(t, db.Close())
}

// Wherever the power is cut, the bucket is there as a whole or not at all.
func TestImportAndPowerCuts(t *testing.T) {
	onImportDisks(t, func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string) {
		var cuts []*storetest.Disk
		for _, call := range []storetest.Call{storetest.Create, storetest.Append, storetest.Configure} {
			disk.Before(call, func() error {
				cuts = append(cuts, disk.Copy())
				return nil
			})
		}
		require.NoError(t, importLarge(t, db, text))
		require.Len(t, cuts, 1+4+1)
		for _, cut := range cuts {
			opensEmpty(t, cut)
		}
		whole := openBackend(t, disk.Copy().MustOpen())
		b, err := whole.Bucket(t.Context(), "B")
		require.NoError(t, err)
		require.True(t, text == exportOf(t, b))
		require.NoError(t, b.Delete(t.Context(), "next"))
		require.Equal(t, uint64(14), statusOf(t, b).Newest)
		require.NoError(t, whole.Close())
	})
}

// If the disk fails, so does the import, and nothing is there, now or later.
func TestImportAndABrokenDisk(t *testing.T) {
	for _, fault := range []struct {
		call storetest.Call
		n    int
	}{{storetest.Append, 1}, {storetest.Append, 2}, {storetest.Append, 4}, {storetest.Configure, 1}} {
		t.Run(fmt.Sprint(fault), func(t *testing.T) {
			onImportDisks(t, func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string) {
				disk.Fail(fault.call, fault.n, errDisk)
				err := importLarge(t, db, text)
				requireErr(t, err, kv.ErrReadOnly)
				require.ErrorIs(t, err, errDisk)
				noBuckets(t, db)
				requireErr(t, importLarge(t, db, text), kv.ErrReadOnly)
				require.Zero(t, disk.Count(storetest.Delete), "a read-only database leaves the disk alone")
				require.NoError(t, db.Close())
				opensEmpty(t, disk)
			})
		})
	}
}

func TestImportThatCannotBegin(t *testing.T) {
	onImportDisks(t, func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string) {
		disk.Fail(storetest.Create, 1, errDisk)
		err := importLarge(t, db, text)
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, `kv: import bucket "B": `)
		noBuckets(t, db)
		require.NoError(t, importLarge(t, db, text))
	})
}

// A bucket of bad input that cannot be removed is removed at the next opening, or at the one after that.
func TestImportThatCannotBeUndone(t *testing.T) {
	onImportDisks(t, func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string) {
		disk.Fail(storetest.Delete, 1, errDisk)
		err := importLarge(t, db, text+"x")
		require.ErrorIs(t, err, kv.ErrInvalidImport)
		require.ErrorIs(t, err, kv.ErrReadOnly)
		require.ErrorIs(t, err, errDisk)
		noBuckets(t, db)
		require.NoError(t, db.Close())

		disk.Fail(storetest.Delete, 1, errDisk)
		_, err = kv.OpenBackend(disk.MustOpen())
		require.ErrorIs(t, err, errDisk)
		require.ErrorContains(t, err, `"B"`)
		opensEmpty(t, disk)
	})
}

// Close in the middle of an import waits for the Append under way. Then the bucket is whole, or there is none.
func TestImportAndCloseAtOnce(t *testing.T) {
	text := largeExport(t)
	for _, kind := range diskKinds {
		for at := 1; at <= 4; at++ {
			disk := kind.new()
			db := openBackend(t, disk.MustOpen())
			closed := make(chan error, 1)
			disk.Before(storetest.Append, func() error {
				if disk.Count(storetest.Append) == at {
					go func() { closed <- db.Close() }()
				}
				return nil
			})
			err := importLarge(t, db, text)
			require.NoError(t, <-closed)
			disk.Before(storetest.Append, nil)
			if err != nil {
				requireErr(t, err, kv.ErrClosed)
				opensEmpty(t, disk)
				continue
			}
			db = openBackend(t, disk.MustOpen())
			b, err := db.Bucket(t.Context(), "B")
			require.NoError(t, err)
			require.True(t, text == exportOf(t, b))
			require.NoError(t, db.Close())
		}
	}
}

// A database that another bucket makes read-only takes no import to its end.
func TestImportWhenTheDatabaseFails(t *testing.T) {
	onImportDisks(t, func(t *testing.T, disk *storetest.Disk, db *kv.DB, text string) {
		other := newBucket(t, db, kv.Config{Bucket: "other"})
		for _, at := range []int{len(text) / 2, len(text)} {
			r, w := io.Pipe()
			imported := do(func() error { return errOf(db.Import(t.Context(), r)) })
			_, err := io.WriteString(w, text[:at])
			require.NoError(t, err)
			synctest.Wait()
			disk.Fail(storetest.Append, 1, errDisk)
			requireErr(t, errOf(other.Put(t.Context(), "k", nil)), kv.ErrReadOnly)
			appends := disk.Count(storetest.Append)
			go func() {
				_, _ = io.WriteString(w, text[at:])
				_ = w.Close()
			}()
			imported.returns(t, 0, kv.ErrReadOnly)
			require.Equal(t, appends, disk.Count(storetest.Append), "a read-only database leaves the disk alone")
			require.NoError(t, r.Close())
			require.NoError(t, db.Close())
			db = openBackend(t, disk.MustOpen())
			_, err = db.Bucket(t.Context(), "B")
			requireErr(t, err, kv.ErrBucketNotFound)
			other, err = db.Bucket(t.Context(), "other")
			require.NoError(t, err)
		}
		require.NoError(t, db.Close())
	})
}

// Half of a bucket in a folder is not seen by who opens that for reading, and removed by who opens it for writing.
func TestImportInAFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := largeExport(t)
		dir, half := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "half")
		db, err := kv.Open(dir)
		require.NoError(t, err)
		r, w := io.Pipe()
		imported := do(func() error { return errOf(db.Import(t.Context(), r)) })
		_, err = io.WriteString(w, text[:len(text)/2])
		require.NoError(t, err)
		synctest.Wait()
		require.NoError(t, os.CopyFS(half, os.DirFS(dir)))
		_, err = io.WriteString(w, text[len(text)/2:])
		require.NoError(t, err)
		require.NoError(t, w.Close())
		imported.returns(t, 0, nil)
		require.NoError(t, db.Close())

		for _, open := range []func(string, ...kv.OpenOption) (*kv.DB, error){kv.OpenReadOnly, kv.OpenReadOnly, kv.Open} {
			before := filesIn(t, half)
			db, err = open(half)
			require.NoError(t, err)
			noBuckets(t, db)
			if err := importLarge(t, db, text); err != nil {
				requireErr(t, err, kv.ErrReadOnly)
				require.Equal(t, before, filesIn(t, half))
			}
			require.NoError(t, db.Close())
		}
		for _, dir := range []string{dir, half} {
			db, err = kv.OpenReadOnly(dir)
			require.NoError(t, err)
			b, err := db.Bucket(t.Context(), "B")
			require.NoError(t, err)
			require.True(t, text == exportOf(t, b))
			require.NoError(t, db.Close())
		}
	})
}

// filesIn returns the names and sizes of files.
func filesIn(t *testing.T, dir string) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		files = append(files, fmt.Sprint(path, info.Size()))
		return err
	}))
	return files
}

// TestImportNumberingNamesNoKey imports a bucket whose newest revision is not kept. What the store gets for it, and is to forget at once, is
// of a key that the bucket does not have: should only that be left of it, it purges nothing.
func TestImportNumberingNamesNoKey(t *testing.T) {
	source := newBucket(t, kv.New(), kv.Config{})
	play(t, source, "newest other gone -gone")
	require.NoError(t, source.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	disk := crashfs.New()
	db, err := kv.Open("db", kv.FileSystem(disk))
	require.NoError(t, err)
	b, err := db.Import(t.Context(), strings.NewReader(exportOf(t, source)))
	require.NoError(t, err)
	require.EqualValues(t, 4, statusOf(t, b).Newest)
	var keys []string
	for _, file := range disk.Files() {
		if filepath.Ext(file.Name) == ".seg" {
			data, err := disk.ReadFile(file.Name)
			require.NoError(t, err)
			keys = append(keys, regexp.MustCompile(`newest_*`).FindAllString(string(data), -1)...)
		}
	}
	require.Equal(t, []string{"newest", "newest_"}, keys)
	require.NoError(t, db.Close())
}

// TestImportOfTheGreatestRevision goes on writing behind it.
func TestImportOfTheGreatestRevision(t *testing.T) {
	disk := crashfs.New()
	db, err := kv.Open("db", kv.FileSystem(disk))
	require.NoError(t, err)
	text := replaced(t, goodHeader, `"newest":9`, `"newest":4611686018427387904`) + "\n" + goodPut + "\n" + goodEnd
	b := mustImport(t, db, text)
	require.Equal(t, uint64(1<<62+1), mustPut(t, b, "a", ""))
	require.NoError(t, db.Close())
	db, err = kv.Open("db", kv.FileSystem(disk))
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

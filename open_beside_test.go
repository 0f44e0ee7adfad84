package kv_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A pausedFS does something before one of the calls that read a folder.
type pausedFS struct {
	vfs.FS
	calls int
	at    int // before which of them, from 1
	do    func()
}

func (f *pausedFS) count() {
	if f.calls++; f.calls == f.at {
		f.do()
	}
}

// List implements vfs.FS.
func (f *pausedFS) List(dir string) ([]string, error) {
	f.count()
	return f.FS.List(dir)
}

// Open implements vfs.FS.
func (f *pausedFS) Open(name string) (vfs.File, error) {
	f.count()
	return f.FS.Open(name)
}

// TestOpenReadOnlyBesideAWriter opens a folder for reading, and between any two steps of that another opening changes what is
// there. The buckets are found as they were before or are afterwards.
func TestOpenReadOnlyBesideAWriter(t *testing.T) {
	fill := func(t *testing.T, b *kv.Bucket, from int) {
		for i := range 40 {
			require.NoError(t, errOf(b.Put(t.Context(), fmt.Sprint("k", i%10), make([]byte, 200+from+i))))
		}
	}
	tests := []struct {
		name      string
		meanwhile func(t *testing.T, db *kv.DB, b *kv.Bucket)
	}{
		{"deletes a bucket", func(t *testing.T, db *kv.DB, _ *kv.Bucket) {
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		}},
		{"deletes a bucket and makes another of that name", func(t *testing.T, db *kv.DB, _ *kv.Bucket) {
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
			fill(t, newBucket(t, db, kv.Config{}), 0)
		}},
		{"writes so much that segments are sealed and compacted", func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			fill(t, b, 100)
			fill(t, b, 200)
		}},
		{"closes", func(t *testing.T, db *kv.DB, _ *kv.Bucket) { require.NoError(t, db.Close()) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for at := 1; ; at++ {
				disk := crashfs.New()
				db, err := kv.Open("dir", kv.FileSystem(disk), kv.SegmentSize(4096), kv.SyncNever())
				require.NoError(t, err)
				newBucket(t, db, kv.Config{Bucket: "other"})
				b := newBucket(t, db, kv.Config{})
				fill(t, b, 0)
				before := statusOf(t, b).Newest
				fsys := &pausedFS{FS: disk, at: at, do: func() { test.meanwhile(t, db, b) }}

				beside, err := kv.OpenReadOnly("dir", kv.FileSystem(fsys))
				require.NoError(t, err, "before call %d", at)
				names, err := beside.BucketNames(t.Context())
				require.NoError(t, err)
				require.Contains(t, names, "other")
				if len(names) == 2 {
					found, err := beside.Bucket(t.Context(), "B")
					require.NoError(t, err)
					all := contentsOf(t, found)
					require.GreaterOrEqual(t, all.Status.Newest, before)
					require.Len(t, all.Entries, 10)
				}
				require.NoError(t, beside.Close())
				require.NoError(t, db.Close())
				if fsys.calls < at {
					break
				}
			}
		})
	}
}

// A readsFS does something before one of the reads of segments.
type readsFS struct {
	vfs.FS
	reads int
	at    int // before which of them, from 1
	do    func()
}

type readsFile struct {
	vfs.File
	fsys *readsFS
}

// Open implements vfs.FS.
func (f *readsFS) Open(name string) (vfs.File, error) {
	file, err := f.FS.Open(name)
	if err == nil && filepath.Ext(name) == ".seg" {
		file = readsFile{file, f}
	}
	return file, err
}

// ReadAt implements vfs.File.
func (f readsFile) ReadAt(p []byte, off int64) (int, error) {
	if f.fsys.reads++; f.fsys.reads == f.fsys.at {
		f.fsys.do()
	}
	return f.File.ReadAt(p, off)
}

// TestReadBesideSyncedWrites opens and verifies a folder, and between any two reads of that another opening writes large values, each of
// which says that those before it are durable; or it is closed, and cuts off zeros. What was not there when its place was read is no damage.
func TestReadBesideSyncedWrites(t *testing.T) {
	readers := map[string]func(t *testing.T, fsys vfs.FS) error{
		"OpenReadOnly": func(_ *testing.T, fsys vfs.FS) error {
			db, err := kv.OpenReadOnly("dir", kv.FileSystem(fsys))
			if err != nil {
				return err
			}
			return db.Close()
		},
		"Verify": func(t *testing.T, fsys vfs.FS) error {
			report, err := filestore.Verify(t.Context(), "dir", filestore.ToolOptions{FS: fsys})
			require.NoError(t, err)
			return report.Err()
		},
	}
	value := bytes.Repeat([]byte("x"), 200_000) // more than half of what is read at a time
	for name, read := range readers {
		for writes := range 3 {
			t.Run(fmt.Sprintf("%s/%d writes", name, writes), func(t *testing.T) {
				for at := 1; ; at++ {
					disk := crashfs.New()
					db, err := kv.Open("dir", kv.FileSystem(disk))
					require.NoError(t, err)
					b := newBucket(t, db, kv.Config{})
					require.NoError(t, errOf(b.Put(t.Context(), "k", value)))
					fsys := &readsFS{FS: disk, at: at, do: func() {
						for range writes {
							require.NoError(t, errOf(b.Put(t.Context(), "k", value)))
						}
						if writes < 2 {
							require.NoError(t, db.Close())
						}
					}}
					require.NoError(t, read(t, fsys), "before read %d", at)
					require.NoError(t, db.Close())
					if fsys.reads < at {
						break
					}
				}
			})
		}
	}
}

package filestore_test

import (
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// size returns how many bytes the files on a disk have.
func size(disk *crashfs.FS) (bytes int64) {
	for _, f := range disk.Files() {
		bytes += f.Size
	}
	return bytes
}

// TestCompactionWithoutRoom has compaction find a disk on which there is room for what is appended, and none for its copies. Wherever it
// meets the end of it, that costs nothing: appends go on, nothing is left behind, and when there is room the work is done.
func TestCompactionWithoutRoom(t *testing.T) {
	const segments, value = 8, 500
	gaveUp := 0
	for room := int64(600); room < 2*segments*value; room += 200 {
		synctest.Test(t, func(t *testing.T) {
			disk := crashfs.New()
			r := newTrial(t, filestore.Options{FS: disk, SegmentSize: 64 << 10})
			for range segments { // closing seals each, and eight are joined
				r.put(value)
				r.reopen()
			}
			disk.SetCapacity(size(disk) + room)
			r.put(10)
			synctest.Wait()
			r.put(10)
			r.check()
			if r.usage().files > segments {
				gaveUp++
				require.Equal(t, segments+1, r.usage().files, "with the active one, and nothing else")
			}
			disk.SetCapacity(-1)
			r.reopen()
			r.put(10)
			synctest.Wait()
			require.Less(t, r.usage().files, segments)
			r.reopen()
		})
	}
	require.NotZero(t, gaveUp)
}

// TestOpenMakesRoom opens a folder on a full disk, where what a crash left of compaction is the room that opening needs.
func TestOpenMakesRoom(t *testing.T) {
	disk := crashfs.New()
	r := newTrial(t, filestore.Options{FS: disk, Sync: filestore.SyncNever()})
	r.put(100)
	segments := slices.DeleteFunc(r.folder(), func(path string) bool { return !strings.HasSuffix(path, ".seg") })
	left := filepath.Join(filepath.Dir(segments[0]), "00000099.seg")
	f, err := disk.Create(left)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, 4096), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	crashed := disk.Everything()
	require.NoError(t, r.backend.Close())

	r.options.FS = crashed
	crashed.SetCapacity(size(crashed))
	r.openFolder()
	r.checkReplay(r.backend)
	require.NotContains(t, r.folder(), left)
	require.NoError(t, appendTo(r.log, []store.Record{r.record(10)}, nil))
}

// A brokenFS, once it is armed, has no room for the files that are made, and perhaps cannot sync directories at all.
type brokenFS struct {
	vfs.FS
	armed *atomic.Bool
	dirs  error
}

type brokenFile struct {
	vfs.File
	fsys brokenFS
}

// Create implements vfs.FS.
func (f brokenFS) Create(name string) (vfs.File, error) {
	file, err := f.FS.Create(name)
	if err != nil {
		return nil, err
	}
	if f.armed.Load() {
		file = brokenFile{file, f}
	}
	return file, nil
}

// Sync implements vfs.File.
func (f brokenFile) Sync() error {
	if f.fsys.armed.Load() {
		return syscall.ENOSPC
	}
	return f.File.Sync()
}

// SyncDir implements vfs.FS.
func (f brokenFS) SyncDir(dir string) error {
	if f.armed.Load() && f.dirs != nil {
		return f.dirs
	}
	return f.FS.SyncDir(dir)
}

// TestCompactionOnABrokenDisk has compaction meet more than want of room. A directory's sync that fails ends writing, whatever else fails.
func TestCompactionOnABrokenDisk(t *testing.T) {
	for _, dirs := range []error{nil, syscall.EIO, syscall.ENOSPC} {
		synctest.Test(t, func(t *testing.T) {
			fsys := brokenFS{crashfs.New(), new(atomic.Bool), dirs}
			r := newTrial(t, filestore.Options{FS: fsys, SegmentSize: 64 << 10, Sync: filestore.SyncNever()})
			for range 8 {
				r.put(500)
				r.reopen()
			}
			require.NoError(t, appendTo(r.log, []store.Record{r.record(10)}, nil))
			r.newest++
			fsys.armed.Store(true)
			r.log.Publish()
			synctest.Wait()
			err := appendTo(r.log, []store.Record{r.record(10)}, nil)
			fsys.armed.Store(false)
			if dirs == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, dirs)
			require.ErrorIs(t, r.backend.Close(), dirs)
		})
	}
}

package filestore

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestSyncOnce fails a sync. Another one might succeed, but not for what the first one has lost, so there is none.
func TestSyncOnce(t *testing.T) {
	disk := crashfs.New()
	seg, err := createSegment(disk, ".", &header{number: 1})
	require.NoError(t, err)
	require.NoError(t, seg.sync())
	_, err = seg.file.WriteAt(make([]byte, 100), seg.end)
	require.NoError(t, err)
	disk.Fail(disk.Calls()+1, syscall.EIO)
	first := seg.syncTo(seg.end + 100)
	require.ErrorIs(t, first, syscall.EIO)
	require.Equal(t, seg.end, seg.synced.Load())

	calls := disk.Calls()
	require.Equal(t, first, seg.syncTo(seg.end+100))
	require.Equal(t, first, seg.sync())
	require.Equal(t, calls, disk.Calls())
	require.NoError(t, seg.drop())
}

// TestFaultInBackground fails the sync that a timer makes. Everything that writes returns its error then, and what was appended
// before can be read, also after another opening, and that makes it durable.
func TestFaultInBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := crashfs.New()
		opts := Options{FS: disk, Sync: SyncEvery(time.Second)}
		backend, err := Open("db", opts)
		require.NoError(t, err)
		log, err := backend.Create("b", []byte("config"))
		require.NoError(t, err)
		record := store.Record{Revision: 1, Operation: store.Put, Key: "k", Value: []byte("value")}
		require.NoError(t, log.Append([]store.Record{record}, nil))
		log.(store.ValueReader).Publish()
		disk.Fail(disk.Calls()+1, syscall.EIO)
		time.Sleep(time.Second)
		synctest.Wait()

		calls := disk.Calls()
		record.Revision++
		require.ErrorIs(t, log.Append([]store.Record{record}, nil), syscall.EIO)
		require.ErrorIs(t, log.Append(nil, []uint64{1}), syscall.EIO)
		require.ErrorIs(t, backend.Configure("b", nil), syscall.EIO)
		require.Equal(t, calls, disk.Calls(), "the disk is left alone")
		value, err := log.(store.ValueReader).Value(1)
		require.NoError(t, err)
		require.Equal(t, "value", string(value))
		require.ErrorIs(t, backend.Close(), syscall.EIO)
		require.Empty(t, disk.Unclosed())

		backend = requireValue(t, opts)
		opts.FS = disk.Strict()
		require.NoError(t, requireValue(t, opts).Close(), "the power was cut after the opening")
		require.NoError(t, backend.Close())
	})
}

// requireValue opens a folder, in which revision 1 of bucket b has to have its value.
func requireValue(t *testing.T, opts Options) *Backend {
	t.Helper()
	backend, err := Open("db", opts)
	require.NoError(t, err)
	log, err := backend.Open("b")
	require.NoError(t, err)
	value, err := log.(store.ValueReader).Value(1)
	require.NoError(t, err)
	require.Equal(t, "value", string(value))
	return backend
}

// TestNextSegmentLater fails what makes a segment ahead, at each of its calls. Nobody needs that segment yet, so appends go on, into the
// next segment too, which is made when they need it.
func TestNextSegmentLater(t *testing.T) {
	for _, failing := range []crashfs.Kind{crashfs.Create, crashfs.WriteAt, crashfs.Sync, crashfs.SyncDir} {
		t.Run(string(failing), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				opts := Options{FS: disk, Sync: SyncNever(), SegmentSize: 1 << 15}
				backend, err := Open("db", opts)
				require.NoError(t, err)
				created, err := backend.Create("b", nil)
				require.NoError(t, err)
				l := created.(*log)
				revision := uint64(0)
				put := func() {
					revision++
					require.NoError(t, l.Append([]store.Record{{Revision: revision, Operation: store.Put, Key: "k"}}, nil))
					l.Publish()
					synctest.Wait()
				}
				put()
				failed := 0
				disk.Before(func(c crashfs.Call) {
					if c.Kind == failing && failed == 0 && (c.Name == l.dir || c.Name == path(l.dir, 2)) {
						failed = c.N
						disk.Fail(c.N, syscall.ENOSPC)
					}
				})
				for l.number < 4 {
					put()
				}
				require.NotZero(t, failed)
				require.NoError(t, backend.Close())
				require.Empty(t, disk.Unclosed())
			})
		})
	}
}

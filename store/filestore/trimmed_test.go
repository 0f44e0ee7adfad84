package filestore_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// putOf returns the record of a put with a value of n bytes.
func putOf(revision uint64, key string, n int) store.Record {
	return store.Record{Revision: revision, Operation: store.Put, Key: key, Value: make([]byte, n), Created: int64(revision)}
}

// A segment in which nothing is live is left out when it is sealed, but not while a pin keeps some of it.
func TestPinOutlivesTheActiveSegment(t *testing.T) {
	backend := openStore(t, "db", filestore.Options{FS: crashfs.New(), SegmentSize: filestore.MinSegmentSize})
	log := createStore(t, backend, "b")
	require.NoError(t, appendTo(log, []store.Record{putOf(1, "k", 10)}, nil))
	release := log.Pin()
	require.NoError(t, appendTo(log, nil, []uint64{1}))
	require.NoError(t, appendTo(log, []store.Record{putOf(2, "k", filestore.MinSegmentSize)}, nil))
	value, err := log.Value(1)
	require.NoError(t, err)
	require.Equal(t, make([]byte, 10), value)
	release()
	_, err = log.Value(1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

// What is trimmed in a sealed segment is forgotten in the background, when it is enough to be worth while. Until then it can be read or
// not, and a pin keeps what is trimmed while it is open, whatever was waiting to be forgotten then.
func TestTrimmedIsForgottenLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backend := openStore(t, "db", filestore.Options{FS: crashfs.New(), Sync: filestore.SyncNever(), Garbage: 0.99})
		log := createStore(t, backend, "b")
		const records = 2000
		for revision := uint64(1); revision <= records; revision++ {
			require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 10)}, nil))
		}
		require.NoError(t, log.Close())
		again, err := backend.Open("b")
		require.NoError(t, err)
		for _, err := range again.Records() {
			require.NoError(t, err)
		}
		log = again.(store.ValueReader)
		trim := func(from, to uint64) {
			for revision := from; revision <= to; revision++ {
				require.NoError(t, appendTo(log, nil, []uint64{revision}))
			}
			synctest.Wait()
		}
		expect := func(from, to uint64, want error) {
			for revision := from; revision <= to; revision++ {
				value, err := log.Value(revision)
				require.ErrorIs(t, err, want, "revision %d", revision)
				require.True(t, err != nil || string(value) == string(make([]byte, 10)))
			}
		}

		trim(1, 100)
		release := log.Pin()
		trim(101, 200)
		expect(101, records, nil)
		trim(201, 1300)
		expect(1, 100, store.ErrNotFound)
		expect(101, 1300, nil)
		release()
		trim(1301, 1900)
		expect(1, 1300, store.ErrNotFound)
		expect(1901, records, nil)
		require.NoError(t, log.Close())
		require.Len(t, recordsOf(t, backend, "b"), 100)
	})
}

// Compaction leaves out what is trimmed, perhaps by an append that a power cut can still undo. The cut must not lose both, the
// record that was trimmed and the one it had to make room for: what is left is what was there after one of the appends.
func TestCompactionIsNoMoreDurableThanItsReason(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				options := filestore.Options{FS: disk, SegmentSize: 1 << 20, Sync: policy}
				backend := openStore(t, "db", options)
				log := createStore(t, backend, "b")
				const keys = 100
				for revision := uint64(1); revision <= keys; revision++ {
					require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 3000)}, nil))
				}
				for revision := uint64(1); revision <= keys; revision++ {
					record := putOf(keys+revision, "k", 10)
					require.NoError(t, appendTo(log, []store.Record{record}, []uint64{revision}))
					synctest.Wait() // for compaction
					options.FS = disk.Strict()
					left := revisionsOf(recordsOf(t, openStore(t, "db", options), "b"))
					require.NotEmpty(t, left, "after %d overwrites", revision)
					newest := left[len(left)-1]
					want := make([]uint64, 0, keys)
					for r := max(newest, keys) - keys + 1; r <= newest; r++ {
						want = append(want, r)
					}
					require.Equal(t, want, left, "after %d overwrites", revision)
				}
			})
		})
	}
}

func openStore(t testing.TB, dir string, options filestore.Options) *filestore.Backend {
	t.Helper()
	backend, err := filestore.Open(dir, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, backend.Close()) })
	return backend
}

// appendTo appends, and publishes that.
func appendTo(log store.Store, recs []store.Record, trim []uint64) error {
	err := log.Append(recs, trim)
	log.(store.ValueReader).Publish()
	return err
}

func createStore(t testing.TB, backend *filestore.Backend, bucket string) store.ValueReader {
	t.Helper()
	log, err := backend.Create(bucket, []byte("config of "+bucket))
	require.NoError(t, err)
	return log.(store.ValueReader)
}

// recordsOf opens a bucket and returns its records with their values.
func recordsOf(t testing.TB, backend *filestore.Backend, bucket string) (records []store.Record) {
	t.Helper()
	log, err := backend.Open(bucket)
	require.NoError(t, err)
	for r, err := range log.Records() {
		require.NoError(t, err)
		value, err := log.(store.ValueReader).Value(r.Revision)
		require.NoError(t, err)
		require.Len(t, value, r.Size)
		r.Value = value
		records = append(records, r.Record)
	}
	return records
}

func revisionsOf(records []store.Record) (revisions []uint64) {
	for _, r := range records {
		revisions = append(revisions, r.Revision)
	}
	return revisions
}

// Damage in a record that is trimmed is of no account, and gone with the next compaction.
func TestDamageInWhatIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := crashfs.New()
		backend := openStore(t, "db", filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Garbage: 0.1})
		log := createStore(t, backend, "b")
		for revision := uint64(1); revision <= 3; revision++ {
			require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", filestore.MinSegmentSize)}, nil))
		}
		frames, err := filestore.Frames(disk.Everything(), "db")
		require.NoError(t, err)
		damaged := frames[0]
		f, err := disk.OpenWrite(damaged.File)
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("x"), damaged.Items[0].Offset+100)
		require.NoError(t, errors.Join(err, f.Close()))
		_, err = log.Value(1)
		require.ErrorIs(t, err, store.ErrCorrupt)

		require.NoError(t, appendTo(log, []store.Record{putOf(4, "k", filestore.MinSegmentSize)}, []uint64{1}))
		synctest.Wait()
		_, err = disk.ReadFile(damaged.File)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, appendTo(log, []store.Record{putOf(5, "k", 1)}, nil))
		require.NoError(t, log.Close())
		require.Equal(t, []uint64{2, 3, 4, 5}, revisionsOf(recordsOf(t, backend, "b")))
	})
}

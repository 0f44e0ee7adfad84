package filestore

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A trimTrial is a log that is compacted by hand.
type trimTrial struct {
	*testing.T
	disk    *crashfs.FS
	backend *Backend
	log     *log
}

func newTrimTrial(t *testing.T, segmentSize int64) *trimTrial {
	disk := crashfs.New()
	backend, err := Open("db", Options{FS: disk, SegmentSize: segmentSize, Sync: SyncAlways(), Garbage: 0.1})
	require.NoError(t, err)
	made, err := backend.Create("b", nil)
	require.NoError(t, err)
	return &trimTrial{t, disk, backend, made.(*log)}
}

// append appends a record of so many bytes, none if revision is 0, and no compaction is begun.
func (r *trimTrial) append(revision uint64, size int, trim ...uint64) {
	r.Helper()
	var recs []store.Record
	if revision > 0 {
		recs = []store.Record{{Revision: revision, Operation: store.Put, Key: "k", Value: make([]byte, size)}}
	}
	require.NoError(r, r.log.Append(recs, trim))
	r.setCompacting(true)
	defer r.setCompacting(false)
	r.log.Publish()
}

func (r *trimTrial) setCompacting(is bool) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	r.log.compacting = is
}

// victims returns the segments that the next step takes.
func (r *trimTrial) victims() []*segment {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.log.victims()
}

// Between mark and the choice of segments an append trims a revision, and the next one seals the segment that says so. Both, the record
// and the trim, are then in the segments that are copied: the trim is not lost.
func TestTrimBetweenMarkAndVictims(t *testing.T) {
	r := newTrimTrial(t, 32<<10)
	r.append(1, 100)
	r.append(2, 3500)
	r.append(3, 3500) // seals the segment of 1 and 2
	r.append(0, 0, 2, 3)
	r.log.mark()
	r.append(0, 0, 1)
	r.append(4, 3500) // seals that of 3, and of the trims
	run := r.victims()
	require.Len(t, run, 2)
	require.NoError(t, r.log.rewrite(run))
	r.log.mark()
	_, err := r.log.Value(1)
	require.ErrorIs(t, err, store.ErrNotFound)
	require.NoError(t, r.backend.Close())

	backend, err := Open("db", Options{FS: r.disk, SegmentSize: MinSegmentSize})
	require.NoError(t, err)
	again, err := backend.Open("b")
	require.NoError(t, err)
	var revisions []uint64
	for rec, err := range again.Records() {
		require.NoError(t, err)
		revisions = append(revisions, rec.Revision)
	}
	require.Equal(t, []uint64{4}, revisions)
	require.NoError(t, backend.Close())
}

// What is trimmed between mark and the end of compaction does not wait for the next append.
func TestTrimAtTheEndOfCompaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrimTrial(t, 1<<20)
		const records = 100
		for revision := uint64(1); revision <= records; revision++ {
			r.append(revision, 10_000)
		}
		r.log.mark()
		segments := len(r.log.segments)
		for revision := uint64(1); revision < records; revision++ {
			r.append(0, 0, revision)
		}
		r.log.mu.Lock()
		r.log.rest()
		r.log.mu.Unlock()
		synctest.Wait()
		require.Empty(t, r.log.trimmed)
		require.Less(t, len(r.log.segments), segments)
		require.NoError(t, r.backend.Close())
	})
}

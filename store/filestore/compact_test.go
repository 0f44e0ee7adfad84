package filestore_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// These tests run in bubbles: there synctest.Wait returns when compaction has nothing to do.

// overwrite puts a key of so many at random, n times, each time trimming what the key had, and calls after each time.
func (r *trial) overwrite(rng *rand.Rand, keys, n, size int, after func(i int)) {
	r.Helper()
	newest := map[string]uint64{}
	for revision, rec := range r.want {
		newest[rec.Key] = revision
	}
	for i := range n {
		rec := r.record(size)
		rec.Key = fmt.Sprintf("key.%05d", rng.IntN(keys))
		var trim []uint64
		if old := newest[rec.Key]; old != 0 {
			trim = append(trim, old)
		}
		r.append([]store.Record{rec}, trim...)
		newest[rec.Key] = rec.Revision
		after(i)
	}
}

// TestCompactionBoundsSpace looks at the folder all the while a bucket is overwritten: it takes what its records need and half as
// much, and one segment.
func TestCompactionBoundsSpace(t *testing.T) {
	for _, test := range []struct {
		garbage float64
		size    int
		most    float64 // of what the records need
	}{
		{0, 0, 1.5}, {0, 100, 1.5}, {0, 2000, 1.5}, {0.1, 100, 1.12}, {0.8, 100, 5},
	} {
		t.Run(fmt.Sprintf("%.1f/%d bytes", test.garbage, test.size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newTrial(t, filestore.Options{Garbage: test.garbage, SegmentSize: 64 << 10, Sync: filestore.SyncNever(), FS: crashfs.New()})
				r.overwrite(rand.New(rand.NewPCG(1, 2)), 500, 6000, test.size, func(i int) {
					if i < 1000 || i%10 > 0 {
						return
					}
					synctest.Wait()
					have := r.usage()
					require.LessOrEqual(t, float64(have.bytes), test.most*float64(r.needs())+float64(have.largest),
						"after %d puts: %+v, records need %d", i, have, r.needs())
				})
				r.reopen()
			})
		})
	}
}

// TestCompactionAfterFewTrims deletes large records, among small ones, with markers that fill no segment. Their room does not wait for
// the next one that does.
func TestCompactionAfterFewTrims(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrial(t, filestore.Options{SegmentSize: 1 << 20, Sync: filestore.SyncNever(), FS: crashfs.New()})
		const size, large = 50 << 10, 20
		for i := range large * 10 {
			if i%10 == 0 {
				r.append([]store.Record{r.record(size)})
			} else {
				r.append([]store.Record{r.record(10)})
			}
		}
		synctest.Wait()
		before := r.usage()
		for i := range uint64(large - 4) {
			marker := r.record(0)
			marker.Operation = store.Delete
			r.append([]store.Record{marker}, 10*i+1)
		}
		synctest.Wait()
		require.Less(t, r.usage().bytes, before.bytes-(large-4)*size*3/4)
		r.reopen()
	})
}

// TestCompactionFallsBehind holds compaction up while there is more and more garbage, until the writer waits for it. After that it
// catches up.
func TestCompactionFallsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := crashfs.New()
		r := newTrial(t, filestore.Options{Sync: filestore.SyncNever(), FS: disk})
		gate := make(chan struct{})
		disk.Before(func(c crashfs.Call) {
			if c.Kind == crashfs.ReadAt {
				<-gate
			}
		})
		const keys, puts = 100, 4000
		written := 0
		var held usage
		go func() {
			synctest.Wait()
			held = r.usage()
			close(gate)
		}()
		r.overwrite(rand.New(rand.NewPCG(1, 2)), keys, puts, 100, func(int) {
			select {
			case <-gate:
			default:
				written++
			}
		})
		synctest.Wait()
		require.Greater(t, written, keys/2)
		require.Less(t, written, puts)
		require.Greater(t, held.files, 10)
		require.Less(t, held.bytes, 4*r.needs())
		require.Less(t, r.usage().files, held.files)
		require.Less(t, r.usage().bytes, 2*r.needs())
		r.reopen()
	})
}

// TestCompactionMergesSmallSegments makes a segment at each opening.
func TestCompactionMergesSmallSegments(t *testing.T) {
	r := newTrial(t, filestore.Options{SegmentSize: filestore.DefaultSegmentSize, Sync: filestore.SyncNever(), FS: crashfs.New()})
	most := 0
	for range 200 {
		r.put(10)
		require.NoError(t, r.backend.Close())
		most = max(most, r.usage().files)
		r.openFolder()
		r.checkReplay(r.backend)
	}
	require.Less(t, most, 32)
}

// TestCompactionEnds has it find what it cannot improve: it does not begin again and again.
func TestCompactionEnds(t *testing.T) {
	tests := map[string]func(r *trial){
		"little garbage is wanted": func(r *trial) {
			for range 200 {
				r.put(0)
			}
		},
		"trims of what is there": func(r *trial) {
			for range 200 {
				r.put(200)
			}
			for i := range uint64(100) { // few in each segment
				r.append(nil, 2*i+1)
			}
		},
		"pinned": func(r *trial) {
			for range 200 {
				r.put(100)
			}
			release := r.log.Pin()
			r.Cleanup(release)
			for i := range uint64(190) {
				r.append(nil, i+1)
			}
		},
	}
	for name, fill := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				r := newTrial(t, filestore.Options{Garbage: 0.0001, FS: disk})
				fill(r)
				before := disk.Calls()
				for range 10 {
					r.put(0)
					synctest.Wait()
				}
				require.Less(t, disk.Calls()-before, 1000)
				require.Empty(t, storeStacks())
				r.check()
			})
		})
	}
}

// storeStacks returns the stacks of the goroutines that run the store, but for the caller's.
func storeStacks() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "\ngithub.com/revkv/kv/store/filestore.") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// TestCompactionKeepsPinnedValues has all segments written anew, several times, while values in them are pinned.
func TestCompactionKeepsPinnedValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrial(t, filestore.Options{Sync: filestore.SyncNever(), FS: crashfs.New()})
		const keys = 300
		rng := rand.New(rand.NewPCG(3, 4))
		none := func(int) {}
		r.overwrite(rng, keys, 1000, 50, none)
		pinned := map[uint64]store.Record{}
		for revision, rec := range r.want {
			pinned[revision] = rec
		}
		files := r.folder()
		release := r.log.Pin()
		for range 5 {
			r.overwrite(rng, keys, 1000, 50, none)
			synctest.Wait()
			for revision, rec := range pinned {
				value, err := r.log.Value(revision)
				require.NoError(t, err, "revision %d", revision)
				require.Equal(t, string(rec.Value), string(value))
			}
		}
		require.NotContains(t, r.folder(), files[0])
		release()
		for revision := range pinned {
			if _, live := r.want[revision]; !live {
				r.gone(revision)
			}
		}
		r.overwrite(rng, keys, 1000, 50, none)
		synctest.Wait()
		require.Less(t, float64(r.usage().bytes), 2*float64(r.needs()), "what was pinned is gone from the files too")
		r.reopen()
	})
}

// TestPinsBoundSpace overwrites a bucket many times while it is pinned, and pinned again for a while at a time: no more is kept
// for a pin than there was when it was made, and not for longer.
func TestPinsBoundSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrial(t, filestore.Options{SegmentSize: 64 << 10, Sync: filestore.SyncNever(), FS: crashfs.New()})
		rng := rand.New(rand.NewPCG(5, 6))
		const keys = 500
		r.overwrite(rng, keys, 2000, 100, func(int) {})
		release, releaseShort := r.log.Pin(), r.log.Pin()
		needs := 3 * r.needs()
		r.overwrite(rng, keys, 10_000, 100, func(i int) {
			if i%500 > 0 {
				return
			}
			synctest.Wait()
			have := r.usage()
			require.LessOrEqual(t, float64(have.bytes), 1.5*float64(needs)+float64(have.largest), "after %d puts: %+v", i, have)
			releaseShort()
			releaseShort = r.log.Pin()
		})
		release()
		releaseShort()
		r.overwrite(rng, keys, 2000, 100, func(int) {})
		synctest.Wait()
		have := r.usage()
		require.LessOrEqual(t, float64(have.bytes), 1.5*float64(r.needs())+float64(have.largest), "%+v", have)
	})
}

// TestReadsDuringCompaction reads values that are moved all the time, without a pause.
func TestReadsDuringCompaction(t *testing.T) {
	r := newTrial(t, filestore.Options{Sync: filestore.SyncNever()})
	const kept = 100
	for range kept {
		r.put(300)
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	for reader := range 3 {
		group.Go(func() {
			for revision := uint64(reader); ; revision++ {
				select {
				case <-stop:
					return
				default:
				}
				revision := revision%kept + 1
				value, err := r.log.Value(revision)
				if err != nil || string(value) != string(trialValue(revision, 300)) {
					t.Errorf("revision %d has %.40q: %v", revision, value, err)
					return
				}
			}
		})
	}
	for range 1500 {
		if trim := r.newest; trim > kept {
			r.put(300, trim)
		} else {
			r.put(300)
		}
	}
	close(stop)
	group.Wait()
}

// TestTrimOnlyAppends fills segments with nothing but trims.
func TestTrimOnlyAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTrial(t, filestore.Options{Sync: filestore.SyncNever(), FS: crashfs.New()})
		const records = 3000
		for range records / 100 {
			var recs []store.Record
			for range 100 {
				r.newest++
				rec := r.record(20)
				rec.Revision = r.newest
				recs = append(recs, rec)
			}
			r.append(recs)
		}
		for revision := uint64(1); revision <= records; revision++ {
			if revision%10 != 0 {
				r.append(nil, revision)
			}
			if revision%500 == 0 {
				synctest.Wait()
				r.check()
				r.reopen()
			}
		}
		for revision := uint64(10); revision < records; revision += 10 {
			r.append(nil, revision)
		}
		r.append(nil, records)
		r.reopen()
		r.put(10)
		synctest.Wait()
		require.Less(t, r.usage().bytes, int64(4*filestore.MinSegmentSize), "nothing is left but the last record")
		r.reopen()
	})
}

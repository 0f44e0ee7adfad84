package kv_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestCrashBusy crashes a bucket that several goroutines write to at once, while it is compacted. What is left is what was there
// after one of the batches, in the order of their revisions: so there is no hole in them, and no batch by half.
func TestCrashBusy(t *testing.T) {
	for _, policy := range crashPolicies {
		t.Run(policy.name, func(t *testing.T) {
			var r *busyRun
			synctest.Test(t, func(t *testing.T) {
				r = newBusyRun(t, policy)
				r.disk.Before(r.before)
				r.play(t)
				require.Empty(t, r.errs)
				require.NoError(t, r.db.Close())
			})
			require.Greater(t, r.removed, 20, "segments that were compacted")
			checkSome(t, r.points)
		})
	}
}

// A busyRun is a bucket with many writers.
type busyRun struct {
	cfg    kv.Config
	disk   *crashfs.FS
	policy crashPolicy
	db     *kv.DB
	b      *kv.Bucket

	mu       sync.Mutex // guards what follows
	errs     []error    // of writers
	returned []busyBatch
	pending  map[int]busyBatch // by writer
	points   []*crashPoint
	removed  int // segments
}

// A busyBatch is a batch. Nobody but its writer writes its first key.
type busyBatch struct {
	writes []modelWrite
	begun  time.Time
	ended  time.Time
	first  uint64 // revision
}

const busyWriters = 5

func newBusyRun(t *testing.T, policy crashPolicy) *busyRun {
	r := &busyRun{
		cfg:  kv.Config{Bucket: "busy", History: 3, Storage: kv.FileStorage},
		disk: crashfs.New(), policy: policy, pending: map[int]busyBatch{},
	}
	var err error
	r.db, err = policy.open(r.disk)
	require.NoError(t, err)
	r.b = newBucket(t, r.db, r.cfg)
	return r
}

// play lets all writers write, each until it fails.
func (r *busyRun) play(t *testing.T) {
	var group sync.WaitGroup
	for w := range busyWriters {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 0))
			for n := range 60 {
				if err := r.write(t, w, busyWrites(w, n, rng)); err != nil {
					r.failed(err)
					return
				}
				time.Sleep(time.Duration(rng.IntN(3)) * time.Millisecond)
			}
		})
	}
	group.Wait()
}

func (r *busyRun) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// busyWrites are the writes of a batch: of keys of the writer's own, and of one that is everybody's.
func busyWrites(w, n int, rng *rand.Rand) (writes []modelWrite) {
	value := func() string { return fmt.Sprintf("%d.%d%s", w, n, strings.Repeat("v", rng.IntN(150))) }
	for i, key := range rng.Perm(4)[:1+rng.IntN(3)] {
		kinds := []string{"put", "put", "delete", "purge"}
		one := modelWrite{kind: kinds[i*rng.IntN(2)], key: fmt.Sprintf("w%d.%d", w, key)}
		if one.kind == "put" {
			one.value = value()
		}
		writes = append(writes, one)
	}
	return append(writes, modelWrite{kind: "put", key: "common", value: value()})
}

// write writes a batch.
func (r *busyRun) write(t *testing.T, writer int, writes []modelWrite) error {
	var ops []kv.Op
	for i := range writes {
		ops = append(ops, writes[i].op())
	}
	batch := busyBatch{writes: writes, begun: crashNow()}
	r.mu.Lock()
	r.pending[writer] = batch
	r.mu.Unlock()
	revisions, err := r.b.Apply(t.Context(), ops...)
	if err != nil {
		return err
	}
	batch.first, batch.ended = revisions[0], time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pending, writer)
	r.returned = append(r.returned, batch)
	return nil
}

// before keeps a point before a call of the disk.
func (r *busyRun) before(c crashfs.Call) {
	if !c.Kind.Changes() {
		return
	}
	r.mu.Lock()
	returned, floor := r.newest(time.Now().Add(1)), uint64(0)
	if r.policy.every > 0 {
		floor = r.newest(time.Now().Add(-r.policy.every))
	}
	r.mu.Unlock()
	disk := r.disk.Everything()
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Kind == crashfs.Remove {
		r.removed++
	}
	batches := r.all()
	r.points = append(r.points, &crashPoint{
		about: "before " + c.String(), policy: r.policy, at: time.Now(), call: c.N, disk: disk,
		allows: func(found crashFound, cut bool) string {
			if cut && r.policy.weak {
				return r.allows(found["busy"], floor, batches)
			}
			return r.allows(found["busy"], returned, batches)
		},
	})
}

// all returns all batches; mu is held.
func (r *busyRun) all() []busyBatch {
	return slices.Concat(r.returned, slices.Collect(maps.Values(r.pending)))
}

// newest returns the newest revision of the batches that had returned before a time; mu is held.
func (r *busyRun) newest(before time.Time) (newest uint64) {
	for _, b := range r.returned {
		if b.ended.Before(before) {
			newest = max(newest, b.first+uint64(len(b.writes))-1)
		}
	}
	return newest
}

// allows says what is wrong with what was found. Of the batches those with revisions up to some one are there, which is floor or
// later.
func (r *busyRun) allows(found contents, floor uint64, batches []busyBatch) string {
	newest := found.Status.Newest
	if newest < floor {
		return fmt.Sprintf("revisions up to %d have to be there", floor)
	}
	var there []busyBatch
	for _, b := range batches {
		if b.first == 0 { // it had not returned, but may be there
			b.first = b.find(found)
		}
		if b.first > 0 && b.first <= newest {
			there = append(there, b)
		}
	}
	slices.SortFunc(there, func(a, b busyBatch) int { return int(a.first) - int(b.first) })
	m := newModel(r.cfg, time.Time{})
	for _, b := range there {
		m.now = b.begun
		if revisions, _ := m.write(b.writes); revisions[0] != b.first {
			return fmt.Sprintf("revision %d should be there, or %d should not", revisions[0], b.first)
		}
	}
	want := crashFound{"busy": contents{m.status(), m.revisionsAfter(0, []string{">"})}}
	if !want.equal(crashFound{"busy": found}) {
		return "should be\n" + want.String()
	}
	return ""
}

// find returns the first revision of a batch if it is there, else 0.
func (b *busyBatch) find(found contents) uint64 {
	for _, e := range found.Entries {
		if e.Key == b.writes[0].key && string(e.Value) == b.writes[0].value {
			return e.Revision
		}
	}
	return 0
}

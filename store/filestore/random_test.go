package filestore_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestRandomAppends appends, trims, pins, reads and reopens at random, on segments so small that they are rolled and compacted
// all the time, and compares with what should be there.
func TestRandomAppends(t *testing.T) {
	steps := 1500
	if testing.Short() {
		steps = 300
	}
	for name, policy := range policies {
		for i, garbage := range []float64{0.02, filestore.DefaultGarbage, 0.9} {
			t.Run(fmt.Sprintf("%s/%.2f", name, garbage), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					disk := crashfs.New()
					r := &randomTrial{
						trial: newTrial(t, filestore.Options{Sync: policy, Garbage: garbage, FS: disk}),
						rng:   rand.New(rand.NewPCG(uint64(i), uint64(len(name)))),
					}
					for range steps {
						r.step()
					}
					require.NoError(t, r.backend.Close())
					require.Empty(t, disk.Unclosed())
				})
			})
		}
	}
}

// A randomTrial is a trial with pins.
type randomTrial struct {
	*trial
	rng  *rand.Rand
	pins []trialPin
}

// A trialPin is a pin, and what it keeps.
type trialPin struct {
	release func()
	newest  uint64 // when it was made
	values  map[uint64][]byte
}

func (r *randomTrial) step() {
	switch n := r.rng.IntN(100); {
	case n < 2:
		r.pins = nil
		r.reopen()
	case n < 5:
		r.pins = append(r.pins, trialPin{r.log.Pin(), r.newest, map[uint64][]byte{}})
	case n < 10 && len(r.pins) > 0:
		i := r.rng.IntN(len(r.pins))
		r.pins[i].release()
		r.pins = slices.Delete(r.pins, i, i+1)
	case n < 15:
		r.check()
		r.checkPins()
	case n < 20:
		synctest.Wait() // until there is nothing to compact
	default:
		trim := r.randomTrim()
		for _, p := range r.pins {
			for _, revision := range trim {
				if rec, ok := r.want[revision]; ok && revision <= p.newest {
					p.values[revision] = rec.Value
				}
			}
		}
		recs := r.randomRecords()
		if r.rng.IntN(20) == 0 && len(recs) > 0 {
			trim = append(trim, recs[0].Revision)
		}
		r.append(recs, trim...)
	}
}

// checkPins reads the values that pins keep.
func (r *randomTrial) checkPins() {
	for _, p := range r.pins {
		for revision, want := range p.values {
			value, err := r.log.Value(revision)
			require.NoError(r, err, "revision %d is pinned", revision)
			require.Equal(r, string(want), string(value))
		}
	}
}

func (r *randomTrial) randomRecords() (recs []store.Record) {
	revision := r.newest
	for range r.rng.IntN(4) * r.rng.IntN(3) {
		revision += 1 + r.rng.Uint64N(3)
		rec := store.Record{
			Revision: revision, Operation: store.Put, Key: fmt.Sprintf("key.%d", r.rng.IntN(1000)),
			Value: trialValue(revision, r.rng.IntN(200)), Created: r.rng.Int64(),
		}
		if r.rng.IntN(20) == 0 {
			rec.Value = trialValue(revision, r.rng.IntN(3*filestore.MinSegmentSize))
		}
		if r.rng.IntN(5) == 0 {
			rec.Operation, rec.Value = store.Purge, nil
		}
		if r.rng.IntN(3) == 0 {
			rec.Deadline = r.rng.Int64()
		}
		recs = append(recs, rec)
	}
	return recs
}

// randomTrim chooses what to trim, so that about a hundred records are kept.
func (r *randomTrial) randomTrim() (trim []uint64) {
	kept := slices.Sorted(maps.Keys(r.want))
	for range r.rng.IntN(10) * max(0, len(kept)-50) / 60 {
		trim = append(trim, kept[r.rng.IntN(len(kept))])
	}
	return trim
}

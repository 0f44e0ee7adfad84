package main

import (
	"errors"
	"math/rand/v2"
)

// mixedWorkload reads and writes keys of which few are asked for often: the n-th in proportion to 1/n^skew.
type mixedWorkload struct {
	ops, goroutines int
	reads           int // of a hundred operations
}

// skew is about that of YCSB, 0.99, and as small as rand.Zipf allows.
const skew = 1.01

func (m mixedWorkload) columns() []column {
	return []column{{name: "op/s", higher: true}, {name: "µs/op"}}
}

func (m mixedWorkload) prepare(*contestant) error { return nil }

func (m mixedWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, m.goroutines)
	if err != nil {
		return nil, err
	}
	ranks := zipfian(len(c.data.keys))
	work := func(w *worker) error { return m.work(c, e, w, ranks) }
	ops, err := c.warmUp(m.goroutines, m.ops, seed, work)
	if err != nil {
		return nil, err
	}
	took, err := timed(func() error { return share(m.goroutines, ops, seed+1, work) })
	return []float64{perSecond(ops, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// work reads keys of all workers, and writes its own.
func (m mixedWorkload) work(c *contestant, e engine, w *worker, ranks []uint32) error {
	for range w.ops {
		rank := int(ranks[w.rng.IntN(len(ranks))])
		if w.rng.IntN(100) < m.reads {
			key := c.data.asked[rank]
			value, err := e.get(key)
			if err == nil {
				err = c.checkSize(key, value)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := c.putNext(e, w.near(rank, len(c.data.keys))); err != nil {
			return err
		}
	}
	return nil
}

// zipfian returns many random numbers below n, the small ones more often. Drawing them takes as long as a read, so that is done
// beforehand.
func zipfian(n int) []uint32 {
	zipf := rand.NewZipf(rand.New(rand.NewPCG(5, 6)), skew, 1, uint64(n-1))
	ranks := make([]uint32, 1<<20)
	for i := range ranks {
		ranks[i] = uint32(zipf.Uint64())
	}
	return ranks
}

package main

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// A worker is one of several goroutines that share the work of a measure. It has keys of its own, every n-th, so that what a
// key ends up with does not depend on who was faster; and random numbers of its own, the same for every engine.
type worker struct {
	number, of int
	ops        int
	until      time.Time // when to end even if there are operations left; zero if all are to be done
	rng        *rand.Rand
}

// pick returns the index of one of the worker's keys.
func (w *worker) pick(keys int) int {
	mine := (keys - w.number + w.of - 1) / w.of
	return w.number + w.of*w.rng.IntN(mine)
}

// near returns the index of one of the worker's keys that is close to the i-th.
func (w *worker) near(i, keys int) int {
	mine := i - i%w.of + w.number
	if mine >= keys {
		mine -= w.of
	}
	return mine
}

// late reports whether it is time to end.
func (w *worker) late(now time.Time) bool { return !w.until.IsZero() && now.After(w.until) }

// share splits ops operations among n workers and waits for all of them.
func share(n, ops int, seed uint64, work func(*worker) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		w := &worker{number: i, of: n, ops: (ops + n - 1 - i) / n, rng: rand.New(rand.NewPCG(seed, uint64(i)))}
		wg.Go(func() { errs[i] = work(w) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// longEnough is the time of a measure from which on more operations say nothing new.
const longEnough = 500 * time.Millisecond

// warmUp has n workers do a tenth of an engine's operations, and returns how many are to be measured then: all, or the first of them
// if at this speed all would take more than longEnough.
func (c *contestant) warmUp(n, full int, seed uint64, work func(*worker) error) (ops int, err error) {
	ops = c.ops(full)
	some := ops / 10
	start := time.Now()
	if err := share(n, some, seed, work); err != nil {
		return 0, err
	}
	if took := time.Since(start); took > longEnough/10 {
		ops = max(int(float64(some)*float64(longEnough)/float64(took)), min(n, ops))
	}
	return ops, nil
}

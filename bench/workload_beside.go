package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// besideWorkload looks at how long each operation of one goroutine takes while another one does something else, again and
// again.
type besideWorkload struct {
	ops    int
	timed  func(*contestant, engine, *worker, *hdrhistogram.Histogram) error
	beside func(*contestant, engine) (round func() error, err error)
}

func (besideWorkload) columns() []column {
	return []column{
		{name: "p99 µs"}, {name: "p50 µs"}, {name: "p99.9 µs"}, {name: "max µs"}, {name: "rounds beside it", higher: true},
	}
}

func (besideWorkload) prepare(c *contestant) error { return c.prepare(1) }

func (b besideWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 1)
	if err != nil {
		return nil, err
	}
	round, err := b.beside(c, e)
	if err != nil {
		return nil, err
	}
	times := newTimes()
	var rounds int
	_, err = timed(func() (err error) {
		stop := again(round)
		err = share(1, c.ops(b.ops), seed, func(w *worker) error {
			w.until = time.Now().Add(longBeside)
			return b.timed(c, e, w, times)
		})
		n, besideErr := stop()
		rounds = n
		return errors.Join(err, besideErr)
	})
	p50, p99, p999, most := c.latencies(times)
	return []float64{p99, p50, p999, most, float64(rounds)}, errors.Join(err, c.end(e))
}

// longBeside is how long a measure of operations beside something else takes at most: some of those who wait for a whole round with
// each operation would take minutes.
const longBeside = 4 * time.Second

// again calls round again and again, until it fails or stop is called. stop waits for the end of the last one and returns how
// many there were.
func again(round func() error) (stop func() (int, error)) {
	var ended atomic.Bool
	done := make(chan error, 1)
	rounds := 0
	go func() {
		for {
			err := round()
			rounds++
			if err != nil || ended.Load() {
				done <- err
				return
			}
		}
	}()
	return func() (int, error) {
		ended.Store(true)
		err := <-done
		return rounds, err
	}
}

// What goes on beside: a thousand puts, a listing of everything, a watch until it has caught up.

func puts(c *contestant, e engine) (func() error, error) {
	w := &worker{of: 1, ops: 1000, rng: rand.New(rand.NewPCG(7, 8))}
	return func() error { return c.overwrite(e, w) }, nil
}

func listings(c *contestant, e engine) (func() error, error) {
	listed, err := as[lister](e)
	sorted := c.sorted()
	return func() error {
		if c.kind.forgetful {
			return listed.list("", func(string) error { return nil })
		}
		_, err := listKeys(listed, sorted, "")
		return err
	}, err
}

func watchStarts(c *contestant, e engine) (func() error, error) {
	watched, err := as[watchable](e)
	return func() error {
		seen, err := c.catchUp(watched)
		if err == nil && seen < len(c.data.keys) && !c.kind.forgetful { // one that is overwritten meanwhile may come twice
			err = fmt.Errorf("watch: %d of %d keys were delivered", seen, len(c.data.keys))
		}
		return err
	}, err
}

package main

import (
	"errors"
	"runtime"
)

// scaleWorkload opens a full engine, or fills one in memory, and reads and overwrites random keys: what a key costs among so
// many.
type scaleWorkload struct{ ops int }

func (scaleWorkload) columns() []column {
	return []column{{name: "µs/get"}, {name: "µs/put"}, {name: "ns/key to open or fill"}, {name: "heap B/key"}}
}

func (scaleWorkload) prepare(c *contestant) error { return c.prepare(1) }

func (s scaleWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, opened, heap, err := c.weigh(1)
	if err != nil {
		return nil, err
	}
	get := func(w *worker) error { return c.look(e, w) }
	gets, err := c.warmUp(1, s.ops, seed, get)
	if err != nil {
		return nil, err
	}
	read, err := timed(func() error { return share(1, gets, seed+1, get) })
	if err != nil {
		return nil, err
	}
	put := func(w *worker) error { return c.overwrite(e, w) }
	puts, err := c.warmUp(1, s.ops, seed, put)
	if err != nil {
		return nil, err
	}
	wrote, err := timed(func() error { return share(1, puts, seed+1, put) })
	runtime.KeepAlive(e)
	keys := len(c.data.keys)
	return []float64{
		microseconds(read, gets), microseconds(wrote, puts), float64(opened.Nanoseconds()) / float64(keys), float64(heap) / float64(keys),
	}, errors.Join(err, c.end(e))
}

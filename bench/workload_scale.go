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
	ops := c.ops(s.ops)
	get := func(w *worker) error { return c.look(e, w) }
	if err := share(1, ops/10, seed, get); err != nil { // warm up
		return nil, err
	}
	read, err := timed(func() error { return share(1, ops, seed+1, get) })
	if err != nil {
		return nil, err
	}
	wrote, err := timed(func() error {
		return share(1, ops, seed+1, func(w *worker) error { return c.overwrite(e, w) })
	})
	runtime.KeepAlive(e)
	keys := len(c.data.keys)
	return []float64{
		microseconds(read, ops), microseconds(wrote, ops), float64(opened.Nanoseconds()) / float64(keys), float64(heap) / float64(keys),
	}, errors.Join(err, c.end(e))
}

package main

import (
	"errors"
	"fmt"
)

// getWorkload reads random keys of a full engine.
type getWorkload struct{ ops, readers int }

func (g getWorkload) columns() []column {
	return []column{{name: "get/s", higher: true}, {name: "µs/get"}}
}

func (g getWorkload) prepare(c *contestant) error { return c.prepare(0) }

func (g getWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 0)
	if err != nil {
		return nil, err
	}
	get := func(w *worker) error { return c.look(e, w) }
	if err := share(g.readers, g.ops/5, seed, get); err != nil { // warm up
		return nil, err
	}
	took, err := timed(func() error { return share(g.readers, g.ops, seed+1, get) })
	return []float64{perSecond(g.ops, took), microseconds(took, g.ops)}, errors.Join(err, c.end(e))
}

// look reads random keys.
func (c *contestant) look(e engine, w *worker) error {
	for range w.ops {
		key := c.data.asked[w.pick(len(c.data.keys))]
		value, err := e.get(key)
		if err != nil {
			return err
		}
		if len(value) != c.data.size {
			return fmt.Errorf("get %q: expected %d bytes, found %d", key, c.data.size, len(value))
		}
	}
	return nil
}

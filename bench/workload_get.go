package main

import "errors"

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
	ops, err := c.warmUp(g.readers, g.ops, seed, get)
	if err != nil {
		return nil, err
	}
	took, err := timed(func() error { return share(g.readers, ops, seed+1, get) })
	return []float64{perSecond(ops, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// look reads random keys.
func (c *contestant) look(e engine, w *worker) error {
	for range w.ops {
		key := c.data.asked[w.pick(len(c.data.keys))]
		value, err := e.get(key)
		if err != nil {
			return err
		}
		if err := c.checkSize(key, value); err != nil {
			return err
		}
	}
	return nil
}

package main

import "errors"

// putWorkload overwrites random keys of a full engine.
type putWorkload struct {
	ops, writers int
	sync         syncPolicy
}

func (p putWorkload) columns() []column {
	return []column{{name: "put/s", higher: true}, {name: "µs/put"}}
}

func (p putWorkload) prepare(c *contestant) error { return c.prepare(p.writers) }

func (p putWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(p.sync, p.writers)
	if err != nil {
		return nil, err
	}
	put := func(w *worker) error { return c.overwrite(e, w) }
	ops, err := c.warmUp(p.writers, p.ops, seed, put)
	if err != nil {
		return nil, err
	}
	took, err := timed(func() error { return share(p.writers, ops, seed+1, put) })
	return []float64{perSecond(ops, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// overwrite writes the next versions of random keys.
func (c *contestant) overwrite(e engine, w *worker) error {
	for range w.ops {
		if err := c.putNext(e, w.pick(len(c.data.keys))); err != nil {
			return err
		}
	}
	return nil
}

// putNext writes the next version of the i-th key.
func (c *contestant) putNext(e engine, i int) error {
	next := c.version[i] + 1
	if err := e.put(c.data.asked[i], c.data.value(i, next)); err != nil {
		return err
	}
	c.version[i] = next
	return nil
}

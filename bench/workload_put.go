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
	if err := share(p.writers, p.ops/10, seed, put); err != nil { // warm up
		return nil, err
	}
	took, err := timed(func() error { return share(p.writers, p.ops, seed+1, put) })
	return []float64{perSecond(p.ops, took), microseconds(took, p.ops)}, errors.Join(err, c.end(e))
}

// overwrite writes the next versions of random keys.
func (c *contestant) overwrite(e engine, w *worker) error {
	for range w.ops {
		i := w.pick(len(c.data.keys))
		next := c.version[i] + 1
		if err := e.put(c.data.asked[i], c.data.value(i, next)); err != nil {
			return err
		}
		c.version[i] = next
	}
	return nil
}

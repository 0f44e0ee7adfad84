package main

import "errors"

// updateWorkload overwrites random keys of a full engine in memory, on condition that their revision is the one that the writer
// knows. Engines without revisions overwrite them without condition.
type updateWorkload struct{ ops, writers int }

func (u updateWorkload) columns() []column {
	return []column{{name: "update/s", higher: true}, {name: "µs/update"}}
}

func (u updateWorkload) prepare(*contestant) error { return nil }

func (u updateWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, u.writers)
	if err != nil {
		return nil, err
	}
	// Learning revisions takes a read for each key; a slow engine has fewer.
	work, err := c.first(min(max(c.ops(len(c.data.keys)), leastKeys), len(c.data.keys))).updates(e)
	if err != nil {
		return nil, err
	}
	ops, err := c.warmUp(u.writers, u.ops, seed, work)
	if err != nil {
		return nil, err
	}
	took, err := timed(func() error { return share(u.writers, ops, seed+1, work) })
	return []float64{perSecond(ops, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// updates returns the work of a writer.
func (c *contestant) updates(e engine) (func(*worker) error, error) {
	u, ok := e.(updater)
	if !ok {
		return func(w *worker) error { return c.overwrite(e, w) }, nil
	}
	revisions := make([]uint64, len(c.data.keys))
	for i, key := range c.data.asked {
		var err error
		if revisions[i], err = u.revision(key); err != nil {
			return nil, err
		}
	}
	return func(w *worker) error {
		for range w.ops {
			i := w.pick(len(c.data.keys))
			revision, err := u.update(c.data.asked[i], c.data.value(i, c.version[i]+1), revisions[i])
			if err != nil {
				return err
			}
			revisions[i] = revision
			c.version[i]++
		}
		return nil
	}, nil
}

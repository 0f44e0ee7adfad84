package main

import (
	"errors"
	"fmt"
)

// createWorkload fills an empty engine in memory, each key on condition that it is not there.
type createWorkload struct{ writers int }

func (w createWorkload) columns() []column {
	return []column{{name: "create/s", higher: true}, {name: "µs/create"}}
}

func (w createWorkload) prepare(*contestant) error { return nil }

func (w createWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	c = c.first(c.ops(len(c.data.keys)))
	e, err := c.open(syncNever, w.writers)
	if err != nil {
		return nil, err
	}
	clear(c.version)
	created, err := as[creator](e)
	if err != nil {
		return nil, err
	}
	keys := len(c.data.keys)
	took, err := timed(func() error {
		return share(w.writers, keys, seed, func(w *worker) error { return c.create(created, w) })
	})
	if err == nil {
		err = refusesAgain(created, c.data)
	}
	return []float64{perSecond(keys, took), microseconds(took, keys)}, errors.Join(err, c.end(e))
}

// create creates the worker's keys.
func (c *contestant) create(e creator, w *worker) error {
	for i := w.number; i < len(c.data.keys); i += w.of {
		if err := e.create(c.data.keys[i], c.data.value(i, 0)); err != nil {
			return err
		}
	}
	return nil
}

// refusesAgain checks that the condition is one.
func refusesAgain(e creator, data *dataset) error {
	if err := e.create(data.asked[0], data.value(0, 1)); !errors.Is(err, errKeyExists) {
		return fmt.Errorf("create %q for the second time: %v", data.asked[0], err)
	}
	return nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
)

// historyWorkload reads older revisions of random keys, of which each has as many as the bucket keeps: either all of a key
// at once, or one of them by its number.
type historyWorkload struct {
	ops   int
	whole bool // all of a key
}

func (h historyWorkload) columns() []column {
	if h.whole {
		return []column{{name: "history/s", higher: true}, {name: "µs/history"}}
	}
	return []column{{name: "get/s", higher: true}, {name: "µs/get"}}
}

func (h historyWorkload) prepare(*contestant) error { return nil }

func (h historyWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 0)
	if err != nil {
		return nil, err
	}
	past, err := as[historian](e)
	if err != nil {
		return nil, err
	}
	read := func(w *worker) error { return c.lookBack(past, w) }
	if h.whole {
		read = func(w *worker) error { return c.readHistories(past, w) }
	}
	ops, err := c.warmUp(1, h.ops, seed, read)
	if err != nil {
		return nil, err
	}
	took, err := timed(func() error { return share(1, ops, seed+1, read) })
	return []float64{perSecond(ops, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// lookBack reads random revisions of random keys. They were written round by round, so their numbers are known.
func (c *contestant) lookBack(e historian, w *worker) error {
	keys := len(c.data.keys)
	for range w.ops {
		i, version := w.pick(keys), w.rng.IntN(c.depth)
		revision := uint64(version*keys + i + 1)
		value, err := e.getRevision(c.data.asked[i], revision)
		if err != nil {
			return err
		}
		if !bytes.Equal(value, c.data.value(i, uint32(version))) {
			return fmt.Errorf("revision %d of %q is not version %d", revision, c.data.asked[i], version)
		}
	}
	return nil
}

// readHistories reads all revisions of random keys.
func (c *contestant) readHistories(e historian, w *worker) error {
	for range w.ops {
		i := w.pick(len(c.data.keys))
		values, err := e.history(c.data.asked[i])
		if err != nil {
			return err
		}
		if len(values) != c.depth {
			return fmt.Errorf("history of %q: expected %d revisions, found %d", c.data.asked[i], c.depth, len(values))
		}
		for version, value := range values {
			if !bytes.Equal(value, c.data.value(i, uint32(version))) {
				return fmt.Errorf("history of %q: revision %d of %d has another value", c.data.asked[i], version+1, c.depth)
			}
		}
	}
	return nil
}

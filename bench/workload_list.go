package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// listWorkload lists keys in rising order: all of them, or those of a random tenant.
type listWorkload struct {
	ops      int
	byPrefix bool
}

func (l listWorkload) columns() []column {
	return []column{{name: "key/s", higher: true}, {name: "µs/listing"}}
}

func (l listWorkload) prepare(*contestant) error { return nil }

func (l listWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 0)
	if err != nil {
		return nil, err
	}
	listed, err := as[lister](e)
	if err != nil {
		return nil, err
	}
	sorted, keys := c.sorted(), 0
	list := func(w *worker) error {
		for range w.ops {
			prefix := ""
			if l.byPrefix {
				prefix = prefixOf(sorted[w.pick(len(sorted))])
			}
			n, err := listKeys(listed, sorted, prefix)
			if err != nil {
				return err
			}
			keys += n
		}
		return nil
	}
	ops, err := c.warmUp(1, l.ops, seed, list)
	if err != nil {
		return nil, err
	}
	keys = 0
	took, err := timed(func() error { return share(1, ops, seed+1, list) })
	return []float64{perSecond(keys, took), microseconds(took, ops)}, errors.Join(err, c.end(e))
}

// sorted returns the keys in the order in which engines list them.
func (c *contestant) sorted() []string { return slices.Sorted(slices.Values(c.data.asked)) }

// prefixOf returns the tenant of a key, with the dot behind it.
func prefixOf(key string) string { return key[:strings.Index(key, ".order.")+1] }

// listKeys lists the keys that begin with prefix, checks that they are those of sorted, and returns how many there are.
func listKeys(e lister, sorted []string, prefix string) (int, error) {
	from, _ := slices.BinarySearch(sorted, prefix)
	expected, n := sorted[from:], 0
	err := e.list(prefix, func(key string) error {
		if n == len(expected) || key != expected[n] {
			return fmt.Errorf("list %q: key %d is %q, which is not the next", prefix, n, key)
		}
		n++
		return nil
	})
	if err == nil && n < len(expected) && strings.HasPrefix(expected[n], prefix) {
		err = fmt.Errorf("list %q: %q is missing", prefix, expected[n])
	}
	return n, err
}

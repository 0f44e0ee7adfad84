package main

import "time"

// leastStarts is how often even a slow engine is started.
const leastStarts = 3

// startWorkload opens an empty engine in memory and writes one key, again and again. Closing it is not in the time.
type startWorkload struct{ ops int }

func (startWorkload) columns() []column { return []column{{name: "µs/start"}} }

func (startWorkload) prepare(*contestant) error { return nil }

func (s startWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	one := c.first(1)
	ops := max(c.ops(s.ops), leastStarts)
	var took time.Duration
	for i := range ops + 1 {
		start := time.Now()
		e, err := one.begin(syncNever, 1)
		if err != nil {
			return nil, err
		}
		if i > 0 { // the first is to warm up
			took += time.Since(start)
		}
		if err := one.end(e); err != nil {
			return nil, err
		}
	}
	return []float64{microseconds(took, ops)}, nil
}

package main

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// longest is the longest time of an operation that is told from longer ones.
const longest = time.Minute

// newTimes returns an empty histogram of nanoseconds, with three digits.
func newTimes() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Nanoseconds(), 3) }

// record adds the time since start.
func record(times *hdrhistogram.Histogram, start time.Time) error {
	took := time.Since(start)
	if err := times.RecordValue(min(max(took, 1), longest).Nanoseconds()); err != nil {
		return fmt.Errorf("an operation of %v: %w", took, err)
	}
	return nil
}

// overwriteTimed is overwrite with each write's time, as long as there is time.
func (c *contestant) overwriteTimed(e engine, w *worker, times *hdrhistogram.Histogram) error {
	for range w.ops {
		i := w.pick(len(c.data.keys))
		next := c.version[i] + 1
		value := c.data.value(i, next)
		start := time.Now()
		if w.late(start) {
			return nil
		}
		if err := e.put(c.data.asked[i], value); err != nil {
			return err
		}
		if err := record(times, start); err != nil {
			return err
		}
		c.version[i] = next
	}
	return nil
}

// lookTimed is look with each read's time, as long as there is time.
func (c *contestant) lookTimed(e engine, w *worker, times *hdrhistogram.Histogram) error {
	for range w.ops {
		key := c.data.asked[w.pick(len(c.data.keys))]
		start := time.Now()
		if w.late(start) {
			return nil
		}
		value, err := e.get(key)
		if err == nil {
			err = record(times, start)
		}
		if err == nil {
			err = c.checkSize(key, value)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// latencies returns p50, p99, p99.9 and the longest of the times of a measure, in microseconds, and adds them to those of the
// measures before.
func (c *contestant) latencies(times ...*hdrhistogram.Histogram) (p50, p99, p999, most float64) {
	all := newTimes()
	for _, t := range times {
		all.Merge(t) // has the same bounds, so nothing is dropped
	}
	if c.times == nil {
		c.times = newTimes()
	}
	c.times.Merge(all)
	at := func(percentile float64) float64 { return float64(all.ValueAtPercentile(percentile)) / 1e3 }
	return at(50), at(99), at(99.9), float64(all.Max()) / 1e3
}

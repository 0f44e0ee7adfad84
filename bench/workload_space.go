package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// spaceWorkload overwrites random keys of a full folder so many times that nearly everything on disk becomes garbage, several
// times over, and looks at the size of the folder meanwhile and at how long each write takes. An engine that makes
// room does so while this runs.
//
// The writers write as fast as they can, so the times are those of writes that follow one another; a writer that is held up
// does not count the writes that it would have begun meanwhile.
type spaceWorkload struct {
	ops, writers int
	sync         syncPolicy
}

// The columns of a spaceWorkload that goals refer to.
const (
	spaceMost = 1
	spaceTail = 8
)

func (s spaceWorkload) columns() []column {
	return []column{
		{name: "put/s", higher: true},
		{name: "disk/live, most"}, {name: "disk/live, mean"}, {name: "disk/live, at the end"},
		{name: "p50 µs"}, {name: "p99 µs"}, {name: "p99.9 µs"}, {name: "max µs"}, {name: "p99.9/p50"},
	}
}

func (s spaceWorkload) prepare(c *contestant) error { return c.prepare(s.writers) }

func (s spaceWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(s.sync, s.writers)
	if err != nil {
		return nil, err
	}
	times := make([]*hdrhistogram.Histogram, s.writers)
	watch := watchDisk(c.dir, sampleEvery)
	took, err := timed(func() error {
		return share(s.writers, s.ops, seed, func(w *worker) error {
			times[w.number] = newTimes()
			return c.overwriteTimed(e, w, times[w.number])
		})
	})
	sizes, sizeErr := watch.stop()
	if err := errors.Join(err, sizeErr, c.end(e)); err != nil {
		return nil, err
	}
	live := float64(c.data.liveBytes())
	figures := []float64{
		perSecond(s.ops, took), float64(sizes.most) / live, sizes.mean() / live, float64(sizes.last) / live,
	}
	return append(figures, latencies(times)...), nil
}

// sampleEvery is how often the size of a folder is looked at: often enough to see the peak of a compaction, seldom
// enough not to hold writers up.
const sampleEvery = 20 * time.Millisecond

// longest is the longest time of a write that is told from longer ones.
const longest = time.Minute

// newTimes returns an empty histogram of nanoseconds, with three digits.
func newTimes() *hdrhistogram.Histogram { return hdrhistogram.New(1, longest.Nanoseconds(), 3) }

// overwriteTimed is overwrite with each write's time.
func (c *contestant) overwriteTimed(e engine, w *worker, times *hdrhistogram.Histogram) error {
	for range w.ops {
		i := w.pick(len(c.data.keys))
		next := c.version[i] + 1
		value := c.data.value(i, next)
		start := time.Now()
		if err := e.put(c.data.asked[i], value); err != nil {
			return err
		}
		took := time.Since(start)
		c.version[i] = next
		if err := times.RecordValue(min(max(took, 1), longest).Nanoseconds()); err != nil {
			return fmt.Errorf("a put of %v: %w", took, err)
		}
	}
	return nil
}

// latencies returns p50, p99, p99.9 and the longest time of all writers, in microseconds, and how many p50 a p99.9 is.
func latencies(times []*hdrhistogram.Histogram) []float64 {
	all := newTimes()
	for _, t := range times {
		all.Merge(t) // has the same bounds, so nothing is dropped
	}
	figures := make([]float64, 0, 5)
	for _, q := range []float64{50, 99, 99.9} {
		figures = append(figures, float64(all.ValueAtPercentile(q))/1e3)
	}
	return append(figures, float64(all.Max())/1e3, figures[2]/figures[0])
}

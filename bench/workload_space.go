package main

import (
	"errors"
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
	ops := c.ops(s.ops)
	times := make([]*hdrhistogram.Histogram, s.writers)
	watch := watchDisk(c.dir, sampleEvery)
	took, err := timed(func() error {
		return share(s.writers, ops, seed, func(w *worker) error {
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
		perSecond(ops, took), float64(sizes.most) / live, sizes.mean() / live, float64(sizes.last) / live,
	}
	p50, p99, p999, most := c.latencies(times...)
	return append(figures, p50, p99, p999, most, p999/p50), nil
}

// sampleEvery is how often the size of a folder is looked at: often enough to see the peak of a compaction, seldom
// enough not to hold writers up.
const sampleEvery = 20 * time.Millisecond

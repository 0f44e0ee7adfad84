package main

import (
	"errors"
	"os"
	"runtime"
	"time"
)

// openWorkload opens a full folder, and looks at how much heap is in use then. A volatile engine is filled instead.
type openWorkload struct{}

func (openWorkload) columns() []column {
	return []column{{name: "ms"}, {name: "heap B/key"}}
}

func (openWorkload) prepare(c *contestant) error { return c.prepare(0) }

func (openWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	e, took, heap, err := c.weigh(0)
	if err != nil {
		return nil, err
	}
	return []float64{float64(took.Microseconds()) / 1e3, float64(heap) / float64(len(c.data.keys))}, c.end(e)
}

// weigh opens the engine for so many writers, or fills it, and returns how long that took and how many bytes of heap are in
// use for it. What is mapped from files, and what an engine allocates outside of Go's heap, is not in them.
func (c *contestant) weigh(writers int) (e engine, took time.Duration, heap int64, err error) {
	before := heapInUse()
	took, err = timed(func() (err error) {
		e, err = c.begin(syncNever, writers)
		return err
	})
	if err != nil {
		return nil, 0, 0, err
	}
	heap = heapInUse() - before
	runtime.KeepAlive(e)
	return e, took, heap, nil
}

// heapInUse returns the bytes of heap that are reachable.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // pools let go of what they hold at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heapWorkload looks at how much heap an engine in memory needs for a key beyond the bytes of key and value.
type heapWorkload struct{}

func (heapWorkload) columns() []column { return []column{{name: "B/key beyond key and value"}} }

func (heapWorkload) prepare(*contestant) error { return nil }

func (heapWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	e, _, heap, err := c.weigh(0)
	if err != nil {
		return nil, err
	}
	return []float64{float64(heap)/float64(len(c.data.keys)) - float64(c.data.pairBytes())}, c.end(e)
}

// growthWorkload opens two folders with the same keys, one with small and one with large values, and looks at how much more
// heap is in use for the large ones.
type growthWorkload struct{ large int }

// growthColumn is the column of a growthWorkload that a goal refers to.
const growthColumn = 2

func (g growthWorkload) columns() []column {
	return []column{{name: "heap B/key, large values"}, {name: "heap B/key, small values"}, {name: "heap bytes for a byte of value"}}
}

func (g growthWorkload) prepare(c *contestant) error {
	large, err := g.other(c)
	if err != nil {
		return err
	}
	return errors.Join(c.prepare(0), large.prepare(0))
}

// other returns the contestant with the large values.
func (g growthWorkload) other(c *contestant) (*contestant, error) {
	dir := c.dir + ".large"
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	return &contestant{kind: c.kind, dir: dir, data: c.data.withValues(g.large), version: make([]uint32, len(c.version))}, nil
}

func (g growthWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	large, err := g.other(c)
	if err != nil {
		return nil, err
	}
	var perKey [2]float64
	for i, c := range []*contestant{c, large} {
		e, _, heap, err := c.weigh(0)
		if err != nil {
			return nil, err
		}
		perKey[i] = float64(heap) / float64(len(c.data.keys))
		if err := c.end(e); err != nil {
			return nil, err
		}
	}
	grown := (perKey[1] - perKey[0]) / float64(g.large-c.data.size)
	return []float64{perKey[1], perKey[0], grown}, nil
}

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A contestant is an engine's part in a row: a kind of engine, a folder of its own, and what should be in it.
type contestant struct {
	kind    kind
	dir     string // empty in memory
	depth   int    // how many revisions of a key are kept; 0 is 1
	data    *dataset
	version []uint32 // of each key's value

	times *hdrhistogram.Histogram // of all measures, where the row looks at the time of each operation
	spent time.Duration           // for the row, with all that is not measured
}

// busy does some of the row's work.
func (c *contestant) busy(work func() error) error {
	start := time.Now()
	defer func() { c.spent += time.Since(start) }()
	return work()
}

// volatile reports whether the engine has to be filled each time it is opened.
func (c *contestant) volatile() bool { return c.dir == "" }

// ops returns how many operations of a row the engine does: all, or fewer if it is slow.
func (c *contestant) ops(full int) int { return max(full/max(c.kind.slow, 1), 1) }

// first returns the same contestant with the first n keys alone.
func (c *contestant) first(n int) *contestant {
	part := *c
	part.data, part.version = c.data.first(n), c.version[:n]
	return &part
}

// open opens the engine. Files are there as the last close left them.
func (c *contestant) open(sync syncPolicy, writers int) (engine, error) {
	e, err := c.kind.open(options{dir: c.dir, sync: sync, writers: writers, depth: c.depth})
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return e, nil
}

// begin opens the engine, and fills it if it is volatile.
func (c *contestant) begin(sync syncPolicy, writers int) (engine, error) {
	e, err := c.open(sync, writers)
	if err != nil || !c.volatile() {
		return e, err
	}
	return e, c.fill(e)
}

// fill writes every key, round by round with as many versions of its value as are kept. The engine gets keys in memory of
// their own, as it may keep them.
func (c *contestant) fill(e engine) error {
	clear(c.version)
	write := func(put func(string, []byte) error) error {
		for version := range max(uint32(c.depth), 1) {
			for i, key := range c.data.keys {
				if err := put(strings.Clone(key), c.data.value(i, version)); err != nil {
					return err
				}
				c.version[i] = version
			}
		}
		return nil
	}
	var err error
	if f, ok := e.(filler); ok {
		err = f.fill(write)
	} else {
		err = write(e.put)
	}
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

// prepare fills the folder, and lets the engine settle, for measures with so many writers.
func (c *contestant) prepare(writers int) error {
	if c.volatile() {
		return nil
	}
	e, err := c.open(syncNever, writers)
	if err != nil {
		return err
	}
	if err := c.fill(e); err != nil {
		return err
	}
	if s, ok := e.(settler); ok {
		if err := s.settle(); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	return c.close(e)
}

// end checks what the engine holds and closes it.
func (c *contestant) end(e engine) error {
	return errors.Join(c.verify(e), c.close(e))
}

// close closes the engine and waits until its files are on disk, so that nobody else pays for them.
func (c *contestant) close(e engine) error {
	if err := e.close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	if c.volatile() {
		return nil
	}
	return syncFolder(c.dir)
}

// verified is how many keys are looked up to see whether an engine holds what it was given.
const verified = 1000

// verify checks some keys.
func (c *contestant) verify(e engine) error {
	rng := rand.New(rand.NewPCG(3, 4))
	for range min(verified, len(c.data.keys)) {
		i := rng.IntN(len(c.data.keys))
		got, err := e.get(c.data.asked[i])
		if errors.Is(err, errors.ErrUnsupported) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("verify %q: %w", c.data.asked[i], err)
		}
		if want := c.data.value(i, c.version[i]); !bytes.Equal(got, want) {
			return fmt.Errorf("verify %q: expected version %d, %x, found %x", c.data.asked[i], c.version[i], want, got)
		}
	}
	return nil
}

// checkSize checks that a value is as long as all are.
func (c *contestant) checkSize(key string, value []byte) error {
	if len(value) != c.data.size {
		return fmt.Errorf("get %q: expected %d bytes, found %d", key, c.data.size, len(value))
	}
	return nil
}

// timed returns how long f takes. What was garbage before is collected before.
func timed(f func() error) (time.Duration, error) {
	runtime.GC()
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// perSecond returns how often something was done in a second that was done n times in d.
func perSecond(n int, d time.Duration) float64 { return float64(n) / max(d.Seconds(), 1e-9) }

// microseconds returns the time of one of n operations that took d.
func microseconds(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1e3 / float64(n) }

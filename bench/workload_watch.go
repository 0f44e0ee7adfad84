package main

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// watchWorkload begins to watch everything and reads what is there, until it has caught up.
type watchWorkload struct{ ops int }

func (watchWorkload) columns() []column {
	return []column{{name: "entry/s", higher: true}, {name: "ms/watch"}}
}

func (watchWorkload) prepare(*contestant) error { return nil }

func (f watchWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 0)
	if err != nil {
		return nil, err
	}
	watched, err := as[watchable](e)
	if err != nil {
		return nil, err
	}
	watchAll := func() error {
		seen, err := c.catchUp(watched)
		if err == nil && seen != len(c.data.keys) {
			err = fmt.Errorf("watch: %d of %d keys were delivered", seen, len(c.data.keys))
		}
		return err
	}
	if err := watchAll(); err != nil { // warm up
		return nil, err
	}
	ops := c.ops(f.ops)
	took, err := timed(func() error {
		for range ops {
			if err := watchAll(); err != nil {
				return err
			}
		}
		return nil
	})
	return []float64{perSecond(ops*len(c.data.keys), took), microseconds(took, ops) / 1e3}, errors.Join(err, c.end(e))
}

// catchUp watches everything until it has all that is there, and returns how many entries that were.
func (c *contestant) catchUp(e watchable) (seen int, err error) {
	w, err := e.watch(">", false)
	if err != nil {
		return 0, err
	}
	for {
		ev, err := w.next()
		if err != nil {
			return seen, err
		}
		if ev.caughtUp {
			return seen, w.stop()
		}
		if err := c.checkSize(ev.key, ev.value); err != nil {
			return seen, err
		}
		seen++
	}
}

// fanoutWorkload writes keys once each while watchers of everything read along. It ends when the last of them has all.
type fanoutWorkload struct{ ops, watchers int }

func (fanoutWorkload) columns() []column {
	return []column{{name: "delivery/s", higher: true}, {name: "put/s", higher: true}}
}

func (fanoutWorkload) prepare(*contestant) error { return nil }

func (f fanoutWorkload) measure(c *contestant, _ uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 1)
	if err != nil {
		return nil, err
	}
	puts := min(c.ops(f.ops), len(c.data.keys))
	all, err := gather(e, f.watchers, ">", func(w watcher) error { return c.readAlong(w, puts) })
	if err != nil {
		return nil, err
	}
	var wrote time.Duration
	took, err := timed(func() error {
		start := time.Now()
		for i := range puts {
			if err := e.put(c.data.asked[i], c.data.value(i, 1)); err != nil {
				return err
			}
			c.version[i] = 1
		}
		wrote = time.Since(start)
		return all.wait()
	})
	return []float64{perSecond(puts*f.watchers, took), perSecond(puts, wrote)}, errors.Join(err, all.stop(), c.end(e))
}

// readAlong reads the first puts of a fan-out.
func (c *contestant) readAlong(w watcher, puts int) error {
	for i := range puts {
		ev, err := w.next()
		if err != nil {
			return fmt.Errorf("watch: %d of %d writes were delivered: %w", i, puts, err)
		}
		if ev.key != c.data.asked[i] {
			return fmt.Errorf("watch: write %d is of %q, not of %q", i, c.data.asked[i], ev.key)
		}
		if err := c.checkSize(ev.key, ev.value); err != nil {
			return err
		}
	}
	return nil
}

// idleWorkload overwrites random keys, first without watchers, then with some that watch other keys.
type idleWorkload struct{ ops, watchers int }

// idleColumn is the column of an idleWorkload that a goal refers to.
const idleColumn = 2

func (idleWorkload) columns() []column {
	return []column{{name: "put/s with watchers", higher: true}, {name: "put/s without", higher: true}, {name: "times slower"}}
}

func (idleWorkload) prepare(*contestant) error { return nil }

func (i idleWorkload) measure(c *contestant, seed uint64) ([]float64, error) {
	e, err := c.begin(syncNever, 1)
	if err != nil {
		return nil, err
	}
	ops := c.ops(i.ops)
	put := func(w *worker) error { return c.overwrite(e, w) }
	if err := share(1, ops, seed, put); err != nil { // warm up
		return nil, err
	}
	without, err := timed(func() error { return share(1, ops, seed+1, put) })
	if err != nil {
		return nil, err
	}
	all, err := gather(e, i.watchers, "elsewhere.>", func(w watcher) error {
		ev, err := w.next()
		if err == nil {
			return fmt.Errorf("watch: %q was delivered, which does not match", ev.key)
		}
		if !errors.Is(err, errWatchEnded) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	with, err := timed(func() error { return share(1, ops, seed+1, put) })
	err = errors.Join(err, all.stop(), c.end(e))
	return []float64{perSecond(ops, with), perSecond(ops, without), float64(with) / float64(without)}, err
}

// A crowd is watchers with a goroutine each.
type crowd struct {
	watchers []watcher
	errs     []error
	done     sync.WaitGroup
}

// gather starts n watchers of what is written from now on.
func gather(e engine, n int, pattern string, work func(watcher) error) (*crowd, error) {
	watched, err := as[watchable](e)
	if err != nil {
		return nil, err
	}
	all := &crowd{errs: make([]error, n)}
	for i := range n {
		w, err := watched.watch(pattern, true)
		if err != nil {
			return nil, errors.Join(err, all.stop())
		}
		all.watchers = append(all.watchers, w)
		all.done.Go(func() { all.errs[i] = work(w) })
	}
	return all, nil
}

// crowdPatience is how long a crowd may take: what is delivered late is slow, what is not delivered would hold the run up for good.
const crowdPatience = 2 * time.Minute

// wait waits until each has done its work.
func (c *crowd) wait() error {
	late := time.AfterFunc(crowdPatience, func() { _ = c.stopAll() })
	defer late.Stop()
	c.done.Wait()
	return errors.Join(c.errs...)
}

// stop stops all watchers and waits for them.
func (c *crowd) stop() error { return errors.Join(c.stopAll(), c.wait()) }

func (c *crowd) stopAll() error {
	var err error
	for _, w := range c.watchers {
		err = errors.Join(err, w.stop())
	}
	return err
}

package natstest

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A runWatcher is a watcher of either package.
type runWatcher struct {
	bucket  string
	number  int  // in the order they were started
	initial bool // the nil entry is to come
	updates func(wait time.Duration, initial bool) (line string, ok bool)
	closed  bool // the channel is
	stopped bool
	cancel  context.CancelFunc
	stop    func() error
}

// next writes down what is delivered next, "closed" once when the channel is. It waits no longer than it is told.
func (w *runWatcher) next(wait time.Duration) (line string, ok bool) {
	if w.closed {
		return "", false
	}
	line, ok = w.updates(wait, w.initial)
	w.closed = line == "closed"
	w.initial = w.initial && line != "nil"
	return line, ok
}

// receive returns the updates of a runWatcher.
func receive[E anyEntry](updates <-chan E) func(time.Duration, bool) (string, bool) {
	show := func(e E, open, initial bool) (string, bool) {
		if !open {
			return "closed", true
		}
		return entry(e, initial), true
	}
	return func(wait time.Duration, initial bool) (string, bool) {
		if wait == 0 {
			select {
			case e, open := <-updates:
				return show(e, open, initial)
			default:
				return "", false
			}
		}
		timeout := time.NewTimer(wait)
		defer timeout.Stop()
		select {
		case e, open := <-updates:
			return show(e, open, initial)
		case <-timeout.C:
			return "", false
		}
	}
}

// watch starts a watcher in place of another.
func (r *run) watch(i int, name string, patterns []string, initial bool, opts []jetstream.WatchOpt) {
	r.with(name, func(b jetstream.KeyValue) {
		r.stopWatcher(i)
		ctx, cancel := context.WithCancel(context.Background())
		if r.ended {
			cancel()
		}
		var w jetstream.KeyWatcher
		var err error
		switch {
		case patterns == nil:
			w, err = b.WatchAll(ctx, opts...)
		case len(patterns) == 1:
			w, err = b.Watch(ctx, patterns[0], opts...)
		default:
			w, err = b.WatchFiltered(ctx, patterns, opts...)
		}
		r.note("watch: %s; now %q", describe(err), patterns)
		if err != nil {
			cancel()
			r.note("nil watcher: %v", w == nil)
			return
		}
		r.add(i, &runWatcher{bucket: name, initial: initial, updates: receive(w.Updates()), cancel: cancel, stop: w.Stop})
	})
}

// oldWatch is watch for the interface of package nats.
func (r *run) oldWatch(i int, name string, patterns []string, initial bool, opts []nats.WatchOpt) {
	r.withOld(name, func(b nats.KeyValue) {
		r.stopWatcher(i)
		ctx, cancel := context.WithCancel(context.Background())
		if r.ended {
			cancel()
		}
		opts := append(opts[:len(opts):len(opts)], nats.Context(ctx))
		var w nats.KeyWatcher
		var err error
		switch {
		case patterns == nil:
			w, err = b.WatchAll(opts...)
		case len(patterns) == 1:
			w, err = b.Watch(patterns[0], opts...)
		default:
			w, err = b.WatchFiltered(patterns, opts...)
		}
		r.note("watch: %s; now %q", describe(err), patterns)
		if err != nil {
			cancel()
			r.note("nil watcher: %v", w == nil)
			return
		}
		r.add(i, &runWatcher{bucket: name, initial: initial, updates: receive(w.Updates()), cancel: cancel, stop: w.Stop})
	})
}

func (r *run) add(i int, w *runWatcher) {
	w.number = len(r.delivered)
	r.delivered = append(r.delivered, nil)
	r.watchers[i] = w
}

// stopWatcher stops a watcher, if there is one, and reads what is left.
func (r *run) stopWatcher(i int) {
	w := r.watchers[i]
	if w == nil {
		return
	}
	r.endWatcher(i, false)
	r.read()
	w.cancel()
	r.watchers[i] = nil
}

// stopWatchers stops the watchers of a bucket, or all.
func (r *run) stopWatchers(name string) {
	for i, w := range r.watchers {
		if w != nil && (name == "" || w.bucket == name) {
			r.stopWatcher(i)
		}
	}
}

// endWatcher ends the context of a watcher, or stops it, and leaves it there.
func (r *run) endWatcher(i int, cancel bool) {
	w := r.watchers[i]
	if w == nil {
		r.note("no watcher")
		return
	}
	w.stopped = true
	r.read()
	if cancel {
		w.cancel()
	} else {
		r.note("stop: %s", describe(w.stop()))
	}
}

func showPatterns(patterns []string) string {
	if patterns == nil {
		return "nil"
	}
	return fmt.Sprintf("%q", patterns)
}

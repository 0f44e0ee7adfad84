package natskv

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
)

// A watch is a watcher of the engine, by the rules of the client.
type watch struct {
	handle *handle
	engine *kv.Watcher
	ctx    context.Context
	done   <-chan struct{} // closed when engine has ended
	ended  atomic.Bool     // Stop was called, or there is nothing more to come
}

// watch starts a watch. No patterns are all keys.
func (b *bucket) watch(ctx context.Context, patterns []string, o *watchOptions) (*watch, error) {
	opts := []kv.WatchOption{adapter.AsClient.(kv.WatchOption)}
	if o.includeHistory {
		opts = append(opts, kv.IncludeHistory())
	}
	if o.updatesOnly {
		opts = append(opts, kv.UpdatesOnly())
	}
	if o.ignoreDeletes {
		opts = append(opts, kv.IgnoreDeletes())
	}
	if o.metaOnly {
		opts = append(opts, kv.MetaOnly())
	}
	if o.resume > 0 {
		opts = append(opts, kv.ResumeFromRevision(o.resume))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &watch{handle: &b.handle, ctx: ctx}
	err := checkOverlap(patterns)
	if err == nil {
		err = b.use(ctx, func(b *kv.Bucket) (err error) {
			w.engine, err = b.WatchFiltered(ctx, patterns, opts...)
			return err
		})
	}
	if errors.Is(err, kv.ErrOverlappingPatterns) {
		if lost := b.lost(ctx); lost != nil { // a server looks for the stream first
			err = lost
		}
	}
	if err != nil {
		return nil, watchError(err)
	}
	w.done = adapter.Done(w.engine)
	return w, nil
}

// checkOverlap refuses what only a server takes for an overlap. The engine knows of the others.
func checkOverlap(patterns []string) error {
	for i, p := range patterns {
		if p[0] != '*' && !strings.Contains(p, ".*") {
			continue
		}
		for j, q := range patterns {
			if i != j && covers(p, q) {
				return kv.ErrOverlappingPatterns
			}
		}
	}
	return nil
}

// covers reports whether a server thinks that p matches all that q does. It takes every token of p that begins with '*' for a
// wildcard then, while it looks for keys in another way.
func covers(p, q string) bool {
	for {
		want, pRest, pMore := strings.Cut(p, ".")
		have, qRest, qMore := strings.Cut(q, ".")
		switch {
		case want == ">":
			return true
		case have == ">", have == "*" && want != "*", want[0] != '*' && want != have, pMore != qMore:
			return false
		case !pMore:
			return true
		}
		p, q = pRest, qRest
	}
}

// Stop ends the watch. What is in the channel stays there.
func (w *watch) Stop() error {
	ended := !w.end()
	switch {
	case errors.Is(w.handle.lost(context.Background()), kv.ErrClosed):
		return nats.ErrConnectionClosed
	case ended, w.ctx.Err() != nil:
		return nats.ErrBadSubscription
	}
	return nil
}

// end ends the watch and reports whether it had not ended before.
func (w *watch) end() bool {
	first := w.ended.CompareAndSwap(false, true) // before a lister's goroutine, which ends too
	w.engine.Stop()
	return first
}

// collect returns what a watch delivers before it has caught up.
func (b *bucket) collect(ctx context.Context, patterns []string, o *watchOptions) ([]kv.Entry, error) {
	if o.updatesOnly && o.resume == 0 {
		return nil, nil // the client waits until the context ends
	}
	once := *o
	once.updatesOnly = false
	w, err := b.watch(ctx, patterns, &once)
	if err != nil {
		return nil, err
	}
	defer w.end()
	var entries []kv.Entry
	for e, err := range w.engine.Events(ctx) {
		switch {
		case err != nil:
			return nil, watchError(err)
		case e.Kind == kv.CaughtUp:
			return entries, nil
		}
		entries = append(entries, e.Entry)
	}
	return entries, nil
}

// A watcher is a jetstream.KeyWatcher. E is jetstream.KeyValueEntry, or the same of package nats.
type watcher[E any] struct{ *pump[E] }

var _ jetstream.KeyWatcher = watcher[jetstream.KeyValueEntry]{}

func (w watcher[E]) Updates() <-chan E { return w.out }

// newWatcher passes on what a watch delivers.
func newWatcher[E any](w *watch, o *watchOptions, entry func(*kv.Entry) E) watcher[E] {
	p := newPump(w, func(e *kv.Event) (v E) {
		if e.Kind == kv.Changed {
			v = entry(&e.Entry)
		}
		return v // nil: the watch has caught up
	})
	p.start(!o.updatesOnly)
	return watcher[E]{p}
}

func (b *bucket) Watch(ctx context.Context, keys string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	return b.WatchFiltered(ctx, []string{keys}, opts...)
}

func (b *bucket) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	return b.WatchFiltered(ctx, nil, opts...)
}

func (b *bucket) WatchFiltered(
	ctx context.Context, keys []string, opts ...jetstream.WatchOpt,
) (jetstream.KeyWatcher, error) {
	if err := checkPatterns(keys); err != nil {
		return nil, err
	}
	o, err := readWatch(opts)
	if err != nil {
		return nil, err
	}
	w, err := b.watch(ctx, b.takePatterns(keys), &o)
	if err != nil {
		return nil, err
	}
	return newWatcher(w, &o, func(e *kv.Entry) jetstream.KeyValueEntry { return b.delivered(e) }), nil
}

// checkPatterns refuses patterns that the client does.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if kv.CheckPattern(p) != nil {
			return errInvalidPattern
		}
	}
	return nil
}

// takePatterns returns a copy of a caller's patterns and leaves in the slice what the client does: the subjects.
func (h *handle) takePatterns(patterns []string) []string {
	taken := slices.Clone(patterns)
	for i, p := range patterns {
		patterns[i] = "$KV." + h.name + "." + p
	}
	return taken
}

package natskv

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/revkv/kv"
)

// A legacyWatcher is a nats.KeyWatcher.
type legacyWatcher struct {
	watcher[nats.KeyValueEntry]
	ctx context.Context // given with nats.Context; nil if none was
}

var (
	_ nats.KeyWatcher = (*legacyWatcher)(nil)
	_ nats.KeyLister  = (*keyLister)(nil)
)

func (w *legacyWatcher) Context() context.Context { return w.ctx }

// Error returns a channel that is closed when the watch has ended. Nothing comes through it: the client's would tell that
// initial entries have not arrived in time.
func (p *pump[T]) Error() <-chan error { return p.errs }

func (l *legacyBucket) Watch(keys string, opts ...nats.WatchOpt) (nats.KeyWatcher, error) {
	return l.WatchFiltered([]string{keys}, opts...)
}

func (l *legacyBucket) WatchAll(opts ...nats.WatchOpt) (nats.KeyWatcher, error) {
	return l.WatchFiltered(nil, opts...)
}

func (l *legacyBucket) WatchFiltered(keys []string, opts ...nats.WatchOpt) (nats.KeyWatcher, error) {
	if err := checkPatterns(keys); err != nil {
		return nil, legacyError(err)
	}
	o, err := readLegacyWatch(opts)
	if err != nil {
		return nil, err
	}
	w, err := l.b.watch(orBackground(o.ctx), l.b.takePatterns(keys), &o)
	if err != nil {
		return nil, legacyError(err)
	}
	entry := func(e *kv.Entry) nats.KeyValueEntry { return legacyEntry{l.b.delivered(e)} }
	return &legacyWatcher{newWatcher(w, &o, entry), o.ctx}, nil
}

func (l *legacyBucket) ListKeys(opts ...nats.WatchOpt) (nats.KeyLister, error) {
	o, err := readLegacyWatch(append(slices.Clip(opts), nats.IgnoreDeletes(), nats.MetaOnly()))
	if err != nil {
		return nil, err
	}
	keys, err := l.b.listKeys(orBackground(o.ctx), nil, &o)
	if err != nil {
		return nil, legacyError(err)
	}
	return keys, nil
}

// orBackground returns a context in place of none.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

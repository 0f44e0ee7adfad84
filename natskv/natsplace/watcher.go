package natsplace

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// A watcher is a jetstream.KeyWatcher as a kvtest.Watcher.
type watcher struct {
	w   jetstream.KeyWatcher
	ctx context.Context // given to Watch: the client does not tell that it was this which ended the watch
}

var _ kvtest.Watcher = watcher{}

func (b bucket) Watch(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
	w, err := b.watch(ctx, patterns, watchOptions(opts)...)
	if err != nil {
		return nil, translatePattern(err)
	}
	return watcher{w, ctx}, nil
}

// watch uses the method that the number of patterns asks for.
func (b bucket) watch(ctx context.Context, patterns []string, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	if len(patterns) == 1 {
		return b.kv.Watch(ctx, patterns[0], opts...)
	}
	return b.kv.WatchFiltered(ctx, patterns, opts...)
}

func watchOptions(o kvtest.WatchOptions) (opts []jetstream.WatchOpt) {
	if o.IncludeHistory {
		opts = append(opts, jetstream.IncludeHistory())
	}
	if o.IgnoreDeletes {
		opts = append(opts, jetstream.IgnoreDeletes())
	}
	if o.MetaOnly {
		opts = append(opts, jetstream.MetaOnly())
	}
	if o.UpdatesOnly {
		opts = append(opts, jetstream.UpdatesOnly())
	}
	if o.ResumeFrom != 0 {
		opts = append(opts, jetstream.ResumeFromRevision(o.ResumeFrom))
	}
	return opts
}

func (w watcher) Next(ctx context.Context) (kv.Event, error) {
	select {
	case e, open := <-w.w.Updates():
		if !open {
			return kv.Event{}, w.end()
		}
		if e == nil {
			return kv.Event{Kind: kv.CaughtUp}, nil
		}
		return kv.Event{Kind: kv.Changed, Entry: entry(e)}, nil
	case <-ctx.Done():
		return kv.Event{}, ctx.Err()
	}
}

// end says why there are no more events.
func (w watcher) end() error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	return kv.ErrWatcherStopped
}

func (w watcher) Stop() { _ = w.w.Stop() } // it has ended already, or so has the connection

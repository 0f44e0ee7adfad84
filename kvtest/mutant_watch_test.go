package kvtest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// bendOptions breaks the options of watches.
func bendOptions(bend func(b *bentBucket, opts *kvtest.WatchOptions)) func(*bentPlace) {
	return inBucket(func(b *bentBucket) {
		b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
			bend(b, &opts)
			return b.good.Watch(ctx, patterns, opts)
		}
	})
}

// bendPatterns breaks the patterns of watches.
func bendPatterns(bend func(patterns []string) []string) func(*bentPlace) {
	return inBucket(func(b *bentBucket) {
		b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
			return b.good.Watch(ctx, bend(append([]string(nil), patterns...)), opts)
		}
	})
}

// Broken watches.
var watchMutants = []mutant{
	{
		"* matches any number of tokens",
		[]string{"pattern/tokens"},
		bendPatterns(func(patterns []string) []string {
			for i, p := range patterns {
				if p == "*" || strings.HasSuffix(p, ".*") {
					patterns[i] = p[:len(p)-1] + ">"
				}
			}
			return patterns
		}),
	},
	{
		"live writes are not filtered",
		[]string{"pattern/live"},
		inBucket(func(b *bentBucket) {
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				if opts.UpdatesOnly {
					patterns = []string{">"}
				}
				return b.good.Watch(ctx, patterns, opts)
			}
		}),
	},
	{
		"a glued wildcard matches everything",
		[]string{"pattern/glued-wildcard", "pattern/glued-wildcard-behind-a-key"},
		bendPatterns(func(patterns []string) []string {
			for i, p := range patterns {
				for token := range strings.SplitSeq(p, ".") {
					if len(token) > 1 && strings.ContainsAny(token, "*>") {
						patterns[i] = ">"
					}
				}
			}
			return patterns
		}),
	},
	{
		"only the first pattern counts",
		[]string{"pattern/several"},
		bendPatterns(func(patterns []string) []string { return patterns[:1] }),
	},
	{
		"no patterns match nothing",
		[]string{"pattern/none-is-all"},
		bendPatterns(func(patterns []string) []string {
			if len(patterns) == 0 {
				return []string{"nothing"}
			}
			return patterns
		}),
	},
	{
		"the caller's patterns are overwritten",
		[]string{"private/patterns"},
		inBucket(func(b *bentBucket) {
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				w, err := b.good.Watch(ctx, patterns, opts)
				for i, p := range patterns {
					patterns[i] = "$KV.B." + p
				}
				return w, err
			}
		}),
	},
	{
		"every watch includes the history",
		[]string{"watch/newest-of-each-key", "watch/ignore-deletes"},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.IncludeHistory = !o.UpdatesOnly }),
	},
	{
		"no watch includes the history",
		[]string{"watch/include-history", "watch/ignore-deletes-include-history", "watch/pattern-with-options"},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.IncludeHistory = false }),
	},
	{
		"IgnoreDeletes is ignored",
		[]string{
			"watch/ignore-deletes", "watch/ignore-deletes-include-history", "watch/caught-up-when-nothing-matches",
			"watch/resume-with-options",
		},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.IgnoreDeletes = false }),
	},
	{
		"MetaOnly is ignored",
		[]string{"watch/meta-only"},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.MetaOnly = false }),
	},
	{
		"UpdatesOnly is ignored",
		[]string{"watch/updates-only", "watch/resume-with-options"},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.UpdatesOnly = false }),
	},
	{
		"ResumeFromRevision is the last revision seen",
		[]string{
			"watch/resume", "watch/resume-with-options", "watch/resume-goes-on", "watch/resume-from-the-future",
			"durable/watch-resumes",
		},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) {
			if o.ResumeFrom != 0 {
				o.ResumeFrom++
			}
		}),
	},
	{
		"ResumeFromRevision ends at the newest revision",
		[]string{"watch/resume-from-the-future"},
		bendOptions(func(b *bentBucket, o *kvtest.WatchOptions) {
			st, _ := b.good.Status(context.Background())
			o.ResumeFrom = min(o.ResumeFrom, st.Newest+1)
		}),
	},
	{
		"both IncludeHistory and UpdatesOnly are taken",
		[]string{"bad-input/watch-options"},
		bendOptions(func(_ *bentBucket, o *kvtest.WatchOptions) { o.UpdatesOnly = o.UpdatesOnly && !o.IncludeHistory }),
	},
	{
		"CaughtUp does not come when nothing came before",
		[]string{"watch/caught-up-when-nothing-matches", "watch/resume"},
		bendWatchers(func(w *bentWatcher) {
			came := false
			w.next = func(ctx context.Context) (kv.Event, error) {
				e, err := w.Watcher.Next(ctx)
				if e.Kind == kv.CaughtUp && !came {
					e, err = w.Watcher.Next(ctx)
				}
				came = true
				return e, err
			}
		}),
	},
	{
		"CaughtUp comes whenever there is nothing more",
		[]string{"watch/caught-up-once"},
		bendWatchers(func(w *bentWatcher) {
			behind := false
			w.next = func(ctx context.Context) (kv.Event, error) {
				if behind {
					behind = false
					return kv.Event{Kind: kv.CaughtUp}, nil
				}
				e, err := w.Watcher.Next(ctx)
				behind = e.Kind == kv.Changed
				return e, err
			}
		}),
	},
	{
		"CaughtUp comes after the first entry",
		[]string{"watcher/caught-up-after-every-key", "watch/newest-of-each-key"},
		bendWatchers(func(w *bentWatcher) {
			n := 0
			w.next = func(ctx context.Context) (kv.Event, error) {
				if n++; n == 2 {
					return kv.Event{Kind: kv.CaughtUp}, nil
				}
				return w.Watcher.Next(ctx)
			}
		}),
	},
	{
		"a purge is shown as a delete",
		[]string{"watch/every-operation", "limit-marker/bucket-ttl"},
		bendWatchers(func(w *bentWatcher) {
			w.next = func(ctx context.Context) (kv.Event, error) {
				e, err := w.Watcher.Next(ctx)
				if e.Entry.Operation == kv.Purge {
					e.Entry.Operation = kv.Delete
				}
				return e, err
			}
		}),
	},
	{
		"PurgeDeletes tells watchers",
		[]string{"watch/silent-removals"},
		inBucket(func(b *bentBucket) {
			b.sweep = func(ctx context.Context, olderThan time.Duration) error {
				_, err := b.good.Put(ctx, "swept", nil)
				return errors.Join(err, b.good.Purge(ctx, "swept", none), b.good.PurgeDeletes(ctx, olderThan))
			}
		}),
	},
	{
		"Stop does nothing",
		[]string{"watch/stop", "watch/stop-wakes-next"},
		bendWatchers(func(w *bentWatcher) { w.stop = func() {} }),
	},
	{
		"Stop is heeded by the next Next only",
		[]string{"watch/stop-wakes-next"},
		bendWatchers(func(w *bentWatcher) {
			var mu sync.Mutex
			stopped := false
			w.stop = func() {
				mu.Lock()
				defer mu.Unlock()
				stopped = true
			}
			w.next = func(ctx context.Context) (kv.Event, error) {
				mu.Lock()
				if stopped {
					w.Watcher.Stop()
				}
				mu.Unlock()
				return w.Watcher.Next(ctx)
			}
		}),
	},
	{
		"a watch outlives its context",
		[]string{"watch/context-ends"},
		inBucket(func(b *bentBucket) {
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				return b.good.Watch(context.WithoutCancel(ctx), patterns, opts)
			}
		}),
	},
	{
		"a watch ends when Next gives up",
		[]string{"watch/next-gives-up"},
		bendWatchers(func(w *bentWatcher) {
			w.next = func(ctx context.Context) (kv.Event, error) {
				e, err := w.Watcher.Next(ctx)
				if err != nil {
					w.Watcher.Stop()
				}
				return e, err
			}
		}),
	},
	{
		"every second event is lost",
		[]string{
			"watcher/everything-kept-in-order", "watcher/joins-while-written", "watcher/slow-gets-newest",
			"watch/every-operation",
		},
		bendWatchers(func(w *bentWatcher) {
			w.next = func(ctx context.Context) (kv.Event, error) {
				for {
					e, err := w.Watcher.Next(ctx)
					if err != nil || e.Kind == kv.CaughtUp || e.Entry.Revision%2 == 1 {
						return e, err
					}
				}
			}
		}),
	},
	{
		"events come in pairs, the later one first",
		[]string{"watcher/everything-kept-in-order", "watch/include-history"},
		bendWatchers(func(w *bentWatcher) {
			var held *kv.Event
			w.next = func(ctx context.Context) (kv.Event, error) {
				if held != nil {
					e := *held
					held = nil
					return e, nil
				}
				first, err := w.Watcher.Next(ctx)
				if err != nil || first.Kind == kv.CaughtUp {
					return first, err
				}
				short, cancel := context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
				second, err := w.Watcher.Next(short)
				if err != nil || second.Kind == kv.CaughtUp {
					return first, nil
				}
				held = &first
				return second, nil
			}
		}),
	},
	{
		"all watchers share a position",
		[]string{"watcher/each-gets-all"},
		inBucket(func(b *bentBucket) {
			var shared kvtest.Watcher
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (w kvtest.Watcher, err error) {
				if shared == nil {
					shared, err = b.good.Watch(ctx, patterns, opts)
				}
				return shared, err
			}
		}),
	},
	{
		"a writer waits for slow watchers",
		[]string{"watcher/never-blocks-writers"},
		inBucket(func(b *bentBucket) {
			unread := 0
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				if unread++; unread > 256 {
					<-ctx.Done()
					return 0, ctx.Err()
				}
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"what is written is kept until watchers have read it",
		[]string{"watcher/costs-its-position"},
		inBucket(func(b *bentBucket) {
			var unread [][]byte
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				unread = append(unread, value)
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"a watcher reads ahead and delivers that much later",
		[]string{"expiry/not-delivered-late"},
		bendWatchers(func(w *bentWatcher) {
			var ahead []kv.Event
			w.next = func(ctx context.Context) (kv.Event, error) {
				for len(ahead) == 0 {
					if err := ctx.Err(); err != nil {
						return kv.Event{}, err
					}
					ahead = readAhead(ctx, w.Watcher)
				}
				e := ahead[0]
				ahead = ahead[1:]
				return e, nil
			}
		}),
	},
}

// readAhead returns the events that come at once.
func readAhead(ctx context.Context, w kvtest.Watcher) (events []kv.Event) {
	short, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	for {
		e, err := w.Next(short)
		if err != nil {
			return events
		}
		events = append(events, e)
	}
}

package kvtest_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// Broken reads and listings.
var readMutants = []mutant{
	{
		"Get returns the oldest kept revision",
		[]string{"get/newest-value"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				history, err := b.good.History(ctx, key)
				if err != nil {
					return kv.Entry{}, err
				}
				return history[0], nil
			}
		}),
	},
	{
		"Get returns markers",
		[]string{"get/no-value", "delete/hides-value-keeps-history", "limit-marker/bucket-ttl"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				history, err := b.good.History(ctx, key)
				if err != nil {
					return kv.Entry{}, err
				}
				return history[len(history)-1], nil
			}
		}),
	},
	{
		"Get returns nil for an empty value",
		[]string{"get/empty-value"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				e.Value = append([]byte(nil), e.Value...)
				return e, err
			}
		}),
	},
	{
		"Get says that the entry was created now",
		[]string{"get/created"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				e.Created = time.Now()
				return e, err
			}
		}),
	},
	{
		"Get tells no deadline",
		[]string{"expiry/entry-tells-deadline"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				e.Expires = time.Time{}
				return e, err
			}
		}),
	},
	{
		"Get returns what it returned last time",
		[]string{"linear/read-your-writes", "linear/others-read-your-writes", "linear/watchers-find-what-they-are-told"},
		inBucket(func(b *bentBucket) {
			var mu sync.Mutex
			last := map[string]kv.Entry{}
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				mu.Lock()
				defer mu.Unlock()
				old, seen := last[key]
				e, err := b.good.Get(ctx, key)
				last[key] = e
				if seen {
					return old, nil
				}
				return e, err
			}
		}),
	},
	{
		"Get is answered by the newest and the previous revision in turn",
		[]string{"linear/reads-never-go-back"},
		inBucket(func(b *bentBucket) {
			var mu sync.Mutex
			turn := 0
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				mu.Lock()
				defer mu.Unlock()
				turn++
				if history, err := b.good.History(ctx, key); err == nil && len(history) > 1 && turn/4%2 == 1 {
					return history[len(history)-2], nil
				}
				return b.good.Get(ctx, key)
			}
		}),
	},
	{
		"all reads of a revision share one slice",
		[]string{"private/read-values", "private/listed-values", "private/watched-values"},
		inBucket(func(b *bentBucket) {
			var mu sync.Mutex
			values := map[uint64][]byte{}
			share := func(e *kv.Entry) {
				mu.Lock()
				defer mu.Unlock()
				if values[e.Revision] == nil {
					values[e.Revision] = e.Value
				}
				e.Value = values[e.Revision]
			}
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				share(&e)
				return e, err
			}
			b.entries = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return func(yield func(kv.Entry, error) bool) {
					for e, err := range b.good.Entries(ctx, pattern, opts...) {
						share(&e)
						if !yield(e, err) {
							return
						}
					}
				}
			}
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				w, err := b.good.Watch(ctx, patterns, opts)
				return &bentWatcher{w, func(ctx context.Context) (kv.Event, error) {
					e, err := w.Next(ctx)
					share(&e.Entry)
					return e, err
				}, w.Stop}, err
			}
		}),
	},
	{
		"GetRevision finds nothing of a deleted key",
		[]string{"revision/kept-value"},
		inBucket(func(b *bentBucket) {
			b.getRevision = func(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
				if _, err := b.good.Get(ctx, key); err != nil {
					return kv.Entry{}, err
				}
				return b.good.GetRevision(ctx, key, rev)
			}
		}),
	},
	{
		"GetRevision does not look at the key",
		[]string{"revision/not-a-kept-value"},
		inBucket(func(b *bentBucket) {
			b.getRevision = func(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
				for _, e := range everything(ctx, b.good) {
					if e.Revision == rev && e.Operation == kv.Put {
						return e, nil
					}
				}
				return b.good.GetRevision(ctx, key, rev)
			}
		}),
	},
	{
		"GetRevision returns markers",
		[]string{"revision/not-a-kept-value", "limit-marker/bucket-ttl"},
		inBucket(func(b *bentBucket) {
			b.getRevision = func(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
				history, err := b.good.History(ctx, key)
				for _, e := range history {
					if e.Revision == rev {
						return e, nil
					}
				}
				return kv.Entry{}, errors.Join(err, kv.ErrKeyNotFound)
			}
		}),
	},
	{
		"GetRevision takes 0 for the newest",
		[]string{"revision/zero-is-none"},
		inBucket(func(b *bentBucket) {
			b.getRevision = func(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
				if rev == 0 {
					return b.good.Get(ctx, key)
				}
				return b.good.GetRevision(ctx, key, rev)
			}
		}),
	},
	{
		"the history of nothing is empty",
		[]string{"history/no-revisions"},
		inBucket(func(b *bentBucket) {
			b.history = func(ctx context.Context, key string) ([]kv.Entry, error) {
				history, err := b.good.History(ctx, key)
				if errors.Is(err, kv.ErrKeyNotFound) {
					err = nil
				}
				return history, err
			}
		}),
	},
	{
		"deleted keys are listed",
		[]string{"keys/with-a-value-in-order", "keys/none"},
		inBucket(func(b *bentBucket) {
			b.keys = func(ctx context.Context, _ string) (keys []string, err error) {
				for _, e := range everything(ctx, b.good) {
					keys = append(keys, e.Key)
				}
				slices.Sort(keys)
				return slices.Compact(keys), nil
			}
		}),
	},
	{
		"keys are not in order",
		[]string{"keys/with-a-value-in-order"},
		inBucket(func(b *bentBucket) {
			b.keys = func(ctx context.Context, pattern string) ([]string, error) {
				keys, err := b.good.Keys(ctx, pattern)
				slices.Reverse(keys)
				return keys, err
			}
		}),
	},
	{
		"listings without keys are errors",
		[]string{"keys/none", "list/none"},
		inBucket(func(b *bentBucket) {
			b.keys = func(ctx context.Context, pattern string) ([]string, error) {
				keys, err := b.good.Keys(ctx, pattern)
				if len(keys) == 0 {
					err = kv.ErrKeyNotFound
				}
				return keys, err
			}
			b.entries = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return func(yield func(kv.Entry, error) bool) {
					for e, err := range b.good.Entries(ctx, pattern, opts...) {
						yield(e, err)
						return
					}
					yield(kv.Entry{}, kv.ErrKeyNotFound)
				}
			}
		}),
	},
	{
		"listings do not look at their pattern",
		[]string{"keys/pattern", "list/none"},
		inBucket(func(b *bentBucket) {
			b.keys = func(ctx context.Context, _ string) ([]string, error) { return b.good.Keys(ctx, ">") }
			b.entries = func(context.Context, string, ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return func(yield func(kv.Entry, error) bool) { yield(kv.Entry{}, nil) }
			}
		}),
	},
	{
		"a key has no slashes",
		[]string{"keys/syntax"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				if strings.Contains(key, "/") {
					return 0, kv.ErrInvalidKey
				}
				return b.good.Create(ctx, key, value, opts)
			}
		}),
	},
	{
		"entries are listed in order of revision",
		[]string{"list/entries-in-order", "list/same-loop-again"},
		inBucket(func(b *bentBucket) {
			b.entries = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				entries := collect(b.good.Entries(ctx, pattern, opts...))
				slices.SortFunc(entries, func(a, b kv.Entry) int { return cmp.Compare(a.Revision, b.Revision) })
				return yieldAll(entries)
			}
		}),
	},
	{
		"a listing ignores its options",
		[]string{"list/entries-in-order", "list/pages", "list/meta-only", "bad-input/list-options"},
		inBucket(func(b *bentBucket) {
			b.entries = func(ctx context.Context, pattern string, _ ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return b.good.Entries(ctx, pattern)
			}
		}),
	},
	{
		"a page is one short",
		[]string{"list/pages"},
		inBucket(func(b *bentBucket) {
			b.entries = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				entries := collect(b.good.Entries(ctx, pattern, opts...))
				return yieldAll(entries[:max(len(entries)-1, 0)])
			}
		}),
	},
	{
		"a listing reads each key when it gets there",
		[]string{"list/one-state"},
		inBucket(func(b *bentBucket) {
			b.entries = func(ctx context.Context, pattern string, _ ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return func(yield func(kv.Entry, error) bool) {
					keys, _ := b.good.Keys(ctx, pattern)
					for _, key := range keys {
						if e, err := b.good.Get(ctx, key); err == nil && !yield(e, nil) {
							return
						}
					}
				}
			}
		}),
	},
	{
		"a listing is read when it is asked for",
		[]string{"list/same-loop-again", "expiry/not-in-entries"},
		inBucket(func(b *bentBucket) {
			b.entries = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
				return yieldAll(collect(b.good.Entries(ctx, pattern, opts...)))
			}
		}),
	},
	{
		"the status counts keys for revisions",
		[]string{"bucket/status"},
		inBucket(func(b *bentBucket) {
			b.status = func(ctx context.Context) (kv.Status, error) {
				st, err := b.good.Status(ctx)
				st.Values = st.Keys - 1
				return st, err
			}
		}),
	},
	{
		"the status counts no watchers",
		[]string{"bucket/status-counts"},
		inBucket(func(b *bentBucket) {
			b.status = func(ctx context.Context) (kv.Status, error) {
				st, err := b.good.Status(ctx)
				st.Watchers = 0
				return st, err
			}
		}),
	},
	{
		"the status hands its metadata out",
		[]string{"private/configuration"},
		inBucket(func(b *bentBucket) {
			var metadata map[string]string
			b.status = func(ctx context.Context) (kv.Status, error) {
				st, err := b.good.Status(ctx)
				if metadata == nil {
					metadata = st.Config.Metadata
				}
				st.Config.Metadata = metadata
				return st, err
			}
		}),
	},
}

// collect returns the entries of a listing up to its first error.
func collect(seq iter.Seq2[kv.Entry, error]) (entries []kv.Entry) {
	for e, err := range seq {
		if err != nil {
			break
		}
		e.Value = bytes.Clone(e.Value)
		entries = append(entries, e)
	}
	return entries
}

// yieldAll is a listing of entries.
func yieldAll(entries []kv.Entry) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

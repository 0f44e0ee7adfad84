package kvtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

var none = kvtest.WriteOptions{}

// Broken numbering.
var sequenceMutants = []mutant{
	{
		"each key counts its own revisions",
		[]string{"sequence/one-for-all-keys"},
		inBucket(func(b *bentBucket) {
			count := map[string]uint64{}
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				count[key]++
				_, err := b.good.Put(ctx, key, value)
				return count[key], err
			}
		}),
	},
	{
		"delete takes two revisions",
		[]string{"sequence/one-for-all-keys", "delete/missing-key", "watch/every-operation"},
		inBucket(func(b *bentBucket) {
			b.del = func(ctx context.Context, key string, opts kvtest.WriteOptions) error {
				return errors.Join(b.good.Delete(ctx, key, opts), b.good.Delete(ctx, key, none))
			}
		}),
	},
	{
		"a refused create burns a revision",
		[]string{"sequence/refused-write-takes-none"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				rev, err := b.good.Create(ctx, key, value, opts)
				if err != nil {
					_ = b.good.Delete(ctx, "burnt", none)
				}
				return rev, err
			}
		}),
	},
	{
		"a refused batch burns a revision",
		[]string{"sequence/refused-batch-takes-none", "batch/all-or-nothing"},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
				revs, err := b.good.Apply(ctx, ops...)
				if err != nil {
					_ = b.good.Delete(ctx, "burnt", none)
				}
				return revs, err
			}
		}),
	},
	{
		"all buckets are one",
		[]string{"sequence/buckets-count-apart", "bucket/names-in-order", "bucket/one-bucket-many-handles"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				cfg.Bucket = "A"
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"removing revisions gives their numbers free",
		[]string{"sequence/never-goes-back"},
		inBucket(func(b *bentBucket) {
			var free uint64
			b.sweep = func(ctx context.Context, olderThan time.Duration) error {
				free = 2
				return b.good.PurgeDeletes(ctx, olderThan)
			}
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				return rev - free, err
			}
		}),
	},
	{
		"two writes get the same revision",
		[]string{"sequence/no-number-twice"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				return rev | 1, err
			}
		}),
	},
	{
		"other writes come between the writes of a batch",
		[]string{"sequence/batch-is-consecutive", "sequence/batches-do-not-mix"},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) (revs []uint64, err error) {
				for i := range ops {
					rev, err := b.good.Apply(ctx, ops[i])
					if err != nil {
						return nil, err
					}
					revs = append(revs, rev...)
					_ = b.good.Delete(ctx, "between", none)
				}
				return revs, nil
			}
		}),
	},
}

// Broken conditions of writes, and what they leave.
var writeMutants = []mutant{
	{
		"create wants an empty bucket",
		[]string{"create/new-key"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				if keys, _ := b.good.Keys(ctx, ">"); len(keys) > 0 {
					return 0, kv.ErrKeyExists
				}
				return b.good.Create(ctx, key, value, opts)
			}
		}),
	},
	{
		"create writes whatever is there",
		[]string{"create/live-key-refused", "linear/one-create-wins", "linear/one-create-over-marker-wins"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, _ kvtest.WriteOptions) (uint64, error) {
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"create takes an empty value for none",
		[]string{"create/live-key-refused"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				if e, err := b.good.Get(ctx, key); err == nil && len(e.Value) == 0 {
					return b.good.Put(ctx, key, value)
				}
				return b.good.Create(ctx, key, value, opts)
			}
		}),
	},
	{
		"create takes a marker for a value",
		[]string{"create/over-delete-marker", "create/over-purge-marker", "limit-marker/is-a-revision"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				if _, err := b.good.History(ctx, key); err == nil {
					return 0, kv.ErrKeyExists
				}
				return b.good.Create(ctx, key, value, opts)
			}
		}),
	},
	{
		"update wants the newest revision of the bucket",
		[]string{"update/newest"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if st, _ := b.good.Status(ctx); st.Newest != rev {
					return 0, kv.ErrRevisionMismatch
				}
				return b.good.Update(ctx, key, value, rev)
			}
		}),
	},
	{
		"update compares nothing",
		[]string{"update/stale", "update/foreign-revision", "update/over-marker", "linear/one-update-wins"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, _ uint64) (uint64, error) {
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"update compares first and writes later",
		[]string{"linear/no-lost-update", "linear/one-update-wins"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if e, err := b.good.Get(ctx, key); err != nil || e.Revision != rev {
					return 0, errors.Join(err, kv.ErrRevisionMismatch)
				}
				time.Sleep(time.Millisecond)
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"update takes any revision from the newest on",
		[]string{"update/foreign-revision"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if e, err := b.good.Get(ctx, key); err == nil && rev > e.Revision {
					rev = e.Revision
				}
				return b.good.Update(ctx, key, value, rev)
			}
		}),
	},
	{
		"a stale update matches ErrKeyExists",
		[]string{"update/mismatch-is-not-exists"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				rev, err := b.good.Update(ctx, key, value, rev)
				if err != nil {
					err = fmt.Errorf("%w: %w", err, kv.ErrKeyExists)
				}
				return rev, err
			}
		}),
	},
	{
		"update with revision 0 is create",
		[]string{"update/zero-means-no-revision"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if rev == 0 {
					rev, err := b.good.Create(ctx, key, value, none)
					if err != nil {
						err = kv.ErrRevisionMismatch
					}
					return rev, err
				}
				return b.good.Update(ctx, key, value, rev)
			}
		}),
	},
	{
		"update of a missing key is a put",
		[]string{"update/missing-key"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if _, err := b.good.History(ctx, key); err != nil {
					return b.good.Put(ctx, key, value)
				}
				return b.good.Update(ctx, key, value, rev)
			}
		}),
	},
	{
		"update looks through markers at the last value",
		[]string{"update/over-marker"},
		inBucket(func(b *bentBucket) {
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				if e, err := b.good.GetRevision(ctx, key, rev); err == nil {
					if history, _ := b.good.History(ctx, key); history[len(history)-1].Operation != kv.Put {
						rev = max(e.Revision, history[len(history)-1].Revision)
					}
				}
				return b.good.Update(ctx, key, value, rev)
			}
		}),
	},
	{
		"delete is purge",
		[]string{"delete/hides-value-keeps-history", "history/markers-count"},
		inBucket(func(b *bentBucket) { b.del = b.good.Purge }),
	},
	{
		"purge is delete",
		[]string{"purge/drops-history"},
		inBucket(func(b *bentBucket) { b.purge = b.good.Delete }),
	},
	{
		"markers are written for keys with a value only",
		[]string{"delete/missing-key", "purge/missing-key"},
		inBucket(func(b *bentBucket) {
			only := func(write deleteFunc) deleteFunc {
				return func(ctx context.Context, key string, opts kvtest.WriteOptions) error {
					if _, err := b.good.Get(ctx, key); err != nil {
						return nil
					}
					return write(ctx, key, opts)
				}
			}
			b.del, b.purge = only(b.good.Delete), only(b.good.Purge)
		}),
	},
	{
		"LastRevision is ignored",
		[]string{"delete/last-revision", "purge/last-revision", "linear/one-delete-wins"},
		inBucket(func(b *bentBucket) {
			b.del = func(ctx context.Context, key string, _ kvtest.WriteOptions) error {
				return b.good.Delete(ctx, key, none)
			}
			b.purge = func(ctx context.Context, key string, _ kvtest.WriteOptions) error {
				return b.good.Purge(ctx, key, none)
			}
		}),
	},
	{
		"a purge marker is no part of the history once something follows it",
		[]string{"purge/marker-becomes-history", "create/over-purge-marker"},
		inBucket(func(b *bentBucket) {
			b.history = func(ctx context.Context, key string) ([]kv.Entry, error) {
				history, err := b.good.History(ctx, key)
				if len(history) > 1 && history[0].Operation == kv.Purge {
					history = history[1:]
				}
				return history, err
			}
		}),
	},
	{
		"revert writes something else",
		[]string{"revert/writes-old-value-again"},
		inBucket(func(b *bentBucket) {
			b.revert = func(ctx context.Context, key string, _ uint64, _ ...kv.PutOption) (uint64, error) {
				return b.good.Put(ctx, key, []byte("something"))
			}
		}),
	},
	{
		"revert to what is not kept writes an empty value",
		[]string{"revert/only-to-own-kept-values"},
		inBucket(func(b *bentBucket) {
			b.revert = func(ctx context.Context, key string, rev uint64, _ ...kv.PutOption) (uint64, error) {
				e, _ := b.good.GetRevision(ctx, key, rev)
				return b.good.Put(ctx, key, e.Value)
			}
		}),
	},
	{
		"revert hides that it was refused",
		[]string{"revert/obeys-limits"},
		inBucket(func(b *bentBucket) {
			b.revert = func(ctx context.Context, key string, rev uint64, _ ...kv.PutOption) (uint64, error) {
				rev, _ = b.good.Revert(ctx, key, rev)
				return rev, nil
			}
		}),
	},
	{
		"values are cleaned as text",
		[]string{"get/any-bytes"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				return b.good.Put(ctx, key, bytes.ToValidUTF8(value, nil))
			}
		}),
	},
	{
		"the caller's slice is kept",
		[]string{"private/taken-values"},
		inBucket(func(b *bentBucket) {
			var mu sync.Mutex
			taken := map[uint64][]byte{}
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				mu.Lock()
				defer mu.Unlock()
				taken[rev] = value
				return rev, err
			}
			b.getRevision = func(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
				e, err := b.good.GetRevision(ctx, key, rev)
				mu.Lock()
				defer mu.Unlock()
				e.Value = bytes.Clone(taken[rev])
				return e, err
			}
		}),
	},
	{
		"a batch copies its values when it is first looked for",
		[]string{"private/taken-batch-values"},
		inBucket(func(b *bentBucket) {
			var later []kv.Op
			b.apply = func(_ context.Context, ops ...kv.Op) ([]uint64, error) {
				later = ops
				return make([]uint64, len(ops)), nil
			}
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				_, _ = b.good.Apply(ctx, later...)
				return b.good.Watch(ctx, patterns, opts)
			}
		}),
	},
	{
		"Apply leaves out the last operation",
		[]string{"batch/every-operation", "batch/no-reader-sees-half", "batch/no-listing-shows-half", "batch/no-watcher-sees-half"},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
				return b.good.Apply(ctx, ops[:len(ops)-1]...)
			}
		}),
	},
	{
		"Apply writes one operation after the other",
		[]string{
			"batch/all-or-nothing", "batch/size-limit", "batch/key-twice", "batch/no-reader-sees-half", "batch/no-listing-shows-half",
			"batch/no-watcher-sees-half",
		},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) (revs []uint64, err error) {
				for i := range ops {
					rev, err := b.good.Apply(ctx, ops[i])
					if err != nil {
						return nil, err
					}
					revs = append(revs, rev...)
					time.Sleep(time.Millisecond)
				}
				return revs, nil
			}
		}),
	},
	{
		"a refused batch is blamed on its first operation",
		[]string{"batch/all-or-nothing", "batch/key-twice"},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
				revs, err := b.good.Apply(ctx, ops...)
				if e, ok := errors.AsType[*kv.BatchError](err); ok {
					e.Index = 0
				}
				return revs, err
			}
		}),
	},
	{
		"an empty batch is an error",
		[]string{"batch/empty"},
		inBucket(func(b *bentBucket) {
			b.apply = func(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
				if len(ops) == 0 {
					return nil, kv.ErrInvalidOption
				}
				return b.good.Apply(ctx, ops...)
			}
		}),
	},
}

package kvtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// bendConfig breaks the configurations that buckets get.
func bendConfig(bend func(cfg *kv.Config)) func(*bentPlace) {
	return func(p *bentPlace) {
		bent := func(make configFunc) configFunc {
			return func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				bend(&cfg)
				return make(ctx, cfg)
			}
		}
		p.create, p.update, p.upsert = bent(p.create), bent(p.update), bent(p.upsert)
	}
}

// Broken buckets, limits, and what is left of them.
var placeMutants = []mutant{
	{
		"a history keeps one revision too many",
		[]string{"history/depth", "history/markers-count", "history/keys-trimmed-apart", "history/lower-depth"},
		bendConfig(func(cfg *kv.Config) {
			if cfg.History < kv.MaxHistory {
				cfg.History = max(cfg.History, 1) + 1
			}
		}),
	},
	{
		"UpdateBucket does nothing",
		[]string{
			"history/lower-depth", "bucket/update-replaces", "limit/value-size-lowered", "expiry/shorter-ttl", "expiry/longer-ttl",
			"limit-marker/switched-on", "durable/buckets-and-configurations",
		},
		func(p *bentPlace) {
			p.update = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) { return p.open(ctx, cfg.Bucket) }
		},
	},
	{
		"creating a bucket that exists is an error",
		[]string{"bucket/create-again"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				if _, err := p.fullPlace.Bucket(ctx, cfg.Bucket); err == nil {
					return nil, kv.ErrBucketExists
				}
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"creating a bucket that exists does not look at the configuration",
		[]string{"bucket/create-different"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				if b, err := p.fullPlace.Bucket(ctx, cfg.Bucket); err == nil {
					return b, nil
				}
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"CreateOrUpdateBucket does not update",
		[]string{"bucket/create-or-update"},
		func(p *bentPlace) {
			p.upsert = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				if b, err := p.fullPlace.Bucket(ctx, cfg.Bucket); err == nil {
					return b, nil
				}
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"opening a bucket makes it",
		[]string{"bucket/missing", "bucket/deleted-is-gone"},
		func(p *bentPlace) {
			p.open = func(ctx context.Context, name string) (kvtest.Bucket, error) {
				return p.fullPlace.CreateOrUpdateBucket(ctx, kv.Config{Bucket: name})
			}
		},
	},
	{
		"buckets are not listed in order",
		[]string{"bucket/names-in-order"},
		func(p *bentPlace) {
			p.names = func(ctx context.Context) ([]string, error) {
				names, err := p.fullPlace.BucketNames(ctx)
				slices.Reverse(names)
				return names, err
			}
		},
	},
	{
		"case makes no difference to the names of buckets",
		[]string{"bucket/names-with-case"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				cfg.Bucket = strings.ToLower(cfg.Bucket)
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"a handle sees its own writes only",
		[]string{"bucket/one-bucket-many-handles"},
		func(p *bentPlace) {
			p.open = func(ctx context.Context, name string) (kvtest.Bucket, error) {
				return p.fullPlace.CreateBucket(ctx, kv.Config{Bucket: name + "-2"})
			}
		},
	},
	{
		"DeleteBucket does nothing",
		[]string{"bucket/deleted-is-gone", "bucket/dead-handle", "bucket/watcher-of-deleted"},
		func(p *bentPlace) {
			p.remove = func(context.Context, string) error { return nil }
		},
	},
	{
		"the handle of a deleted bucket goes over to the next one of its name",
		[]string{"bucket/dead-handle"},
		func(p *bentPlace) {
			p.bendBucket = func(b *bentBucket) {
				b.get = func(ctx context.Context, key string) (kv.Entry, error) {
					e, err := b.good.Get(ctx, key)
					if now, openErr := p.fullPlace.Bucket(ctx, "B"); openErr == nil && errors.Is(err, kv.ErrBucketDeleted) {
						return now.Get(ctx, key)
					}
					return e, err
				}
			}
		},
	},
	{
		"MaxValueSize is ignored",
		[]string{"limit/value-size", "limit/value-size-lowered"},
		bendConfig(func(cfg *kv.Config) { cfg.MaxValueSize = 0 }),
	},
	{
		"MaxValueSize is the least that is too much",
		[]string{"limit/value-size"},
		bendConfig(func(cfg *kv.Config) { cfg.MaxValueSize-- }),
	},
	{
		"a full bucket makes room by deleting",
		[]string{"limit/bucket-size", "limit/bucket-size-counts-keys"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				for errors.Is(err, kv.ErrBucketFull) {
					oldest := everything(ctx, b.good)[0]
					_ = b.good.Purge(ctx, oldest.Key, none)
					_ = b.good.PurgeDeletes(ctx, -1)
					rev, err = b.good.Put(ctx, key, value)
				}
				return rev, err
			}
		}),
	},
	{
		"one byte above MaxBytes is fine",
		[]string{"limit/bucket-size-counts-keys", "batch/size-limit"},
		bendConfig(func(cfg *kv.Config) {
			if cfg.MaxBytes > 0 {
				cfg.MaxBytes++
			}
		}),
	},
	{
		"a marker needs room",
		[]string{"limit/markers-always-fit"},
		inBucket(func(b *bentBucket) {
			b.del = func(ctx context.Context, key string, opts kvtest.WriteOptions) error {
				if st, _ := b.good.Status(ctx); st.Bytes+100 > st.Config.MaxBytes && st.Config.MaxBytes > 0 {
					return kv.ErrBucketFull
				}
				return b.good.Delete(ctx, key, opts)
			}
		}),
	},
	{
		"PurgeDeletes does not look at the age",
		[]string{"purge-deletes/young-markers", "purge-deletes/by-age"},
		inBucket(func(b *bentBucket) {
			b.sweep = func(ctx context.Context, _ time.Duration) error { return b.good.PurgeDeletes(ctx, -1) }
		}),
	},
	{
		"PurgeDeletes keeps the markers of the last half hour",
		[]string{"purge-deletes/all-markers", "purge-deletes/by-age"},
		inBucket(func(b *bentBucket) {
			b.sweep = func(ctx context.Context, _ time.Duration) error { return b.good.PurgeDeletes(ctx, 0) }
		}),
	},
	{
		"PurgeDeletes looks first and removes later",
		[]string{"purge-deletes/keeps-concurrent-writes"},
		inBucket(func(b *bentBucket) {
			b.sweep = func(ctx context.Context, olderThan time.Duration) error {
				found := everything(ctx, b.good)
				time.Sleep(time.Millisecond)
				for _, e := range found {
					_ = b.good.Purge(ctx, e.Key, none)
				}
				return b.good.PurgeDeletes(ctx, olderThan)
			}
		}),
	},
	{
		"a bucket has a goroutine",
		[]string{"rest/no-goroutine-without-work"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				go func() { <-p.quit }()
				return p.fullPlace.CreateBucket(ctx, cfg)
			}
		},
	},
	{
		"a watch leaves a goroutine",
		[]string{"rest/no-goroutine-after-watches", "rest/close-ends-watches"},
		func(p *bentPlace) {
			p.bendBucket = func(b *bentBucket) {
				b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
					go func() { <-p.quit }()
					return b.good.Watch(ctx, patterns, opts)
				}
			}
		},
	},
	{
		"Close does nothing",
		[]string{"rest/close", "rest/close-ends-watches"},
		func(p *bentPlace) { p.close = func() error { return nil } },
	},
	{
		"a second Close is an error",
		[]string{"rest/close"},
		func(p *bentPlace) {
			p.close = func() error {
				if _, err := p.fullPlace.BucketNames(context.Background()); err != nil {
					return err
				}
				return p.fullPlace.Close()
			}
		},
	},
	{
		"a reopened bucket is empty",
		[]string{"durable/everything-kept", "durable/sequence-goes-on", "durable/conditions-go-on", "durable/watch-resumes"},
		func(p *bentPlace) {
			p.reopen = func(after time.Duration) error {
				err := p.fullPlace.Reopen(after)
				_ = p.fullPlace.DeleteBucket(context.Background(), "B")
				_, createErr := p.fullPlace.CreateBucket(context.Background(), kv.Config{Bucket: "B"})
				return errors.Join(err, createErr)
			}
		},
	},
}

package kvtest_test

import (
	"context"
	"errors"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// Bad input that gets through, and errors that say too little.
var inputMutants = []mutant{
	{
		"a bad key is a missing key",
		[]string{"bad-input/key", "bad-input/key-before-context", "bad-input/key-named"},
		inBucket(func(b *bentBucket) {
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				if errors.Is(err, kv.ErrInvalidKey) {
					err = kv.ErrKeyNotFound
				}
				return e, err
			}
		}),
	},
	{
		"bad keys are made good",
		[]string{"bad-input/key"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				if kv.CheckKey(key) != nil {
					key = "good"
				}
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"a context that has ended is reported before a bad key",
		[]string{"bad-input/key-before-context"},
		inBucket(func(b *bentBucket) {
			b.del = func(ctx context.Context, key string, opts kvtest.WriteOptions) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return b.good.Delete(ctx, key, opts)
			}
		}),
	},
	{
		"errors are bare sentinels",
		[]string{"bad-input/key-named", "bad-input/refused-revision-named"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				if err != nil {
					err = kv.ErrInvalidKey
				}
				return rev, err
			}
			b.update = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
				rev, err := b.good.Update(ctx, key, value, rev)
				if err != nil {
					err = kv.ErrRevisionMismatch
				}
				return rev, err
			}
		}),
	},
	{
		"a bad pattern matches nothing",
		[]string{"bad-input/pattern"},
		bendPatterns(func(patterns []string) []string {
			for i, p := range patterns {
				if kv.CheckPattern(p) != nil {
					patterns[i] = "nothing.at.all"
				}
			}
			return patterns
		}),
	},
	{
		"overlapping patterns are everything",
		[]string{"bad-input/overlapping-patterns"},
		inBucket(func(b *bentBucket) {
			b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
				w, err := b.good.Watch(ctx, patterns, opts)
				if errors.Is(err, kv.ErrOverlappingPatterns) {
					return b.good.Watch(ctx, []string{">"}, opts)
				}
				return w, err
			}
		}),
	},
	{
		"a TTL that is not positive is none",
		[]string{"bad-input/ttl"},
		inBucket(func(b *bentBucket) {
			b.putTTL = func(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
				if ttl <= 0 {
					return b.good.Put(ctx, key, value)
				}
				return b.good.PutTTL(ctx, key, value, ttl)
			}
		}),
	},
	{
		"bad bucket names are made good",
		[]string{"bad-input/bucket-name"},
		func(p *bentPlace) {
			p.create = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				b, err := p.fullPlace.CreateBucket(ctx, cfg)
				if errors.Is(err, kv.ErrInvalidBucketName) {
					cfg.Bucket = "good"
					return p.fullPlace.CreateBucket(ctx, cfg)
				}
				return b, err
			}
		},
	},
	{
		"configurations are cut to what is possible",
		[]string{"bad-input/configuration"},
		bendConfig(func(cfg *kv.Config) { cfg.History = min(cfg.History, kv.MaxHistory) }),
	},
	{
		"a refused configuration is taken in part",
		[]string{"bad-input/configuration"},
		func(p *bentPlace) {
			p.update = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
				b, err := p.fullPlace.UpdateBucket(ctx, cfg)
				if err != nil {
					_, _ = p.fullPlace.UpdateBucket(ctx, kv.Config{Bucket: cfg.Bucket})
				}
				return b, err
			}
		},
	},
	{
		"writes do not look at their context",
		[]string{"bad-input/ended-context"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				return b.good.Put(context.WithoutCancel(ctx), key, value)
			}
		}),
	},
	{
		"a write that its context stopped is written all the same",
		[]string{"bad-input/ended-context"},
		inBucket(func(b *bentBucket) {
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				_, err := b.good.Put(context.WithoutCancel(ctx), key, value)
				if ctx.Err() != nil {
					return 0, ctx.Err()
				}
				return 0, err
			}
		}),
	},
}

package kvtest_test

import (
	"context"
	"errors"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// Broken expiry.
var timeMutants = []mutant{
	{
		"the bucket's TTL is ignored",
		[]string{
			"expiry/bucket-ttl", "expiry/each-revision-by-its-age", "expiry/markers-too", "expiry/key-can-be-created-again",
			"expiry/not-listed", "sequence/expiry-takes-none", "limit-marker/fits-always",
		},
		bendConfig(func(cfg *kv.Config) { cfg.TTL = 0 }),
	},
	{
		"the bucket's TTL is halved",
		[]string{"expiry/bucket-ttl", "expiry/longer-ttl"},
		bendConfig(func(cfg *kv.Config) { cfg.TTL /= 2 }),
	},
	{
		"there are limit markers where none are wanted",
		[]string{"sequence/expiry-takes-none", "expiry/silent", "expiry/bucket-ttl"},
		bendConfig(func(cfg *kv.Config) {
			if cfg.LimitMarkerTTL == 0 {
				cfg.LimitMarkerTTL = time.Hour
			}
		}),
	},
	{
		"there are no limit markers",
		[]string{
			"limit-marker/bucket-ttl", "limit-marker/key-ttl", "limit-marker/wakes-watchers", "limit-marker/shorter-with-bucket-ttl",
			"limit-marker/one-a-key", "limit-marker/for-delete-markers", "limit-marker/is-a-revision", "limit-marker/switched-on",
		},
		bendConfig(func(cfg *kv.Config) { cfg.LimitMarkerTTL = 0 }),
	},
	{
		"limit markers stay",
		[]string{"limit-marker/goes-silently"},
		bendConfig(func(cfg *kv.Config) { cfg.LimitMarkerTTL *= 1000 }),
	},
	{
		"a full bucket does not expire",
		[]string{"limit-marker/fits-always"},
		bendConfig(func(cfg *kv.Config) {
			if cfg.MaxBytes > 0 {
				cfg.TTL = 0
			}
		}),
	},
	{
		"create ignores its TTL",
		[]string{"key-ttl/create", "key-ttl/earlier-counts", "key-ttl/no-older-value-returns", "key-ttl/any-write"},
		inBucket(func(b *bentBucket) {
			b.create = func(ctx context.Context, key string, value []byte, _ kvtest.WriteOptions) (uint64, error) {
				return b.good.Create(ctx, key, value, none)
			}
		}),
	},
	{
		"purge ignores its TTL",
		[]string{"key-ttl/purge", "key-ttl/any-write"},
		inBucket(func(b *bentBucket) {
			b.purge = func(ctx context.Context, key string, _ kvtest.WriteOptions) error {
				return b.good.Purge(ctx, key, none)
			}
		}),
	},
	{
		"delete ignores its TTL",
		[]string{"key-ttl/any-write", "bad-input/ttl"},
		inBucket(func(b *bentBucket) {
			b.deleteTTL = func(ctx context.Context, key string, _ time.Duration) error { return b.good.Delete(ctx, key, none) }
		}),
	},
	{
		"put ignores its TTL",
		[]string{
			"expiry/not-in-entries", "expiry/to-the-nanosecond", "expiry/entry-tells-deadline", "key-ttl/takes-the-history-along",
			"key-ttl/older-revision-goes-alone", "key-ttl/any-write", "key-ttl/renewed", "durable/deadlines-go-on", "bad-input/ttl",
		},
		inBucket(func(b *bentBucket) {
			b.putTTL = func(ctx context.Context, key string, value []byte, _ time.Duration) (uint64, error) {
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"a TTL is a nanosecond longer",
		[]string{"expiry/to-the-nanosecond"},
		inBucket(func(b *bentBucket) {
			b.putTTL = func(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
				return b.good.PutTTL(ctx, key, value, ttl+1)
			}
		}),
	},
	{
		"a TTL counts from the first write of the key",
		[]string{"key-ttl/renewed"},
		inBucket(func(b *bentBucket) {
			deadlines := map[string]time.Time{}
			b.putTTL = func(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
				if _, ok := deadlines[key]; !ok {
					deadlines[key] = time.Now().Add(ttl)
				}
				return b.good.PutTTL(ctx, key, value, time.Until(deadlines[key]))
			}
		}),
	},
	{
		"a TTL holds for the next writes of the key too",
		[]string{"key-ttl/ends-with-next-write"},
		inBucket(func(b *bentBucket) {
			ttls := map[string]time.Duration{}
			b.create = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
				ttls[key] = opts.TTL
				return b.good.Create(ctx, key, value, opts)
			}
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				if ttl := ttls[key]; ttl > 0 {
					return b.good.PutTTL(ctx, key, value, ttl)
				}
				return b.good.Put(ctx, key, value)
			}
		}),
	},
	{
		"an older value returns when the newest expires",
		[]string{"key-ttl/no-older-value-returns", "key-ttl/takes-the-history-along"},
		inBucket(func(b *bentBucket) {
			old := map[string]kv.Entry{}
			b.put = func(ctx context.Context, key string, value []byte) (uint64, error) {
				rev, err := b.good.Put(ctx, key, value)
				old[key], _ = b.good.Get(ctx, key)
				return rev, err
			}
			b.get = func(ctx context.Context, key string) (kv.Entry, error) {
				e, err := b.good.Get(ctx, key)
				if before, ok := old[key]; ok && errors.Is(err, kv.ErrKeyNotFound) {
					return before, nil
				}
				return e, err
			}
		}),
	},
}

package kvtest_test

import (
	"context"
	"iter"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// fullPlace and fullBucket are what a place and a bucket can be.
type (
	fullPlace interface {
		kvtest.Ruler
		kvtest.Closer
		kvtest.Reopener
	}
	fullBucket interface {
		kvtest.Bucket
		kvtest.Batcher
		kvtest.Lister
		kvtest.Reverter
		kvtest.TTLWriter
		kvtest.Statuser
	}
)

// configFunc is a function of a bentPlace.
type configFunc = func(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error)

// A bentPlace calls functions that a mutant can replace; at first they are the good place's.
type bentPlace struct {
	fullPlace
	quit       <-chan struct{}   // closed when the case is over
	bendBucket func(*bentBucket) // applied to every bucket that is handed out
	create     configFunc
	update     configFunc
	upsert     configFunc
	open       func(context.Context, string) (kvtest.Bucket, error)
	remove     func(context.Context, string) error
	names      func(context.Context) ([]string, error)
	close      func() error
	reopen     func(time.Duration) error
}

func newBentPlace(p fullPlace, quit <-chan struct{}) *bentPlace {
	return &bentPlace{
		fullPlace: p, quit: quit, bendBucket: func(*bentBucket) {},
		create: p.CreateBucket, update: p.UpdateBucket, upsert: p.CreateOrUpdateBucket, open: p.Bucket, remove: p.DeleteBucket,
		names: p.BucketNames, close: p.Close, reopen: p.Reopen,
	}
}

// inBucket makes the bend of a place from one of its buckets.
func inBucket(bend func(*bentBucket)) func(*bentPlace) {
	return func(p *bentPlace) { p.bendBucket = bend }
}

func (p *bentPlace) bent(b kvtest.Bucket, err error) (kvtest.Bucket, error) {
	if err != nil {
		return nil, err
	}
	bent := newBentBucket(b.(fullBucket))
	p.bendBucket(bent)
	return bent, nil
}

func (p *bentPlace) CreateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return p.bent(p.create(ctx, cfg))
}

func (p *bentPlace) UpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return p.bent(p.update(ctx, cfg))
}

func (p *bentPlace) CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return p.bent(p.upsert(ctx, cfg))
}

func (p *bentPlace) Bucket(ctx context.Context, name string) (kvtest.Bucket, error) {
	return p.bent(p.open(ctx, name))
}

func (p *bentPlace) DeleteBucket(ctx context.Context, name string) error { return p.remove(ctx, name) }

func (p *bentPlace) BucketNames(ctx context.Context) ([]string, error) { return p.names(ctx) }

func (p *bentPlace) Close() error { return p.close() }

func (p *bentPlace) Reopen(after time.Duration) error { return p.reopen(after) }

// Functions of a bentBucket.
type (
	putFunc         = func(ctx context.Context, key string, value []byte) (uint64, error)
	createFunc      = func(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error)
	updateFunc      = func(ctx context.Context, key string, value []byte, rev uint64) (uint64, error)
	deleteFunc      = func(ctx context.Context, key string, opts kvtest.WriteOptions) error
	getFunc         = func(ctx context.Context, key string) (kv.Entry, error)
	getRevisionFunc = func(ctx context.Context, key string, rev uint64) (kv.Entry, error)
	historyFunc     = func(ctx context.Context, key string) ([]kv.Entry, error)
	keysFunc        = func(ctx context.Context, pattern string) ([]string, error)
	watchFunc       = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error)
	applyFunc       = func(ctx context.Context, ops ...kv.Op) ([]uint64, error)
	entriesFunc     = func(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error]
	revertFunc      = func(ctx context.Context, key string, rev uint64, opts ...kv.PutOption) (uint64, error)
	putTTLFunc      = func(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error)
)

// A bentBucket calls functions that a mutant can replace. Good is the bucket that they were taken from.
type bentBucket struct {
	good        fullBucket
	put         putFunc
	create      createFunc
	update      updateFunc
	del         deleteFunc
	purge       deleteFunc
	get         getFunc
	getRevision getRevisionFunc
	history     historyFunc
	keys        keysFunc
	watch       watchFunc
	sweep       func(ctx context.Context, olderThan time.Duration) error
	apply       applyFunc
	entries     entriesFunc
	revert      revertFunc
	putTTL      putTTLFunc
	updateTTL   func(ctx context.Context, key string, value []byte, rev uint64, ttl time.Duration) (uint64, error)
	deleteTTL   func(ctx context.Context, key string, ttl time.Duration) error
	status      func(ctx context.Context) (kv.Status, error)
}

func newBentBucket(b fullBucket) *bentBucket {
	return &bentBucket{
		good: b, put: b.Put, create: b.Create, update: b.Update, del: b.Delete, purge: b.Purge, get: b.Get,
		getRevision: b.GetRevision, history: b.History, keys: b.Keys, watch: b.Watch, sweep: b.PurgeDeletes, apply: b.Apply,
		entries: b.Entries, revert: b.Revert, putTTL: b.PutTTL, updateTTL: b.UpdateTTL, deleteTTL: b.DeleteTTL, status: b.Status,
	}
}

var _ fullBucket = (*bentBucket)(nil)

func (b *bentBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.put(ctx, key, value)
}

func (b *bentBucket) Create(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
	return b.create(ctx, key, value, opts)
}

func (b *bentBucket) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	return b.update(ctx, key, value, rev)
}

func (b *bentBucket) Delete(ctx context.Context, key string, opts kvtest.WriteOptions) error {
	return b.del(ctx, key, opts)
}

func (b *bentBucket) Purge(ctx context.Context, key string, opts kvtest.WriteOptions) error {
	return b.purge(ctx, key, opts)
}

func (b *bentBucket) Get(ctx context.Context, key string) (kv.Entry, error) { return b.get(ctx, key) }

func (b *bentBucket) GetRevision(ctx context.Context, key string, rev uint64) (kv.Entry, error) {
	return b.getRevision(ctx, key, rev)
}

func (b *bentBucket) History(ctx context.Context, key string) ([]kv.Entry, error) {
	return b.history(ctx, key)
}

func (b *bentBucket) Keys(ctx context.Context, pattern string) ([]string, error) {
	return b.keys(ctx, pattern)
}

func (b *bentBucket) Watch(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
	return b.watch(ctx, patterns, opts)
}

func (b *bentBucket) PurgeDeletes(ctx context.Context, olderThan time.Duration) error {
	return b.sweep(ctx, olderThan)
}

func (b *bentBucket) Apply(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
	return b.apply(ctx, ops...)
}

func (b *bentBucket) Entries(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
	return b.entries(ctx, pattern, opts...)
}

func (b *bentBucket) Revert(ctx context.Context, key string, rev uint64, opts ...kv.PutOption) (uint64, error) {
	return b.revert(ctx, key, rev, opts...)
}

func (b *bentBucket) PutTTL(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return b.putTTL(ctx, key, value, ttl)
}

func (b *bentBucket) UpdateTTL(
	ctx context.Context, key string, value []byte, rev uint64, ttl time.Duration,
) (uint64, error) {
	return b.updateTTL(ctx, key, value, rev, ttl)
}

func (b *bentBucket) DeleteTTL(ctx context.Context, key string, ttl time.Duration) error {
	return b.deleteTTL(ctx, key, ttl)
}

func (b *bentBucket) Status(ctx context.Context) (kv.Status, error) { return b.status(ctx) }

// A bentWatcher calls a function that a mutant can replace.
type bentWatcher struct {
	kvtest.Watcher
	next func(ctx context.Context) (kv.Event, error)
	stop func()
}

// bendWatchers makes the bend of a place from one of its watchers, given the good watcher's Next and Stop.
func bendWatchers(bend func(w *bentWatcher)) func(*bentPlace) {
	return inBucket(func(b *bentBucket) {
		b.watch = func(ctx context.Context, patterns []string, opts kvtest.WatchOptions) (kvtest.Watcher, error) {
			w, err := b.good.Watch(ctx, patterns, opts)
			if err != nil {
				return nil, err
			}
			bent := &bentWatcher{w, w.Next, w.Stop}
			bend(bent)
			return bent, nil
		}
	})
}

func (w *bentWatcher) Next(ctx context.Context) (kv.Event, error) { return w.next(ctx) }

func (w *bentWatcher) Stop() { w.stop() }

// everything returns what a bucket keeps.
func everything(ctx context.Context, b kvtest.Bucket) (entries []kv.Entry) {
	w, err := b.Watch(ctx, []string{">"}, kvtest.WatchOptions{IncludeHistory: true})
	for err == nil {
		var e kv.Event
		if e, err = w.Next(ctx); err == nil && e.Kind == kv.CaughtUp {
			w.Stop()
			return entries
		}
		entries = append(entries, e.Entry)
	}
	return nil
}

package kvtest

import (
	"context"
	"iter"
	"time"

	"github.com/revkv/kv"
)

// Engine returns a database of revkv as a Place. It meets every Need but Reopening. Its time is that of package time, so
// that an hour passes at once in a synctest bubble.
func Engine(db *kv.DB) Place { return &engine{db: db} }

// DurableEngine returns the database that open opens as a Place that can be reopened. Open is called here and after each
// closing, and must come back to the same buckets.
func DurableEngine(open func() (*kv.DB, error)) (Place, error) {
	db, err := open()
	if err != nil {
		return nil, err
	}
	return &durableEngine{engine{db: db}, open}, nil
}

type engine struct{ db *kv.DB }

var (
	_ Ruler  = (*engine)(nil)
	_ Closer = (*engine)(nil)
)

func (p *engine) CreateBucket(ctx context.Context, cfg kv.Config) (Bucket, error) {
	return wrap(p.db.CreateBucket(ctx, cfg))
}

func (p *engine) UpdateBucket(ctx context.Context, cfg kv.Config) (Bucket, error) {
	return wrap(p.db.UpdateBucket(ctx, cfg))
}

func (p *engine) CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (Bucket, error) {
	return wrap(p.db.CreateOrUpdateBucket(ctx, cfg))
}

func (p *engine) Bucket(ctx context.Context, name string) (Bucket, error) {
	return wrap(p.db.Bucket(ctx, name))
}

func (p *engine) DeleteBucket(ctx context.Context, name string) error {
	return p.db.DeleteBucket(ctx, name)
}

func (p *engine) BucketNames(ctx context.Context) ([]string, error) { return p.db.BucketNames(ctx) }

// Unit is a second, though the engine takes less: so the cases leave room for a slow machine outside of a bubble.
func (p *engine) Unit() time.Duration { return time.Second }

func (p *engine) Pass(d time.Duration) { time.Sleep(d) }

func (p *engine) Rules() []Need { return []Need{PlainRules, Sound, InProcess} }

func (p *engine) Close() error { return p.db.Close() }

// durableEngine is an engine that can be opened again.
type durableEngine struct {
	engine
	open func() (*kv.DB, error)
}

var _ Reopener = (*durableEngine)(nil)

// Pass lets the timers run that come due: a durable bucket writes its limit markers by them, and a read does not.
func (p *durableEngine) Pass(d time.Duration) {
	time.Sleep(d)
	if inBubble() {
		return // having waited until every other goroutine does
	}
	time.Sleep(20 * time.Millisecond)
}

func (p *durableEngine) Reopen(after time.Duration) error {
	err := p.db.Close()
	if err != nil {
		return err
	}
	time.Sleep(after)
	p.db, err = p.open()
	return err
}

// engineBucket is a bucket of the engine as a Bucket.
type engineBucket struct{ b *kv.Bucket }

var (
	_ Bucket    = engineBucket{}
	_ Batcher   = engineBucket{}
	_ Lister    = engineBucket{}
	_ Reverter  = engineBucket{}
	_ TTLWriter = engineBucket{}
	_ Statuser  = engineBucket{}
)

// wrap makes what a DB returned what a Place returns: without a bucket, a nil interface.
func wrap(b *kv.Bucket, err error) (Bucket, error) {
	if err != nil {
		return nil, err
	}
	return engineBucket{b}, nil
}

func (e engineBucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return e.b.Put(ctx, key, value)
}

func (e engineBucket) Create(ctx context.Context, key string, value []byte, opts WriteOptions) (uint64, error) {
	if opts.TTL != 0 {
		return e.b.Create(ctx, key, value, kv.KeyTTL(opts.TTL))
	}
	return e.b.Create(ctx, key, value)
}

func (e engineBucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return e.b.Update(ctx, key, value, revision)
}

func (e engineBucket) Delete(ctx context.Context, key string, opts WriteOptions) error {
	if opts.LastRevision != 0 {
		return e.b.Delete(ctx, key, kv.LastRevision(opts.LastRevision))
	}
	return e.b.Delete(ctx, key)
}

func (e engineBucket) Purge(ctx context.Context, key string, opts WriteOptions) error {
	var purgeOpts []kv.PurgeOption
	if opts.LastRevision != 0 {
		purgeOpts = append(purgeOpts, kv.LastRevision(opts.LastRevision))
	}
	if opts.TTL != 0 {
		purgeOpts = append(purgeOpts, kv.PurgeTTL(opts.TTL))
	}
	return e.b.Purge(ctx, key, purgeOpts...)
}

func (e engineBucket) Get(ctx context.Context, key string) (kv.Entry, error) {
	return e.b.Get(ctx, key)
}

func (e engineBucket) GetRevision(ctx context.Context, key string, revision uint64) (kv.Entry, error) {
	return e.b.GetRevision(ctx, key, revision)
}

func (e engineBucket) History(ctx context.Context, key string) ([]kv.Entry, error) {
	return e.b.History(ctx, key)
}

func (e engineBucket) Keys(ctx context.Context, pattern string) ([]string, error) {
	var keys []string
	for key, err := range e.b.Keys(ctx, pattern) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (e engineBucket) Watch(ctx context.Context, patterns []string, opts WatchOptions) (Watcher, error) {
	w, err := e.watch(ctx, patterns, watchOptions(opts)...)
	if err != nil {
		return nil, err
	}
	return w, nil
}

// watch uses the method that the number of patterns asks for.
func (e engineBucket) watch(ctx context.Context, patterns []string, opts ...kv.WatchOption) (*kv.Watcher, error) {
	if len(patterns) == 1 {
		return e.b.Watch(ctx, patterns[0], opts...)
	}
	return e.b.WatchFiltered(ctx, patterns, opts...)
}

func watchOptions(o WatchOptions) (opts []kv.WatchOption) {
	if o.IncludeHistory {
		opts = append(opts, kv.IncludeHistory())
	}
	if o.IgnoreDeletes {
		opts = append(opts, kv.IgnoreDeletes())
	}
	if o.MetaOnly {
		opts = append(opts, kv.MetaOnly())
	}
	if o.UpdatesOnly {
		opts = append(opts, kv.UpdatesOnly())
	}
	if o.ResumeFrom != 0 {
		opts = append(opts, kv.ResumeFromRevision(o.ResumeFrom))
	}
	return opts
}

func (e engineBucket) PurgeDeletes(ctx context.Context, olderThan time.Duration) error {
	return e.b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(olderThan))
}

func (e engineBucket) Apply(ctx context.Context, ops ...kv.Op) ([]uint64, error) {
	return e.b.Apply(ctx, ops...)
}

func (e engineBucket) Entries(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error] {
	return e.b.Entries(ctx, pattern, opts...)
}

func (e engineBucket) Revert(ctx context.Context, key string, revision uint64, opts ...kv.PutOption) (uint64, error) {
	return e.b.Revert(ctx, key, revision, opts...)
}

func (e engineBucket) PutTTL(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	return e.b.Put(ctx, key, value, kv.KeyTTL(ttl))
}

func (e engineBucket) UpdateTTL(
	ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration,
) (uint64, error) {
	return e.b.Update(ctx, key, value, revision, kv.KeyTTL(ttl))
}

func (e engineBucket) DeleteTTL(ctx context.Context, key string, ttl time.Duration) error {
	return e.b.Delete(ctx, key, kv.KeyTTL(ttl))
}

func (e engineBucket) Status(ctx context.Context) (kv.Status, error) { return e.b.Status(ctx) }

package natsplace

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// Options say what a place is like. The zero value is a server's, in files.
type Options struct {
	// Storage is that of all buckets.
	Storage jetstream.StorageType

	// Unit is the TTL that the suite takes as its measure. 0 means two seconds: twice the shortest that a server takes, so that
	// "not yet" and "by now" hold on a busy machine.
	Unit time.Duration

	// Late is how late the place may be to act on a deadline. A server looks at them every quarter of a second.
	Late time.Duration

	// Waits, if set, is called before a case begins to wait for time to pass.
	Waits func()

	// Rules are those of a kvtest.Ruler that the place keeps. A server keeps none.
	Rules []kvtest.Need
}

// A place is a manager of buckets as a kvtest.Place.
type place struct {
	manager jetstream.KeyValueManager
	Options
}

var _ kvtest.Ruler = (*place)(nil)

// New returns the buckets of a manager as a place. There should be none yet.
func New(m jetstream.KeyValueManager, o Options) kvtest.Place {
	if o.Unit == 0 {
		o.Unit = 2 * time.Second
	}
	return &place{m, o}
}

func (p *place) CreateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.manager.CreateKeyValue(ctx, p.config(cfg)))
}

func (p *place) UpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.manager.UpdateKeyValue(ctx, p.config(cfg)))
}

func (p *place) CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.manager.CreateOrUpdateKeyValue(ctx, p.config(cfg)))
}

func (p *place) Bucket(ctx context.Context, name string) (kvtest.Bucket, error) {
	return wrap(p.manager.KeyValue(ctx, name))
}

func (p *place) DeleteBucket(ctx context.Context, name string) error {
	return translate(p.manager.DeleteKeyValue(ctx, name))
}

func (p *place) BucketNames(ctx context.Context) ([]string, error) {
	lister := p.manager.KeyValueStoreNames(ctx)
	var names []string
	for name := range lister.Name() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, translate(lister.Error())
}

func (p *place) Unit() time.Duration { return p.Options.Unit }

func (p *place) Pass(d time.Duration) {
	if p.Waits != nil {
		p.Waits()
	}
	time.Sleep(d + p.Late)
}

func (p *place) Rules() []kvtest.Need { return p.Options.Rules }

// config returns a configuration in NATS's words, with the place's storage.
func (p *place) config(cfg kv.Config) jetstream.KeyValueConfig {
	return jetstream.KeyValueConfig{
		Bucket:         cfg.Bucket,
		Description:    cfg.Description,
		History:        cfg.History,
		MaxValueSize:   cfg.MaxValueSize,
		MaxBytes:       cfg.MaxBytes,
		TTL:            cfg.TTL,
		LimitMarkerTTL: cfg.LimitMarkerTTL,
		Metadata:       cfg.Metadata,
		Compression:    cfg.Compression,
		Storage:        p.Storage,
	}
}

package servertest

import (
	"context"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

const (
	// unit is twice the shortest TTL that a server takes, so that the suite's "not yet" and "by now" hold on a busy machine.
	unit = 2 * time.Second
	// grace is what a server gets to act on a deadline: it looks at them every quarter of a second.
	grace = 750 * time.Millisecond
)

// A place is a JetStream context as a kvtest.Place. It keeps none of the rules of a kvtest.Ruler.
type place struct {
	js      jetstream.JetStream
	storage jetstream.StorageType
	waits   func() // is called before a case begins to wait
}

var _ kvtest.Place = (*place)(nil)

func (p *place) CreateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.js.CreateKeyValue(ctx, p.config(cfg)))
}

func (p *place) UpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.js.UpdateKeyValue(ctx, p.config(cfg)))
}

func (p *place) CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return wrap(p.js.CreateOrUpdateKeyValue(ctx, p.config(cfg)))
}

func (p *place) Bucket(ctx context.Context, name string) (kvtest.Bucket, error) {
	return wrap(p.js.KeyValue(ctx, name))
}

func (p *place) DeleteBucket(ctx context.Context, name string) error {
	return translate(p.js.DeleteKeyValue(ctx, name))
}

func (p *place) BucketNames(ctx context.Context) ([]string, error) {
	lister := p.js.KeyValueStoreNames(ctx)
	var names []string
	for name := range lister.Name() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, translate(lister.Error())
}

func (p *place) Unit() time.Duration { return unit }

func (p *place) Pass(d time.Duration) {
	p.waits()
	time.Sleep(d + grace)
}

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
		Storage:        p.storage,
	}
}

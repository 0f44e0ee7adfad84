package natsplace

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// A bucket is a jetstream.KeyValue as a kvtest.Bucket. Of what only some buckets have it has Status.
type bucket struct{ kv jetstream.KeyValue }

var (
	_ kvtest.Bucket   = bucket{}
	_ kvtest.Statuser = bucket{}
)

// wrap makes what the client returned what a Place returns: without a bucket, a nil interface.
func wrap(b jetstream.KeyValue, err error) (kvtest.Bucket, error) {
	if err != nil {
		return nil, translate(err)
	}
	return bucket{b}, nil
}

func (b bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	rev, err := b.kv.Put(ctx, key, value)
	return rev, translate(err)
}

func (b bucket) Create(ctx context.Context, key string, value []byte, opts kvtest.WriteOptions) (uint64, error) {
	var createOpts []jetstream.KVCreateOpt
	if opts.TTL != 0 {
		createOpts = append(createOpts, jetstream.KeyTTL(opts.TTL))
	}
	rev, err := b.kv.Create(ctx, key, value, createOpts...)
	return rev, translate(err)
}

func (b bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	rev, err := b.kv.Update(ctx, key, value, revision)
	return rev, translate(err)
}

func (b bucket) Delete(ctx context.Context, key string, opts kvtest.WriteOptions) error {
	return translate(b.kv.Delete(ctx, key, deleteOptions(opts)...))
}

func (b bucket) Purge(ctx context.Context, key string, opts kvtest.WriteOptions) error {
	return translate(b.kv.Purge(ctx, key, deleteOptions(opts)...))
}

func deleteOptions(o kvtest.WriteOptions) (opts []jetstream.KVDeleteOpt) {
	if o.LastRevision != 0 {
		opts = append(opts, jetstream.LastRevision(o.LastRevision))
	}
	if o.TTL != 0 {
		opts = append(opts, jetstream.PurgeTTL(o.TTL))
	}
	return opts
}

func (b bucket) Get(ctx context.Context, key string) (kv.Entry, error) {
	return found(b.kv.Get(ctx, key))
}

func (b bucket) GetRevision(ctx context.Context, key string, revision uint64) (kv.Entry, error) {
	return found(b.kv.GetRevision(ctx, key, revision))
}

func found(e jetstream.KeyValueEntry, err error) (kv.Entry, error) {
	if err != nil {
		return kv.Entry{}, translate(err)
	}
	return entry(e), nil
}

func (b bucket) History(ctx context.Context, key string) ([]kv.Entry, error) {
	history, err := b.kv.History(ctx, key)
	entries := make([]kv.Entry, len(history))
	for i, e := range history {
		entries[i] = entry(e)
	}
	return entries, translate(err)
}

// entry returns an entry in our words. When it expires the client does not tell.
func entry(e jetstream.KeyValueEntry) kv.Entry {
	operation := kv.Put
	switch e.Operation() {
	case jetstream.KeyValueDelete:
		operation = kv.Delete
	case jetstream.KeyValuePurge:
		operation = kv.Purge
	}
	return kv.Entry{
		Bucket:    e.Bucket(),
		Key:       e.Key(),
		Value:     e.Value(),
		Revision:  e.Revision(),
		Created:   e.Created(),
		Delta:     e.Delta(),
		Operation: operation,
	}
}

func (b bucket) Keys(ctx context.Context, pattern string) ([]string, error) {
	keys, err := b.keys(ctx, pattern)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	}
	slices.Sort(keys)
	return keys, translatePattern(err)
}

// keys uses both calls that the client has for it.
func (b bucket) keys(ctx context.Context, pattern string) ([]string, error) {
	if pattern == ">" {
		return b.kv.Keys(ctx)
	}
	lister, err := b.kv.ListKeysFiltered(ctx, pattern)
	if err != nil {
		return nil, err
	}
	var keys []string
	for key := range lister.Keys() {
		keys = append(keys, key)
	}
	return keys, ctx.Err() // the lister just ends when the context does
}

func (b bucket) PurgeDeletes(ctx context.Context, olderThan time.Duration) error {
	return translate(b.kv.PurgeDeletes(ctx, jetstream.DeleteMarkersOlderThan(olderThan)))
}

func (b bucket) Status(ctx context.Context) (kv.Status, error) {
	status, err := b.kv.Status(ctx)
	if err != nil {
		return kv.Status{}, translate(err)
	}
	cfg := status.Config()
	return kv.Status{
		Config: kv.Config{
			Bucket:         cfg.Bucket,
			Description:    cfg.Description,
			History:        cfg.History,
			MaxValueSize:   cfg.MaxValueSize,
			MaxBytes:       cfg.MaxBytes,
			TTL:            cfg.TTL,
			LimitMarkerTTL: cfg.LimitMarkerTTL,
			Metadata:       cfg.Metadata,
			Compression:    cfg.Compression,
		},
		Values: int(status.Values()),
		Bytes:  int64(status.Bytes()),
	}, nil
}

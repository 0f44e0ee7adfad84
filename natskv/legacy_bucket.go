package natskv

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
	"github.com/revkv/kv/store"
)

// A legacyBucket is a nats.KeyValue: a bucket without contexts, and with the errors of package nats.
type legacyBucket struct{ b *bucket }

var _ nats.KeyValue = (*legacyBucket)(nil)

// A legacyEntry is a nats.KeyValueEntry.
type legacyEntry struct{ *entry }

var _ nats.KeyValueEntry = legacyEntry{}

func (e legacyEntry) Operation() nats.KeyValueOp { return nats.KeyValueOp(e.op) }

func (l *legacyBucket) Bucket() string { return l.b.name }

func (l *legacyBucket) Get(key string) (nats.KeyValueEntry, error) { return l.GetRevision(key, 0) }

func (l *legacyBucket) GetRevision(key string, revision uint64) (nats.KeyValueEntry, error) {
	e, err := l.b.GetRevision(context.Background(), key, revision)
	if err != nil {
		return nil, legacyError(err)
	}
	return legacyEntry{e.(*entry)}, nil
}

func (l *legacyBucket) Put(key string, value []byte) (uint64, error) {
	revision, err := l.b.Put(context.Background(), key, value)
	return revision, legacyError(err)
}

func (l *legacyBucket) PutString(key, value string) (uint64, error) { return l.Put(key, []byte(value)) }

func (l *legacyBucket) Create(key string, value []byte) (uint64, error) {
	revision, err := l.b.Create(context.Background(), key, value)
	return revision, legacyError(err)
}

func (l *legacyBucket) Update(key string, value []byte, last uint64) (uint64, error) {
	revision, err := l.b.Update(context.Background(), key, value, last)
	return revision, legacyError(err)
}

func (l *legacyBucket) Delete(key string, opts ...nats.DeleteOpt) error {
	return l.mark(store.Delete, key, opts)
}

func (l *legacyBucket) Purge(key string, opts ...nats.DeleteOpt) error {
	return l.mark(store.Purge, key, opts)
}

// mark writes a marker.
func (l *legacyBucket) mark(operation store.Operation, key string, opts []nats.DeleteOpt) error {
	if kv.CheckKey(key) != nil {
		return nats.ErrInvalidKey
	}
	o, err := readLegacyDelete(opts)
	if err != nil {
		return err
	}
	if o.purge {
		operation = store.Purge
	}
	_, err = l.b.write(context.Background(), adapter.Write{
		Operation: operation, Key: key, Checked: o.revision != 0, Revision: o.revision,
	})
	return legacyError(err)
}

func (l *legacyBucket) PurgeDeletes(opts ...nats.PurgeOpt) error {
	o, err := readLegacyPurge(opts)
	if err != nil {
		return err
	}
	return legacyError(l.b.purgeDeletes(orBackground(o.ctx), o.age))
}

func (l *legacyBucket) Keys(opts ...nats.WatchOpt) ([]string, error) {
	o, err := readLegacyWatch(append(slices.Clip(opts), nats.IgnoreDeletes(), nats.MetaOnly()))
	if err != nil {
		return nil, err
	}
	keys, err := l.b.keys(orBackground(o.ctx), &o)
	if err != nil {
		return nil, legacyError(err)
	}
	if len(keys) == 0 {
		return nil, nats.ErrNoKeysFound
	}
	return keys, nil
}

func (l *legacyBucket) History(key string, opts ...nats.WatchOpt) ([]nats.KeyValueEntry, error) {
	if kv.CheckPattern(key) != nil {
		return nil, legacyError(errInvalidPattern)
	}
	o, err := readLegacyWatch(append(slices.Clip(opts), nats.IncludeHistory()))
	if err != nil {
		return nil, err
	}
	history, err := l.b.history(orBackground(o.ctx), key, &o)
	if err != nil {
		return nil, legacyError(err)
	}
	if len(history) == 0 {
		return nil, nats.ErrKeyNotFound
	}
	entries := make([]nats.KeyValueEntry, len(history))
	for i := range history {
		entries[i] = legacyEntry{l.b.delivered(&history[i])}
	}
	return entries, nil
}

func (l *legacyBucket) Status() (nats.KeyValueStatus, error) {
	s, err := l.b.status(context.Background())
	if err != nil {
		return nil, legacyError(err)
	}
	return &legacyStatus{s}, nil
}

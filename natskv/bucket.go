package natskv

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
	"github.com/revkv/kv/internal/wire"
	"github.com/revkv/kv/store"
)

// A bucket is a jetstream.KeyValue.
type bucket struct{ handle }

func newBucket(db *kv.DB, engine *kv.Bucket) *bucket {
	b := &bucket{handle{db: db, name: engine.Name()}}
	b.current.Store(engine)
	return b
}

var _ jetstream.KeyValue = (*bucket)(nil)

func (b *bucket) Bucket() string { return b.name }

func (b *bucket) Get(ctx context.Context, key string) (jetstream.KeyValueEntry, error) {
	value, revision, created, err := adapter.Get(ctx, b.current.Load(), key)
	if err != nil {
		return b.getAgain(ctx, key, err)
	}
	return &entry{bucket: &b.handle, key: key, value: value, revision: revision, created: created}, nil
}

// getAgain is Get of a bucket that has answered with err.
func (b *bucket) getAgain(ctx context.Context, key string, err error) (jetstream.KeyValueEntry, error) {
	for now, ok := b.renew(ctx, err); ok; now, ok = b.renew(ctx, err) {
		var e kv.Entry
		if e, err = now.Get(ctx, key); err == nil {
			return b.read(&e), nil
		}
	}
	return nil, readError(err)
}

func (b *bucket) GetRevision(ctx context.Context, key string, revision uint64) (jetstream.KeyValueEntry, error) {
	if revision == 0 { // the newest
		return b.Get(ctx, key)
	}
	var e kv.Entry
	err := b.use(ctx, func(b *kv.Bucket) (err error) {
		e, err = b.GetRevision(ctx, key, revision)
		return err
	})
	if err != nil {
		return nil, readError(err)
	}
	return b.read(&e), nil
}

func (b *bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return b.write(ctx, adapter.Write{Operation: store.Put, Key: key, Value: value})
}

func (b *bucket) PutString(ctx context.Context, key, value string) (uint64, error) {
	return b.Put(ctx, key, []byte(value))
}

func (b *bucket) Create(
	ctx context.Context, key string, value []byte, opts ...jetstream.KVCreateOpt,
) (uint64, error) {
	w := adapter.Write{Operation: store.Put, Key: key, Value: value, Create: true}
	if len(opts) > 0 {
		o, err := readCreate(opts)
		if err != nil {
			return 0, err
		}
		w.TTL = max(o.ttl, 0)
	}
	return b.write(ctx, w)
}

func (b *bucket) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	return b.write(ctx, adapter.Write{Operation: store.Put, Key: key, Value: value, Checked: true, Revision: revision})
}

func (b *bucket) Delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return b.mark(ctx, store.Delete, key, opts)
}

func (b *bucket) Purge(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	return b.mark(ctx, store.Purge, key, opts)
}

// mark writes a marker.
func (b *bucket) mark(ctx context.Context, operation store.Operation, key string, opts []jetstream.KVDeleteOpt) error {
	w := adapter.Write{Operation: operation, Key: key}
	if len(opts) > 0 {
		if kv.CheckKey(key) != nil {
			return jetstream.ErrInvalidKey
		}
		o, err := readDelete(opts)
		if err != nil {
			return err
		}
		if o.purge {
			w.Operation = store.Purge
		}
		w.Checked, w.Revision = o.revision != 0, o.revision
		w.TTL = max(o.ttl, 0)
		if w.TTL > 0 && w.Operation == store.Delete {
			return jetstream.ErrTTLOnDeleteNotSupported
		}
	}
	_, err := b.write(ctx, w)
	return err
}

// write makes a write, unless the client would not send it.
func (b *bucket) write(ctx context.Context, w adapter.Write) (uint64, error) {
	if len(w.Value) > wire.MaxPayload-256 {
		if err := checkPayload(ctx, &w); err != nil {
			return 0, err
		}
	}
	return b.apply(ctx, w)
}

// checkPayload refuses what the client would not send.
func checkPayload(ctx context.Context, w *adapter.Write) error {
	m := wire.Message{Operation: w.Operation, Checked: w.Checked || w.Create, Expected: w.Revision}
	if w.TTL > 0 {
		m.TTL = w.TTL.String()
	}
	switch {
	case len(w.Value)+int(m.Header()) <= wire.MaxPayload:
		return nil
	case kv.CheckKey(w.Key) != nil:
		return jetstream.ErrInvalidKey
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return nats.ErrMaxPayload
}

func (b *bucket) History(ctx context.Context, key string, opts ...jetstream.WatchOpt) ([]jetstream.KeyValueEntry, error) {
	exact := !strings.ContainsAny(key, "*>") // then the engine looks whether it is valid
	if (!exact || len(opts) > 0) && kv.CheckPattern(key) != nil {
		return nil, errInvalidPattern
	}
	o, err := readHistory(opts)
	if err != nil {
		return nil, err
	}
	history, err := b.history(ctx, key, &o)
	if err == nil && len(history) == 0 {
		err = jetstream.ErrKeyNotFound
	}
	if err != nil {
		return nil, err
	}
	places, entries := make([]entry, len(history)), make([]jetstream.KeyValueEntry, len(history))
	for i := range history {
		b.deliver(&places[i], &history[i])
		entries[i] = &places[i]
	}
	return entries, nil
}

// history returns the kept revisions of the keys that match a pattern.
func (b *bucket) history(ctx context.Context, pattern string, o *watchOptions) ([]kv.Entry, error) {
	if strings.Contains(pattern, "*") || strings.HasSuffix(pattern, ">") {
		return b.collect(ctx, []string{pattern}, o)
	}
	var history []kv.Entry
	err := b.use(ctx, func(b *kv.Bucket) (err error) {
		history, err = b.History(ctx, pattern)
		return err
	})
	switch {
	case errors.Is(err, kv.ErrKeyNotFound):
		return nil, nil
	case errors.Is(err, kv.ErrInvalidKey) && kv.CheckPattern(pattern) != nil:
		return nil, errInvalidPattern
	case err != nil:
		return nil, watchError(err)
	}
	if o.resume > 0 || o.ignoreDeletes {
		history = slices.DeleteFunc(history, func(e kv.Entry) bool {
			return e.Revision < o.resume || o.ignoreDeletes && e.Operation != kv.Put
		})
	}
	if o.metaOnly {
		for i := range history {
			history[i].Value = []byte{}
		}
	}
	return history, nil
}

func (b *bucket) Keys(ctx context.Context, opts ...jetstream.WatchOpt) ([]string, error) {
	o, err := readKeys(opts)
	if err != nil {
		return nil, err
	}
	keys, err := b.keys(ctx, &o)
	if err == nil && len(keys) == 0 {
		err = jetstream.ErrNoKeysFound
	}
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// keys returns the keys in rising order.
func (b *bucket) keys(ctx context.Context, o *watchOptions) (keys []string, err error) {
	if o.includeHistory || o.updatesOnly || o.resume > 0 {
		entries, err := b.collect(ctx, nil, o)
		for i := range entries {
			keys = append(keys, entries[i].Key)
		}
		slices.Sort(keys)
		return slices.Compact(keys), err
	}
	err = b.use(ctx, func(b *kv.Bucket) error {
		keys = nil
		for key, err := range b.Keys(ctx, ">") {
			if err != nil {
				return err
			}
			keys = append(keys, key)
		}
		return nil
	})
	if err != nil {
		return nil, watchError(err)
	}
	return keys, nil
}

// defaultMarkerAge is how old markers must be for PurgeDeletes without options.
const defaultMarkerAge = 30 * time.Minute

func (b *bucket) PurgeDeletes(ctx context.Context, opts ...jetstream.KVPurgeOpt) error {
	age, err := readPurge(opts)
	if err != nil {
		return err
	}
	return b.purgeDeletes(ctx, age)
}

// purgeDeletes drops markers that are as old as an age: the engine wants them to be older.
func (b *bucket) purgeDeletes(ctx context.Context, age time.Duration) error {
	if age == 0 {
		age = defaultMarkerAge
	}
	if age > 1 {
		age--
	}
	err := b.use(ctx, func(b *kv.Bucket) error {
		return b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(age))
	})
	if err != nil {
		return watchError(err)
	}
	return nil
}

func (b *bucket) Status(ctx context.Context) (jetstream.KeyValueStatus, error) {
	s, err := b.status(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

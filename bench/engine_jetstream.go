package main

import (
	"context"
	"errors"
	"slices"

	"github.com/nats-io/nats.go/jetstream"
)

// jsEngine is a bucket behind NATS's own interface: that of a server, or one of this library through natskv.
type jsEngine struct {
	bucket jetstream.KeyValue
	end    func() error
}

// openBucket makes the bucket of an engine, or finds it, with default settings but for what the row asks for.
func openBucket(o options, js jetstream.KeyValueManager, end func() error) (*jsEngine, error) {
	config := jetstream.KeyValueConfig{Bucket: bucketName, History: o.revisions(), Storage: jetstream.FileStorage}
	if o.inMemory() {
		config.Storage = jetstream.MemoryStorage
	}
	b, err := js.CreateKeyValue(context.Background(), config)
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return &jsEngine{b, end}, nil
}

func (e *jsEngine) put(key string, value []byte) error {
	_, err := e.bucket.Put(context.Background(), key, value)
	return err
}

func (e *jsEngine) create(key string, value []byte) error {
	_, err := e.bucket.Create(context.Background(), key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return errKeyExists
	}
	return err
}

func (e *jsEngine) revision(key string) (uint64, error) {
	entry, err := e.bucket.Get(context.Background(), key)
	if err != nil {
		return 0, err
	}
	return entry.Revision(), nil
}

func (e *jsEngine) update(key string, value []byte, revision uint64) (uint64, error) {
	return e.bucket.Update(context.Background(), key, value, revision)
}

func (e *jsEngine) get(key string) ([]byte, error) {
	entry, err := e.bucket.Get(context.Background(), key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return entry.Value(), nil
}

func (e *jsEngine) getRevision(key string, revision uint64) ([]byte, error) {
	entry, err := e.bucket.GetRevision(context.Background(), key, revision)
	if err != nil {
		return nil, err
	}
	return entry.Value(), nil
}

func (e *jsEngine) history(key string) ([][]byte, error) {
	entries, err := e.bucket.History(context.Background(), key)
	var values [][]byte
	for _, entry := range entries {
		values = append(values, entry.Value())
	}
	return values, err
}

// list sorts the keys, which come in the order of their revisions, and twice if they are overwritten meanwhile.
func (e *jsEngine) list(prefix string, visit func(string) error) error {
	lister, err := e.bucket.ListKeysFiltered(context.Background(), prefix+">")
	if err != nil {
		return err
	}
	keys := make([]string, 0, 1024)
	for key := range lister.Keys() {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if err := visit(key); err != nil {
			return err
		}
	}
	return nil
}

func (e *jsEngine) watch(pattern string, updatesOnly bool) (watcher, error) {
	var opts []jetstream.WatchOpt
	if updatesOnly {
		opts = append(opts, jetstream.UpdatesOnly())
	}
	w, err := e.bucket.Watch(context.Background(), pattern, opts...)
	if err != nil {
		return nil, err
	}
	return jsWatcher{w}, nil
}

func (e *jsEngine) close() error { return e.end() }

type jsWatcher struct{ jetstream.KeyWatcher }

func (w jsWatcher) next() (event, error) {
	entry, open := <-w.Updates()
	switch {
	case !open:
		return event{}, errWatchEnded
	case entry == nil:
		return event{caughtUp: true}, nil
	}
	return event{key: entry.Key(), value: entry.Value()}, nil
}

func (w jsWatcher) stop() error { return w.Stop() }

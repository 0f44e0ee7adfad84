package main

import (
	"context"
	"errors"

	"github.com/revkv/kv"
)

// kvEngine is this library: one bucket.
type kvEngine struct {
	db     *kv.DB
	bucket *kv.Bucket
}

func openKV(o options) (engine, error) {
	db, err := openDB(o)
	if err != nil {
		return nil, err
	}
	b, err := db.CreateBucket(context.Background(), kv.Config{Bucket: bucketName, History: o.revisions()})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &kvEngine{db, b}, nil
}

func openDB(o options) (*kv.DB, error) {
	if o.inMemory() {
		return kv.New(), nil
	}
	if o.sync == syncAlways {
		return kv.Open(o.dir, kv.SyncAlways())
	}
	return kv.Open(o.dir, kv.SyncNever())
}

func (e *kvEngine) put(key string, value []byte) error {
	_, err := e.bucket.Put(context.Background(), key, value)
	return err
}

func (e *kvEngine) create(key string, value []byte) error {
	_, err := e.bucket.Create(context.Background(), key, value)
	if errors.Is(err, kv.ErrKeyExists) {
		return errKeyExists
	}
	return err
}

func (e *kvEngine) revision(key string) (uint64, error) {
	entry, err := e.bucket.Get(context.Background(), key)
	return entry.Revision, err
}

func (e *kvEngine) update(key string, value []byte, revision uint64) (uint64, error) {
	return e.bucket.Update(context.Background(), key, value, revision)
}

func (e *kvEngine) get(key string) ([]byte, error) {
	entry, err := e.bucket.Get(context.Background(), key)
	if errors.Is(err, kv.ErrKeyNotFound) {
		return nil, errNotFound
	}
	return entry.Value, err
}

func (e *kvEngine) getRevision(key string, revision uint64) ([]byte, error) {
	entry, err := e.bucket.GetRevision(context.Background(), key, revision)
	return entry.Value, err
}

func (e *kvEngine) history(key string) ([][]byte, error) {
	entries, err := e.bucket.History(context.Background(), key)
	var values [][]byte
	for _, entry := range entries {
		values = append(values, entry.Value)
	}
	return values, err
}

func (e *kvEngine) list(prefix string, visit func(string) error) error {
	for key, err := range e.bucket.Keys(context.Background(), prefix+">") {
		if err != nil {
			return err
		}
		if err := visit(key); err != nil {
			return err
		}
	}
	return nil
}

func (e *kvEngine) watch(pattern string, updatesOnly bool) (watcher, error) {
	var opts []kv.WatchOption
	if updatesOnly {
		opts = append(opts, kv.UpdatesOnly())
	}
	w, err := e.bucket.Watch(context.Background(), pattern, opts...)
	if err != nil {
		return nil, err
	}
	return kvWatcher{w}, nil
}

func (e *kvEngine) close() error { return e.db.Close() }

type kvWatcher struct{ *kv.Watcher }

func (w kvWatcher) next() (event, error) {
	e, err := w.Next(context.Background())
	if errors.Is(err, kv.ErrWatcherStopped) {
		err = errWatchEnded
	}
	return event{key: e.Entry.Key, value: e.Entry.Value, caughtUp: e.Kind == kv.CaughtUp}, err
}

func (w kvWatcher) stop() error {
	w.Stop()
	return nil
}

package main

import (
	"context"
	"errors"

	"github.com/revkv/kv"
)

// kvEngine is this library: one bucket of depth 1.
type kvEngine struct {
	db     *kv.DB
	bucket *kv.Bucket
}

func openKV(o options) (engine, error) {
	db, err := openDB(o)
	if err != nil {
		return nil, err
	}
	b, err := db.CreateBucket(context.Background(), kv.Config{Bucket: "bench"})
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

func (e *kvEngine) close() error { return e.db.Close() }

package main

import (
	"context"
	"errors"
	"time"

	"github.com/revkv/kv"
)

// errLost is the error of a leader that is none any more: its lease has expired, and maybe another one leads.
var errLost = errors.New("the lease is lost")

// newBucket returns a bucket for leases. A lease that expires leaves a limit marker, which wakes those who wait for it.
func newBucket(ctx context.Context, db *kv.DB) (*kv.Bucket, error) {
	return db.CreateBucket(ctx, kv.Config{Bucket: "leases", LimitMarkerTTL: time.Minute})
}

// A lease is a key that expires unless its holder renews it. It is for one goroutine.
type lease struct {
	bucket   *kv.Bucket
	key      string
	holder   string
	ttl      time.Duration
	revision uint64 // the newest that the holder wrote

	// fence is the revision that the lease began with. Revisions rise, so a later lease of the same key has a greater
	// one: whoever takes orders from leaders can tell an old one by it.
	fence uint64
}

// acquire waits until nobody holds the lease and takes it. Of several who wait one gets it.
func acquire(ctx context.Context, b *kv.Bucket, key, holder string, ttl time.Duration) (*lease, error) {
	for {
		revision, err := b.Create(ctx, key, []byte(holder), kv.KeyTTL(ttl))
		if err == nil {
			return &lease{bucket: b, key: key, holder: holder, ttl: ttl, revision: revision, fence: revision}, nil
		}
		if !errors.Is(err, kv.ErrKeyExists) {
			return nil, err
		}
		if err := free(ctx, b, key); err != nil {
			return nil, err
		}
	}
}

// free waits until the key has no value.
func free(ctx context.Context, b *kv.Bucket, key string) error {
	w, err := b.Watch(ctx, key)
	if err != nil {
		return err
	}
	defer w.Stop()
	held := false
	for event, err := range w.Events(ctx) {
		if err != nil {
			return err
		}
		if event.Kind == kv.Changed {
			held = event.Entry.Operation == kv.Put
		}
		if !held { // a marker came, or the watcher has caught up and there is nothing
			return nil
		}
	}
	return nil
}

// renew makes the lease last for another ttl from now on. If the key is not as the holder left it the lease is lost.
func (l *lease) renew(ctx context.Context) error {
	revision, err := l.bucket.Update(ctx, l.key, []byte(l.holder), l.revision, kv.KeyTTL(l.ttl))
	if errors.Is(err, kv.ErrRevisionMismatch) {
		return errLost
	}
	if err != nil {
		return err
	}
	l.revision = revision
	return nil
}

// release gives the lease back before its time. A lease that is lost stays with whoever has it now.
func (l *lease) release(ctx context.Context) error {
	err := l.bucket.Delete(ctx, l.key, kv.LastRevision(l.revision))
	if errors.Is(err, kv.ErrRevisionMismatch) {
		return errLost
	}
	return err
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/revkv/kv"
)

// A config is a value of type T under one key of a bucket, as JSON. Many may edit it, and many may follow it.
type config[T any] struct {
	bucket *kv.Bucket
	key    string
}

// get returns the value and its revision. Without one it is the zero value, at revision 0.
func (c *config[T]) get(ctx context.Context) (value T, revision uint64, err error) {
	e, err := c.bucket.Get(ctx, c.key)
	if errors.Is(err, kv.ErrKeyNotFound) {
		return value, 0, nil
	}
	if err != nil {
		return value, 0, err
	}
	value, err = decode[T](e)
	return value, e.Revision, err
}

// edit changes the value and returns the new revision. If somebody else is faster, change is called again, with what that
// one left: no edit is lost. An error from change is returned, and nothing is written.
func (c *config[T]) edit(ctx context.Context, change func(*T) error) (revision uint64, err error) {
	for {
		value, revision, err := c.get(ctx)
		if err != nil {
			return 0, err
		}
		if err := change(&value); err != nil {
			return 0, err
		}
		revision, err = c.put(ctx, value, revision)
		if errors.Is(err, kv.ErrRevisionMismatch) || errors.Is(err, kv.ErrKeyExists) {
			continue
		}
		return revision, err
	}
}

// put writes a value if what get found is still there.
func (c *config[T]) put(ctx context.Context, value T, revision uint64) (uint64, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		return c.bucket.Create(ctx, c.key, data) // a deleted key has no value, but a marker: Update would want its revision
	}
	return c.bucket.Update(ctx, c.key, data, revision)
}

// restore makes an old value the newest one.
func (c *config[T]) restore(ctx context.Context, revision uint64) (uint64, error) {
	return c.bucket.Revert(ctx, c.key, revision)
}

// follow calls apply with the value, if there is one, and then with each change of it, until ctx ends or apply returns an
// error. The value of a deleted key is the zero value. A slow apply holds nobody up; it skips what the depth of the
// bucket does not keep, but never the newest value.
func (c *config[T]) follow(ctx context.Context, apply func(value T, revision uint64) error) error {
	w, err := c.bucket.Watch(ctx, c.key)
	if err != nil {
		return err
	}
	defer w.Stop()
	for event, err := range w.Events(ctx) {
		if err != nil {
			return err
		}
		if event.Kind != kv.Changed {
			continue
		}
		value, err := decode[T](event.Entry)
		if err != nil {
			return err
		}
		if err := apply(value, event.Entry.Revision); err != nil {
			return err
		}
	}
	return nil
}

// decode returns the value of an entry, the zero value for a marker.
func decode[T any](e kv.Entry) (value T, err error) {
	if e.Operation != kv.Put {
		return value, nil
	}
	if err := json.Unmarshal(e.Value, &value); err != nil {
		return value, fmt.Errorf("%s at revision %d: %w", e.Key, e.Revision, err)
	}
	return value, nil
}

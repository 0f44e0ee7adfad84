package natskv

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
)

// A handle is a bucket by its name, as NATS's client has it: if the bucket is deleted and made again the handle is one of the
// new bucket. The engine's handles stay dead then, so this one looks for another.
type handle struct {
	db      *kv.DB
	name    string
	current atomic.Pointer[kv.Bucket] // perhaps dead
}

// renew looks for the bucket that has the name now, if err says that the one called is dead.
func (h *handle) renew(ctx context.Context, err error) (*kv.Bucket, bool) {
	if !errors.Is(err, kv.ErrBucketDeleted) {
		return nil, false
	}
	b, err := h.db.Bucket(ctx, h.name)
	if err != nil {
		return nil, false
	}
	h.current.Store(b)
	return b, true
}

// lost returns why there is no bucket of that name, nil if there is one.
func (h *handle) lost(ctx context.Context) error {
	_, err := h.db.Bucket(ctx, h.name)
	return err
}

// use calls f with the bucket, and once more if that had died.
func (h *handle) use(ctx context.Context, f func(*kv.Bucket) error) error {
	err := f(h.current.Load())
	for b, ok := h.renew(ctx, err); ok; b, ok = h.renew(ctx, err) {
		err = f(b)
	}
	return err
}

// The client tries a write three times if no bucket answers.
const (
	publishTries = 3
	publishPause = 250 * time.Millisecond
)

// apply makes a write and returns the errors of NATS.
func (h *handle) apply(ctx context.Context, w adapter.Write) (uint64, error) {
	rev, err := adapter.Apply(ctx, h.current.Load(), w)
	if err == nil {
		return rev, nil
	}
	for try := 1; errors.Is(err, kv.ErrBucketDeleted); try++ {
		b, ok := h.renew(ctx, err)
		switch {
		case ok:
			rev, err = adapter.Apply(ctx, b, w)
			continue
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case try == publishTries:
			return 0, jetstream.ErrNoStreamResponse
		}
		pause := time.NewTimer(publishPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
		}
	}
	if err != nil {
		return 0, writeError(err)
	}
	return rev, nil
}

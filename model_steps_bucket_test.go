package kv_test

import (
	"context"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
)

func (r *modelRun) pass(_ context.Context, op *modelOp) (got string, want []string) {
	r.wait(op.age)
	return "", []string{""}
}

// wait lets time go by.
func (r *modelRun) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	r.model.pass(d)
}

func (r *modelRun) purgeDeletes(ctx context.Context, op *modelOp) (got string, want []string) {
	var opts []kv.PurgeDeletesOption
	if op.age != 0 {
		opts = append(opts, kv.DeleteMarkersOlderThan(op.age))
	}
	err := r.b.PurgeDeletes(ctx, opts...)
	if op.canceled {
		return modelAnswer(err, ""), []string{modelAnswer(context.Canceled, "")}
	}
	r.model.purgeDeletes(op.age)
	return modelAnswer(err, ""), []string{""}
}

// modelConfigFault says what is wrong with a configuration.
func modelConfigFault(cfg kv.Config) error {
	switch {
	case cfg.History > kv.MaxHistory:
		return &kv.ConfigError{Err: kv.ErrHistoryTooLarge}
	case cfg.TTL < 0, cfg.LimitMarkerTTL < 0:
		return &kv.ConfigError{Err: kv.ErrInvalidConfig}
	}
	return nil
}

func (r *modelRun) configure(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := op.cfg
	cfg.Bucket = modelBucket
	cfg = r.adapt(cfg)
	for i := range r.listings {
		r.endListing(i) // which TTL its entries go by is not said
	}
	b, err := r.db.UpdateBucket(ctx, cfg)
	refusal := modelConfigFault(cfg)
	if refusal == nil {
		r.model.configure(cfg)
		if b != r.b {
			return "another handle", nil
		}
	}
	return modelAnswer(err, ""), []string{modelAnswer(refusal, "")}
}

func (r *modelRun) status(ctx context.Context, _ *modelOp) (got string, want []string) {
	have, err := r.b.Status(ctx)
	have.Config.Storage = kv.DefaultStorage // the table tests say where it is
	wanted := r.model.status()
	for i := range r.watchers {
		if o := &r.watchers[i]; o.w != nil && o.model.ended == nil {
			wanted.Watchers++
		}
	}
	return modelAnswer(err, "%+v", have), []string{fmt.Sprintf("%+v", wanted)}
}

// createBucket creates the bucket that is there, with the same configuration or another one.
func (r *modelRun) createBucket(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := op.cfg
	if cfg.History == 0 {
		cfg = r.model.cfg
	}
	cfg.Bucket = modelBucket
	b, err := r.db.CreateBucket(ctx, cfg)
	refusal := modelConfigFault(cfg)
	if refusal == nil && fmt.Sprint(modelDefaults(cfg)) != fmt.Sprint(r.model.cfg) {
		refusal = &kv.BucketError{Err: kv.ErrBucketExists}
	}
	return modelAnswer(err, "%v", b == r.b), []string{modelAnswer(refusal, "true")}
}

// adapt takes limit markers out of a configuration in a run without any.
func (r *modelRun) adapt(cfg kv.Config) kv.Config {
	if r.fractions {
		cfg.LimitMarkerTTL = min(cfg.LimitMarkerTTL, 0)
	}
	return cfg
}

// deleteBucket deletes the bucket and makes a new one.
func (r *modelRun) deleteBucket(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := r.adapt(op.cfg)
	cfg.Bucket = modelBucket
	if modelConfigFault(cfg) != nil {
		_, err := r.b.Get(ctx, "a b")
		return modelAnswer(err, ""), []string{modelAnswer(kv.ErrInvalidKey, "")}
	}
	err := r.db.DeleteBucket(ctx, modelBucket)
	r.endAll(kv.ErrBucketDeleted)
	_, gone := r.b.Get(ctx, "a")
	_, missing := r.db.Bucket(ctx, modelBucket)
	r.model = newModel(cfg, r.model.now)
	b, created := r.db.CreateBucket(ctx, cfg)
	r.b = b
	got = modelAnswer(err, "") + modelAnswer(gone, "") + modelAnswer(missing, "") + modelAnswer(created, "")
	return got, []string{modelAnswer(kv.ErrBucketDeleted, "") + modelAnswer(kv.ErrBucketNotFound, "")}
}

// reopen closes the database, lets time go by, and opens it again. In memory it only lets time go by.
func (r *modelRun) reopen(ctx context.Context, op *modelOp) (got string, want []string) {
	if r.open == nil {
		return r.pass(ctx, op)
	}
	for i := range r.listings {
		r.endListing(i)
	}
	err := r.db.Close()
	r.endAll(kv.ErrClosed)
	_, closed := r.b.Get(ctx, "a")
	got = modelAnswer(err, "") + modelAnswer(closed, "")
	time.Sleep(op.age)
	r.model.now = r.model.now.Add(op.age)
	if r.db, err = r.open(); err == nil {
		r.b, err = r.db.Bucket(ctx, modelBucket)
	}
	synctest.Wait()
	r.model.expire()
	return got + modelAnswer(err, ""), []string{modelAnswer(kv.ErrClosed, "")}
}

// endAll notes that all watchers have ended, and drops listings.
func (r *modelRun) endAll(err error) {
	for i := range r.listings {
		r.endListing(i)
	}
	for i := range r.watchers {
		if o := &r.watchers[i]; o.w != nil {
			r.model.unwatch(o.model, err)
		}
	}
}

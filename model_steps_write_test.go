package kv_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/revkv/kv"
)

// revision returns the revision that an operation names.
func (r *modelRun) revision(op *modelOp) uint64 {
	key := op.rev.key
	if key == "" {
		key = op.key
	}
	history := r.model.keys[key]
	if op.rev.back >= len(history) {
		return op.rev.plus
	}
	return history[len(history)-1-op.rev.back].number + op.rev.plus
}

// wholeTTL returns the TTL of an operation, in whole milliseconds if it matters when exactly the timer runs: for limit markers,
// which get that time, and on a disk, where Status counts what has expired until then. The model knows that time only if all
// that is due is at least a millisecond apart.
func (r *modelRun) wholeTTL(op *modelOp) time.Duration {
	if !r.fractions && op.ttl > 0 && op.ttl < time.Hour {
		return max(op.ttl.Truncate(time.Millisecond), time.Millisecond)
	}
	return op.ttl
}

// modelWrite returns what the model is to write.
func (r *modelRun) modelWrite(op *modelOp) modelWrite {
	w := modelWrite{
		kind: op.do, key: op.key, value: op.value, revision: r.revision(op), cond: op.cond, ttl: r.wholeTTL(op), hasTTL: op.hasTTL,
	}
	if op.do == "put" || op.do == "create" || !op.cond && (op.do == "delete" || op.do == "purge") {
		w.revision = 0 // it names none
	}
	return w
}

func (w *modelWrite) putOptions() (opts []kv.PutOption) {
	if w.hasTTL {
		opts = append(opts, kv.KeyTTL(w.ttl))
	}
	return opts
}

func (w *modelWrite) deleteOptions() (opts []kv.DeleteOption) {
	if w.hasTTL {
		opts = append(opts, kv.KeyTTL(w.ttl))
	}
	if w.cond {
		opts = append(opts, kv.LastRevision(w.revision))
	}
	return opts
}

func (w *modelWrite) purgeOptions() (opts []kv.PurgeOption) {
	if w.hasTTL {
		opts = append(opts, kv.PurgeTTL(w.ttl))
	}
	if w.cond {
		opts = append(opts, kv.LastRevision(w.revision))
	}
	return opts
}

// op returns the write as an operation of a batch.
func (w *modelWrite) op() kv.Op {
	switch w.kind {
	case "put":
		return kv.PutOp(w.key, []byte(w.value), w.putOptions()...)
	case "create":
		return kv.CreateOp(w.key, []byte(w.value), w.putOptions()...)
	case "update":
		return kv.UpdateOp(w.key, []byte(w.value), w.revision, w.putOptions()...)
	case "revert":
		return kv.RevertOp(w.key, w.revision, w.putOptions()...)
	case "delete":
		return kv.DeleteOp(w.key, w.deleteOptions()...)
	}
	return kv.PurgeOp(w.key, w.purgeOptions()...)
}

func (r *modelRun) write(ctx context.Context, op *modelOp) (got string, want []string) {
	w := r.modelWrite(op)
	var revision uint64
	var err error
	switch w.kind {
	case "put":
		revision, err = r.b.Put(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "create":
		revision, err = r.b.Create(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "update":
		revision, err = r.b.Update(ctx, w.key, []byte(w.value), w.revision, w.putOptions()...)
	case "revert":
		revision, err = r.b.Revert(ctx, w.key, w.revision, w.putOptions()...)
	case "delete":
		err = r.b.Delete(ctx, w.key, w.deleteOptions()...)
	case "purge":
		err = r.b.Purge(ctx, w.key, w.purgeOptions()...)
	}
	got = modelAnswer(err, "revision %d", revision)
	if op.canceled {
		return got, modelCanceled(&w)
	}
	revisions, refusals := r.model.write([]modelWrite{w})
	if refusals != nil {
		return got, modelErrors(refusals)
	}
	if w.kind == "delete" || w.kind == "purge" {
		revisions[0] = 0
	}
	return got, []string{fmt.Sprintf("revision %d", revisions[0])}
}

// modelCanceled is the answer to a write with a context that has ended: a bad key or option is said first.
func modelCanceled(w *modelWrite) []string {
	var errs []error
	if !modelIsKey(w.key) {
		errs = append(errs, &kv.KeyError{Err: kv.ErrInvalidKey})
	} else {
		if w.hasTTL && w.ttl <= 0 || (w.cond || w.kind == "revert") && w.revision == 0 {
			errs = append(errs, &kv.OptionError{})
		}
		errs = append(errs, context.Canceled)
	}
	return modelErrors(errs)
}

func (r *modelRun) batch(ctx context.Context, op *modelOp) (got string, want []string) {
	var ops []kv.Op
	var writes []modelWrite
	for i := range op.batch {
		w := r.modelWrite(&op.batch[i])
		ops, writes = append(ops, w.op()), append(writes, w)
	}
	revisions, err := r.b.Apply(ctx, ops...)
	got = modelAnswer(err, "revisions %d", revisions)
	for i := range writes {
		twice := func(w modelWrite) bool { return w.key == writes[i].key }
		if slices.ContainsFunc(writes[:i], twice) {
			return got, modelErrors([]error{&kv.BatchError{Index: i, Err: kv.ErrDuplicateKey}})
		}
	}
	wanted, refusals := r.model.write(writes)
	if refusals != nil {
		if len(writes) == 1 {
			refusals[0] = &kv.BatchError{Err: refusals[0]}
		}
		return got, modelErrors(refusals)
	}
	return got, []string{fmt.Sprintf("revisions %d", wanted)}
}

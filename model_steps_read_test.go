package kv_test

import (
	"context"
	"iter"

	"github.com/revkv/kv"
)

func (r *modelRun) get(ctx context.Context, op *modelOp) (got string, want []string) {
	e, err := r.b.Get(ctx, op.key)
	wanted, refusal := r.model.get(op.key)
	return modelAnswer(err, "%s", modelShow(e)), r.reading(op, refusal, modelShow(wanted))
}

func (r *modelRun) getRevision(ctx context.Context, op *modelOp) (got string, want []string) {
	number := r.revision(op)
	e, err := r.b.GetRevision(ctx, op.key, number)
	wanted, refusal := r.model.getRevision(op.key, number)
	return modelAnswer(err, "%s", modelShow(e)), r.reading(op, refusal, modelShow(wanted))
}

func (r *modelRun) history(ctx context.Context, op *modelOp) (got string, want []string) {
	entries, err := r.b.History(ctx, op.key)
	wanted := r.model.history(op.key)
	var refusal error
	if wanted == nil {
		refusal = &kv.KeyError{Key: op.key, Err: modelKeyOr(op.key, kv.ErrKeyNotFound)}
	}
	return modelAnswer(err, "%s", modelMany(entries)), r.reading(op, refusal, modelMany(wanted))
}

// reading returns the right answer of a read.
func (r *modelRun) reading(op *modelOp, refusal error, answer string) []string {
	if op.canceled {
		return []string{modelAnswer(modelKeyOr(op.key, context.Canceled), "")}
	}
	return []string{modelAnswer(refusal, "%s", answer)}
}

// listOptions returns the options of a listing, and an error if they are bad.
func (r *modelRun) listOptions(op *modelOp) (opts []kv.ListOption, pattern string, refusal error) {
	p := modelPatterns[op.patterns]
	pattern = p.patterns[0]
	o := &op.list
	if o.after != "" {
		opts = append(opts, kv.After(o.after))
		if !modelIsKey(o.after) {
			refusal = &kv.OptionError{}
		}
	}
	if o.hasLimit {
		opts = append(opts, kv.Limit(o.limit))
		if o.limit <= 0 {
			refusal = &kv.OptionError{}
		}
	}
	if o.reverse {
		opts = append(opts, kv.Reverse())
	}
	if o.meta {
		opts = append(opts, kv.MetaOnly())
	}
	if refusal == nil && op.canceled {
		refusal = context.Canceled
	}
	if !modelIsPattern(pattern) {
		refusal = &kv.KeyError{Err: kv.ErrInvalidPattern}
	}
	return opts, pattern, refusal
}

// listing returns what a listing should yield.
func (r *modelRun) listing(op *modelOp) *modelListing {
	o := &op.list
	entries := r.model.list(modelPatterns[op.patterns].patterns[0], o.after, o.reverse)
	return &modelListing{entries: entries, limit: o.limit, meta: o.meta}
}

func (r *modelRun) entries(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	var have, wanted []kv.Entry
	var failed error
	for e, err := range r.b.Entries(ctx, pattern, opts...) {
		if failed = err; err == nil {
			have = append(have, e)
		}
	}
	for l := r.listing(op); refusal == nil; {
		e, ok := l.next(r.model)
		if !ok {
			break
		}
		wanted = append(wanted, e)
	}
	return modelAnswer(failed, "%s", modelMany(have)), []string{modelAnswer(refusal, "%s", modelMany(wanted))}
}

func (r *modelRun) keys(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	var have, wanted []string
	var failed error
	for key, err := range r.b.Keys(ctx, pattern, opts...) {
		if failed = err; err == nil {
			have = append(have, key)
		}
	}
	for l := r.listing(op); refusal == nil; {
		e, ok := l.next(r.model)
		if !ok {
			break
		}
		wanted = append(wanted, e.Key)
	}
	return modelAnswer(failed, "%q", have), []string{modelAnswer(refusal, "%q", wanted)}
}

// beginListing begins a listing and reads its first entry.
func (r *modelRun) beginListing(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	if refusal != nil {
		return "", []string{""}
	}
	r.endListing(op.slot)
	next, stop := iter.Pull2(r.b.Entries(ctx, pattern, opts...))
	r.listings[op.slot] = modelOpenListing{next, stop, r.listing(op)}
	return r.goOnListing(ctx, op)
}

func (r *modelRun) goOnListing(_ context.Context, op *modelOp) (got string, want []string) {
	l := &r.listings[op.slot]
	if l.next == nil {
		return "", []string{""}
	}
	got, wanted := "end", "end"
	if e, err, ok := l.next(); ok {
		got = modelAnswer(err, "%s", modelShow(e))
	}
	if e, ok := l.model.next(r.model); ok {
		wanted = modelShow(e)
	}
	return got, []string{wanted}
}

func (r *modelRun) endListing(slot int) {
	if l := &r.listings[slot]; l.next != nil {
		l.stop()
		*l = modelOpenListing{}
	}
}

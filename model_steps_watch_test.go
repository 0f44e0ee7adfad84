package kv_test

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
)

func (r *modelRun) watch(ctx context.Context, op *modelOp) (got string, want []string) {
	o := op.watch
	p := modelPatterns[op.patterns]
	o.patterns = p.patterns
	var opts []kv.WatchOption
	for _, option := range []struct {
		given  bool
		option kv.WatchOption
	}{
		{o.includeHistory, kv.IncludeHistory()}, {o.updatesOnly, kv.UpdatesOnly()},
		{o.ignoreDeletes, kv.IgnoreDeletes()}, {o.metaOnly, kv.MetaOnly()},
	} {
		if option.given {
			opts = append(opts, option.option)
		}
	}
	var refusal error
	if op.canceled {
		refusal = context.Canceled
	}
	if o.resume > 0 {
		o.resume = r.revision(op)
		opts = append(opts, kv.ResumeFromRevision(o.resume))
		if o.resume == 0 {
			refusal = &kv.OptionError{}
		}
	}
	if o.includeHistory && o.updatesOnly {
		refusal = &kv.OptionError{}
	}
	if p.err != nil {
		refusal = &kv.KeyError{Err: p.err}
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := r.b.WatchFiltered(ctx, o.patterns, opts...)
	if err != nil || refusal != nil {
		cancel()
		return modelAnswer(err, "a watcher"), []string{modelAnswer(refusal, "a watcher")}
	}
	r.endWatcher(op.slot, kv.ErrWatcherStopped)
	r.watchers[op.slot] = modelOpenWatcher{w, cancel, r.model.watch(o, r.kind.values)}
	return "a watcher", []string{"a watcher"}
}

// modelPatience is how long next waits for an event that should not come. No deadline falls between two milliseconds where
// it would make an event.
const modelPatience = 500 * time.Microsecond

func (r *modelRun) next(_ context.Context, op *modelOp) (got string, want []string) {
	o := &r.watchers[op.slot]
	if o.w == nil {
		return "", []string{""}
	}
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	e, err := o.w.Next(ctx)
	if o.model.ended != nil {
		return modelAnswer(err, "event"), []string{modelAnswer(o.model.ended, "")}
	}
	nothing := errors.Is(err, context.DeadlineExceeded)
	if err != nil && !nothing {
		return modelAnswer(err, ""), []string{"an event, or nothing"}
	}
	if nothing {
		got = "nothing"
	} else if got = e.Kind.String(); e.Kind == kv.Changed {
		got = modelShow(e.Entry)
	}
	wrong := o.model.accept(r.model, e, nothing)
	if nothing {
		time.Sleep(modelPatience)
		synctest.Wait()
		r.model.pass(2 * modelPatience)
	}
	if wrong != "" {
		return got, []string{wrong}
	}
	return got, []string{got}
}

func (r *modelRun) stop(_ context.Context, op *modelOp) (got string, want []string) {
	r.endWatcher(op.slot, kv.ErrWatcherStopped)
	return "", []string{""}
}

func (r *modelRun) cancel(_ context.Context, op *modelOp) (got string, want []string) {
	if o := &r.watchers[op.slot]; o.w != nil {
		o.cancel()
		synctest.Wait()
		r.model.unwatch(o.model, context.Canceled)
	}
	return "", []string{""}
}

// endWatcher stops a watcher.
func (r *modelRun) endWatcher(slot int, err error) {
	o := &r.watchers[slot]
	if o.w == nil {
		return
	}
	o.w.Stop()
	o.cancel()
	synctest.Wait()
	r.model.unwatch(o.model, err)
}

package natskv

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/nats-io/nats.go/jetstream"
)

// Copy copies a bucket with its history: it writes the entries that the source holds to the target, in order of revision. Either
// may be a bucket of this module, of a server, or of whatever else is a jetstream.KeyValue. The target has to exist; the
// Config of the source's Status makes one that is alike. Unless [Append] or [Resume] says otherwise it has to be empty.
//
// What is copied is what the source holds at the time of the call. Of what is written to it meanwhile some may be copied too;
// Copy with Resume brings the rest. To the target nobody else should write.
//
// Kept are keys, values, operations (a limit marker is a purge) and the order of all of them; of each history as much as the
// target's History allows. Not kept are revisions, since the target counts its own, Created, and what was left of a TTL:
// the target's own TTL begins anew with the copy, and a key that had one of its own lives on without. For example:
//
//	source             target, History 2    target, History 1
//	 3 put a=red        1 put a=red
//	 4 put b=1          2 put b=1
//	 7 put a=blue       3 put a=blue         3 put a=blue
//	 8 delete b         4 delete b           4 delete b
//	12 purge c          5 purge c            5 purge c
//
// An entry that the target refuses, for its size or for lack of room, ends the copy with a [CopyError], and so does everything
// else that goes wrong. The CopyProgress that is returned with it is what Resume takes. ctx bounds all calls; if it ends during a
// write that may have been made or not, and Resume finds out.
//
// Copy holds one entry at a time, and the watch of the source a few hundred; of a server's entries the client may have some
// megabytes. Each is written when the one before is acknowledged, so on a server an entry costs a round trip.
func Copy(ctx context.Context, target, source jetstream.KeyValue, opts ...CopyOption) (CopyProgress, error) {
	c := &copier{target: target, source: source}
	for _, opt := range opts {
		if opt != nil {
			opt(c)
		}
	}
	if err := c.run(ctx); err != nil {
		return c.progress, &CopyError{
			Source: source.Bucket(), Target: target.Bucket(), Progress: c.progress, Key: c.key, Revision: c.revision, Err: err,
		}
	}
	return c.progress, nil
}

// A copier is one call of Copy.
type copier struct {
	target, source jetstream.KeyValue

	appending, resuming bool
	tell                func(CopyProgress) // nil if nobody wants to know

	progress CopyProgress
	exact    bool   // progress.Target was counted in this call
	key      string // of the entry that is being copied
	revision uint64
}

// entries is what a watch delivers until it has caught up.
type entries = iter.Seq2[jetstream.KeyValueEntry, error]

func (c *copier) run(ctx context.Context) error {
	there, err := c.begin(ctx)
	if err != nil {
		return err
	}
	c.progress.Complete = false
	next, stop := iter.Pull2(there)
	defer stop()
	for e, err := range watched(ctx, c.source, jetstream.ResumeFromRevision(c.progress.Source+1)) {
		if err != nil {
			return err
		}
		c.key, c.revision = e.Key(), e.Revision()
		revision, err := c.have(e, next)
		if revision == 0 && err == nil {
			revision, err = c.write(ctx, e)
		}
		if err != nil {
			return err
		}
		c.copied(e, revision)
	}
	if more, err, ok := next(); ok {
		return either(err, &DifferenceError{Target: more})
	}
	c.progress.Remaining, c.progress.Complete = 0, true
	return nil
}

// begin looks at the target. It returns what is there of the copy that is resumed, behind its progress.
func (c *copier) begin(ctx context.Context) (entries, error) {
	none := func(func(jetstream.KeyValueEntry, error) bool) {}
	if c.resuming {
		if err := c.settle(ctx); err != nil {
			return nil, err
		}
	}
	switch {
	case c.resuming && !c.progress.Complete:
		return watched(ctx, c.target, jetstream.ResumeFromRevision(c.progress.Target+1)), nil
	case c.resuming || c.appending:
		for e, err := range watched(ctx, c.target, jetstream.MetaOnly()) {
			if err != nil {
				return nil, err
			}
			c.progress.Target = e.Revision()
		}
		return none, nil
	}
	status, err := c.target.Status(ctx)
	switch {
	case err != nil:
		return nil, err
	case status.Values() > 0:
		return nil, ErrTargetNotEmpty
	}
	return none, nil
}

// settle waits until the target has made of what was sent to it before what it will: a write that is refused, since no key has
// that revision, is answered in its turn. A write of a copy that was cancelled may still be on its way.
func (c *copier) settle(ctx context.Context) error {
	_, _ = c.target.Update(ctx, "settle", nil, 1<<62) // whatever the answer says
	return ctx.Err()
}

// have returns the revision that an entry of the source has in the target already, 0 if it is not there yet.
func (c *copier) have(
	e jetstream.KeyValueEntry, next func() (jetstream.KeyValueEntry, error, bool),
) (uint64, error) {
	there, err, ok := next()
	switch {
	case !ok:
		return 0, nil
	case err != nil:
		return 0, err
	case !sameEntry(e, there):
		return 0, &DifferenceError{Source: e, Target: there}
	}
	return there.Revision(), nil
}

// write writes an entry to the target and returns its revision there.
func (c *copier) write(ctx context.Context, e jetstream.KeyValueEntry) (uint64, error) {
	var err error
	switch e.Operation() {
	case jetstream.KeyValuePut:
		return c.target.Put(ctx, e.Key(), e.Value())
	case jetstream.KeyValueDelete:
		err = c.target.Delete(ctx, e.Key())
	case jetstream.KeyValuePurge:
		err = c.target.Purge(ctx, e.Key())
	default:
		err = unsupported(fmt.Sprintf("operation %d", e.Operation()), "it is not known what to write for it")
	}
	switch {
	case err != nil:
		return 0, err
	case c.exact:
		return c.progress.Target + 1, nil
	}
	// Of a marker the client does not tell the revision. After this one they can be counted.
	history, err := c.target.History(ctx, e.Key())
	if err := either(ctx.Err(), err); err != nil { // when ctx ends, the client returns a part of the history
		return 0, err
	}
	return history[len(history)-1].Revision(), nil
}

// copied counts an entry that is in the target.
func (c *copier) copied(e jetstream.KeyValueEntry, revision uint64) {
	c.exact = true
	c.progress.Source, c.progress.Target = e.Revision(), revision
	c.progress.Entries++
	c.progress.Bytes += int64(len(e.Value()))
	c.progress.Remaining = e.Delta()
	c.key, c.revision = "", 0
	if c.tell != nil {
		c.tell(c.progress)
	}
}

// watched yields the entries that a watch of all keys delivers until it has caught up.
func watched(ctx context.Context, b jetstream.KeyValue, opts ...jetstream.WatchOpt) entries {
	return func(yield func(jetstream.KeyValueEntry, error) bool) {
		w, err := b.WatchAll(ctx, opts...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer stopWatch(w)
		for {
			select {
			case e, open := <-w.Updates():
				switch {
				case !open:
					yield(nil, watchEnded(ctx, b))
					return
				case e == nil || !yield(e, nil):
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

// stopWatch ends a watch and takes what is in its channel: the client's goroutine may wait for room there. What that has still at
// hand then fits. The channel of a client's watch whose context ended early is never closed, so it is not waited for.
func stopWatch(w jetstream.KeyWatcher) {
	_ = w.Stop() // it may have ended itself
	for {
		select {
		case _, open := <-w.Updates():
			if !open {
				return
			}
		default:
			return
		}
	}
}

// watchEnded returns why a watch has ended before it had caught up.
func watchEnded(ctx context.Context, b jetstream.KeyValue) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := b.Status(ctx)
	return either(err, errors.New("the watch has ended early"))
}

// either returns the first of two errors that is one.
func either(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkv/kv"
)

// A bucket is a Bucket under test. Its methods make one call each, and end the case if that does not do what it should.
type bucket struct {
	Bucket
	t    *tester
	name string
}

// put writes a value and returns its revision.
func (b *bucket) put(key, value string) (rev uint64) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		rev, err = b.Put(ctx, key, []byte(value))
		return err
	}), "put %q", key)
	return rev
}

// puts puts several keys, given as key and value in turn.
func (b *bucket) puts(keysAndValues ...string) {
	b.t.Helper()
	for i := 0; i < len(keysAndValues); i += 2 {
		b.put(keysAndValues[i], keysAndValues[i+1])
	}
}

// create creates a key, with a TTL unless that is 0.
func (b *bucket) create(key, value string, ttl time.Duration) (rev uint64) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		rev, err = b.Create(ctx, key, []byte(value), WriteOptions{TTL: ttl})
		return err
	}), "create %q", key)
	return rev
}

// update replaces the value of a key.
func (b *bucket) update(key, value string, revision uint64) (rev uint64) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		rev, err = b.Update(ctx, key, []byte(value), revision)
		return err
	}), "update %q with revision %d", key, revision)
	return rev
}

func (b *bucket) delete(key string) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) error { return b.Delete(ctx, key, WriteOptions{}) }), "delete %q", key)
}

func (b *bucket) purge(key string) { b.t.Helper(); b.purgeTTL(key, 0) }

func (b *bucket) purgeTTL(key string, ttl time.Duration) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) error {
		return b.Purge(ctx, key, WriteOptions{TTL: ttl})
	}), "purge %q", key)
}

func (b *bucket) purgeDeletes(olderThan time.Duration) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) error { return b.PurgeDeletes(ctx, olderThan) }), "purge deletes")
}

// putTTL is put for a bucket that takes a TTL with every write.
func (b *bucket) putTTL(key, value string, ttl time.Duration) (rev uint64) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		rev, err = b.Bucket.(TTLWriter).PutTTL(ctx, key, []byte(value), ttl)
		return err
	}), "put %q with a TTL", key)
	return rev
}

// apply writes a batch.
func (b *bucket) apply(ops ...kv.Op) (revs []uint64) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		revs, err = b.Bucket.(Batcher).Apply(ctx, ops...)
		return err
	}), "apply a batch of %d", len(ops))
	return revs
}

// get returns the newest entry of a key that has a value.
func (b *bucket) get(key string) kv.Entry {
	b.t.Helper()
	e, err := b.lookUp(key)
	b.t.ok(err, "get %q", key)
	return e
}

func (b *bucket) lookUp(key string) (e kv.Entry, err error) {
	err = b.t.try(func(ctx context.Context) (err error) {
		e, err = b.Get(ctx, key)
		return err
	})
	return e, err
}

// getRevision returns the entry of a key at a revision.
func (b *bucket) getRevision(key string, revision uint64) (e kv.Entry) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		e, err = b.GetRevision(ctx, key, revision)
		return err
	}), "get revision %d of %q", revision, key)
	return e
}

// history returns the kept revisions of a key that has some.
func (b *bucket) history(key string) (entries []kv.Entry) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		entries, err = b.History(ctx, key)
		return err
	}), "history of %q", key)
	return entries
}

// status returns the status of a bucket that has one.
func (b *bucket) status() (st kv.Status) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		st, err = b.Bucket.(Statuser).Status(ctx)
		return err
	}), "status")
	return st
}

// want checks that Get returns the entry of a line, see line.
func (b *bucket) want(key, entry string) {
	b.t.Helper()
	e := b.get(key)
	equal(b.t, line(&e), entry, "get %q", key)
}

// wantNone checks that keys have no value.
func (b *bucket) wantNone(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		e, err := b.lookUp(key)
		if err == nil {
			b.t.fatalf("get %q: got %s, want no value", key, line(&e))
		}
		b.t.is(err, kv.ErrKeyNotFound, "get %q", key)
	}
}

// wantRevision checks that GetRevision returns the entry of a line.
func (b *bucket) wantRevision(key string, revision uint64, entry string) {
	b.t.Helper()
	e := b.getRevision(key, revision)
	equal(b.t, line(&e), entry, "get revision %d of %q", revision, key)
}

// wantNoRevision checks that GetRevision finds nothing at some revisions of a key.
func (b *bucket) wantNoRevision(key string, revisions ...uint64) {
	b.t.Helper()
	for _, r := range revisions {
		var e kv.Entry
		err := b.t.try(func(ctx context.Context) (err error) {
			e, err = b.GetRevision(ctx, key, r)
			return err
		})
		if err == nil {
			b.t.fatalf("get revision %d of %q: got %s, want none", r, key, line(&e))
		}
		b.t.is(err, kv.ErrKeyNotFound, "get revision %d of %q", r, key)
	}
}

// wantHistory checks the kept revisions of a key; without lines, that there are none.
func (b *bucket) wantHistory(key string, entries ...string) {
	b.t.Helper()
	var history []kv.Entry
	err := b.t.try(func(ctx context.Context) (err error) {
		history, err = b.History(ctx, key)
		return err
	})
	if len(entries) == 0 {
		if err == nil {
			b.t.fatalf("history of %q: got %s, want none", key, list(lines(history)))
		}
		b.t.is(err, kv.ErrKeyNotFound, "history of %q", key)
		return
	}
	b.t.ok(err, "history of %q", key)
	b.t.same(lines(history), entries, "history of %q", key)
}

// wantKeys checks the keys that match a pattern.
func (b *bucket) wantKeys(pattern string, keys ...string) {
	b.t.Helper()
	var got []string
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		got, err = b.Keys(ctx, pattern)
		return err
	}), "keys of %q", pattern)
	b.t.same(got, keys, "keys of %q", pattern)
}

// entries returns the entries of a listing.
func (b *bucket) entries(pattern string, opts ...kv.ListOption) (entries []kv.Entry) {
	b.t.Helper()
	b.t.ok(b.t.try(func(ctx context.Context) error {
		for e, err := range b.Bucket.(Lister).Entries(ctx, pattern, opts...) {
			if err != nil {
				return err
			}
			entries = append(entries, e)
		}
		return nil
	}), "entries of %q", pattern)
	return entries
}

// all returns everything that the bucket keeps.
func (b *bucket) all() []string {
	b.t.Helper()
	var entries []kv.Entry
	b.t.ok(b.t.try(func(ctx context.Context) (err error) {
		entries, err = everything(ctx, b.Bucket)
		return err
	}), "everything in the bucket")
	return lines(entries)
}

// everything returns all kept revisions of a bucket, in order.
func everything(ctx context.Context, b Bucket) ([]kv.Entry, error) {
	w, err := b.Watch(ctx, []string{">"}, WatchOptions{IncludeHistory: true})
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	var entries []kv.Entry
	for {
		event, err := w.Next(ctx)
		if err != nil {
			return nil, err
		}
		if event.Kind == kv.CaughtUp {
			return entries, nil
		}
		entries = append(entries, event.Entry)
	}
}

// wantAll checks everything that the bucket keeps.
func (b *bucket) wantAll(entries ...string) {
	b.t.Helper()
	b.t.same(b.all(), entries, "everything in the bucket")
}

// refuses checks that a call fails with an error that matches want, and leaves the bucket as it was.
func (b *bucket) refuses(want error, what string, call func(ctx context.Context) error) {
	b.t.Helper()
	before := b.all()
	b.t.is(b.t.try(call), want, "%s", what)
	b.t.same(b.all(), before, "everything in the bucket after the refused %s", what)
}

// refusesCreate is refuses for Create.
func (b *bucket) refusesCreate(want error, key string) {
	b.t.Helper()
	b.refuses(want, fmt.Sprintf("create %q", key), func(ctx context.Context) error {
		return noRevision(b.Create(ctx, key, []byte("refused"), WriteOptions{}))
	})
}

// refusesUpdate is refuses for Update with each of some revisions.
func (b *bucket) refusesUpdate(want error, key string, revisions ...uint64) {
	b.t.Helper()
	for _, r := range revisions {
		b.refuses(want, fmt.Sprintf("update %q with revision %d", key, r), func(ctx context.Context) error {
			return noRevision(b.Update(ctx, key, []byte("refused"), r))
		})
	}
}

// noRevision makes an error of a refused write that returns a revision all the same.
func noRevision(rev uint64, err error) error {
	if err != nil && rev != 0 {
		return fmt.Errorf("revision %d came with the error: %v", rev, err)
	}
	return err
}

// watcher is a Watcher under test.
type watcher struct {
	Watcher
	t *tester
}

// watch starts a watch that ends with the case.
func (b *bucket) watch(opts WatchOptions, patterns ...string) *watcher {
	b.t.Helper()
	if len(patterns) == 0 {
		patterns = []string{">"}
	}
	w, err := b.Watch(b.t.ctx, patterns, opts)
	b.t.ok(err, "watch %q", patterns)
	b.t.watchers = append(b.t.watchers, w)
	return &watcher{w, b.t}
}

// caughtUp is the line of a CaughtUp event.
const caughtUp = "caught up"

// next returns the next event.
func (w *watcher) next() (e kv.Event, err error) {
	err = w.t.try(func(ctx context.Context) (err error) {
		e, err = w.Next(ctx)
		return err
	})
	return e, err
}

// change returns the next entry.
func (w *watcher) change() kv.Entry {
	w.t.Helper()
	e, err := w.next()
	w.t.ok(err, "next event of the watcher")
	equal(w.t, e.Kind, kv.Changed, "kind of the event")
	return e.Entry
}

// want checks what the watcher delivers next, events written as lines.
func (w *watcher) want(events ...string) {
	w.t.Helper()
	var got []string
	for range events {
		e, err := w.next()
		if err != nil {
			w.t.fatalf("watcher: %v\n got: %s\nwant: %s", err, list(got), list(events))
		}
		got = append(got, eventLine(&e))
		if i := len(got) - 1; got[i] != events[i] {
			break
		}
	}
	w.t.same(got, events, "the watcher's events, up to the first that is wrong")
}

func eventLine(e *kv.Event) string {
	if e.Kind == kv.CaughtUp {
		return caughtUp
	}
	return line(&e.Entry)
}

// wantEnd checks that the watch has ended: after what was on its way comes an error that matches want, if that is not nil.
func (w *watcher) wantEnd(want error) {
	w.t.Helper()
	for {
		_, err := w.next()
		if err == nil {
			continue
		}
		if want != nil {
			w.t.is(err, want, "watcher that has ended")
		}
		if want == nil && errors.Is(err, context.DeadlineExceeded) {
			w.t.fatalf("the watcher has not ended: %v", err)
		}
		return
	}
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A place is a kind of store under a database. The engine takes a way of its own for each.
type place struct {
	name string
	open func(testing.TB) *kv.DB
}

var places = []place{
	{"memory", func(testing.TB) *kv.DB { return kv.New() }},
	{"durable", func(t testing.TB) *kv.DB { return openBackend(t, newShelf()) }},
	{"durable with values", func(t testing.TB) *kv.DB { return openBackend(t, newValueShelf()) }},
	{"files", func(t testing.TB) *kv.DB {
		return openFiles(t, "db", kv.FileSystem(crashfs.New()), kv.SyncNever(), kv.SegmentSize(1<<16))
	}},
}

func openBackend(t testing.TB, backend store.Backend) *kv.DB {
	t.Helper()
	db, err := kv.OpenBackend(backend)
	require.NoError(t, err)
	return db
}

// everywhere runs f with an empty database on every kind of store.
func everywhere(t *testing.T, f func(t *testing.T, db *kv.DB)) {
	t.Helper()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			db := p.open(t)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			f(t, db)
		})
	}
}

// inBubbles is everywhere in synctest bubbles: time passes at once, and that nothing happens is a fact.
func inBubbles(t *testing.T, f func(t *testing.T, db *kv.DB)) {
	t.Helper()
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := p.open(t)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				f(t, db)
			})
		})
	}
}

// newBucket makes a bucket, named B unless cfg says otherwise.
func newBucket(t testing.TB, db *kv.DB, cfg kv.Config) *kv.Bucket {
	t.Helper()
	if cfg.Bucket == "" {
		cfg.Bucket = "B"
	}
	b, err := db.CreateBucket(t.Context(), cfg)
	require.NoError(t, err)
	return b
}

func statusOf(t testing.TB, b *kv.Bucket) kv.Status {
	t.Helper()
	st, err := b.Status(t.Context())
	require.NoError(t, err)
	return st
}

// play writes what a script says: "k" puts k, "-k" deletes and "!k" purges it, in this order. The value is v and the
// revision: "v7".
func play(t testing.TB, b *kv.Bucket, script string) {
	t.Helper()
	for _, word := range strings.Fields(script) {
		last := statusOf(t, b).Newest
		switch key := word[1:]; word[0] {
		case '-':
			require.NoError(t, b.Delete(t.Context(), key))
		case '!':
			require.NoError(t, b.Purge(t.Context(), key))
		default:
			r, err := b.PutString(t.Context(), word, fmt.Sprintf("v%d", last+1))
			require.NoError(t, err)
			require.Equal(t, last+1, r)
		}
		require.Equal(t, last+1, statusOf(t, b).Newest, "%s takes the next revision", word)
	}
}

// draw shows entries as key, revision, and D or P for markers: "a2 m6D q10P".
func draw(entries ...kv.Entry) string {
	mark := map[kv.Operation]string{kv.Put: "", kv.Delete: "D", kv.Purge: "P"}
	words := make([]string, len(entries))
	for i, e := range entries {
		words[i] = fmt.Sprintf("%s%d%s", e.Key, e.Revision, mark[e.Operation])
	}
	return strings.Join(words, " ")
}

// drawHistory shows the history of a key, "" if it has none.
func drawHistory(t testing.TB, b *kv.Bucket, key string) string {
	t.Helper()
	entries, err := b.History(t.Context(), key)
	if err != nil {
		requireErr(t, err, kv.ErrKeyNotFound)
		require.Nil(t, entries)
	}
	return draw(entries...)
}

// drawAll shows every kept revision of a bucket.
func drawAll(t testing.TB, b *kv.Bucket) string {
	t.Helper()
	return draw(contentsOf(t, b).Entries...)
}

// contents is everything that can be read from a bucket.
type contents struct {
	Status  kv.Status
	Entries []kv.Entry // every kept revision
}

func contentsOf(t testing.TB, b *kv.Bucket) contents {
	t.Helper()
	c := contents{Status: statusOf(t, b)}
	w, err := b.Watch(t.Context(), ">", kv.IncludeHistory())
	require.NoError(t, err)
	defer w.Stop()
	for {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		if e.Kind == kv.CaughtUp {
			return c
		}
		c.Entries = append(c.Entries, e.Entry)
	}
}

// nextEvent returns the next event of a watcher, as draw would show it; "CaughtUp" for that.
func nextEvent(t testing.TB, w *kv.Watcher) string {
	t.Helper()
	e, err := w.Next(t.Context())
	require.NoError(t, err)
	return drawEvent(t, e)
}

func drawEvent(t testing.TB, e kv.Event) string {
	t.Helper()
	if e.Kind == kv.CaughtUp {
		require.Equal(t, kv.Event{Kind: kv.CaughtUp}, e, "CaughtUp has no entry")
		return "CaughtUp"
	}
	require.Equal(t, kv.Changed, e.Kind)
	return draw(e.Entry)
}

// drain returns what a watcher has to tell without anything else happening. It works in a bubble only.
func drain(t testing.TB, w *kv.Watcher) string {
	t.Helper()
	var words []string
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		e, err := w.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return strings.Join(words, " ")
		}
		require.NoError(t, err)
		words = append(words, drawEvent(t, e))
	}
}

// sentinels are all errors that a caller can test for.
var sentinels = []error{
	kv.ErrKeyNotFound, kv.ErrKeyExists, kv.ErrRevisionMismatch,
	kv.ErrInvalidKey, kv.ErrInvalidPattern, kv.ErrOverlappingPatterns, kv.ErrInvalidOption, kv.ErrInvalidConfig,
	kv.ErrHistoryTooLarge, kv.ErrInvalidContext,
	kv.ErrValueTooLarge, kv.ErrBucketFull, kv.ErrDuplicateKey,
	kv.ErrInvalidBucketName, kv.ErrBucketNotFound, kv.ErrBucketExists, kv.ErrBucketDeleted,
	kv.ErrInvalidImport, kv.ErrClosed, kv.ErrReadOnly, kv.ErrWatcherStopped,
	kv.ErrLocked, kv.ErrCorrupt, kv.ErrFormatVersion,
	errors.ErrUnsupported, context.Canceled, context.DeadlineExceeded,
}

// requireErr fails unless err matches want and no other sentinel. With a nil want there must be no error.
func requireErr(t testing.TB, err, want error, about ...any) {
	t.Helper()
	if want == nil {
		require.NoError(t, err, about...)
		return
	}
	require.Error(t, err, about...)
	for _, s := range sentinels {
		if errors.Is(err, s) != (s == want) {
			require.FailNow(t, fmt.Sprintf("want %q, got %q, which matches %q: %v", want, err, s, errors.Is(err, s)), about...)
		}
	}
}

// asError returns the struct of type E behind err.
func asError[E error](t testing.TB, err error) E {
	t.Helper()
	var e E
	require.ErrorAs(t, err, &e)
	return e
}

// A keyCall is a call that takes a key; op is what its errors call it.
type keyCall struct {
	op   string
	call func(ctx context.Context, b *kv.Bucket, key string) error
}

var keyCalls = []keyCall{
	{"put", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.Put(ctx, key, nil)) }},
	{"put", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.PutString(ctx, key, "")) }},
	{"create", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.Create(ctx, key, nil)) }},
	{"update", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.Update(ctx, key, nil, 1)) }},
	{"revert", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.Revert(ctx, key, 1)) }},
	{"delete", func(ctx context.Context, b *kv.Bucket, key string) error { return b.Delete(ctx, key) }},
	{"purge", func(ctx context.Context, b *kv.Bucket, key string) error { return b.Purge(ctx, key) }},
	{"get", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.Get(ctx, key)) }},
	{"get revision", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.GetRevision(ctx, key, 1)) }},
	{"history", func(ctx context.Context, b *kv.Bucket, key string) error { return errOf(b.History(ctx, key)) }},
}

// batchCalls are the operations of a batch that take a key.
var batchCalls = []keyCall{
	{"put", func(ctx context.Context, b *kv.Bucket, key string) error { return applyOps(ctx, b, kv.PutOp(key, nil)) }},
	{"create", func(ctx context.Context, b *kv.Bucket, key string) error {
		return applyOps(ctx, b, kv.CreateOp(key, nil))
	}},
	{"update", func(ctx context.Context, b *kv.Bucket, key string) error {
		return applyOps(ctx, b, kv.UpdateOp(key, nil, 1))
	}},
	{"revert", func(ctx context.Context, b *kv.Bucket, key string) error {
		return applyOps(ctx, b, kv.RevertOp(key, 1))
	}},
	{"delete", func(ctx context.Context, b *kv.Bucket, key string) error { return applyOps(ctx, b, kv.DeleteOp(key)) }},
	{"purge", func(ctx context.Context, b *kv.Bucket, key string) error { return applyOps(ctx, b, kv.PurgeOp(key)) }},
}

// patternCalls are the calls that take a pattern.
var patternCalls = []keyCall{
	{"list entries", func(ctx context.Context, b *kv.Bucket, pattern string) error {
		return lastError(b.Entries(ctx, pattern))
	}},
	{"list keys", func(ctx context.Context, b *kv.Bucket, pattern string) error { return lastError(b.Keys(ctx, pattern)) }},
	{"watch", func(ctx context.Context, b *kv.Bucket, pattern string) error { return watchOnce(b.Watch(ctx, pattern)) }},
	{"watch", func(ctx context.Context, b *kv.Bucket, pattern string) error {
		return watchOnce(b.WatchFiltered(ctx, []string{pattern}))
	}},
}

// bucketCalls are the calls that take neither.
var bucketCalls = []keyCall{
	{"apply", func(ctx context.Context, b *kv.Bucket, _ string) error { return applyOps(ctx, b) }},
	{"purge deletes", func(ctx context.Context, b *kv.Bucket, _ string) error { return b.PurgeDeletes(ctx) }},
	{"status", func(ctx context.Context, b *kv.Bucket, _ string) error { return errOf(b.Status(ctx)) }},
	{"export", func(ctx context.Context, b *kv.Bucket, _ string) error { return b.Export(ctx, io.Discard) }},
}

func errOf[T any](_ T, err error) error { return err }

func applyOps(ctx context.Context, b *kv.Bucket, ops ...kv.Op) error {
	return errOf(b.Apply(ctx, ops...))
}

func watchOnce(w *kv.Watcher, err error) error {
	if err == nil {
		w.Stop()
	}
	return err
}

// lastError ranges over a listing and returns its error, which must come last.
func lastError[T any](list func(yield func(T, error) bool)) (last error) {
	for _, err := range list {
		if last != nil {
			return fmt.Errorf("something follows an error: %w", last)
		}
		last = err
	}
	return last
}

// collect ranges over a listing.
func collect[T any](t testing.TB, list func(yield func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for v, err := range list {
		require.NoError(t, err)
		all = append(all, v)
	}
	return all
}

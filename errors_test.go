package kv_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// everyCall are all calls on a bucket.
var everyCall = slices.Concat(keyCalls, batchCalls, patternCalls, bucketCalls)

// dbCalls are all calls on a database but Close.
var dbCalls = []struct {
	op   string
	call func(ctx context.Context, db *kv.DB) error
}{
	{"create bucket", func(ctx context.Context, db *kv.DB) error {
		return errOf(db.CreateBucket(ctx, kv.Config{Bucket: "new"}))
	}},
	{"update bucket", func(ctx context.Context, db *kv.DB) error {
		return errOf(db.UpdateBucket(ctx, kv.Config{Bucket: "B", History: 3}))
	}},
	{"create or update bucket", func(ctx context.Context, db *kv.DB) error {
		return errOf(db.CreateOrUpdateBucket(ctx, kv.Config{Bucket: "B", History: 3}))
	}},
	{"open bucket", func(ctx context.Context, db *kv.DB) error { return errOf(db.Bucket(ctx, "B")) }},
	{"delete bucket", func(ctx context.Context, db *kv.DB) error { return db.DeleteBucket(ctx, "B") }},
	{"import", func(ctx context.Context, db *kv.DB) error {
		return errOf(db.Import(ctx, strings.NewReader(emptyExport("imported"))))
	}},
	{"bucket names", func(ctx context.Context, db *kv.DB) error { return errOf(db.BucketNames(ctx)) }},
	{"buckets", func(ctx context.Context, db *kv.DB) error { return errOf(db.Buckets(ctx)) }},
}

// A context that has ended makes every call return its error, bare, and do nothing; so does none at all.
func TestContextsThatHaveEnded(t *testing.T) {
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	timedOut, stop := context.WithDeadline(context.Background(), time.Now())
	defer stop()
	for _, row := range []struct {
		name string
		ctx  context.Context
		want error
		bare bool
	}{
		{"cancelled", cancelled, context.Canceled, true},
		{"timed out", timedOut, context.DeadlineExceeded, true},
		{"nil", nil, kv.ErrInvalidContext, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 2})
				play(t, b, "a b -b")
				before := contentsOf(t, b)
				for _, c := range everyCall {
					err := c.call(row.ctx, b, "a")
					requireErr(t, err, row.want, c.op)
					if row.bare {
						assert.Equal(t, row.want, err, c.op)
					}
				}
				for _, c := range dbCalls {
					requireErr(t, c.call(row.ctx, db), row.want, c.op)
				}
				assert.Equal(t, before, contentsOf(t, b))
				names, err := db.BucketNames(t.Context())
				require.NoError(t, err)
				assert.Equal(t, []string{"B"}, names)
			})
		})
	}
}

// What is wrong with a key or a pattern is told first, whatever the context is.
func TestBadKeysComeBeforeContexts(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, ctx := range []context.Context{cancelled, nil} {
			for _, c := range slices.Concat(keyCalls, batchCalls) {
				requireErr(t, c.call(ctx, b, "a b"), kv.ErrInvalidKey, c.op)
			}
			for _, c := range patternCalls {
				requireErr(t, c.call(ctx, b, "a b"), kv.ErrInvalidPattern, c.op)
			}
		}
	})
}

// A closed database takes no calls. A second Close does nothing.
func TestClose(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a")
		var closing sync.WaitGroup
		for range 4 {
			closing.Go(func() { assert.NoError(t, db.Close()) })
		}
		closing.Wait()
		for _, c := range everyCall {
			requireErr(t, c.call(t.Context(), b, "a"), kv.ErrClosed, c.op)
		}
		for _, c := range dbCalls {
			requireErr(t, c.call(t.Context(), db), kv.ErrClosed, c.op)
		}
		require.NoError(t, db.Close())
		requireErr(t, kv.CheckKey("a b"), kv.ErrInvalidKey)
		assert.Equal(t, "B", b.Name())
	})
}

// Every option whose argument makes no sense is refused, by name, and nothing happens.
func TestInvalidOptions(t *testing.T) {
	for _, row := range []struct {
		name string
		call func(ctx context.Context, b *kv.Bucket) error
		want kv.OptionError
	}{
		{"put", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "a", nil, kv.KeyTTL(0))) },
			kv.OptionError{Op: "put", Option: "KeyTTL", Reason: "is 0s, it must be positive"}},
		{"put string", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "a", "", kv.KeyTTL(-1))) },
			kv.OptionError{Op: "put", Option: "KeyTTL", Reason: "is -1ns, it must be positive"}},
		{"create", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "n", nil, kv.KeyTTL(-1))) },
			kv.OptionError{Op: "create", Option: "KeyTTL", Reason: "is -1ns, it must be positive"}},
		{"update", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "a", nil, 1, kv.KeyTTL(0))) },
			kv.OptionError{Op: "update", Option: "KeyTTL", Reason: "is 0s, it must be positive"}},
		{"revert", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Revert(ctx, "a", 1, kv.KeyTTL(0))) },
			kv.OptionError{Op: "revert", Option: "KeyTTL", Reason: "is 0s, it must be positive"}},
		{"delete", func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "a", kv.KeyTTL(0)) },
			kv.OptionError{Op: "delete", Option: "KeyTTL", Reason: "is 0s, it must be positive"}},
		{"purge", func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "a", kv.PurgeTTL(0)) },
			kv.OptionError{Op: "purge", Option: "PurgeTTL", Reason: "is 0s, it must be positive"}},
		{"purge, negative", func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "a", kv.PurgeTTL(-time.Hour)) },
			kv.OptionError{Op: "purge", Option: "PurgeTTL", Reason: "is -1h0m0s, it must be positive"}},
		{"delete at 0", func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "a", kv.LastRevision(0)) },
			kv.OptionError{Op: "delete", Option: "LastRevision", Reason: "is 0, the first revision is 1"}},
		{"purge at 0", func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "a", kv.LastRevision(0)) },
			kv.OptionError{Op: "purge", Option: "LastRevision", Reason: "is 0, the first revision is 1"}},
		{"a good option before and after", func(ctx context.Context, b *kv.Bucket) error {
			return b.Delete(ctx, "a", kv.LastRevision(1), kv.KeyTTL(0), kv.LastRevision(1))
		}, kv.OptionError{Op: "delete", Option: "KeyTTL", Reason: "is 0s, it must be positive"}},
		{"get revision 0", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.GetRevision(ctx, "a", 0)) },
			kv.OptionError{Op: "get revision", Option: "the revision", Reason: "is 0, the first revision is 1"}},
		{"revert to 0", func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Revert(ctx, "a", 0)) },
			kv.OptionError{Op: "revert", Option: "the revision", Reason: "is 0, the first revision is 1"}},
		{"watch", func(ctx context.Context, b *kv.Bucket) error {
			return watchOnce(b.Watch(ctx, ">", kv.ResumeFromRevision(0)))
		},
			kv.OptionError{Op: "watch", Option: "ResumeFromRevision", Reason: "is 0, the first revision is 1"}},
		{"keys", func(ctx context.Context, b *kv.Bucket) error { return lastError(b.Keys(ctx, ">", kv.Limit(0))) },
			kv.OptionError{Op: "list keys", Option: "Limit", Reason: "is 0, the least is 1"}},
		{"entries", func(ctx context.Context, b *kv.Bucket) error { return lastError(b.Entries(ctx, ">", kv.Limit(0))) },
			kv.OptionError{Op: "list entries", Option: "Limit", Reason: "is 0, the least is 1"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, "a")
				before := contentsOf(t, b)
				err := row.call(t.Context(), b)
				requireErr(t, err, kv.ErrInvalidOption)
				assert.Equal(t, &row.want, err)
				assert.Equal(t, "kv: "+row.want.Op+": invalid option: "+row.want.Option+" "+row.want.Reason, err.Error())
				assert.Equal(t, before, contentsOf(t, b))
			})
		})
	}
}

// What errors say. Those of conditions, sizes and batches are in the tests of writes.
func TestErrorTexts(t *testing.T) {
	db := kv.New()
	b := newBucket(t, db, kv.Config{})
	for _, row := range []struct {
		err  error
		text string
	}{
		{errOf(b.Get(t.Context(), "k")), `kv: get "k" in bucket "B": key not found`},
		{errOf(b.Put(t.Context(), "a b", nil)), `kv: put "a b" in bucket "B": invalid key: it has " " at byte 1`},
		{kv.CheckKey("a b"), `kv: check key "a b": invalid key: it has " " at byte 1`},
		{kv.CheckPattern(">>"), `kv: check pattern ">>": invalid pattern: it has ">" at byte 0`},
		{kv.CheckKey(strings.Repeat("k", 5000)),
			`kv: check key "` + strings.Repeat("k", 120) + `...": invalid key: it has 5000 bytes, the most is 4000`},
		{errOf(db.Bucket(t.Context(), "x")), `kv: open bucket "x": bucket not found`},
		{errOf(db.Bucket(t.Context(), "x.y")), `kv: open bucket "x.y": invalid bucket name: it has "." at byte 1`},
		{errOf(db.CreateBucket(t.Context(), kv.Config{Bucket: "B", History: 2})),
			`kv: create bucket "B": bucket exists: it has another configuration`},
		{errOf(db.CreateBucket(t.Context(), kv.Config{Bucket: "x", History: 65})),
			`kv: config of bucket "x": history too large: History is 65, the most is 64`},
		{errOf(db.CreateBucket(t.Context(), kv.Config{Bucket: "x", TTL: -time.Second})),
			`kv: config of bucket "x": invalid config: TTL is negative: -1s`},
		//lint:ignore SA1012 what a nil context gives
		{errOf(b.Get(nil, "k")), "kv: invalid context: it is nil"},
	} {
		require.EqualError(t, row.err, row.text)
	}
	require.NoError(t, db.DeleteBucket(t.Context(), "B"))
	require.EqualError(t, errOf(b.Get(t.Context(), "k")), `kv: use bucket "B": bucket deleted`)
}

// If the store fails, the write fails and is never seen; the database takes no writes from then on, and reads go on.
func TestStoreThatFails(t *testing.T) {
	for _, shelf := range []*shelf{newShelf(), newValueShelf()} {
		db := openBackend(t, shelf)
		b := newBucket(t, db, kv.Config{History: 3})
		other := newBucket(t, db, kv.Config{Bucket: "other"})
		play(t, b, "k k -d")
		before := contentsOf(t, b)
		broken := errors.New("disk on fire")
		shelf.logs["B"].fail = broken
		_, err := b.PutString(t.Context(), "k", "lost")
		requireErr(t, err, kv.ErrReadOnly)
		assert.ErrorIs(t, err, broken, "the store's error is wrapped")
		shelf.logs["B"].fail = nil

		for _, b := range []*kv.Bucket{b, other} {
			for _, c := range slices.Concat(keyCalls[:2], batchCalls[:1], batchCalls[4:]) {
				requireErr(t, c.call(t.Context(), b, "k"), kv.ErrReadOnly, c.op)
			}
			requireErr(t, b.PurgeDeletes(t.Context()), kv.ErrReadOnly)
		}
		for _, c := range dbCalls {
			if reads := c.op == "open bucket" || strings.HasPrefix(c.op, "bucket"); !reads {
				requireErr(t, c.call(t.Context(), db), kv.ErrReadOnly, c.op)
			}
		}
		assert.Equal(t, before.Entries, contentsOf(t, b).Entries, "what was acknowledged stays readable")
		assert.Equal(t, before.Status.Newest, statusOf(t, b).Newest)
		e, err := b.Get(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, "v2", string(e.Value))
		require.NoError(t, db.Close())
	}
}

// What the store did not take is not counted either.
func TestStatusAfterAStoreFailed(t *testing.T) {
	shelf := newShelf()
	db := openBackend(t, shelf)
	b := newBucket(t, db, kv.Config{History: 3})
	play(t, b, "k k")
	before := statusOf(t, b)
	shelf.logs["B"].fail = errors.New("disk on fire")
	for _, key := range []string{"k", "new"} {
		requireErr(t, errOf(b.PutString(t.Context(), key, "lost")), kv.ErrReadOnly)
	}
	assert.Equal(t, before, statusOf(t, b))
	require.NoError(t, db.Close())
}

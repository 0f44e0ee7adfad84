package kv_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// Each row begins with a=1 (deleted), b=3, c=4 and c=5; 6 is the next revision.
const batchScript = "a -a b c c"

func TestApply(t *testing.T) {
	v := []byte("new")
	for _, row := range []struct {
		name string
		ops  []kv.Op
		want string // of all kept revisions at depth 3
	}{
		{"nothing", nil, "a1 a2D b3 c4 c5"},
		{"one", []kv.Op{kv.PutOp("x", v)}, "a1 a2D b3 c4 c5 x6"},
		{"revisions in the order given", []kv.Op{kv.PutOp("z", v), kv.PutOp("y", v), kv.PutOp("x", v)},
			"a1 a2D b3 c4 c5 z6 y7 x8"},
		{"every kind", []kv.Op{
			kv.CreateOp("a", v), kv.UpdateOp("b", v, 3), kv.PurgeOp("c"), kv.DeleteOp("d"), kv.PutOp("e", v),
		}, "a1 a2D b3 a6 b7 c8P d9D e10"},
		{"conditions that hold", []kv.Op{
			kv.UpdateOp("a", v, 2), kv.DeleteOp("b", kv.LastRevision(3)), kv.PurgeOp("c", kv.LastRevision(5)), kv.UpdateOp("d", v, 0),
		}, "a1 a2D b3 a6 b7D c8P d9"},
		{"reverts", []kv.Op{kv.RevertOp("a", 1), kv.RevertOp("c", 4)}, "a1 a2D b3 c4 c5 a6 c7"},
		{"nil options", []kv.Op{
			kv.PutOp("x", v, nil), kv.CreateOp("y", v, nil), kv.UpdateOp("z", v, 0, nil), kv.DeleteOp("a", nil), kv.PurgeOp("b", nil),
			kv.RevertOp("c", 4, nil),
		}, "a1 a2D c4 c5 x6 y7 z8 a9D b10P c11"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, batchScript)
				revisions, err := b.Apply(t.Context(), row.ops...)
				require.NoError(t, err)
				require.Len(t, revisions, len(row.ops))
				for i, r := range revisions {
					assert.Equal(t, uint64(6+i), r)
				}
				assert.Equal(t, row.want, drawAll(t, b))
				assert.Equal(t, uint64(5+len(row.ops)), statusOf(t, b).Newest)
			})
		})
	}
}

// If one operation is refused nothing is written, and the error says which and why.
func TestApplyRefused(t *testing.T) {
	v := []byte("new")
	good := kv.PutOp("good", v)
	for _, row := range []struct {
		name  string
		ops   []kv.Op
		index int
		key   string
		err   error
	}{
		{"create", []kv.Op{good, kv.CreateOp("b", v)}, 1, "b", kv.ErrKeyExists},
		{"update of a live key", []kv.Op{good, kv.UpdateOp("b", v, 2)}, 1, "b", kv.ErrRevisionMismatch},
		{"update of a deleted key", []kv.Op{kv.UpdateOp("a", v, 0), good}, 0, "a", kv.ErrRevisionMismatch},
		{"update of a new key", []kv.Op{kv.UpdateOp("x", v, 1), good}, 0, "x", kv.ErrRevisionMismatch},
		{"delete", []kv.Op{good, kv.DeleteOp("b", kv.LastRevision(4))}, 1, "b", kv.ErrRevisionMismatch},
		{"purge", []kv.Op{good, kv.PurgeOp("b", kv.LastRevision(4))}, 1, "b", kv.ErrRevisionMismatch},
		{"revert", []kv.Op{good, kv.RevertOp("b", 4)}, 1, "b", kv.ErrKeyNotFound},
		{"revert to a marker", []kv.Op{good, kv.RevertOp("a", 2)}, 1, "a", kv.ErrKeyNotFound},
		{"revert to 0", []kv.Op{good, kv.RevertOp("a", 0)}, 1, "a", kv.ErrInvalidOption},
		{"the first of several", []kv.Op{good, kv.CreateOp("b", v), kv.CreateOp("c", v)}, 1, "b", kv.ErrKeyExists},
		{"bad key", []kv.Op{good, kv.PutOp("b b", v)}, 1, "b b", kv.ErrInvalidKey},
		{"no operation", []kv.Op{good, {}}, 1, "", kv.ErrInvalidKey},
		{"bad TTL", []kv.Op{good, kv.PutOp("b", v, kv.KeyTTL(0))}, 1, "b", kv.ErrInvalidOption},
		{"bad LastRevision", []kv.Op{good, kv.DeleteOp("b", kv.LastRevision(0))}, 1, "b", kv.ErrInvalidOption},
		{"bad PurgeTTL", []kv.Op{good, kv.PurgeOp("b", kv.PurgeTTL(-1))}, 1, "b", kv.ErrInvalidOption},
		{"value too large", []kv.Op{good, kv.PutOp("b", make([]byte, 101))}, 1, "b", kv.ErrValueTooLarge},
		{"a key twice", []kv.Op{good, kv.PutOp("b", v), kv.DeleteOp("b")}, 2, "b", kv.ErrDuplicateKey},
		{"a bad key after a refused operation", []kv.Op{kv.CreateOp("b", v), kv.PutOp("", v)}, 1, "", kv.ErrInvalidKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3, MaxValueSize: 100})
				play(t, b, batchScript)
				before := contentsOf(t, b)
				revisions, err := b.Apply(t.Context(), row.ops...)
				assert.Nil(t, revisions)
				requireErr(t, err, row.err)
				e, ok := err.(*kv.BatchError)
				require.True(t, ok, "%T", err)
				assert.Equal(t, row.index, e.Index)
				assert.Equal(t, row.key, e.Key)
				assert.Equal(t, before, contentsOf(t, b), "nothing of the batch is written")
				play(t, b, "next")
				assert.Equal(t, uint64(6), statusOf(t, b).Newest, "it took no revision")

				if row.err != kv.ErrDuplicateKey && row.index < len(row.ops) {
					alone := applyOps(t.Context(), b, row.ops[row.index])
					e.Index = 0
					assert.Equal(t, err, alone, "it wraps what the operation alone returns")
				}
			})
		})
	}
}

func TestDuplicateKeyText(t *testing.T) {
	b := newBucket(t, kv.New(), kv.Config{})
	err := applyOps(t.Context(), b, kv.PutOp("k", nil), kv.PurgeOp("k"))
	require.EqualError(t, err, `kv: batch operation 1: purge "k" in bucket "B": key twice in a batch`)
	assert.Equal(t, &kv.KeyError{Op: "purge", Bucket: "B", Key: "k", Err: kv.ErrDuplicateKey}, asError[*kv.KeyError](t, err))
}

// MaxBytes is for the batch as a whole, against the bucket as it would be after all of it.
func TestApplyMaxBytes(t *testing.T) {
	for _, row := range []struct {
		name  string
		limit int64
		write string
		index int   // of the operation that is named; -1 if the batch is accepted
		bytes int64 // after it, or after it if it were accepted
	}{
		{"fits", 40, "c:9 d:9", -1, 40},
		{"does not fit, though each alone would", 39, "c:9 d:9", 1, 40},
		{"the last that makes it larger is named", 33, "c:9 d:9 a:9 b:3", 1, 34},
		{"what shrinks makes room for what grows before it", 20, "c:8 a:0", -1, 20},
		{"and after it", 20, "a:0 c:8", -1, 20},
		{"deletes make room", 20, "-a c:8", -1, 20},
		{"purges make room", 20, "c:8 !a", -1, 20},
		{"no larger than before", 5, "a:8 b:10", -1, 20},
		{"larger than before", 5, "a:8 b:11", 1, 21},
		{"only markers", 5, "-c !d", -1, 22},
		{"markers beside a put that grows", 22, "-c d:1", 1, 23},
		{"markers beside a put that does not", 20, "-c b:9", -1, 21},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				playSized(t, b, "a:9 b:9")
				require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", MaxBytes: row.limit})))
				before := contentsOf(t, b)
				_, err := b.Apply(t.Context(), sizedOps(t, row.write)...)
				if row.index < 0 {
					require.NoError(t, err)
					assert.Equal(t, row.bytes, statusOf(t, b).Bytes)
					return
				}
				requireErr(t, err, kv.ErrBucketFull)
				assert.Equal(t, row.index, asError[*kv.BatchError](t, err).Index)
				e := asError[*kv.SizeError](t, err)
				assert.Equal(t, row.bytes, e.Size)
				assert.Equal(t, row.limit, e.Limit)
				assert.Equal(t, before, contentsOf(t, b))
			})
		})
	}
}

// Conditions are about the bucket as it was before the batch, in which nothing of it is expired either.
func TestApplyAtADeadline(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		mustPut(t, b, "a", "1", kv.KeyTTL(time.Hour))
		mustPut(t, b, "b", "1", kv.KeyTTL(time.Hour+1))
		time.Sleep(time.Hour)
		requireErr(t, applyOps(t.Context(), b, kv.CreateOp("a", nil), kv.CreateOp("b", nil)), kv.ErrKeyExists)
		time.Sleep(time.Nanosecond)
		require.NoError(t, applyOps(t.Context(), b, kv.CreateOp("a", nil), kv.UpdateOp("b", nil, 0)))
		assert.Equal(t, "a3 b4", drawAll(t, b))
	})
}

// A batch has one time, and TTLs count from it.
func TestApplyTTL(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "c")
		start := time.Now().UTC()
		require.NoError(t, applyOps(t.Context(), b,
			kv.PutOp("a", nil, kv.KeyTTL(time.Minute)), kv.CreateOp("b", nil, kv.KeyTTL(time.Hour)),
			kv.DeleteOp("c", kv.KeyTTL(time.Minute)), kv.PurgeOp("d", kv.PurgeTTL(time.Hour)), kv.PutOp("e", nil)))
		for i, e := range contentsOf(t, b).Entries {
			assert.Equal(t, start, e.Created)
			if e.Key == "e" {
				assert.Zero(t, e.Expires)
			} else {
				assert.Equal(t, start.Add([]time.Duration{time.Minute, time.Hour}[i%2]), e.Expires)
			}
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, "b3 d5P e6", drawAll(t, b))
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, "e6", drawAll(t, b))
	})
}

func TestApplyCopies(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		value := []byte("value")
		ops := []kv.Op{kv.PutOp("a", value), kv.CreateOp("b", value)}
		require.NoError(t, applyOps(t.Context(), b, ops...))
		copy(value, "XXXXX")
		for _, key := range []string{"a", "b"} {
			e, err := b.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, "value", string(e.Value))
		}
		other := newBucket(t, db, kv.Config{Bucket: "other"})
		require.NoError(t, applyOps(t.Context(), other, ops...), "operations can be used again")
		e, err := other.Get(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "XXXXX", string(e.Value))
		requireErr(t, applyOps(t.Context(), b, ops...), kv.ErrKeyExists)
	})
}

// Nobody sees the bucket between two operations of a batch: neither listings nor watchers, which find the whole of it
// when they are told of its first revision.
func TestNobodySeesHalfABatch(t *testing.T) {
	const rounds = 300
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		keys := strings.Fields("a b c d e f g h")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		written := make(chan error, 1)
		go func() {
			for i := range rounds {
				var ops []kv.Op
				for _, key := range keys {
					ops = append(ops, kv.PutOp(key, []byte{byte(i), byte(i >> 8)}))
				}
				if err := applyOps(context.Background(), b, ops...); err != nil {
					written <- err
					return
				}
			}
			written <- nil
		}()
		for done := false; !done; {
			select {
			case err := <-written:
				require.NoError(t, err)
				done = true
			default:
			}
			entries := collect(t, b.Entries(t.Context(), ">"))
			if len(entries) == 0 {
				continue
			}
			require.Len(t, entries, len(keys))
			for _, e := range entries[1:] {
				require.True(t, bytes.Equal(entries[0].Value, e.Value), "one listing, one batch")
			}
		}
		for {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			if e.Kind == kv.CaughtUp {
				continue
			}
			last, err := b.Get(t.Context(), "h")
			require.NoError(t, err)
			require.GreaterOrEqual(t, last.Revision, (e.Entry.Revision+7)/8*8, "the whole batch is there")
			if e.Entry.Revision == rounds*8 {
				return
			}
		}
	})
}

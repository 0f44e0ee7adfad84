package kvtest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/revkv/kv"
)

// One sequence a bucket.
var sequenceCases = []Case{
	{
		Name:    "sequence/one-for-all-keys",
		Promise: "Every accepted write of any key, value or marker, takes the bucket's next revision, from 1.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			equal(t, b.put("a", "x"), 1, "revision of the first put")
			equal(t, b.put("b", "x"), 2, "revision of a put of another key")
			equal(t, b.create("c", "x", 0), 3, "revision of create")
			equal(t, b.update("a", "y", 1), 4, "revision of update")
			b.delete("b")
			b.purge("c")
			b.delete("never")
			equal(t, b.put("b", "y"), 8, "revision after three markers")
			b.wantAll("1 a=x", "2 b=x", "4 a=y", "5 b DELETE", "6 c PURGE", "7 never DELETE", "8 b=y")
		},
	},
	{
		Name:    "sequence/refused-write-takes-none",
		Promise: "A refused write takes no revision.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxValueSize: 100})
			b.put("a", "x")
			_ = t.try(func(ctx context.Context) error { return noRevision(b.Create(ctx, "a", nil, WriteOptions{})) })
			_ = t.try(func(ctx context.Context) error { return noRevision(b.Update(ctx, "a", nil, 7)) })
			_ = t.try(func(ctx context.Context) error { return noRevision(b.Put(ctx, "not a key", nil)) })
			_ = t.try(func(ctx context.Context) error { return noRevision(b.Put(ctx, "a", make([]byte, 101))) })
			_ = t.try(func(ctx context.Context) error { return b.Delete(ctx, "a", WriteOptions{LastRevision: 7}) })
			_ = t.try(func(ctx context.Context) error { return b.Purge(ctx, "a", WriteOptions{LastRevision: 7}) })
			equal(t, b.put("a", "y"), 2, "revision after six refused writes")
		},
	},
	{
		Name:    "sequence/buckets-count-apart",
		Promise: "Each bucket has a sequence of its own.",
		run: func(t *tester) {
			a, b := t.bucket(kv.Config{Bucket: "A"}), t.bucket(kv.Config{Bucket: "B"})
			a.puts("k", "1", "k", "2")
			equal(t, b.put("k", "1"), 1, "first revision of the other bucket")
			equal(t, a.put("k", "3"), 3, "third revision of the first bucket")
		},
	},
	{
		Name:    "sequence/never-goes-back",
		Promise: "Removing revisions, even all of them, does not give their numbers free.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("a", "x")
			b.delete("a")
			b.purgeDeletes(-1)
			b.wantAll()
			equal(t, b.put("a", "y"), 3, "revision after everything was removed")
		},
	},
	{
		Name:    "sequence/no-number-twice",
		Promise: "Writes made at the same time get each a revision of their own, without gaps.",
		run: func(t *tester) {
			const writers, writes = 8, 50
			b := t.bucket(kv.Config{})
			var mu sync.Mutex
			var got []uint64
			t.together(writers, func(i int) error {
				for range writes {
					err := t.try(func(ctx context.Context) error {
						rev, err := b.Put(ctx, fmt.Sprintf("key%d", i), nil)
						mu.Lock()
						defer mu.Unlock()
						got = append(got, rev)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			slices.Sort(got)
			for i, rev := range got {
				equal(t, rev, uint64(i+1), "revision in place %d of all that were given out", i)
			}
		},
	},
	{
		Name:    "sequence/batch-is-consecutive",
		Promise: "A batch of n writes takes n consecutive revisions, in the order of its operations.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("other", "x")
			revs := b.apply(kv.PutOp("b", []byte("x")), kv.DeleteOp("a"), kv.PutOp("c", []byte("y")))
			equal(t, fmt.Sprint(revs), "[2 3 4]", "revisions of the batch")
			b.wantAll("1 other=x", "2 b=x", "3 a DELETE", "4 c=y")
			equal(t, b.put("other", "y"), 5, "revision after the batch")
		},
	},
	{
		Name:    "sequence/batches-do-not-mix",
		Promise: "Batches written at the same time keep their revisions consecutive.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			t.together(4, func(i int) error {
				return t.try(func(ctx context.Context) error {
					for range 25 {
						revs, err := b.Bucket.(Batcher).Apply(ctx, kv.PutOp(fmt.Sprintf("a%d", i), nil), kv.DeleteOp(fmt.Sprintf("b%d", i)))
						if err != nil {
							return err
						}
						if len(revs) != 2 || revs[1] != revs[0]+1 {
							return fmt.Errorf("revisions of a batch: %d, want two consecutive ones", revs)
						}
						if e, err := b.Get(ctx, fmt.Sprintf("a%d", i)); err != nil || e.Revision != revs[0] {
							return fmt.Errorf("the batch's put has revision %d (%v), Apply returned %d", e.Revision, err, revs[0])
						}
					}
					return nil
				})
			})
			equal(t, b.put("last", ""), 4*25*2+1, "revision after the batches")
		},
	},
	{
		Name:    "sequence/refused-batch-takes-none",
		Promise: "A refused batch takes no revision, whichever of its operations is refused.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("live", "x")
			refused := kv.CreateOp("live", nil)
			for _, ops := range [][]kv.Op{{refused, kv.PutOp("a", nil)}, {kv.PutOp("a", nil), refused}} {
				t.is(t.try(func(ctx context.Context) error {
					_, err := b.Bucket.(Batcher).Apply(ctx, ops...)
					return err
				}), kv.ErrKeyExists, "batch with a create of a live key")
			}
			equal(t, b.put("a", "x"), 2, "revision after two refused batches")
		},
	},
	{
		Name:    "sequence/expiry-takes-none",
		Promise: "Expiry without limit markers takes no revision.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: t.unit()})
			b.puts("a", "x", "b", "x")
			t.place.Pass(2 * t.unit())
			b.wantNone("a", "b")
			equal(t, b.put("a", "y"), 3, "revision after both keys expired")
		},
	},
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/revkv/kv"
)

// That a batch is whole.
var batchCases = []Case{
	{
		Name:    "batch/every-operation",
		Promise: "A batch takes every kind of write, and each does what it does alone.",
		Needs:   []Need{Batches, Reverts},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("upd", "1", "del", "1", "pur", "1", "rev", "old", "rev", "new")
			b.delete("cre")
			b.apply(
				kv.PutOp("put", []byte("2")), kv.CreateOp("cre", []byte("2")), kv.UpdateOp("upd", []byte("2"), 1),
				kv.DeleteOp("del", kv.LastRevision(2)), kv.PurgeOp("pur", kv.LastRevision(3)), kv.RevertOp("rev", 4))
			b.wantAll("1 upd=1", "2 del=1", "4 rev=old", "5 rev=new", "6 cre DELETE",
				"7 put=2", "8 cre=2", "9 upd=2", "10 del DELETE", "11 pur PURGE", "12 rev=old")
		},
	},
	{
		Name:    "batch/all-or-nothing",
		Promise: "If one operation of a batch is refused nothing of the batch is written, and the error names it and its cause.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3, MaxValueSize: 10})
			b.puts("live", "1", "live", "2")
			for _, refused := range []struct {
				op   kv.Op
				want error
			}{
				{kv.CreateOp("live", nil), kv.ErrKeyExists},
				{kv.UpdateOp("live", nil, 1), kv.ErrRevisionMismatch},
				{kv.UpdateOp("new", nil, 1), kv.ErrRevisionMismatch},
				{kv.DeleteOp("live", kv.LastRevision(1)), kv.ErrRevisionMismatch},
				{kv.PurgeOp("live", kv.LastRevision(1)), kv.ErrRevisionMismatch},
				{kv.PutOp("not a key", nil), kv.ErrInvalidKey},
				{kv.PutOp("live", make([]byte, 11)), kv.ErrValueTooLarge},
			} {
				for at := range 3 {
					ops := []kv.Op{kv.PutOp("a", nil), kv.PurgeOp("b"), kv.DeleteOp("c")}
					ops[at] = refused.op
					b.refusesBatch(refused.want, at, ops...)
				}
			}
		},
	},
	{
		Name:    "batch/size-limit",
		Promise: "A batch that does not fit into MaxBytes as a whole is refused as a whole.",
		Needs:   []Need{Batches, PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxBytes: 10})
			b.put("a", "12345") // 6 bytes
			b.refusesBatch(kv.ErrBucketFull, 1, kv.PutOp("b", []byte("1")), kv.PutOp("c", []byte("12")))
			b.apply(kv.PutOp("b", []byte("1234567")), kv.PutOp("a", []byte("1"))) // it fits when all of it is written
			b.wantAll("2 b=1234567", "3 a=1")
		},
	},
	{
		Name:    "batch/key-twice",
		Promise: "A batch that writes a key twice is refused with ErrDuplicateKey.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.refusesBatch(kv.ErrDuplicateKey, 2, kv.PutOp("a", nil), kv.PutOp("b", nil), kv.DeleteOp("a"))
		},
	},
	{
		Name:    "batch/empty",
		Promise: "An empty batch does nothing and is no error.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			equal(t, len(b.apply()), 0, "revisions of an empty batch")
			equal(t, b.put("k", ""), 1, "next revision")
		},
	},
	{
		Name:    "batch/no-reader-sees-half",
		Promise: "No sequence of reads finds a part of a batch without the rest.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.whileBatches(func() {
				first, second := number(b, "a"), number(b, "c")
				equal(t, second >= first, true, "the batch of a=%d wrote c too, but c=%d was read later", first, second)
				first, second = number(b, "c"), number(b, "a")
				equal(t, second >= first, true, "the batch of c=%d wrote a too, but a=%d was read later", first, second)
			})
		},
	},
	{
		Name:    "batch/no-listing-shows-half",
		Promise: "No listing shows a part of a batch without the rest.",
		Needs:   []Need{Batches, Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.whileBatches(func() {
				entries := b.entries("*")
				equal(t, len(entries), 3, "entries of a batch of three")
				for _, e := range entries {
					equal(t, string(e.Value), string(entries[0].Value), "number that a listing shows in %q", e.Key)
				}
			})
		},
	},
	{
		Name:    "batch/no-watcher-sees-half",
		Promise: "Whoever learns of one write of a batch from a watcher finds the others, and the watcher delivers them in order.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			const batches = 50
			b := t.bucket(kv.Config{History: 64})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			writing := t.start(1, func(int) error {
				for i := range batches {
					if err := b.writeBatch(i); err != nil {
						return err
					}
				}
				return nil
			})
			for i := range batches {
				for place, key := range []string{"a", "b", "c"} {
					rev := uint64(3*i + place + 1)
					w.want(fmt.Sprintf("%d %s=%d", rev, key, i))
					for _, other := range []string{"a", "b", "c"} {
						equal(t, number(b, other) >= i, true, "the watcher told of %s=%d, Get finds as much in %s", key, i, other)
					}
				}
			}
			t.wait(writing)
		},
	},
}

// refusesBatch is refuses for a batch whose operation in place at is the one that is refused.
func (b *bucket) refusesBatch(want error, at int, ops ...kv.Op) {
	b.t.Helper()
	b.refuses(want, "batch", func(ctx context.Context) error {
		revs, err := b.Bucket.(Batcher).Apply(ctx, ops...)
		var e *kv.BatchError
		if errors.As(err, &e) && (e.Index != at || len(revs) != 0) {
			return fmt.Errorf("operation %d is blamed, want %d, and there are %d revisions, want none: %v", e.Index, at, len(revs), err)
		}
		return err
	})
}

// writeBatch writes n under the keys a, b and c.
func (b *bucket) writeBatch(n int) error {
	value := []byte(strconv.Itoa(n))
	return b.t.try(func(ctx context.Context) error {
		_, err := b.Bucket.(Batcher).Apply(ctx, kv.PutOp("a", value), kv.PutOp("b", value), kv.PutOp("c", value))
		return err
	})
}

// whileBatches calls read again and again while batches write rising numbers under a, b and c.
func (b *bucket) whileBatches(read func()) {
	const batches, reads, mostReads = 100, 200, 100_000
	b.t.Helper()
	b.t.ok(b.writeBatch(0), "first batch")
	var written atomic.Int32
	stop := make(chan struct{})
	writing := b.t.start(1, func(int) error {
		for {
			select {
			case <-stop:
				return nil
			default:
			}
			if err := b.writeBatch(int(written.Add(1))); err != nil {
				return err
			}
		}
	})
	for n := 0; n < reads || written.Load() < batches && n < mostReads; n++ {
		read()
	}
	close(stop)
	b.t.wait(writing)
}

// number returns the number under a key.
func number(b *bucket, key string) int {
	b.t.Helper()
	n, err := strconv.Atoi(string(b.get(key).Value))
	b.t.ok(err, "number under %q", key)
	return n
}

package kvtest

import (
	"context"
	"fmt"
	"strings"

	"github.com/revkv/kv"
)

// What limits refuse.
var limitCases = []Case{
	{
		Name:    "limit/value-size",
		Promise: "A value above MaxValueSize is refused with ErrValueTooLarge and nothing is written; one as large is accepted.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxValueSize: 100})
			b.put("k", strings.Repeat("x", 100))
			for name, write := range writesOf(b, make([]byte, 101)) {
				b.refuses(kv.ErrValueTooLarge, name+" of 101 bytes", write)
			}
		},
	},
	{
		Name:    "limit/value-size-lowered",
		Promise: "Lowering MaxValueSize leaves larger values as they are.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", strings.Repeat("x", 100))
			t.reconfigure(kv.Config{MaxValueSize: 99})
			equal(t, len(b.get("k").Value), 100, "bytes of the old value")
			b.refuses(kv.ErrValueTooLarge, "put of 100 bytes", func(ctx context.Context) error {
				return noRevision(b.Put(ctx, "k", make([]byte, 100)))
			})
		},
	},
	{
		Name:    "limit/bucket-size",
		Promise: "A write that does not fit into MaxBytes is refused with ErrBucketFull, and nothing is evicted to make room.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxBytes: 4096})
			keys := fill(b)
			equal(t, keys > 10 && keys <= 40, true, "%d values of 100 bytes fit into 4096", keys)
			b.refuses(kv.ErrBucketFull, "put into a full bucket", func(ctx context.Context) error {
				return noRevision(b.Put(ctx, "another", make([]byte, 100)))
			})
			equal(t, b.put("k0", strings.Repeat("y", 100)), uint64(keys+1), "revision of a write that replaces one of its size")
		},
	},
	{
		Name:    "limit/bucket-size-counts-keys",
		Promise: "For MaxBytes each kept revision counts with the bytes of its key and value.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxBytes: 30, History: 2})
			b.puts("key", "1234567", "key", "1234567") // 10 each
			b.refuses(kv.ErrBucketFull, "put of 11 bytes where 10 are left", func(ctx context.Context) error {
				return noRevision(b.Put(ctx, "new", []byte("12345678")))
			})
			b.put("new", "1234567")
			b.put("key", "123") // 6 in place of 10
			b.refuses(kv.ErrBucketFull, "create of 5 bytes where 4 are left", func(ctx context.Context) error {
				return noRevision(b.Create(ctx, "x", []byte("1234"), WriteOptions{}))
			})
			b.create("x", "123", 0)
			b.put("key", "7654321") // 10 in place of 10
		},
	},
	{
		Name:    "limit/markers-always-fit",
		Promise: "Delete and Purge fit into a full bucket, and the room that Purge frees can be written again.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{MaxBytes: 4096, History: 2})
			fill(b)
			b.delete("k0")
			b.delete("never")
			b.purge("k1")
			b.purge("k2")
			b.wantNone("k0", "k1", "k2")
			b.put("again", strings.Repeat("x", 100))
		},
	},
}

// writesOf returns the ways to write a value under the key "k", which has revision 1.
func writesOf(b *bucket, value []byte) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"put":    func(ctx context.Context) error { return noRevision(b.Put(ctx, "k", value)) },
		"create": func(ctx context.Context) error { return noRevision(b.Create(ctx, "new", value, WriteOptions{})) },
		"update": func(ctx context.Context) error { return noRevision(b.Update(ctx, "k", value, 1)) },
	}
}

// fill puts values of 100 bytes under k0, k1, ... until the bucket is full, and returns how many fitted.
func fill(b *bucket) (n int) {
	b.t.Helper()
	for ; n < 100; n++ {
		err := b.t.try(func(ctx context.Context) error {
			return noRevision(b.Put(ctx, fmt.Sprint("k", n), []byte(strings.Repeat("x", 100))))
		})
		if err != nil {
			b.t.is(err, kv.ErrBucketFull, "put number %d", n+1)
			return n
		}
	}
	b.t.fatalf("%d values of 100 bytes fit into a bucket of 4096", n)
	return n
}

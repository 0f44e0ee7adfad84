package kvtest

import (
	"context"
	"fmt"

	"github.com/revkv/kv"
)

// Whose bytes a value's are.
var privateCases = []Case{
	{
		Name:    "private/taken-values",
		Promise: "A write copies the value: the caller may change its slice afterwards.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			value := []byte("?234")
			writes := []func(ctx context.Context) (uint64, error){
				func(ctx context.Context) (uint64, error) { return b.Put(ctx, "k", value) },
				func(ctx context.Context) (uint64, error) { return b.Update(ctx, "k", value, 1) },
				func(ctx context.Context) (uint64, error) { return b.Create(ctx, "new", value, WriteOptions{}) },
			}
			for i, write := range writes {
				value[0] = byte('a' + i)
				t.ok(t.try(func(ctx context.Context) error {
					_, err := write(ctx)
					return err
				}), "write")
				value[0] = '!'
			}
			b.wantAll("1 k=a234", "2 k=b234", "3 new=c234")
			b.want("k", "2 k=b234")
			b.wantRevision("k", 1, "1 k=a234")
		},
	},
	{
		Name:    "private/taken-batch-values",
		Promise: "A batch copies its values: the caller may change the slices afterwards.",
		Needs:   []Need{Batches},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			value := []byte("1234")
			b.apply(kv.PutOp("a", value), kv.CreateOp("b", value))
			copy(value, "xyz!")
			b.wantAll("1 a=1234", "2 b=1234")
		},
	},
	{
		Name:    "private/read-values",
		Promise: "A read hands out a copy: changing it, also by appending, changes nothing in the bucket.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1111", "k", "2222")
			for range 2 {
				scribble(b.get("k").Value)
				scribble(b.getRevision("k", 1).Value)
				scribble(b.getRevision("k", 2).Value)
				for _, e := range b.history("k") {
					scribble(e.Value)
				}
				b.want("k", "2 k=2222")
				b.wantRevision("k", 1, "1 k=1111")
				b.wantHistory("k", "1 k=1111", "2 k=2222")
				b.wantAll("1 k=1111", "2 k=2222")
			}
		},
	},
	{
		Name:    "private/listed-values",
		Promise: "A listing hands out copies.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "1111")
			for range 2 {
				for _, e := range b.entries(">") {
					scribble(e.Value)
				}
				t.same(lines(b.entries(">")), []string{"1 k=1111"}, "entries after a reader wrote into its copies")
				b.want("k", "1 k=1111")
			}
		},
	},
	{
		Name:    "private/watched-values",
		Promise: "Each watcher gets entries of its own.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "1111")
			one, two := b.watch(WatchOptions{}), b.watch(WatchOptions{})
			scribble(one.change().Value)
			two.want("1 k=1111", caughtUp)
			one.want(caughtUp)
			b.put("k", "2222")
			scribble(two.change().Value)
			one.want("2 k=2222")
			b.want("k", "2 k=2222")
		},
	},
	{
		Name:    "private/patterns",
		Promise: "A watch leaves the caller's list of patterns as it was, and does not look at it again.",
		Needs:   []Need{Sound},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			patterns := []string{"a", "b.*"}
			w := b.watch(WatchOptions{UpdatesOnly: true}, patterns...)
			equal(t, fmt.Sprint(patterns), "[a b.*]", "patterns after the call")
			patterns[0], patterns[1] = "c", "d"
			b.puts("c", "1", "a", "1", "b.x", "1")
			w.want("2 a=1", "3 b.x=1")
		},
	},
	{
		Name:    "private/configuration",
		Promise: "A bucket copies its metadata, in and out.",
		Needs:   []Need{Statuses},
		run: func(t *tester) {
			metadata := map[string]string{"team": "blue"}
			b := t.bucket(kv.Config{Metadata: metadata})
			metadata["team"] = "red"
			equal(t, b.status().Config.Metadata["team"], "blue", "metadata after the caller changed its map")
			b.status().Config.Metadata["team"] = "green"
			equal(t, b.status().Config.Metadata["team"], "blue", "metadata after a reader changed its map")
		},
	},
}

// scribble overwrites a value and what lies behind it in the same array.
func scribble(value []byte) {
	value = value[:cap(value)]
	for i := range value {
		value[i] = '!'
	}
}

package kvtest

import (
	"context"
	"fmt"
	"slices"

	"github.com/revkv/kv"
)

// How a listing is ordered, cut, and consistent.
var listCases = []Case{
	{
		Name:    "list/entries-in-order",
		Promise: "Entries lists the newest revision of every key with a value, in rising order of key, or falling with Reverse.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("b", "1", "a", "1", "c", "1", "a", "2", "gone", "1")
			b.delete("gone")
			t.same(lines(b.entries(">")), []string{"4 a=2", "1 b=1", "3 c=1"}, "entries")
			t.same(lines(b.entries(">", kv.Reverse())), []string{"3 c=1", "1 b=1", "4 a=2"}, "entries in reverse")
		},
	},
	{
		Name:    "list/none",
		Promise: "A listing without entries is empty, and no error.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			equal(t, len(b.entries(">")), 0, "entries of an empty bucket")
			b.delete("k")
			equal(t, len(b.entries(">")), 0, "entries of a bucket with a marker only")
			equal(t, len(b.entries("a.>")), 0, "entries of a pattern that matches nothing")
		},
	},
	{
		Name:    "list/pages",
		Promise: "After and Limit turn pages, in both directions, with a pattern, and also if the key of After is gone.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			const n = 600 // more than a listing reads at a time
			b := t.bucket(kv.Config{})
			var want []string
			for i := range n {
				want = append(want, fmt.Sprintf("k.%03d", i))
				b.put(want[i], "")
			}
			b.puts("a", "", "z", "")
			t.same(pages(b, 7), want, "keys, page by page")
			slices.Reverse(want)
			t.same(pages(b, 250, kv.Reverse()), want, "keys, page by page in reverse")
			b.delete("k.100")
			next := b.entries("k.*", kv.After("k.100"), kv.Limit(1))
			equal(t, len(next), 1, "entries of a page of one")
			equal(t, next[0].Key, "k.101", "key after one that is gone")
			equal(t, len(b.entries("k.*", kv.After("z"))), 0, "entries after the last key")
		},
	},
	{
		Name:    "list/meta-only",
		Promise: "With MetaOnly values are empty, and all else is as without.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "b", "2")
			t.same(lines(b.entries(">", kv.MetaOnly())), []string{`1 a=""`, `2 b=""`}, "entries without values")
		},
	},
	{
		Name:    "list/one-state",
		Promise: "A listing shows the bucket as it was when the loop began, whatever is written during the loop.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			const n = 600
			b := t.bucket(kv.Config{})
			for i := range n {
				b.put(fmt.Sprintf("k%03d", i), "old")
			}
			seen := 0
			t.ok(t.try(func(ctx context.Context) error {
				for e, err := range b.Bucket.(Lister).Entries(ctx, ">") {
					if err != nil {
						return err
					}
					want := fmt.Sprintf("%d k%03d=old", seen+1, seen)
					equal(t, line(&e), want, "entry of a listing while keys are written")
					switch key := fmt.Sprintf("k%03d", n-1-seen); seen % 3 {
					case 0:
						b.put(key, "new")
					case 1:
						b.delete(key)
					case 2:
						b.purge(key)
						b.put(fmt.Sprintf("k%03d.new", seen), "new")
					}
					seen++
				}
				return nil
			}), "listing")
			equal(t, seen, n, "entries of the listing")
		},
	},
	{
		Name:    "list/same-loop-again",
		Promise: "Ranging over a listing again begins again, and breaking out leaves nothing behind.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "b", "1")
			seq := b.Bucket.(Lister).Entries(t.ctx, ">")
			for range seq {
				break
			}
			b.put("a", "2")
			var got []string
			for e, err := range seq {
				t.ok(err, "second loop")
				got = append(got, line(&e))
			}
			t.same(got, []string{"3 a=2", "2 b=1"}, "entries of the second loop")
		},
	},
}

// pages lists the keys of k.* in pages of a size.
func pages(b *bucket, size int, opts ...kv.ListOption) (keys []string) {
	b.t.Helper()
	page := opts
	for {
		entries := b.entries("k.*", append(page, kv.Limit(size))...)
		for _, e := range entries {
			keys = append(keys, e.Key)
		}
		if len(entries) < size || len(keys) > 10_000 { // a place that turns no pages would never end
			return keys
		}
		page = append(slices.Clone(opts), kv.After(keys[len(keys)-1]))
	}
}

package kvtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/revkv/kv"
)

// What Get and GetRevision find.
var readCases = []Case{
	{
		Name:    "get/newest-value",
		Promise: "Get returns the newest revision of the key, with bucket, key, value, revision and operation.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("k", "1", "k", "2", "other", "x")
			e := b.get("k")
			equal(t, e.Bucket, "B", "bucket of the entry")
			equal(t, e.Key, "k", "key of the entry")
			equal(t, string(e.Value), "2", "value of the entry")
			equal(t, e.Revision, 2, "revision of the entry")
			equal(t, e.Operation, kv.Put, "operation of the entry")
		},
	},
	{
		Name:    "get/no-value",
		Promise: "Get of a key that was never written, is deleted or is purged fails with ErrKeyNotFound.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("d", "x", "p", "x")
			b.delete("d")
			b.purge("p")
			b.delete("m")
			b.wantNone("never", "d", "p", "m")
		},
	},
	{
		Name:    "get/empty-value",
		Promise: "An empty value, nil or not, is a value: the key is there and its value is not nil.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for i, value := range [][]byte{nil, {}} {
				key := fmt.Sprintf("k%d", i)
				t.ok(t.try(func(ctx context.Context) error {
					_, err := b.Put(ctx, key, value)
					return err
				}), "put of an empty value")
				e := b.get(key)
				equal(t, e.Value != nil && len(e.Value) == 0, true, "the value of %q is empty and not nil", key)
			}
			b.wantKeys(">", "k0", "k1")
		},
	},
	{
		Name:    "get/any-bytes",
		Promise: "A value comes back byte for byte, whatever bytes it has.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			value := make([]byte, 0, 64<<10)
			for i := range cap(value) {
				value = append(value, byte(i*i>>3))
			}
			b.put("k", string(value))
			equal(t, string(b.get("k").Value) == string(value), true, "64 KiB came back unchanged")
		},
	},
	{
		Name:    "get/created",
		Promise: "A revision's time of creation is the same in every read, and rises with the revisions.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			for i := range 3 {
				b.put("k", fmt.Sprint(i))
				t.place.Pass(t.quarter() / 10)
			}
			history := b.history("k")
			equal(t, len(history), 3, "revisions in the history")
			for i, e := range history {
				if i > 0 && !e.Created.After(history[i-1].Created) {
					t.fatalf("revision %d was created at %v, the one before at %v", e.Revision, e.Created, history[i-1].Created)
				}
				seen := w.change()
				equal(t, seen.Created.Equal(e.Created), true, "the watcher has the time that the history has")
				r := b.getRevision("k", e.Revision)
				equal(t, r.Created.Equal(e.Created), true, "GetRevision has the time that the history has")
			}
			equal(t, b.get("k").Created.Equal(history[2].Created), true, "Get has the time that the history has")
		},
	},
	{
		Name:    "revision/kept-value",
		Promise: "GetRevision returns every kept value of the key, also when the key is deleted.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("k", "1", "other", "x", "k", "2")
			b.wantRevision("k", 1, "1 k=1")
			b.wantRevision("k", 3, "3 k=2")
			b.delete("k")
			b.wantRevision("k", 1, "1 k=1")
			b.wantRevision("k", 3, "3 k=2")
			b.wantRevision("other", 2, "2 other=x")
		},
	},
	{
		Name:    "revision/not-a-kept-value",
		Promise: "GetRevision finds no marker, no revision of another key, none that is trimmed, and none not yet written.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("k", "1", "k", "2", "k", "3", "other", "x")
			b.delete("k")
			b.wantNoRevision("k", 1, 2, 4, 5, 6, math.MaxUint64)
			b.wantRevision("k", 3, "3 k=3")
			b.wantNoRevision("never", 3)
		},
	},
	{
		Name:    "revision/zero-is-none",
		Promise: "Revision 0 names nothing: asking for it is an error, and does not get the newest.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "1")
			t.is(t.try(func(ctx context.Context) error {
				_, err := b.GetRevision(ctx, "k", 0)
				return err
			}), kv.ErrInvalidOption, "get revision 0")
		},
	},
}

// What a history keeps.
var historyCases = []Case{
	{
		Name:    "history/depth",
		Promise: "Of each key the newest revisions are kept, as many as the depth, oldest first; depth 0 is 1.",
		run: func(t *tester) {
			for depth, kept := range map[uint8]int{0: 1, 1: 1, 3: 3, kv.MaxHistory: kv.MaxHistory} {
				b := t.bucket(kv.Config{Bucket: fmt.Sprintf("depth%d", depth), History: depth})
				var want []string
				for i := range 70 {
					rev := b.put("k", fmt.Sprint(i))
					want = append(want, fmt.Sprintf("%d k=%d", rev, i))
				}
				b.wantHistory("k", want[70-kept:]...)
			}
		},
	},
	{
		Name:    "history/markers-count",
		Promise: "A marker takes a place in the history and pushes an older revision out.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "1")
			b.delete("k")
			b.put("k", "2")
			b.delete("k")
			b.wantHistory("k", "2 k DELETE", "3 k=2", "4 k DELETE")
			b.delete("k")
			b.delete("k")
			b.wantHistory("k", "4 k DELETE", "5 k DELETE", "6 k DELETE")
		},
	},
	{
		Name:    "history/keys-trimmed-apart",
		Promise: "Writes of one key push out no revision of another.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("a", "1", "b", "1", "b", "2", "b", "3", "b", "4")
			b.wantAll("1 a=1", "4 b=3", "5 b=4")
		},
	},
	{
		Name:    "history/no-revisions",
		Promise: "History of a key without revisions fails with ErrKeyNotFound.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.put("k", "1")
			b.delete("k")
			b.purgeDeletes(-1)
			b.wantHistory("k")
			b.wantHistory("never")
		},
	},
	{
		Name:    "history/lower-depth",
		Promise: "Lowering the depth trims every key at once, and raising it brings nothing back.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 4})
			b.puts("a", "1", "a", "2", "a", "3", "b", "1", "b", "2")
			t.reconfigure(kv.Config{History: 2})
			b.wantAll("2 a=2", "3 a=3", "4 b=1", "5 b=2")
			t.reconfigure(kv.Config{History: 4})
			b.wantAll("2 a=2", "3 a=3", "4 b=1", "5 b=2")
			b.puts("a", "4", "a", "5")
			b.wantHistory("a", "2 a=2", "3 a=3", "6 a=4", "7 a=5")
		},
	},
}

// goodKeys are keys.
var goodKeys = []string{
	"a", "a.b.c", "/", "/a", "a/b", "=", "a=", "-", "_", "_kv", "_kv.a", "A", "0", "a_b", "a-b", "Az09-/_=.x",
	strings.Repeat("a.", 99) + "a", strings.Repeat("k", 1000),
}

// What is listed.
var keysCases = []Case{
	{
		Name:    "keys/with-a-value-in-order",
		Promise: "Keys lists the keys that have a value, in rising order of bytes, each once.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("b", "1", "a", "1", "_", "1", "C", "1", "a.b", "1", "10", "1", "9", "1", "gone", "1", "a", "2")
			b.delete("gone")
			b.delete("never")
			b.wantKeys(">", "10", "9", "C", "_", "a", "a.b", "b")
		},
	},
	{
		Name:    "keys/none",
		Promise: "A listing without keys is empty, and no error.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.wantKeys(">")
			b.put("k", "1")
			b.delete("k")
			b.wantKeys(">")
		},
	},
	{
		Name:    "keys/pattern",
		Promise: "A listing with a pattern has the keys that match.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "a.x", "1", "a.x.y", "1", "b.x", "1", "ab", "1")
			b.wantKeys("a.>", "a.x", "a.x.y")
			b.wantKeys("*.x", "a.x", "b.x")
			b.wantKeys("*", "a", "ab")
			b.wantKeys("a.x", "a.x")
			b.wantKeys("c.>")
		},
	},
	{
		Name:    "keys/syntax",
		Promise: "Every key of the characters a-z A-Z 0-9 - / _ = . works in every call and comes back unchanged.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 4})
			for _, key := range goodKeys {
				r := b.create(key, "1", 0)
				r = b.update(key, "2", r)
				equal(t, b.get(key).Key, key, "key that Get returns")
				equal(t, b.getRevision(key, r).Key, key, "key that GetRevision returns")
				b.wantHistory(key, fmt.Sprintf("%d %s=1", r-1, key), fmt.Sprintf("%d %s=2", r, key))
				b.delete(key)
				b.wantNone(key)
				b.purge(key)
				b.put(key, "3")
			}
			b.wantKeys(">", slices.Sorted(slices.Values(goodKeys))...)
		},
	},
}

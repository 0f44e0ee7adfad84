package kvtest

import (
	"context"
	"fmt"
	"time"

	"github.com/revkv/kv"
)

// What the TTL of one write does.
var keyTTLCases = []Case{
	{
		Name:    "key-ttl/create",
		Promise: "A key created with a TTL is gone after it, and not before; other keys stay.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit()})
			b.put("other", "1")
			b.create("k", "1", 2*t.unit())
			t.place.Pass(t.unit())
			b.want("k", "2 k=1")
			t.place.Pass(t.unit())
			b.wantNone("k")
			b.wantNoRevision("k", 2)
			b.wantKeys(">", "other")
		},
	},
	{
		Name:    "key-ttl/ends-with-next-write",
		Promise: "The TTL is the revision's: the next write of the key has none, unless it brings one.",
		run: func(t *tester) {
			for depth := uint8(1); depth <= 3; depth += 2 {
				b := t.bucket(kv.Config{Bucket: fmt.Sprint("B", depth), LimitMarkerTTL: t.unit(), History: depth})
				b.create("put", "1", t.unit())
				b.create("update", "1", t.unit())
				b.create("delete", "1", t.unit())
				b.put("put", "2")
				b.update("update", "2", 2)
				b.delete("delete")
				t.place.Pass(2 * t.unit())
				b.wantHistory("put", "4 put=2")
				b.wantHistory("update", "5 update=2")
				b.wantHistory("delete", "6 delete DELETE")
			}
		},
	},
	{
		Name:    "key-ttl/earlier-counts",
		Promise: "Of the bucket's TTL and the key's the earlier one counts.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit(), TTL: 3 * t.unit()})
			b.put("bucket", "1")
			b.create("key", "1", t.unit())
			b.create("long", "1", time.Hour)
			t.place.Pass(t.unit())
			b.wantNone("key")
			b.want("bucket", "1 bucket=1")
			b.want("long", "3 long=1")
			t.place.Pass(2 * t.unit())
			b.wantNone("bucket", "long")
		},
	},
	{
		Name:    "key-ttl/no-older-value-returns",
		Promise: "When the newest revision of a key expires no older one becomes its value.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit(), History: 5})
			b.put("k", "old")
			b.delete("k")
			b.create("k", "new", t.unit())
			t.place.Pass(t.unit())
			b.wantNone("k")
			b.wantKeys(">")
			b.create("k", "again", 0)
		},
	},
	{
		Name:    "key-ttl/takes-the-history-along",
		Promise: "When the newest revision of a key expires all of the key is gone.",
		Needs:   []Need{AnyTTL},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1", "k", "2")
			b.putTTL("k", "3", time.Second)
			t.place.Pass(time.Second)
			wantGone(b, "k", 1, 2, 3)
			b.wantAll()
			b.update("k", "new", 0)
			b.wantHistory("k", "4 k=new")
		},
	},
	{
		Name:    "key-ttl/older-revision-goes-alone",
		Promise: "When an older revision of a key expires only that one leaves the history.",
		Needs:   []Need{AnyTTL},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5, LimitMarkerTTL: time.Hour})
			b.put("k", "1")
			b.putTTL("k", "2", time.Second)
			b.put("k", "3")
			t.place.Pass(time.Second)
			b.wantHistory("k", "1 k=1", "3 k=3")
			b.wantNoRevision("k", 2)
			b.wantAll("1 k=1", "3 k=3")
		},
	},
	{
		Name:    "key-ttl/any-write",
		Promise: "Every write takes a TTL, of any duration, in a bucket with limit markers or without.",
		Needs:   []Need{AnyTTL, Bubble},
		run: func(t *tester) {
			const ttl = 3 * time.Millisecond
			b := t.bucket(kv.Config{History: 5})
			b.putTTL("put", "1", ttl)
			b.create("create", "1", ttl)
			rev := b.put("update", "1")
			b.puts("delete", "1", "purge", "1")
			t.ok(t.try(func(ctx context.Context) error {
				_, err := b.Bucket.(TTLWriter).UpdateTTL(ctx, "update", nil, rev, ttl)
				return err
			}), "update with a TTL")
			t.ok(t.try(func(ctx context.Context) error {
				return b.Bucket.(TTLWriter).DeleteTTL(ctx, "delete", ttl)
			}), "delete with a TTL")
			b.purgeTTL("purge", ttl)
			b.put("stays", "1")
			t.place.Pass(ttl - 1)
			equal(t, len(b.all()), 8, "revisions just before the deadline")
			t.place.Pass(1)
			b.wantAll("9 stays=1")
		},
	},
	{
		Name:    "key-ttl/renewed",
		Promise: "A key that is written again and again with a TTL stays for as long as that goes on.",
		Needs:   []Need{AnyTTL, Bubble},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for i := range 10 {
				b.putTTL("lease", "1", time.Minute)
				t.place.Pass(time.Minute - 1)
				b.want("lease", fmt.Sprintf("%d lease=1", i+1))
			}
			t.place.Pass(1)
			wantGone(b, "lease", 10)
		},
	},
	{
		Name:    "key-ttl/purge",
		Promise: "The marker that Purge writes with a TTL goes after it, without a word, and the key has no revision then.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit(), History: 3})
			b.put("k", "1")
			w := b.watch(WatchOptions{UpdatesOnly: true})
			b.purgeTTL("k", 2*t.unit())
			w.want("2 k PURGE")
			t.place.Pass(t.unit())
			b.wantHistory("k", "2 k PURGE")
			t.place.Pass(t.unit())
			b.wantAll()
			equal(t, b.update("k", "new", 0), 3, "revision of an update that wants no revision")
			w.want("3 k=new")
		},
	},
}

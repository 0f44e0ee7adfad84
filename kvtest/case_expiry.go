package kvtest

import (
	"errors"
	"time"

	"github.com/revkv/kv"
)

// What the bucket's TTL does.
var expiryCases = []Case{
	{
		Name:    "expiry/bucket-ttl",
		Promise: "A revision lives as long as the bucket's TTL says, and is then found by no read.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), History: 3})
			b.puts("k", "1", "k", "2")
			t.place.Pass(t.unit())
			b.want("k", "2 k=2")
			b.wantHistory("k", "1 k=1", "2 k=2")
			t.place.Pass(t.unit())
			wantGone(b, "k", 1, 2)
			b.wantAll()
		},
	},
	{
		Name:    "expiry/each-revision-by-its-age",
		Promise: "Each revision of a key expires by its own age, the older ones first.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 3 * t.unit(), History: 3})
			b.put("k", "1")
			t.place.Pass(t.unit() * 3 / 2)
			b.put("k", "2")
			t.place.Pass(t.unit() * 3 / 2)
			b.wantHistory("k", "2 k=2")
			b.wantNoRevision("k", 1)
			b.want("k", "2 k=2")
			t.place.Pass(t.unit() * 3 / 2)
			wantGone(b, "k", 1, 2)
		},
	},
	{
		Name:    "expiry/markers-too",
		Promise: "A marker expires by the bucket's TTL like a value.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: t.unit(), History: 3})
			b.put("d", "1")
			b.delete("d")
			b.purge("p")
			t.place.Pass(t.unit())
			b.wantAll()
			b.wantHistory("d")
			equal(t, b.update("d", "2", 0), 4, "revision of an update that wants no revision")
		},
	},
	{
		Name:    "expiry/key-can-be-created-again",
		Promise: "An expired key is a new key: Create and Update with revision 0 write it, Update with the old revision does not.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: t.unit(), History: 3})
			b.puts("a", "1", "b", "1")
			t.place.Pass(t.unit())
			b.refusesUpdate(kv.ErrRevisionMismatch, "a", 1)
			equal(t, b.create("a", "2", 0), 3, "revision of create")
			equal(t, b.update("b", "2", 0), 4, "revision of update")
			b.wantHistory("a", "3 a=2")
			b.wantHistory("b", "4 b=2")
		},
	},
	{
		Name:    "expiry/not-listed",
		Promise: "An expired key is in no listing, and no watch begins with it.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit()})
			b.put("old", "1")
			t.place.Pass(t.unit() * 3 / 2)
			b.put("young", "1")
			t.place.Pass(t.unit() * 3 / 4)
			b.wantKeys(">", "young")
			b.watch(WatchOptions{IncludeHistory: true}).want("2 young=1", caughtUp)
			b.watch(WatchOptions{}, "old").want(caughtUp)
		},
	},
	{
		Name:    "expiry/not-in-entries",
		Promise: "Entries leaves out expired keys, also those that expire during the loop.",
		Needs:   []Need{Listings, AnyTTL, Bubble},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.putTTL("a", "1", time.Minute)
			b.put("b", "1")
			b.putTTL("c", "1", time.Hour)
			t.place.Pass(time.Minute)
			t.same(lines(b.entries(">")), []string{"2 b=1", "3 c=1"}, "entries after one has expired")
			var seen []string
			for e, err := range b.Bucket.(Lister).Entries(t.ctx, ">") {
				t.ok(err, "listing")
				seen = append(seen, e.Key)
				t.place.Pass(time.Hour)
			}
			t.same(seen, []string{"b"}, "keys of a loop in which an hour passes")
		},
	},
	{
		Name:    "expiry/silent",
		Promise: "Without limit markers watchers are told nothing of expiry.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: t.unit()})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			b.put("k", "1")
			w.want("1 k=1")
			t.place.Pass(t.unit())
			b.put("k", "2")
			w.want("2 k=2")
		},
	},
	{
		Name:    "expiry/not-delivered-late",
		Promise: "A watcher that was slow gets no revision whose time is over.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), History: 5})
			before := b.watch(WatchOptions{})
			b.put("k", "1")
			after := b.watch(WatchOptions{})
			b.put("stays", "1")
			after.want("1 k=1") // it has found more already
			t.place.Pass(2 * t.unit())
			before.want(caughtUp)
			after.want(caughtUp)
			b.put("k", "2")
			before.want("3 k=2")
			after.want("3 k=2")
		},
	},
	{
		Name:    "expiry/shorter-ttl",
		Promise: "A shorter TTL applies to what is there: revisions too old by it go at once, younger ones stay.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: time.Hour, History: 3})
			b.puts("old", "1", "both", "1")
			t.place.Pass(3 * t.unit())
			b.put("both", "2")
			t.reconfigure(kv.Config{TTL: 2 * t.unit(), History: 3})
			t.place.Pass(0)
			wantGone(b, "old", 1)
			b.wantAll("3 both=2")
		},
	},
	{
		Name:    "expiry/longer-ttl",
		Promise: "A longer TTL, or none, applies to what is there: what has not expired yet lives by the new one.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit()})
			b.put("k", "1")
			t.place.Pass(t.unit())
			t.reconfigure(kv.Config{TTL: 5 * t.unit()})
			t.place.Pass(2 * t.unit())
			b.want("k", "1 k=1")
			t.reconfigure(kv.Config{})
			t.place.Pass(3 * t.unit())
			b.want("k", "1 k=1")
		},
	},
	{
		Name:    "expiry/to-the-nanosecond",
		Promise: "A value is there until just before its deadline and gone at it, to the nanosecond, however it is read.",
		Needs:   []Need{AnyTTL, Listings, Bubble},
		run: func(t *tester) {
			const ttl = 90 * time.Millisecond
			for name, gone := range map[string]func(*bucket) bool{
				"Get":         func(b *bucket) bool { _, err := b.lookUp("k"); return errors.Is(err, kv.ErrKeyNotFound) },
				"GetRevision": func(b *bucket) bool { _, err := b.GetRevision(t.ctx, "k", 1); return errors.Is(err, kv.ErrKeyNotFound) },
				"History":     func(b *bucket) bool { _, err := b.History(t.ctx, "k"); return errors.Is(err, kv.ErrKeyNotFound) },
				"Keys":        func(b *bucket) bool { keys, _ := b.Keys(t.ctx, ">"); return len(keys) == 0 },
				"Entries":     func(b *bucket) bool { return len(b.entries(">")) == 0 },
				"Watch":       func(b *bucket) bool { return len(b.all()) == 0 },
				"Create":      func(b *bucket) bool { _, err := b.Create(t.ctx, "k", nil, WriteOptions{}); return err == nil },
				"Update":      func(b *bucket) bool { _, err := b.Update(t.ctx, "k", nil, 0); return err == nil },
			} {
				b := t.bucket(kv.Config{Bucket: name})
				b.putTTL("k", "1", ttl)
				t.place.Pass(ttl - 1)
				equal(t, gone(b), false, "%s finds the value gone just before its deadline", name)
				t.place.Pass(1)
				equal(t, gone(b), true, "%s finds the value gone at its deadline", name)
			}
		},
	},
	{
		Name:    "expiry/entry-tells-deadline",
		Promise: "An entry tells when it expires: by its own TTL or the bucket's, whichever is earlier.",
		Needs:   []Need{AnyTTL, PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: time.Hour})
			b.put("bucket", "1")
			b.putTTL("key", "1", time.Minute)
			b.putTTL("long", "1", 2*time.Hour)
			for key, ttl := range map[string]time.Duration{"bucket": time.Hour, "key": time.Minute, "long": time.Hour} {
				e := b.get(key)
				equal(t, e.Expires.Sub(e.Created), ttl, "life of %q", key)
			}
			t.reconfigure(kv.Config{})
			equal(t, b.get("bucket").Expires.IsZero(), true, "without a TTL an entry has no deadline")
		},
	},
}

// wantGone checks that no read finds a key or some of its revisions.
func wantGone(b *bucket, key string, revisions ...uint64) {
	b.t.Helper()
	b.wantNone(key)
	b.wantHistory(key)
	b.wantNoRevision(key, revisions...)
	b.wantKeys(key)
}

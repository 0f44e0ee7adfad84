package kvtest

import (
	"fmt"
	"time"

	"github.com/revkv/kv"
)

// What limit markers tell.
var limitMarkerCases = []Case{
	{
		Name:    "limit-marker/bucket-ttl",
		Promise: "With LimitMarkerTTL a key that expires leaves a limit marker: a PURGE with the next revision, which watchers see.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit()})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			b.put("k", "1")
			w.want("1 k=1")
			t.place.Pass(2 * t.unit())
			w.want("2 k PURGE")
			b.wantHistory("k", "2 k PURGE")
			b.wantNone("k")
			b.wantNoRevision("k", 1, 2)
		},
	},
	{
		Name:    "limit-marker/key-ttl",
		Promise: "A key that expires by its own TTL leaves a limit marker as well.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: 2 * t.unit()})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			b.create("k", "1", 2*t.unit())
			w.want("1 k=1")
			t.place.Pass(2 * t.unit())
			w.want("2 k PURGE")
			b.wantHistory("k", "2 k PURGE")
		},
	},
	{
		Name:    "limit-marker/wakes-watchers",
		Promise: "A watcher that waits is told of expiry when it happens, without anybody calling the bucket.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit()})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			created := b.create("k", "1", 2*t.unit())
			before := b.get("k").Created
			w.want(fmt.Sprintf("%d k=1", created))
			marker := w.change()
			equal(t, line(&marker), "2 k PURGE", "next event")
			life := marker.Created.Sub(before)
			equal(t, life >= 2*t.unit() && life < 3*t.unit(), true, "the marker was written %v after the value", life)
		},
	},
	{
		Name:    "limit-marker/goes-silently",
		Promise: "A limit marker goes by itself after LimitMarkerTTL, without a word, and the key has no revision then.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: 2 * t.unit()})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			b.create("k", "1", 2*t.unit())
			w.want("1 k=1")
			t.place.Pass(2 * t.unit())
			w.want("2 k PURGE")
			t.place.Pass(3 * t.unit())
			b.wantAll()
			b.update("k", "new", 0)
			w.want("3 k=new")
		},
	},
	{
		Name:    "limit-marker/shorter-with-bucket-ttl",
		Promise: "A limit marker lives no longer than the bucket's TTL.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: time.Hour})
			b.put("k", "1")
			t.place.Pass(2 * t.unit())
			b.wantAll("2 k PURGE")
			t.place.Pass(3 * t.unit())
			b.wantAll()
		},
	},
	{
		Name:    "limit-marker/one-a-key",
		Promise: "A key with several revisions leaves one limit marker, when the newest expires.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit(), History: 3})
			b.puts("k", "1", "k", "2", "k", "3")
			w := b.watch(WatchOptions{UpdatesOnly: true})
			t.place.Pass(2 * t.unit())
			w.want("4 k PURGE")
			b.wantAll("4 k PURGE")
			b.put("k", "4")
			w.want("5 k=4")
		},
	},
	{
		Name:    "limit-marker/for-delete-markers",
		Promise: "A delete marker that expires leaves a limit marker; a purge marker that expires goes silently.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit()})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			b.delete("d")
			b.purge("p")
			w.want("1 d DELETE", "2 p PURGE")
			t.place.Pass(2 * t.unit())
			w.want("3 d PURGE")
			b.wantAll("3 d PURGE")
			b.put("k", "1")
			w.want("4 k=1")
		},
	},
	{
		Name:    "limit-marker/is-a-revision",
		Promise: "A limit marker is a marker like any other: Create writes over it, Update has to name it.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: 8 * t.unit()})
			b.create("a", "1", t.unit())
			b.create("b", "1", t.unit())
			t.place.Pass(t.unit())
			var markers []string
			for _, key := range []string{"a", "b"} {
				b.wantNone(key)
				markers = append(markers, lines(b.history(key))...)
			}
			b.refusesUpdate(kv.ErrRevisionMismatch, "b", 0, 2)
			b.create("a", "2", 0)
			b.want("a", "5 a=2")
			var marker uint64
			_, err := fmt.Sscan(markers[1], &marker)
			t.ok(err, "revision of the marker")
			equal(t, b.update("b", "2", marker), 6, "revision of an update that names the limit marker")
		},
	},
	{
		Name:    "limit-marker/switched-on",
		Promise: "LimitMarkerTTL can be switched on later, and holds for the keys that are there.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit()})
			b.put("k", "1")
			t.reconfigure(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit()})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			t.place.Pass(2 * t.unit())
			w.want("2 k PURGE")
		},
	},
	{
		Name:    "limit-marker/fits-always",
		Promise: "A key expires also where no marker would be accepted: in a full bucket, and below any limit on values.",
		Needs:   []Need{Sound},
		run: func(t *tester) {
			b := t.bucket(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit(), MaxBytes: 4096, MaxValueSize: 100})
			n := fill(b)
			t.reconfigure(kv.Config{TTL: 2 * t.unit(), LimitMarkerTTL: 2 * t.unit(), MaxBytes: 1000, MaxValueSize: 1})
			t.place.Pass(2 * t.unit())
			for i := range n {
				b.wantNone(fmt.Sprint("k", i))
			}
		},
	},
}

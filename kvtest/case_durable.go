package kvtest

import (
	"fmt"
	"time"

	"github.com/revkv/kv"
)

// What is there after the place was closed and opened again.
var durableCases = []Case{
	{
		Name:    "durable/everything-kept",
		Promise: "Every kept revision is there again with key, value, operation, time and order, and nothing that was trimmed.",
		Needs:   []Need{Reopening},
		run: func(t *tester) {
			b := manyRevisions(t)
			before, created := b.all(), b.get("z").Created
			b = t.reopen(0)
			b.wantAll(before...)
			b.want("z", "9 z=z9")
			equal(t, b.get("z").Created.Equal(created), true, "the time of creation is as before")
			b.wantNone("m", "q")
			b.wantNoRevision("z", 1)
			b.wantNoRevision("q", 7)
			b.wantKeys(">", "a", "z")
		},
	},
	{
		Name:    "durable/sequence-goes-on",
		Promise: "The sequence goes on behind the last revision, also if that one was removed.",
		Needs:   []Need{Reopening},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "a", "2")
			b = t.reopen(0)
			equal(t, b.put("a", "3"), 3, "revision after reopening")
			b.delete("a")
			b.purgeDeletes(-1)
			b = t.reopen(0)
			b.wantAll()
			equal(t, b.put("a", "5"), 5, "revision after everything was removed and the place reopened")
		},
	},
	{
		Name:    "durable/conditions-go-on",
		Promise: "Create and Update compare with the revisions from before.",
		Needs:   []Need{Reopening},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "b", "1")
			b.delete("b")
			b = t.reopen(0)
			b.refusesCreate(kv.ErrKeyExists, "a")
			b.refusesUpdate(kv.ErrRevisionMismatch, "b", 0, 2)
			b.update("a", "2", 1)
			b.update("b", "2", 3)
		},
	},
	{
		Name:    "durable/buckets-and-configurations",
		Promise: "Buckets are there with their last configuration, and deleted ones are not.",
		Needs:   []Need{Reopening, Statuses},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			t.bucket(kv.Config{Bucket: "gone"})
			t.bucket(kv.Config{Bucket: "kept", Description: "colors"})
			b.puts("k", "1", "k", "2")
			t.reconfigure(kv.Config{History: 3, MaxValueSize: 10})
			t.deleteBucket("gone")
			b = t.reopen(0)
			t.wantBuckets("B", "kept")
			equal(t, t.open("kept").status().Config.Description, "colors", "description")
			cfg := b.status().Config
			equal(t, fmt.Sprint(cfg.History, cfg.MaxValueSize), "3 10", "depth and limit")
			b.put("k", "3")
			b.wantHistory("k", "1 k=1", "2 k=2", "3 k=3")
		},
	},
	{
		Name:    "durable/deadlines-go-on",
		Promise: "Deadlines are absolute: a value expires when it would have, whether the place was open or not.",
		Needs:   []Need{Reopening, AnyTTL, Bubble},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "old")
			b.putTTL("k", "1", time.Hour)
			b.put("closed", "old")
			b.putTTL("closed", "1", time.Minute)
			t.place.Pass(time.Second)
			b = t.reopen(time.Minute)
			wantGone(b, "closed", 3, 4)
			b.wantHistory("k", "1 k=old", "2 k=1")
			t.place.Pass(time.Hour - time.Minute - time.Second - 1)
			b.want("k", "2 k=1")
			t.place.Pass(1)
			wantGone(b, "k", 1, 2)
		},
	},
	{
		Name:    "durable/watch-resumes",
		Promise: "A watch resumed behind the last revision seen misses nothing over a restart.",
		Needs:   []Need{Reopening},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			w := b.watch(WatchOptions{})
			b.put("a", "1")
			w.want(caughtUp, "1 a=1")
			b.puts("a", "2", "b", "1")
			b = t.reopen(0)
			w = b.watch(WatchOptions{ResumeFrom: 2})
			w.want("2 a=2", "3 b=1", caughtUp)
			b.delete("a")
			w.want("4 a DELETE")
		},
	},
}

// reopen reopens the place and returns its bucket "B".
func (t *tester) reopen(after time.Duration) *bucket {
	t.Helper()
	t.ok(t.place.(Reopener).Reopen(after), "reopen")
	return t.open("B")
}

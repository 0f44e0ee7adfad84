package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/revkv/kv"
)

// What a watch delivers.
var watchCases = []Case{
	{
		Name:    "watch/newest-of-each-key",
		Promise: "A watch begins with the newest revision of each key, markers included, in order of revision, then CaughtUp.",
		run: func(t *tester) {
			b := manyRevisions(t)
			b.watch(WatchOptions{}).want("6 m DELETE", "9 z=z9", "10 q PURGE", "11 a=a11", caughtUp)
		},
	},
	{
		Name:    "watch/include-history",
		Promise: "With IncludeHistory a watch begins with every kept revision, in order.",
		run: func(t *tester) {
			b := manyRevisions(t)
			b.watch(WatchOptions{IncludeHistory: true}).want(
				"2 a=a2", "3 m=m3", "4 z=z4", "5 a=a5", "6 m DELETE", "8 z=z8", "9 z=z9", "10 q PURGE", "11 a=a11", caughtUp)
		},
	},
	{
		Name:    "watch/ignore-deletes",
		Promise: "With IgnoreDeletes no marker is delivered, neither at the beginning nor later.",
		run: func(t *tester) {
			b := manyRevisions(t)
			w := b.watch(WatchOptions{IgnoreDeletes: true})
			w.want("9 z=z9", "11 a=a11", caughtUp)
			b.delete("a")
			b.purge("z")
			b.put("z", "z14")
			w.want("14 z=z14")
		},
	},
	{
		Name:    "watch/ignore-deletes-include-history",
		Promise: "IgnoreDeletes with IncludeHistory leaves out the markers, and delivers the old values of deleted keys.",
		run: func(t *tester) {
			b := manyRevisions(t)
			b.watch(WatchOptions{IgnoreDeletes: true, IncludeHistory: true}).want(
				"2 a=a2", "3 m=m3", "4 z=z4", "5 a=a5", "8 z=z8", "9 z=z9", "11 a=a11", caughtUp)
		},
	},
	{
		Name:    "watch/meta-only",
		Promise: "With MetaOnly values are empty and not nil, at the beginning and later, and all else is as without.",
		run: func(t *tester) {
			b := manyRevisions(t)
			w := b.watch(WatchOptions{MetaOnly: true})
			w.want("6 m DELETE", `9 z=""`, "10 q PURGE", `11 a=""`, caughtUp)
			b.put("z", "z12")
			e := w.change()
			equal(t, line(&e), `12 z=""`, "entry of a live write")
			equal(t, e.Value != nil, true, "its value is not nil")
			b.delete("z")
			w.want("13 z DELETE")
		},
	},
	{
		Name:    "watch/updates-only",
		Promise: "With UpdatesOnly a watch begins with the next write, and CaughtUp does not come.",
		run: func(t *tester) {
			b := manyRevisions(t)
			w := b.watch(WatchOptions{UpdatesOnly: true})
			b.put("n", "n12")
			b.delete("a")
			w.want("12 n=n12", "13 a DELETE")
		},
	},
	{
		Name:    "watch/pattern-with-options",
		Promise: "With a pattern the options do what they do without.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("k.a", "1", "x", "1", "k.b", "1", "k.a", "2", "x", "2")
			b.delete("k.b")
			b.watch(WatchOptions{}, "k.>").want("4 k.a=2", "6 k.b DELETE", caughtUp)
			b.watch(WatchOptions{IncludeHistory: true}, "k.>").want("1 k.a=1", "3 k.b=1", "4 k.a=2", "6 k.b DELETE", caughtUp)
			b.watch(WatchOptions{IgnoreDeletes: true}, "k.*").want("4 k.a=2", caughtUp)
			b.watch(WatchOptions{ResumeFrom: 3}, "k.>").want("3 k.b=1", "4 k.a=2", "6 k.b DELETE", caughtUp)
			b.watch(WatchOptions{IncludeHistory: true}, "*.a", "x").want("1 k.a=1", "2 x=1", "4 k.a=2", "5 x=2", caughtUp)
		},
	},
	{
		Name:    "watch/resume",
		Promise: "With ResumeFromRevision a watch begins with every kept revision from that one on, then CaughtUp.",
		run: func(t *tester) {
			b := manyRevisions(t)
			for from, want := range map[uint64][]string{
				1:  {"2 a=a2", "3 m=m3", "4 z=z4", "5 a=a5", "6 m DELETE", "8 z=z8", "9 z=z9", "10 q PURGE", "11 a=a11"},
				5:  {"5 a=a5", "6 m DELETE", "8 z=z8", "9 z=z9", "10 q PURGE", "11 a=a11"},
				7:  {"8 z=z8", "9 z=z9", "10 q PURGE", "11 a=a11"},
				11: {"11 a=a11"},
				12: nil,
			} {
				w := b.watch(WatchOptions{ResumeFrom: from})
				w.want(append(want, caughtUp)...)
				w.Stop()
				w = b.watch(WatchOptions{ResumeFrom: from, IncludeHistory: true})
				w.want(append(want, caughtUp)...)
				w.Stop()
			}
		},
	},
	{
		Name:    "watch/resume-with-options",
		Promise: "ResumeFromRevision goes with a pattern, with IgnoreDeletes, and with UpdatesOnly, which leaves out CaughtUp.",
		run: func(t *tester) {
			b := manyRevisions(t)
			b.watch(WatchOptions{ResumeFrom: 5, IgnoreDeletes: true}).want("5 a=a5", "8 z=z8", "9 z=z9", "11 a=a11", caughtUp)
			b.watch(WatchOptions{ResumeFrom: 5}, "a").want("5 a=a5", "11 a=a11", caughtUp)
			b.watch(WatchOptions{ResumeFrom: 10}, "z").want(caughtUp)
			w := b.watch(WatchOptions{ResumeFrom: 9, UpdatesOnly: true})
			b.put("n", "n12")
			w.want("9 z=z9", "10 q PURGE", "11 a=a11", "12 n=n12")
		},
	},
	{
		Name:    "watch/resume-goes-on",
		Promise: "A watch resumed from the last revision seen plus one misses nothing and repeats nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			w := b.watch(WatchOptions{})
			b.puts("a", "1", "b", "1")
			w.want(caughtUp, "1 a=1", "2 b=1")
			w.Stop()
			b.puts("a", "2", "a", "3")
			b.delete("b")
			w = b.watch(WatchOptions{ResumeFrom: 3})
			w.want("3 a=2", "4 a=3", "5 b DELETE", caughtUp)
			b.put("b", "2")
			w.want("6 b=2")
		},
	},
	{
		Name:    "watch/resume-from-the-future",
		Promise: "A watch resumed from a revision not reached yet has caught up at once, and gets no smaller one.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.put("a", "1")
			w := b.watch(WatchOptions{ResumeFrom: 4})
			w.want(caughtUp)
			b.puts("a", "2", "a", "3", "a", "4", "a", "5")
			w.want("4 a=4", "5 a=5")
			b.watch(WatchOptions{ResumeFrom: math.MaxUint64}).want(caughtUp)
		},
	},
	{
		Name:    "watch/caught-up-when-nothing-matches",
		Promise: "CaughtUp comes also if the bucket is empty, nothing matches, or only markers do and they are left out.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.watch(WatchOptions{}).want(caughtUp)
			b.watch(WatchOptions{IncludeHistory: true}).want(caughtUp)
			b.delete("gone")
			b.watch(WatchOptions{IgnoreDeletes: true}).want(caughtUp)
			b.watch(WatchOptions{}, "other").want(caughtUp)
			b.watch(WatchOptions{MetaOnly: true}, "other.>").want(caughtUp)
		},
	},
	{
		Name:    "watch/caught-up-once",
		Promise: "CaughtUp comes once, between what was there and what is written later.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("a", "1")
			w := b.watch(WatchOptions{})
			w.want("1 a=1", caughtUp)
			for i := range 5 {
				rev := b.put("a", "x")
				w.want(fmt.Sprintf("%d a=x", rev))
				equal(t, rev, uint64(i+2), "revision")
			}
		},
	},
	{
		Name:    "watch/every-operation",
		Promise: "A watch delivers every write with its operation: values, delete and purge markers, also of missing keys.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 10})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			b.create("k", "1", 0)
			w.want("1 k=1")
			b.update("k", "2", 1)
			w.want("2 k=2")
			b.put("k", "3")
			w.want("3 k=3")
			b.delete("k")
			w.want("4 k DELETE")
			b.purge("k")
			w.want("5 k PURGE")
			b.delete("never")
			w.want("6 never DELETE")
			b.purge("never")
			w.want("7 never PURGE")
			b.create("k", "4", 0)
			w.want("8 k=4")
		},
	},
	{
		Name:    "watch/silent-removals",
		Promise: "A watch shows writes and nothing else: not trimming, not PurgeDeletes, not a new configuration, which it survives.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			b.puts("a", "1", "a", "2")
			b.delete("d")
			w.want("1 a=1", "2 a=2", "3 d DELETE")
			t.reconfigure(kv.Config{History: 1})
			b.purgeDeletes(-1)
			b.wantAll("2 a=2")
			b.put("a", "3")
			w.want("4 a=3")
		},
	},
	{
		Name:    "watch/stop",
		Promise: "After Stop the watch ends with an error and not with a wait, and stopping again does no harm.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("a", "1")
			idle, busy := b.watch(WatchOptions{}), b.watch(WatchOptions{})
			idle.want("1 a=1", caughtUp)
			idle.Stop()
			idle.wantEnd(kv.ErrWatcherStopped)
			busy.Stop()
			busy.wantEnd(kv.ErrWatcherStopped)
			busy.Stop()
			b.put("a", "2")
			busy.wantEnd(kv.ErrWatcherStopped)
		},
	},
	{
		Name:    "watch/stop-wakes-next",
		Promise: "Stop ends a Next that waits.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			waiting := t.start(1, func(int) error {
				if _, err := w.next(); !errors.Is(err, kv.ErrWatcherStopped) {
					return fmt.Errorf("Next returned %v, want an error that matches %q", err, kv.ErrWatcherStopped)
				}
				return nil
			})
			t.place.Pass(t.quarter())
			w.Stop()
			t.wait(waiting)
		},
	},
	{
		Name:    "watch/context-ends",
		Promise: "A watch ends with the context it was given.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			ctx, cancel := context.WithCancel(t.ctx)
			defer cancel()
			plain, err := b.Watch(ctx, []string{">"}, WatchOptions{})
			t.ok(err, "watch")
			defer plain.Stop()
			w := &watcher{plain, t}
			w.want(caughtUp)
			b.put("a", "1")
			w.want("1 a=1")
			cancel()
			w.wantEnd(context.Canceled)
		},
	},
	{
		Name:    "watch/next-gives-up",
		Promise: "When the context of Next ends the watcher is as it was: what comes later is delivered.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			for i := range 3 {
				ctx, cancel := context.WithTimeout(t.ctx, 20*time.Millisecond)
				_, err := w.Next(ctx)
				cancel()
				t.is(err, context.DeadlineExceeded, "Next with nothing to deliver")
				rev := b.put("a", fmt.Sprint(i))
				w.want(fmt.Sprintf("%d a=%d", rev, i))
			}
		},
	},
}

// manyRevisions returns a bucket of depth 3 whose log is, with what is trimmed or purged in brackets:
//
//	[1 z]  2 a  3 m  4 z  5 a  6 m DELETE  [7 q]  8 z  9 z  10 q PURGE  11 a
//
// The value of a revision is its key and number.
func manyRevisions(t *tester) *bucket {
	t.Helper()
	b := t.bucket(kv.Config{History: 3})
	b.puts("z", "z1", "a", "a2", "m", "m3", "z", "z4", "a", "a5")
	b.delete("m")
	b.puts("q", "q7", "z", "z8", "z", "z9")
	b.purge("q")
	b.put("a", "a11")
	return b
}

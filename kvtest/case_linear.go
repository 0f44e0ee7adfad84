package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/revkv/kv"
)

// What concurrent callers can rely on.
var linearCases = []Case{
	{
		Name:    "linear/read-your-writes",
		Promise: "When a write returns, every read that starts later, through any handle, sees it or something newer.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			other := t.open("B")
			t.together(4, func(i int) error {
				key := fmt.Sprint("k", i)
				for n := range 50 {
					if err := t.try(func(ctx context.Context) error { return writeThenRead(ctx, b, other, key, fmt.Sprint(n)) }); err != nil {
						return err
					}
				}
				return nil
			})
		},
	},
	{
		Name:    "linear/others-read-your-writes",
		Promise: "Whoever learns of a revision from its writer finds it, or something newer.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			told := make(chan uint64)
			t.together(2, func(i int) error {
				if i == 0 {
					defer close(told)
					return t.try(func(ctx context.Context) error { return writeAndTell(ctx, b, told) })
				}
				var failure error
				for rev := range told { // read to the end, so that the writer does not wait for ever
					if e, err := b.lookUp("k"); (err != nil || e.Revision < rev) && failure == nil {
						failure = fmt.Errorf("told of revision %d, Get finds %d (%v)", rev, e.Revision, err)
					}
				}
				return failure
			})
		},
	},
	{
		Name:    "linear/watchers-find-what-they-are-told",
		Promise: "Whoever learns of a revision from a watcher finds it, or something newer.",
		run: func(t *tester) {
			const writes = 100
			b := t.bucket(kv.Config{})
			w := b.watch(WatchOptions{UpdatesOnly: true})
			finds := func() (told uint64) {
				told = w.change().Revision
				found := b.get("k").Revision
				equal(t, found >= told, true, "Get finds revision %d after the watcher told of %d", found, told)
				return told
			}
			for range 10 {
				b.put("k", "one by one")
				finds()
			}
			writing := t.start(1, func(int) error {
				return t.try(func(ctx context.Context) error {
					for i := range writes {
						if _, err := b.Put(ctx, "k", []byte(strconv.Itoa(i))); err != nil {
							return err
						}
					}
					return nil
				})
			})
			for finds() < 10+writes {
			}
			t.wait(writing)
		},
	},
	{
		Name:    "linear/reads-never-go-back",
		Promise: "A reader that has seen a revision of a key never sees an older one.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("k", "", "k", "")
			t.together(4, func(i int) error {
				var last uint64
				for n := range 100 {
					err := t.try(func(ctx context.Context) error {
						if i == 0 {
							_, err := b.Put(ctx, "k", []byte(strconv.Itoa(n)))
							return err
						}
						e, err := b.Get(ctx, "k")
						if err == nil && e.Revision < last {
							err = fmt.Errorf("Get found revision %d after %d", e.Revision, last)
						}
						last = e.Revision
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	},
	{
		Name:    "linear/one-create-wins",
		Promise: "Of several Creates of a key at the same time exactly one succeeds; the others fail with ErrKeyExists.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for i := range 30 {
				key := fmt.Sprint("k", i)
				oneWins(t, b, key, kv.ErrKeyExists, func(ctx context.Context, value []byte) (uint64, error) {
					return b.Create(ctx, key, value, WriteOptions{})
				})
			}
		},
	},
	{
		Name:    "linear/one-create-over-marker-wins",
		Promise: "Of several Creates of a deleted key at the same time exactly one succeeds.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for range 30 {
				b.delete("k")
				oneWins(t, b, "k", kv.ErrKeyExists, func(ctx context.Context, value []byte) (uint64, error) {
					return b.Create(ctx, "k", value, WriteOptions{})
				})
			}
		},
	},
	{
		Name:    "linear/one-update-wins",
		Promise: "Of several Updates with the same revision at the same time exactly one succeeds; the others are mismatches.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			rev := b.put("k", "")
			for range 30 {
				oneWins(t, b, "k", kv.ErrRevisionMismatch, func(ctx context.Context, value []byte) (uint64, error) {
					return b.Update(ctx, "k", value, rev)
				})
				rev = b.get("k").Revision
			}
		},
	},
	{
		Name:    "linear/one-delete-wins",
		Promise: "Of several Deletes with the same LastRevision at the same time exactly one succeeds.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			rev := b.put("k", "x")
			var wins atomic.Int32
			t.together(8, func(int) error {
				err := t.try(func(ctx context.Context) error { return b.Delete(ctx, "k", WriteOptions{LastRevision: rev}) })
				if err == nil {
					wins.Add(1)
				}
				return unless(err, kv.ErrRevisionMismatch)
			})
			equal(t, wins.Load(), 1, "Deletes that succeeded")
			b.wantHistory("k", "1 k=x", "2 k DELETE")
		},
	},
	{
		Name:    "linear/no-lost-update",
		Promise: "Counting with Get and Update from several goroutines loses no count.",
		run: func(t *tester) {
			const counters, counts = 4, 25
			b := t.bucket(kv.Config{})
			b.put("n", "0")
			t.together(counters, func(int) error {
				for range counts {
					if err := increment(b, "n"); err != nil {
						return err
					}
				}
				return nil
			})
			b.want("n", fmt.Sprintf("%d n=%d", 1+counters*counts, counters*counts))
		},
	},
}

// writeThenRead writes a key and looks for the revision with every read, through another handle.
func writeThenRead(ctx context.Context, b, other *bucket, key, value string) error {
	rev, err := b.Put(ctx, key, []byte(value))
	if err != nil {
		return err
	}
	e, err := other.Get(ctx, key)
	if err != nil || e.Revision != rev || string(e.Value) != value {
		return fmt.Errorf("after put of %s=%s with revision %d, Get finds %s (%v)", key, value, rev, line(&e), err)
	}
	if e, err := other.GetRevision(ctx, key, rev); err != nil || string(e.Value) != value {
		return fmt.Errorf("after put of %s=%s, GetRevision finds %s (%v)", key, value, line(&e), err)
	}
	history, err := other.History(ctx, key)
	if n := len(history); err != nil || n == 0 || history[n-1].Revision != rev {
		return fmt.Errorf("after put of %s with revision %d, History is %s (%v)", key, rev, list(lines(history)), err)
	}
	keys, err := other.Keys(ctx, key)
	if err != nil || len(keys) != 1 {
		return fmt.Errorf("after put of %s, Keys finds %q (%v)", key, keys, err)
	}
	return nil
}

// writeAndTell writes a key and sends each revision.
func writeAndTell(ctx context.Context, b *bucket, told chan<- uint64) error {
	for i := range 100 {
		rev, err := b.Put(ctx, "k", []byte(strconv.Itoa(i)))
		if err != nil {
			return err
		}
		told <- rev
	}
	return nil
}

// oneWins makes eight writes of a key at the same time, each with a value of its own, and checks that one succeeds, that
// its value stays, and that the others fail with an error that matches lost.
func oneWins(t *tester, b *bucket, key string, lost error, write func(ctx context.Context, value []byte) (uint64, error)) {
	t.Helper()
	revs := make([]uint64, 8)
	t.together(len(revs), func(i int) error {
		return unless(t.try(func(ctx context.Context) (err error) {
			revs[i], err = write(ctx, []byte(strconv.Itoa(i)))
			return err
		}), lost)
	})
	var winners []string
	for i, rev := range revs {
		if rev != 0 {
			winners = append(winners, fmt.Sprintf("%d %s=%d", rev, key, i))
		}
	}
	equal(t, len(winners), 1, "writes that succeeded")
	b.want(key, winners[0])
}

// unless returns err, or nil if that matches expected.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// increment adds one to the number under a key, by Get and Update.
func increment(b *bucket, key string) error {
	for {
		err := b.t.try(func(ctx context.Context) error {
			e, err := b.Get(ctx, key)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(string(e.Value))
			if err != nil {
				return err
			}
			_, err = b.Update(ctx, key, []byte(strconv.Itoa(n+1)), e.Revision)
			return err
		})
		if !errors.Is(err, kv.ErrRevisionMismatch) {
			return err
		}
	}
}

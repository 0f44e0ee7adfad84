package kvtest

import (
	"context"
	"fmt"
	"runtime"
	"strings"

	"github.com/revkv/kv"
)

// What a watcher is sure to get, whoever is slow.
var watcherCases = []Case{
	{
		Name:    "watcher/everything-kept-in-order",
		Promise: "A watcher gets every revision that is kept, in rising order, also while many write.",
		run: func(t *tester) {
			const writers, writes = 4, 50
			b := t.bucket(kv.Config{History: 64})
			w := b.watch(WatchOptions{})
			w.want(caughtUp)
			writing := t.start(writers, func(i int) error {
				for range writes {
					err := t.try(func(ctx context.Context) error {
						_, err := b.Put(ctx, fmt.Sprint("k", i), nil)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			for rev := range uint64(writers * writes) {
				equal(t, w.change().Revision, rev+1, "revision of the next event")
			}
			t.wait(writing)
		},
	},
	{
		Name:    "watcher/joins-while-written",
		Promise: "A watcher that begins while others write gets every kept revision once, with CaughtUp once among them.",
		run: func(t *tester) {
			const writes = 200
			b := t.bucket(kv.Config{History: 64})
			begun := make(chan struct{})
			writing := t.start(1, func(int) error {
				for i := range writes {
					if i == writes/4 {
						close(begun)
					}
					err := t.try(func(ctx context.Context) error {
						_, err := b.Put(ctx, fmt.Sprint("k", i%8), nil)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			<-begun
			w := b.watch(WatchOptions{IncludeHistory: true})
			ends := 0
			for rev := uint64(1); rev <= writes; {
				e, err := w.next()
				t.ok(err, "next event")
				if e.Kind == kv.CaughtUp {
					ends++
					continue
				}
				equal(t, e.Entry.Revision, rev, "revision of the next event")
				rev++
			}
			t.wait(writing)
			if ends == 0 {
				w.want(caughtUp)
				ends++
			}
			equal(t, ends, 1, "CaughtUp events")
		},
	},
	{
		Name:    "watcher/slow-gets-newest",
		Promise: "A watcher that is slow may miss what is trimmed, but the newest state of each key arrives, in rising order.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			w := b.watch(WatchOptions{})
			for range 500 {
				b.puts("a", "x", "b", "x", "c", "x")
			}
			b.delete("c")
			newest := map[string]string{"a": "1498 a=x", "b": "1499 b=x", "c": "1501 c DELETE"}
			for last := uint64(0); len(newest) > 0; {
				e, err := w.next()
				t.ok(err, "next event; still to come: %v", newest)
				if e.Kind == kv.CaughtUp {
					continue
				}
				equal(t, e.Entry.Revision > last, true, "revision %d after %d is rising", e.Entry.Revision, last)
				last = e.Entry.Revision
				if newest[e.Entry.Key] == line(&e.Entry) {
					delete(newest, e.Entry.Key)
				}
			}
		},
	},
	{
		Name:    "watcher/never-blocks-writers",
		Promise: "Watchers that nobody reads hold up neither writers nor other watchers.",
		run: func(t *tester) {
			const writes = 2000
			b := t.bucket(kv.Config{})
			for range 8 {
				b.watch(WatchOptions{})
				b.watch(WatchOptions{UpdatesOnly: true}, "k")
			}
			read := b.watch(WatchOptions{UpdatesOnly: true})
			t.together(1, func(int) error {
				for range writes {
					err := t.try(func(ctx context.Context) error {
						_, err := b.Put(ctx, "k", nil)
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			for read.change().Revision < writes {
			}
		},
	},
	{
		Name:    "watcher/each-gets-all",
		Promise: "Every watcher gets every event, however many there are.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.put("k", "1")
			var watchers []*watcher
			for range 20 {
				watchers = append(watchers, b.watch(WatchOptions{}))
			}
			b.put("k", "2")
			b.delete("k")
			for _, w := range watchers {
				w.want("1 k=1", caughtUp, "2 k=2", "3 k DELETE")
			}
		},
	},
	{
		Name:    "watcher/caught-up-after-every-key",
		Promise: "CaughtUp comes after the newest state of every key that was there, also of one overwritten meanwhile.",
		Needs:   []Need{Sound},
		run: func(t *tester) {
			for _, pattern := range []string{">", "k.*"} {
				const keys = 300
				b := t.bucket(kv.Config{Bucket: fmt.Sprint("B", len(pattern))})
				for i := range keys {
					b.put(fmt.Sprint("k.", i), "old")
				}
				w := b.watch(WatchOptions{}, pattern)
				seen := map[string]bool{w.change().Key: true}
				for i := range keys {
					switch i % 3 {
					case 0:
						b.put(fmt.Sprint("k.", i), "new")
					case 1:
						b.delete(fmt.Sprint("k.", i))
					}
				}
				for {
					e, err := w.next()
					t.ok(err, "next event")
					if e.Kind == kv.CaughtUp {
						break
					}
					seen[e.Entry.Key] = true
				}
				equal(t, len(seen), keys, "keys seen by %q before CaughtUp", pattern)
			}
		},
	},
	{
		Name:    "watcher/costs-its-position",
		Promise: "A watcher that nobody reads costs no memory that grows with what is written.",
		Needs:   []Need{InProcess},
		run: func(t *tester) {
			const writes, size = 4000, 8 << 10
			b := t.bucket(kv.Config{})
			b.watch(WatchOptions{})
			value := strings.Repeat("x", size)
			before := heap()
			for range writes {
				b.put("k", value)
			}
			after := heap()
			if after > before && after-before > writes*size/4 {
				t.fatalf("%d writes of %d bytes to one key left %d bytes in memory", writes, size, after-before)
			}
			b.want("k", fmt.Sprintf("%d k=%s", writes, value))
		},
	},
}

// heap returns how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

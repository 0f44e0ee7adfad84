package kvtest

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// What is left running.
var restCases = []Case{
	{
		Name:    "rest/no-goroutine-without-work",
		Promise: "When no watch is open and nothing has a deadline, no goroutine runs.",
		Needs:   []Need{InProcess},
		run: func(t *tester) {
			before := goroutines()
			b := t.bucket(kv.Config{History: 3, LimitMarkerTTL: t.unit()})
			for i := range 50 {
				b.put(fmt.Sprint("k", i), "1")
			}
			b.delete("k1")
			b.wantHistory("k1", "2 k1=1", "51 k1 DELETE")
			b.purgeDeletes(-1)
			b.create("lease", "1", t.unit())
			t.place.Pass(3 * t.unit())
			b.wantNone("lease")
			wantGoroutines(t, before, "after writes, reads and expiry")
		},
	},
	{
		Name:    "rest/no-goroutine-after-watches",
		Promise: "A watch that has ended, by Stop or with its context, leaves no goroutine behind.",
		Needs:   []Need{InProcess},
		run: func(t *tester) {
			before := goroutines()
			b := t.bucket(kv.Config{})
			b.put("k", "1")
			ctx, cancel := context.WithCancel(t.ctx)
			defer cancel()
			for range 5 {
				w := b.watch(WatchOptions{})
				w.want("1 k=1", caughtUp)
				w.Stop()
				_, err := b.Watch(ctx, []string{">"}, WatchOptions{})
				t.ok(err, "watch")
			}
			cancel()
			wantGoroutines(t, before, "after ten watches that have ended")
		},
	},
	{
		Name:    "rest/close",
		Promise: "After Close every call returns ErrClosed, and a second Close nil; closing from two sides at once does no harm.",
		Needs:   []Need{Closing},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "1")
			t.together(2, func(int) error { return t.place.(Closer).Close() })
			t.ok(t.place.(Closer).Close(), "third Close")
			wantDead(t, b, kv.ErrClosed)
			for name, call := range placeCalls(t.place, "B") {
				t.is(t.try(call), kv.ErrClosed, "%s", name)
			}
		},
	},
	{
		Name:    "rest/close-ends-watches",
		Promise: "Close ends every watch with ErrClosed, also one that waits, and leaves no goroutine behind.",
		Needs:   []Need{Closing},
		run: func(t *tester) {
			before := goroutines()
			b := t.bucket(kv.Config{LimitMarkerTTL: t.unit()})
			waits, idle := b.watch(WatchOptions{}), b.watch(WatchOptions{})
			waits.want(caughtUp)
			b.create("lease", "1", time.Hour)
			waits.want("1 lease=1")
			waiting := t.start(1, func(int) error {
				if _, err := waits.next(); !errors.Is(err, kv.ErrClosed) {
					return fmt.Errorf("Next returned %v, want an error that matches %q", err, kv.ErrClosed)
				}
				return nil
			})
			t.place.Pass(t.quarter())
			t.ok(t.place.(Closer).Close(), "Close")
			t.wait(waiting)
			idle.wantEnd(kv.ErrClosed)
			if keeps(t.place, InProcess) {
				wantGoroutines(t, before, "after Close")
			}
		},
	},
}

// wantGoroutines checks that no more goroutines run than before, once those that are ending have ended.
func wantGoroutines(t *tester, before int, when string) {
	t.Helper()
	var now int
	for range 50 {
		if now = goroutines(); now <= before {
			return
		}
		t.place.Pass(t.quarter() / 5)
	}
	t.fatalf("%s: %d goroutines run, %d ran before\n%s", when, now, before, stacks(true))
}

// bubbleName is what stack traces call a synctest bubble.
var bubbleName = regexp.MustCompile(`synctest bubble \d+\b`)

// goroutines returns how many goroutines run: those of the caller's bubble, if it is in one.
func goroutines() int {
	if !inBubble() {
		return runtime.NumGoroutine()
	}
	bubble := bubbleName.FindString(stacks(false))
	if bubble == "" { // traces have come to look different
		return runtime.NumGoroutine()
	}
	n := 0
	for l := range strings.Lines(stacks(true)) {
		if strings.HasPrefix(l, "goroutine ") && bubbleName.FindString(l) == bubble {
			n++
		}
	}
	return n
}

// stacks returns the stack trace of the caller's goroutine or of all.
func stacks(all bool) string {
	buf := make([]byte, 1<<16)
	for {
		n := runtime.Stack(buf, all)
		if n < len(buf) {
			return string(buf[:n])
		}
		buf = make([]byte, 2*len(buf))
	}
}

// placeCalls returns every call of a place, on a bucket that exists.
func placeCalls(p Place, name string) map[string]func(ctx context.Context) error {
	cfg := kv.Config{Bucket: name}
	return map[string]func(ctx context.Context) error{
		"create bucket": func(ctx context.Context) error {
			_, err := p.CreateBucket(ctx, cfg)
			return err
		},
		"update bucket": func(ctx context.Context) error {
			_, err := p.UpdateBucket(ctx, cfg)
			return err
		},
		"create or update bucket": func(ctx context.Context) error {
			_, err := p.CreateOrUpdateBucket(ctx, cfg)
			return err
		},
		"open bucket": func(ctx context.Context) error {
			_, err := p.Bucket(ctx, name)
			return err
		},
		"delete bucket": func(ctx context.Context) error { return p.DeleteBucket(ctx, name) },
	}
}

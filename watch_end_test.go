package kv_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// watchEnds are all ways in which a watch can end.
var watchEnds = []struct {
	name string
	end  func(t *testing.T, db *kv.DB, w *kv.Watcher, cancel context.CancelFunc)
	want error
}{
	{"Stop", func(_ *testing.T, _ *kv.DB, w *kv.Watcher, _ context.CancelFunc) { w.Stop() }, kv.ErrWatcherStopped},
	{"context cancelled", func(_ *testing.T, _ *kv.DB, _ *kv.Watcher, cancel context.CancelFunc) { cancel() }, context.Canceled},
	{"deadline of the context", func(*testing.T, *kv.DB, *kv.Watcher, context.CancelFunc) {
		time.Sleep(time.Hour)
		synctest.Wait()
	}, context.DeadlineExceeded},
	{"bucket deleted", func(t *testing.T, db *kv.DB, _ *kv.Watcher, _ context.CancelFunc) {
		require.NoError(t, db.DeleteBucket(t.Context(), "B"))
	}, kv.ErrBucketDeleted},
	{"database closed", func(t *testing.T, db *kv.DB, _ *kv.Watcher, _ context.CancelFunc) { require.NoError(t, db.Close()) }, kv.ErrClosed},
	{"bucket deleted and made again", func(t *testing.T, db *kv.DB, _ *kv.Watcher, _ context.CancelFunc) {
		require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		play(t, newBucket(t, db, kv.Config{}), "a b c")
	}, kv.ErrBucketDeleted},
}

// Next returns why the watch has ended, from then on and whatever happens later.
func TestEndOfAWatch(t *testing.T) {
	for _, row := range watchEnds {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				play(t, b, "a b")
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				w, err := b.Watch(ctx, ">")
				require.NoError(t, err)
				require.Equal(t, "a1", nextEvent(t, w))
				row.end(t, db, w, cancel)
				check := func() {
					t.Helper()
					e, err := w.Next(t.Context())
					assert.Zero(t, e)
					requireErr(t, err, row.want)
				}
				check()
				if row.want == kv.ErrBucketDeleted {
					assert.Equal(t, "B", asError[*kv.BucketError](t, errOf(w.Next(t.Context()))).Bucket)
				}
				w.Stop()
				w.Stop()
				check()
				cancel()
				synctest.Wait()
				check()
				require.NoError(t, db.Close())
				check()
			})
		})
	}
}

// A Next that waits is told at once.
func TestEndOfAWatchThatWaits(t *testing.T) {
	for _, row := range watchEnds {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				w, err := b.Watch(ctx, "x.>")
				require.NoError(t, err)
				require.Equal(t, "CaughtUp", nextEvent(t, w))
				ended := make(chan error)
				go func() { ended <- errOf(w.Next(t.Context())) }()
				synctest.Wait()
				select {
				case err := <-ended:
					require.FailNow(t, "Next returned early", err)
				default:
				}
				row.end(t, db, w, cancel)
				requireErr(t, <-ended, row.want)
				synctest.Wait()
				if row.want == kv.ErrWatcherStopped || row.want == context.Canceled || row.want == context.DeadlineExceeded {
					assert.Zero(t, statusOf(t, b).Watchers)
					play(t, b, "x.a") // writers know nothing of it any more
				}
			})
		})
	}
}

// A context without a deadline lets a watch live.
func TestWatchWithoutDeadline(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		w, err := b.Watch(context.Background(), ">")
		require.NoError(t, err)
		defer w.Stop()
		require.Equal(t, "CaughtUp", nextEvent(t, w))
		time.Sleep(1000 * time.Hour)
		play(t, b, "a")
		assert.Equal(t, "a1", drain(t, w))
	})
}

// The context of Next bounds the wait, and leaves the watcher as it was.
func TestContextOfNext(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()

		//lint:ignore SA1012 what a nil context gives
		requireErr(t, errOf(w.Next(nil)), kv.ErrInvalidContext)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		requireErr(t, errOf(w.Next(ended)), context.Canceled, "also if there is something to deliver")
		assert.Equal(t, "a1", nextEvent(t, w))

		assert.Equal(t, "b2 CaughtUp", drain(t, w))
		for range 3 {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			requireErr(t, errOf(w.Next(ctx)), context.DeadlineExceeded)
			cancel()
			assert.Equal(t, time.Minute, time.Since(start))
		}
		play(t, b, "c a")
		assert.Equal(t, "c3 a4", drain(t, w))
	})
}

// Events is Next in a loop: it can be left and entered again, and its last pair has the error.
func TestEvents(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		for e, err := range w.Events(t.Context()) {
			require.NoError(t, err)
			assert.Equal(t, "a1", drawEvent(t, e))
			break
		}
		var seen []string
		for e, err := range w.Events(t.Context()) {
			if err != nil {
				requireErr(t, err, kv.ErrWatcherStopped)
				seen = append(seen, "end")
				continue
			}
			seen = append(seen, drawEvent(t, e))
			switch len(seen) {
			case 2:
				play(t, b, "c")
			case 3:
				w.Stop()
			}
		}
		assert.Equal(t, []string{"b2", "CaughtUp", "c3", "end"}, seen)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		w, err = b.Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		defer w.Stop()
		for e, err := range w.Events(ctx) {
			requireErr(t, err, context.DeadlineExceeded)
			assert.Zero(t, e)
		}
	})
}

// Each watcher gets entries of its own.
func TestWatchersGetPrivateEntries(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a")
		for range 2 {
			w, err := b.Watch(t.Context(), ">")
			require.NoError(t, err)
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, "v1", string(e.Entry.Value))
			copy(e.Entry.Value, "XX")
			w.Stop()
		}
	})
}

// Values that are delivered one after the other have nothing in common: writing to one and appending to it leave the others alone.
func TestWatchedValuesAreApart(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		live, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		defer live.Stop()
		var want []string
		for i, size := range []int{100, 0, 1, 256, 256, 300, 256, 255, 1000, 257, 1, 1025, 5000, 0, 200} {
			want = append(want, strings.Repeat(string(rune('a'+i)), size))
			require.NoError(t, errOf(b.Put(t.Context(), fmt.Sprint("k", i), []byte(want[i]))))
		}
		initial, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer initial.Stop()
		assert.Equal(t, want, valuesApart(t, initial, len(want)))
		assert.Equal(t, want, valuesApart(t, live, len(want)))
	})
}

// valuesApart returns the next n values of a watch, each after everything was done to those before that their owner may do.
func valuesApart(t *testing.T, w *kv.Watcher, n int) []string {
	t.Helper()
	var values [][]byte
	for range n {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		require.NotNil(t, e.Entry.Value)
		values = append(values, e.Entry.Value)
	}
	got := make([]string, n)
	for i, v := range values {
		got[i] = string(v)
		clear(v)
		_ = append(v, "and so on"...)
	}
	return got
}

// A watch can be stopped by any goroutine, also by several at once and while others write.
func TestStopByMany(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for range 50 {
			w, err := b.Watch(t.Context(), ">")
			require.NoError(t, err)
			done := make(chan error)
			go func() {
				for {
					if _, err := w.Next(t.Context()); err != nil {
						done <- err
						return
					}
				}
			}()
			for range 3 {
				go func() { w.Stop(); done <- nil }()
			}
			require.NoError(t, errOf(b.Put(t.Context(), "k", nil)))
			var ends []error
			for range 4 {
				if err := <-done; err != nil {
					ends = append(ends, err)
				}
			}
			assert.Equal(t, []error{kv.ErrWatcherStopped}, ends)
		}
		assert.Zero(t, statusOf(t, b).Watchers)
	})
}

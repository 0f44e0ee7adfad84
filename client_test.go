package kv_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
)

// watchAsClient starts a watch of the kind that module natskv uses.
func watchAsClient(t testing.TB, b *kv.Bucket, patterns []string, opts ...kv.WatchOption) *kv.Watcher {
	t.Helper()
	w, err := b.WatchFiltered(t.Context(), patterns, append(opts, adapter.AsClient.(kv.WatchOption))...)
	require.NoError(t, err)
	t.Cleanup(w.Stop)
	return w
}

// drainDeltas is drain with the deltas.
func drainDeltas(t testing.TB, w *kv.Watcher) string {
	t.Helper()
	var words []string
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		e, err := w.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return strings.Join(words, " ")
		}
		require.NoError(t, err)
		word := drawEvent(t, e)
		if e.Kind == kv.Changed {
			word += fmt.Sprintf("+%d", e.Entry.Delta)
		}
		words = append(words, word)
	}
}

// Delta counts what is still to come before CaughtUp, what IgnoreDeletes hides included.
func TestAsClientDelta(t *testing.T) {
	const script = "z a m z a -m q z z !q a"
	for _, row := range []struct {
		patterns []string
		opts     []kv.WatchOption
		want     string
	}{
		{nil, nil, "m6D+3 z9+2 q10P+1 a11+0 CaughtUp"},
		{[]string{"*"}, nil, "m6D+3 z9+2 q10P+1 a11+0 CaughtUp"},
		{[]string{"m"}, nil, "m6D+0 CaughtUp"},
		{[]string{"m", "z", "nosuch"}, nil, "m6D+1 z9+0 CaughtUp"},
		{[]string{"nosuch"}, nil, "CaughtUp"},
		{nil, []kv.WatchOption{kv.IgnoreDeletes()}, "z9+2 a11+0 CaughtUp"},
		{nil, []kv.WatchOption{kv.IncludeHistory()}, "a2+8 m3+7 z4+6 a5+5 m6D+4 z8+3 z9+2 q10P+1 a11+0 CaughtUp"},
		{[]string{"*"}, []kv.WatchOption{kv.IncludeHistory(), kv.IgnoreDeletes()}, "a2+8 m3+7 z4+6 a5+5 z8+3 z9+2 a11+0 CaughtUp"},
		{nil, []kv.WatchOption{kv.ResumeFromRevision(7)}, "z8+3 z9+2 q10P+1 a11+0 CaughtUp"},
		{nil, []kv.WatchOption{kv.ResumeFromRevision(9), kv.UpdatesOnly()}, "z9+2 q10P+1 a11+0"},
		{nil, []kv.WatchOption{kv.UpdatesOnly()}, ""},
		{nil, []kv.WatchOption{kv.ResumeFromRevision(12)}, "CaughtUp"},
	} {
		t.Run(fmt.Sprint(row.patterns, row.want), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, script)
				w := watchAsClient(t, b, row.patterns, row.opts...)
				assert.Equal(t, row.want, drainDeltas(t, w))
			})
		})
	}
}

// Keys that have expired are not counted, whether or not they have been taken out.
func TestAsClientDeltaOfExpired(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		_, err := b.Put(t.Context(), "gone", nil, kv.KeyTTL(time.Second))
		require.NoError(t, err)
		play(t, b, "stays")
		time.Sleep(time.Second)
		w := watchAsClient(t, b, nil)
		assert.Equal(t, "stays2+0 CaughtUp", drainDeltas(t, w))
	})
}

// A watcher gets what was written after it began, though the log has lost it.
func TestAsClientPushes(t *testing.T) {
	for _, row := range []struct {
		name     string
		patterns []string
		opts     []kv.WatchOption
		want     string
	}{
		{"all", nil, nil, "b2+1 a3+0 CaughtUp a4D+0 c5+0 c6P+0 a7+0 a.x8+0 a.x9+0"},
		{"no markers", nil, []kv.WatchOption{kv.IgnoreDeletes()}, "b2+1 a3+0 CaughtUp c5+0 a7+0 a.x8+0 a.x9+0"},
		{"two patterns", []string{"a", "c"}, nil, "a3+0 CaughtUp a4D+0 c5+0 c6P+0 a7+0"},
		{"patterns that overlap", []string{"*.x", "a.*"}, nil, "CaughtUp a.x8+0 a.x9+0"},
		{"updates", nil, []kv.WatchOption{kv.UpdatesOnly()}, "a3+0 a4D+0 c5+0 c6P+0 a7+0 a.x8+0 a.x9+0"},
		{"from a revision", nil, []kv.WatchOption{kv.ResumeFromRevision(5)}, "CaughtUp c5+0 c6P+0 a7+0 a.x8+0 a.x9+0"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 2})
				play(t, b, "a b")
				w := watchAsClient(t, b, row.patterns, row.opts...)
				play(t, b, "a -a c !c a a.x a.x")
				assert.Equal(t, row.want, drainDeltas(t, w))
			})
		})
	}
}

// Values that are pushed are those that were written.
func TestAsClientPushedValues(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		w, meta := watchAsClient(t, b, nil), watchAsClient(t, b, nil, kv.MetaOnly())
		value := []byte("first")
		_, err := b.Put(t.Context(), "k", value)
		require.NoError(t, err)
		value[0] = 'X'
		_, err = b.Put(t.Context(), "k", nil)
		require.NoError(t, err)
		for _, want := range []string{"", "first", ""} {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			if e.Kind == kv.Changed {
				assert.Equal(t, []byte(want), e.Entry.Value)
			}
			e, err = meta.Next(t.Context())
			require.NoError(t, err)
			if e.Kind == kv.Changed {
				assert.Equal(t, []byte{}, e.Entry.Value)
			}
		}
	})
}

// A watcher that is far behind goes by the log again, and still gets the newest state of every key, in order.
func TestAsClientFarBehind(t *testing.T) {
	for _, writes := range []int{4096, 4097, 10_000} {
		t.Run(fmt.Sprint(writes), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				w := watchAsClient(t, b, nil)
				for round := range 2 {
					for i := range writes {
						_, err := b.Put(t.Context(), fmt.Sprint("k", i%7), nil)
						require.NoError(t, err)
					}
					newest := statusOf(t, b).Newest
					seen, last := 0, uint64(0)
					for last < newest {
						e, err := w.Next(t.Context())
						require.NoError(t, err)
						if e.Kind == kv.CaughtUp {
							continue
						}
						require.Greater(t, e.Entry.Revision, last)
						last = e.Entry.Revision
						seen++
					}
					assert.GreaterOrEqual(t, seen, 4096, "round %d", round)
				}
			})
		})
	}
}

// The done channel tells that a watch has ended, whoever ended it.
func TestAsClientDone(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, db *kv.DB, w *kv.Watcher){
		"Stop":   func(_ *testing.T, _ *kv.DB, w *kv.Watcher) { w.Stop() },
		"Close":  func(t *testing.T, db *kv.DB, _ *kv.Watcher) { require.NoError(t, db.Close()) },
		"Delete": func(t *testing.T, db *kv.DB, _ *kv.Watcher) { require.NoError(t, db.DeleteBucket(t.Context(), "B")) },
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				w := watchAsClient(t, newBucket(t, db, kv.Config{}), nil)
				select {
				case <-adapter.Done(w):
					t.Fatal("it has not ended")
				default:
				}
				end(t, db, w)
				<-adapter.Done(w)
			})
		})
	}
}

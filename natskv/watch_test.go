package natskv_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// What a watch begins with is in the channel when it is there, and no later write replaces it.
func TestWatchBeginsAtOnce(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a b -c")
		w, err := b.WatchAll(t.Context())
		require.NoError(t, err)
		require.Len(t, w.Updates(), 4)
		play(t, b, "a -a b c !c")
		assert.Equal(t, "a1 b2 c3D nil a4 a5D b6 c7 c8P", drain(w))
		require.NoError(t, w.Stop())
		assert.Equal(t, "closed", drain(w))
	})
}

// A watcher that nobody reads holds nobody up. It gets what happened in the end, in order, and first what there was.
func TestWatchUnread(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		for i := range 300 {
			play(t, b, fmt.Sprint("first", i))
		}
		w, err := b.WatchAll(t.Context())
		require.NoError(t, err)
		for i := range 6000 {
			play(t, b, fmt.Sprint("k", i%10))
		}
		var last uint64
		seen := 0
		for last < 6300 {
			if e := <-w.Updates(); e != nil {
				require.Greater(t, e.Revision(), last)
				last = e.Revision()
				seen++
			}
		}
		assert.Greater(t, seen, 300+4096)
		require.NoError(t, w.Stop())
	})
}

// However a watch ends, what is in the channel can still be read, then the channel is closed and the goroutine is gone.
func TestWatchEnds(t *testing.T) {
	type ending struct {
		name  string
		end   func(t *testing.T, db *kv.DB, w jetstream.KeyWatcher, cancel func())
		again error // of Stop
	}
	for _, row := range []ending{
		{"Stop", func(t *testing.T, _ *kv.DB, w jetstream.KeyWatcher, _ func()) {
			require.NoError(t, w.Stop())
		}, nats.ErrBadSubscription},
		{"context", func(_ *testing.T, _ *kv.DB, _ jetstream.KeyWatcher, cancel func()) { cancel() }, nats.ErrBadSubscription},
		{"Close", func(t *testing.T, db *kv.DB, _ jetstream.KeyWatcher, _ func()) {
			require.NoError(t, db.Close())
		}, nats.ErrConnectionClosed},
		{"DeleteKeyValue", func(t *testing.T, db *kv.DB, _ jetstream.KeyWatcher, _ func()) {
			require.NoError(t, natskv.New(db).DeleteKeyValue(t.Context(), "B"))
		}, nil},
	} {
		for _, keys := range []int{0, 1, 255, 256, 257, 600} {
			t.Run(fmt.Sprint(row.name, "/", keys), func(t *testing.T) {
				inBubbles(t, func(t *testing.T, db *kv.DB) {
					b := newBucket(t, db, jetstream.KeyValueConfig{})
					for i := range keys {
						play(t, b, fmt.Sprint("k", i))
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					w, err := b.WatchAll(ctx)
					require.NoError(t, err)
					synctest.Wait()
					row.end(t, db, w, cancel)
					synctest.Wait()
					words := strings.Fields(drain(w))
					assert.Len(t, words, min(keys+1, 256)+1)
					assert.Equal(t, "closed", words[len(words)-1])
					assert.Equal(t, row.again, w.Stop())
				})
			})
		}
	}
}

// A lister that nobody reads ends with Stop, its context, and Close.
func TestListerEnds(t *testing.T) {
	for name, end := range map[string]func(db *kv.DB, l jetstream.KeyLister, cancel func()){
		"Stop":    func(_ *kv.DB, l jetstream.KeyLister, _ func()) { _ = l.Stop() },
		"context": func(_ *kv.DB, _ jetstream.KeyLister, cancel func()) { cancel() },
		"Close":   func(db *kv.DB, _ jetstream.KeyLister, _ func()) { _ = db.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, jetstream.KeyValueConfig{})
				for i := range 600 {
					play(t, b, fmt.Sprint("k", i))
				}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				l, err := b.ListKeys(ctx)
				require.NoError(t, err)
				synctest.Wait()
				end(db, l, cancel)
				synctest.Wait()
				n := 0
				for range l.Keys() {
					n++
				}
				assert.Equal(t, 256, n)
				require.Error(t, l.Stop())
			})
		})
	}
}

// Where the client waits for an end that never comes, there is one.
func TestListingsOfUpdates(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{History: 3})
		play(t, b, "a b -b")
		_, err := b.Keys(t.Context(), jetstream.UpdatesOnly())
		assert.Equal(t, jetstream.ErrNoKeysFound, err)
		keys, err := b.Keys(t.Context(), jetstream.UpdatesOnly(), jetstream.ResumeFromRevision(2))
		require.NoError(t, err)
		assert.Equal(t, []string{"b"}, keys)
		l, err := b.ListKeys(t.Context(), jetstream.UpdatesOnly())
		require.NoError(t, err)
		for key := range l.Keys() {
			assert.Fail(t, key)
		}
	})
}

// A wildcard that is glued to text matches nothing, and a key that a server would hang up on is refused.
func TestDefectsThatAreNotCopied(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a ab a.b")
		for _, pattern := range []string{"a*", "a>", "a.b*", "a.b>"} {
			w, err := b.Watch(t.Context(), pattern)
			require.NoError(t, err)
			play(t, b, "ab")
			assert.Equal(t, "nil", drain(w))
			require.NoError(t, w.Stop())
		}
		_, err := b.PutString(t.Context(), strings.Repeat("k", 4001), "")
		assert.Equal(t, jetstream.ErrInvalidKey, err)
		_, err = b.Watch(t.Context(), strings.Repeat("k", 4001))
		require.ErrorIs(t, err, jetstream.ErrInvalidKey)
	})
}

// A watch of a bucket that is deleted ends, and handles go on with the next one of that name.
func TestDeletedBucket(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		m := natskv.New(db)
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a")
		w, err := b.WatchAll(t.Context())
		require.NoError(t, err)
		require.NoError(t, m.DeleteKeyValue(t.Context(), "B"))
		assert.Equal(t, "a1 nil closed", drain(w))

		began := time.Now()
		_, err = b.PutString(t.Context(), "a", "")
		require.Equal(t, jetstream.ErrNoStreamResponse, err)
		assert.Equal(t, 500*time.Millisecond, time.Since(began))

		newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a")
		assert.Equal(t, "a1", history(t, b, "a"))
	})
}

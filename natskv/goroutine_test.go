package natskv_test

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// goroutines returns how many goroutines there are in the bubble.
func goroutines() int {
	synctest.Wait()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return len(regexp.MustCompile(`(?m)^goroutine .*synctest bubble`).FindAll(stacks, -1))
}

// Calls that return all that they have to say leave no goroutine.
func TestCallsLeaveNoGoroutine(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		before := goroutines()
		ctx := t.Context()
		js, old := natskv.JetStream(db), natskv.Legacy(db)
		b, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", History: 3, LimitMarkerTTL: time.Second})
		require.NoError(t, err)
		oldB, err := old.KeyValue("B")
		require.NoError(t, err)
		gone := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "gone"})
		require.NoError(t, js.DeleteKeyValue(ctx, "gone"))
		for name, call := range map[string]func() error{
			"Put":             func() error { _, err := b.Put(ctx, "k", nil); return err },
			"Update":          func() error { _, err := b.Update(ctx, "k", nil, 7); return err },
			"Create":          func() error { _, err := b.Create(ctx, "t", nil, jetstream.KeyTTL(time.Hour)); return err },
			"Delete":          func() error { return b.Delete(ctx, "k") },
			"Purge":           func() error { return b.Purge(ctx, "k", jetstream.PurgeTTL(time.Hour)) },
			"PurgeDeletes":    func() error { return b.PurgeDeletes(ctx) },
			"Get":             func() error { _, err := b.Get(ctx, "k"); return err },
			"GetRevision":     func() error { _, err := b.GetRevision(ctx, "k", 1); return err },
			"History":         func() error { _, err := b.History(ctx, "k"); return err },
			"History of all":  func() error { _, err := b.History(ctx, ">"); return err },
			"Keys":            func() error { _, err := b.Keys(ctx, jetstream.IncludeHistory()); return err },
			"Status":          func() error { _, err := b.Status(ctx); return err },
			"KeyValueStores":  func() error { return js.KeyValueStores(ctx).Error() },
			"UpdateKeyValue":  func() error { _, err := js.UpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B"}); return err },
			"no such pattern": func() error { _, err := b.Watch(ctx, ".."); return err },
			"no such bucket":  func() error { _, err := gone.Put(ctx, "k", nil); return err },
			"no such watch":   func() error { _, err := gone.WatchAll(ctx); return err },
			"old Get":         func() error { _, err := oldB.Get("k"); return err },
			"old Keys":        func() error { _, err := oldB.Keys(); return err },
			"old History":     func() error { _, err := oldB.History("k", nats.IgnoreDeletes()); return err },
		} {
			for range 3 {
				_ = call() // whether it succeeds or not
			}
			require.Equal(t, before, goroutines(), name)
		}
	})
}

// Each open watcher has one goroutine, and so has each lister of more keys than its channel holds.
func TestGoroutines(t *testing.T) {
	const open = 5
	for _, kind := range []string{"watcher", "lister", "old watcher", "old lister"} {
		for _, ending := range []string{"Stop", "context", "Close", "DeleteKeyValue"} {
			t.Run(kind+"/"+ending, func(t *testing.T) {
				inBubbles(t, func(t *testing.T, db *kv.DB) {
					before := goroutines()
					b := newBucket(t, db, jetstream.KeyValueConfig{})
					for i := range 300 {
						play(t, b, fmt.Sprint("k", i))
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					var stops []func() error
					for range open {
						stops = append(stops, start(t, ctx, kind, db, b))
					}
					require.Equal(t, before+open, goroutines())
					require.NoError(t, stops[0]())
					require.Equal(t, before+open-1, goroutines())
					switch ending {
					case "Stop":
						for _, stop := range stops {
							_ = stop()
						}
					case "context":
						cancel()
					case "Close":
						require.NoError(t, db.Close())
					case "DeleteKeyValue":
						require.NoError(t, natskv.New(db).DeleteKeyValue(t.Context(), "B"))
					}
					require.Equal(t, before, goroutines())
				})
			})
		}
	}
}

// start starts something of a kind that has a goroutine and returns what stops it.
func start(t *testing.T, ctx context.Context, kind string, db *kv.DB, b jetstream.KeyValue) (stop func() error) {
	t.Helper()
	old, err := natskv.Legacy(db).KeyValue("B")
	require.NoError(t, err)
	var s interface{ Stop() error }
	switch kind {
	case "watcher":
		s, err = b.WatchAll(ctx, jetstream.UpdatesOnly())
	case "lister":
		s, err = b.ListKeys(ctx)
	case "old watcher":
		s, err = old.WatchAll(nats.Context(ctx))
	case "old lister":
		s, err = old.ListKeys(nats.Context(ctx))
	}
	require.NoError(t, err)
	return s.Stop
}

// A lister that is read to its end needs no Stop, one of few keys has no goroutine at all.
func TestListersEndByThemselves(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		before := goroutines()
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a b c")
		_, err := b.ListKeys(t.Context())
		require.NoError(t, err)
		require.Equal(t, before, goroutines())
		for i := range 300 {
			play(t, b, fmt.Sprint("k", i))
		}
		l, err := b.ListKeysFiltered(t.Context(), ">")
		require.NoError(t, err)
		require.Equal(t, before+1, goroutines())
		for range l.Keys() {
		}
		require.Equal(t, before, goroutines())
	})
}

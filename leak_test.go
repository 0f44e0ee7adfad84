package kv_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// leakPlaces make databases of each kind.
var leakPlaces = []struct {
	name string
	new  func(testing.TB) *kv.DB
}{
	{"memory", func(testing.TB) *kv.DB { return kv.New() }},
	{"durable", func(t testing.TB) *kv.DB { return openBackend(t, storetest.NewDisk().MustOpen()) }},
	{"durable with values", func(t testing.TB) *kv.DB { return openBackend(t, storetest.NewValueDisk().MustOpen()) }},
	{"files", func(t testing.TB) *kv.DB {
		db := openFiles(t, t.TempDir(), kv.SyncEvery(time.Millisecond))
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}},
}

// leakCheck runs f in a bubble for each kind of database. No goroutine may be left of what f does, apart from f's own.
func leakCheck(t *testing.T, f func(t *testing.T, db *kv.DB)) {
	t.Helper()
	for _, p := range leakPlaces {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(t, p.new(t))
				synctest.Wait()
				require.Empty(t, engineStacks(), "goroutines of the engine")
			})
		})
	}
}

// engineStacks returns the stacks of the goroutines in this process that run the engine.
func engineStacks() (stacks []string) {
	buf := make([]byte, 1<<20)
	for stack := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(stack, "\ngithub.com/revkv/kv.") || strings.Contains(stack, "\ngithub.com/revkv/kv/store/") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// leakContext is a context of a kind that package context does not know: to wait for its end takes a goroutine.
type leakContext struct {
	context.Context
	done chan struct{}
}

func (c leakContext) Done() <-chan struct{} { return c.done }

func (c leakContext) Err() error {
	select {
	case <-c.done:
		return context.Canceled
	default:
		return nil
	}
}

func TestLeakStacksAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, err := newBucket(t, kv.New(), kv.Config{}).Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		go func() { _, _ = w.Next(context.Background()) }()
		synctest.Wait()
		require.Len(t, engineStacks(), 1)
		w.Stop()
		synctest.Wait()
		require.Empty(t, engineStacks())
	})
}

func TestLeakNothingAtRest(t *testing.T) {
	leakCheck(t, func(t *testing.T, db *kv.DB) {
		ctx := t.Context()
		b := newBucket(t, db, kv.Config{History: 3, TTL: time.Hour, LimitMarkerTTL: time.Minute})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for n := range 20 {
					key := fmt.Sprintf("k%d", (n+i)%5)
					_, _ = b.PutString(ctx, key, "v", kv.KeyTTL(time.Duration(n+1)*time.Second))
					_, _ = b.Create(ctx, key, nil)
					_ = b.Delete(ctx, key)
					_, _ = b.Get(ctx, key)
					for range b.Entries(ctx, ">") {
						break
					}
				}
			})
		}
		group.Wait()
		time.Sleep(24 * time.Hour)
	})
}

// leakContexts make contexts, of package context and of another kind, and how to end them.
var leakContexts = map[string]func() (ctx context.Context, end func()){
	"standard": func() (context.Context, func()) { return context.WithCancel(context.Background()) },
	"own": func() (context.Context, func()) {
		ctx := leakContext{context.Background(), make(chan struct{})}
		return ctx, sync.OnceFunc(func() { close(ctx.done) })
	},
}

func TestLeakWatchers(t *testing.T) {
	ends := map[string]func(t *testing.T, db *kv.DB, w *kv.Watcher, endContext func()){
		"stopped":       func(_ *testing.T, _ *kv.DB, w *kv.Watcher, _ func()) { w.Stop() },
		"stopped twice": func(_ *testing.T, _ *kv.DB, w *kv.Watcher, _ func()) { w.Stop(); w.Stop() },
		"context ended": func(_ *testing.T, _ *kv.DB, _ *kv.Watcher, endContext func()) { endContext() },
		"bucket deleted": func(t *testing.T, db *kv.DB, _ *kv.Watcher, _ func()) {
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		},
		"database closed": func(t *testing.T, db *kv.DB, _ *kv.Watcher, _ func()) { require.NoError(t, db.Close()) },
	}
	for name, end := range ends {
		for kind, newContext := range leakContexts {
			t.Run(name+"/"+kind, func(t *testing.T) {
				leakCheck(t, func(t *testing.T, db *kv.DB) {
					b := newBucket(t, db, kv.Config{})
					play(t, b, "a b")
					ctx, endContext := newContext()
					t.Cleanup(endContext)
					w, err := b.Watch(ctx, ">")
					require.NoError(t, err)
					go readAll(w)
					synctest.Wait()
					end(t, db, w, endContext)
				})
			})
		}
	}
}

// readAll reads a watcher until it ends.
func readAll(w *kv.Watcher) {
	for {
		if _, err := w.Next(context.Background()); err != nil {
			return
		}
	}
}

// TestLeakCanceledNext ends the wait of Next many times, and not the watch.
func TestLeakCanceledNext(t *testing.T) {
	leakCheck(t, func(t *testing.T, db *kv.DB) {
		w, err := newBucket(t, db, kv.Config{}).Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := w.Next(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		require.Empty(t, engineStacks(), "before Stop")
		w.Stop()
	})
}

// TestLeakClosed closes a database with everything under way.
func TestLeakClosed(t *testing.T) {
	leakCheck(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{TTL: time.Hour, LimitMarkerTTL: time.Hour})
		_, err := b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute))
		require.NoError(t, err)
		w, err := b.Watch(context.Background(), ">")
		require.NoError(t, err)
		go readAll(w)
		for e, err := range b.Entries(t.Context(), ">") {
			require.NoError(t, err, e.Key)
			require.NoError(t, db.Close())
			break
		}
	})
}

// TestLeakWrittenValues checks that a value is let go when it is on the disk.
func TestLeakWrittenValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openBackend(t, storetest.NewValueDisk().MustOpen())
		defer db.Close()
		b := newBucket(t, db, kv.Config{})
		value := make([]byte, 1<<16)
		p := weak.Make(&value[0])
		_, err := b.Put(t.Context(), "k", value)
		require.NoError(t, err)
		value = nil
		runtime.GC()
		require.Nil(t, p.Value())
	})
}

// leakBucket makes a database with a bucket, lets f use it, forgets both, and returns how to ask whether the bucket is still
// in memory: then something holds on to it.
func leakBucket(t *testing.T, cfg kv.Config, f func(db *kv.DB, b *kv.Bucket)) (held func() bool) {
	t.Helper()
	db := kv.New()
	b := newBucket(t, db, cfg)
	f(db, b)
	p := weak.Make(b)
	return func() bool {
		synctest.Wait()
		runtime.GC()
		runtime.GC()
		return p.Value() != nil
	}
}

// TestLeakDropped drops databases in memory without closing them. What is left is a timer, if something has a deadline.
func TestLeakDropped(t *testing.T) {
	put := func(t *testing.T, b *kv.Bucket, key string, opts ...kv.PutOption) {
		t.Helper()
		_, err := b.Put(t.Context(), key, make([]byte, 1<<10), opts...)
		require.NoError(t, err)
	}
	tests := []struct {
		name string
		cfg  kv.Config
		use  func(t *testing.T, db *kv.DB, b *kv.Bucket)
		held time.Duration // how long the bucket stays in memory
	}{
		{"nothing expires", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) { put(t, b, "k") }, 0},
		{"nothing expires in an empty bucket with a TTL", kv.Config{TTL: time.Hour}, func(*testing.T, *kv.DB, *kv.Bucket) {}, 0},
		{"a key with a TTL", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			put(t, b, "k", kv.KeyTTL(time.Hour))
		}, time.Hour},
		{"a bucket with a TTL", kv.Config{TTL: time.Hour}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) { put(t, b, "k") }, time.Hour},
		{"limit markers", kv.Config{TTL: time.Hour, LimitMarkerTTL: time.Hour}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			put(t, b, "k")
		}, 2 * time.Hour},
		{"overwritten", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			put(t, b, "k", kv.KeyTTL(time.Hour))
			put(t, b, "k")
		}, 0},
		{"purged", kv.Config{History: 5}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			put(t, b, "k", kv.KeyTTL(time.Hour))
			require.NoError(t, b.Purge(t.Context(), "k"))
		}, 0},
		{"the TTL is switched off", kv.Config{TTL: time.Hour}, func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			put(t, b, "k")
			_, err := db.UpdateBucket(t.Context(), kv.Config{Bucket: "B"})
			require.NoError(t, err)
		}, 0},
		{"deleted", kv.Config{TTL: time.Hour}, func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			put(t, b, "k")
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		}, 0},
		{"closed", kv.Config{TTL: time.Hour}, func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			put(t, b, "k")
			require.NoError(t, db.Close())
		}, 0},
		{"a watcher that nobody stops", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			_, err := b.Watch(context.Background(), ">")
			require.NoError(t, err)
		}, 0},
		{"a watcher that nobody stops, closed", kv.Config{}, func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			ctx, cancel := context.WithCancel(context.Background())
			t.Cleanup(cancel)
			_, err := b.Watch(ctx, ">")
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}, 0},
		{"a watcher whose context ends", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			ctx, cancel := context.WithCancel(context.Background())
			_, err := b.Watch(ctx, ">")
			require.NoError(t, err)
			cancel()
		}, 0},
		{"a listing that is broken off", kv.Config{}, func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			put(t, b, "k")
			for range b.Entries(t.Context(), ">") {
				break
			}
		}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				held := leakBucket(t, test.cfg, func(db *kv.DB, b *kv.Bucket) { test.use(t, db, b) })
				if test.held > 0 {
					time.Sleep(test.held - time.Nanosecond)
					require.True(t, held(), "a deadline is pending")
				}
				time.Sleep(time.Nanosecond) // the runtime lets go of a stopped timer when it looks at timers
				require.False(t, held(), "something holds on to the bucket")
			})
		})
	}
}

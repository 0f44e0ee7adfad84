package natskv_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

const benchKeys = 10_000

// both runs a benchmark on the engine and through the adapter.
func both(b *testing.B, f func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue)) {
	ctx := context.Background()
	value := make([]byte, 128)
	db := kv.New()
	adapter, err := natskv.New(db).CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	engine, err := db.Bucket(ctx, "B")
	if err != nil {
		b.Fatal(err)
	}
	for _, key := range keys {
		if _, err := engine.Put(ctx, key, value); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("engine", func(b *testing.B) { b.ReportAllocs(); f(b, engine, nil) })
	b.Run("adapter", func(b *testing.B) { b.ReportAllocs(); f(b, nil, adapter) })
}

var keys = func() (keys [benchKeys]string) {
	for i := range keys {
		keys[i] = fmt.Sprintf("orders.%08d.state", i)
	}
	return keys
}()

func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		for i := 0; b.Loop(); i++ {
			var err error
			if engine != nil {
				_, err = engine.Get(ctx, keys[i%benchKeys])
			} else {
				_, err = adapter.Get(ctx, keys[i%benchKeys])
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPut(b *testing.B) {
	ctx := context.Background()
	value := make([]byte, 128)
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		for i := 0; b.Loop(); i++ {
			var err error
			if engine != nil {
				_, err = engine.Put(ctx, keys[i%benchKeys], value)
			} else {
				_, err = adapter.Put(ctx, keys[i%benchKeys], value)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	ctx := context.Background()
	value := make([]byte, 128)
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		var rev uint64
		var err error
		if engine != nil {
			rev, err = engine.Put(ctx, keys[0], value)
		} else {
			rev, err = adapter.Put(ctx, keys[0], value)
		}
		for b.Loop() && err == nil {
			if engine != nil {
				rev, err = engine.Update(ctx, keys[0], value, rev)
			} else {
				rev, err = adapter.Update(ctx, keys[0], value, rev)
			}
		}
		if err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkCreateTTL(b *testing.B) {
	ctx := context.Background()
	value := make([]byte, 128)
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		for i := 0; b.Loop(); i++ {
			var err error
			if engine != nil {
				_, err = engine.Create(ctx, keys[0], value, kv.KeyTTL(time.Hour))
				_ = engine.Purge(ctx, keys[0])
			} else {
				_, err = adapter.Create(ctx, keys[0], value, jetstream.KeyTTL(time.Hour))
				_ = adapter.Purge(ctx, keys[0])
			}
			if err != nil && i > 0 {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkKeys(b *testing.B) {
	ctx := context.Background()
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		for b.Loop() {
			n := 0
			if engine != nil {
				var found []string
				for key, err := range engine.Keys(ctx, ">") {
					if err != nil {
						b.Fatal(err)
					}
					found = append(found, key)
				}
				n = len(found)
			} else {
				found, err := adapter.Keys(ctx)
				if err != nil {
					b.Fatal(err)
				}
				n = len(found)
			}
			if n < benchKeys-1 {
				b.Fatal(n)
			}
		}
	})
}

// BenchmarkWatch reads the first entries of a watch.
func BenchmarkWatch(b *testing.B) {
	ctx := context.Background()
	both(b, func(b *testing.B, engine *kv.Bucket, adapter jetstream.KeyValue) {
		for b.Loop() {
			if engine != nil {
				w, err := engine.Watch(ctx, ">")
				if err != nil {
					b.Fatal(err)
				}
				for e, err := range w.Events(ctx) {
					if err != nil {
						b.Fatal(err)
					}
					if e.Kind == kv.CaughtUp {
						break
					}
				}
				w.Stop()
				continue
			}
			w, err := adapter.WatchAll(ctx)
			if err != nil {
				b.Fatal(err)
			}
			for e := range w.Updates() {
				if e == nil {
					break
				}
			}
			_ = w.Stop()
		}
	})
}

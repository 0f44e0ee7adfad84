package natskv_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

const benchKeys = 10_000

var keys = func() (keys [benchKeys]string) {
	for i := range keys {
		keys[i] = fmt.Sprintf("orders.%08d.state", i)
	}
	return keys
}()

// A side is one bucket, as the engine has it and as natskv shows it, with the same keys as that of the other side.
type side struct {
	engine  *kv.Bucket
	adapter jetstream.KeyValue
}

func newSide(b *testing.B) side {
	ctx := context.Background()
	db := kv.New()
	adapter, err := natskv.New(db).CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Minute})
	must(b, err)
	engine, err := db.Bucket(ctx, "B")
	must(b, err)
	for _, key := range keys {
		_, err := engine.Put(ctx, key, make([]byte, 128))
		must(b, err)
	}
	return side{engine, adapter}
}

func must(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

// sideBySide measures an operation on the engine and the same through the adapter, in turns, a batch at a time, so that what
// else happens on the machine happens to both. It reports the nanoseconds of each, by the median of the batches, its allocations,
// and how many times the engine's time the adapter needs.
func sideBySide(b *testing.B, batch int, engine, adapter func(i int) error) {
	b.Helper()
	ops := [2]func(int) error{engine, adapter}
	var times [2][]time.Duration
	rounds := 0
	for b.Loop() {
		for turn := range ops {
			at := (turn + rounds) % 2
			began := time.Now()
			for i := range batch {
				must(b, ops[at](rounds*batch+i))
			}
			times[at] = append(times[at], time.Since(began))
		}
		rounds++
	}
	median := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)/2].Nanoseconds()) / float64(batch)
	}
	theirs, ours := median(times[0]), median(times[1])
	b.ReportMetric(0, "ns/op") // of a pair of batches
	b.ReportMetric(theirs, "engine-ns")
	b.ReportMetric(ours, "adapter-ns")
	b.ReportMetric(ours/theirs, "times")
	for at, unit := range []string{"engine-allocs", "adapter-allocs"} {
		i := rounds * batch
		b.ReportMetric(testing.AllocsPerRun(10, func() { must(b, ops[at](i)); i++ }), unit)
	}
}

func BenchmarkGet(b *testing.B) {
	ctx := context.Background()
	s := newSide(b)
	sideBySide(b, 100,
		func(i int) error { _, err := s.engine.Get(ctx, keys[i%benchKeys]); return err },
		func(i int) error { _, err := s.adapter.Get(ctx, keys[i%benchKeys]); return err },
	)
}

func BenchmarkPut(b *testing.B) {
	ctx := context.Background()
	s, o := newSide(b), newSide(b)
	value := make([]byte, 128)
	sideBySide(b, 100,
		func(i int) error { _, err := s.engine.Put(ctx, keys[i%benchKeys], value); return err },
		func(i int) error { _, err := o.adapter.Put(ctx, keys[i%benchKeys], value); return err },
	)
}

func BenchmarkUpdate(b *testing.B) {
	ctx := context.Background()
	s, o := newSide(b), newSide(b)
	value := make([]byte, 128)
	theirs, ours := uint64(1), uint64(1)
	sideBySide(b, 100,
		func(int) (err error) { theirs, err = s.engine.Update(ctx, keys[0], value, theirs); return err },
		func(int) (err error) { ours, err = o.adapter.Update(ctx, keys[0], value, ours); return err },
	)
}

// BenchmarkCreate deletes keys and creates them again.
func BenchmarkCreate(b *testing.B) {
	ctx := context.Background()
	s, o := newSide(b), newSide(b)
	value := make([]byte, 128)
	sideBySide(b, 100,
		func(i int) error {
			must(b, s.engine.Delete(ctx, keys[i%benchKeys]))
			_, err := s.engine.Create(ctx, keys[i%benchKeys], value)
			return err
		},
		func(i int) error {
			must(b, o.adapter.Delete(ctx, keys[i%benchKeys]))
			_, err := o.adapter.Create(ctx, keys[i%benchKeys], value)
			return err
		},
	)
}

// BenchmarkOptions is BenchmarkCreate with an option for each call.
func BenchmarkOptions(b *testing.B) {
	ctx := context.Background()
	s, o := newSide(b), newSide(b)
	value := make([]byte, 128)
	sideBySide(b, 100,
		func(i int) error {
			must(b, s.engine.Purge(ctx, keys[i%benchKeys], kv.PurgeTTL(time.Hour)))
			_, err := s.engine.Create(ctx, keys[i%benchKeys], value, kv.KeyTTL(time.Hour))
			return err
		},
		func(i int) error {
			must(b, o.adapter.Purge(ctx, keys[i%benchKeys], jetstream.PurgeTTL(time.Hour)))
			_, err := o.adapter.Create(ctx, keys[i%benchKeys], value, jetstream.KeyTTL(time.Hour))
			return err
		},
	)
}

func BenchmarkHistory(b *testing.B) {
	ctx := context.Background()
	s := newSide(b)
	sideBySide(b, 100,
		func(i int) error { _, err := s.engine.History(ctx, keys[i%benchKeys]); return err },
		func(i int) error { _, err := s.adapter.History(ctx, keys[i%benchKeys]); return err },
	)
}

func BenchmarkKeys(b *testing.B) {
	ctx := context.Background()
	s := newSide(b)
	sideBySide(b, 1,
		func(int) error {
			var found []string
			for key, err := range s.engine.Keys(ctx, ">") {
				must(b, err)
				found = append(found, key)
			}
			return nil
		},
		func(int) error { _, err := s.adapter.Keys(ctx); return err },
	)
}

// BenchmarkWatchInitial reads what a watch of all keys begins with.
func BenchmarkWatchInitial(b *testing.B) {
	ctx := context.Background()
	s := newSide(b)
	sideBySide(b, 1,
		func(int) error {
			w, err := s.engine.Watch(ctx, ">")
			must(b, err)
			defer w.Stop()
			for {
				if e, err := w.Next(ctx); err != nil || e.Kind == kv.CaughtUp {
					return err
				}
			}
		},
		func(int) error {
			w, err := s.adapter.WatchAll(ctx)
			must(b, err)
			for e := range w.Updates() {
				if e == nil {
					break
				}
			}
			return w.Stop()
		},
	)
}

// BenchmarkWatchLive puts 100 keys and reads what a watcher is told.
func BenchmarkWatchLive(b *testing.B) {
	ctx := context.Background()
	s, o := newSide(b), newSide(b)
	value := make([]byte, 128)
	theirs, err := s.engine.Watch(ctx, ">", kv.UpdatesOnly())
	must(b, err)
	defer theirs.Stop()
	ours, err := o.adapter.WatchAll(ctx, jetstream.UpdatesOnly())
	must(b, err)
	defer func() { must(b, ours.Stop()) }()
	sideBySide(b, 1,
		func(int) error {
			for i := range 100 {
				_, err := s.engine.Put(ctx, keys[i], value)
				must(b, err)
			}
			for range 100 {
				_, err := theirs.Next(ctx)
				must(b, err)
			}
			return nil
		},
		func(int) error {
			for i := range 100 {
				_, err := o.adapter.Put(ctx, keys[i], value)
				must(b, err)
			}
			for range 100 {
				<-ours.Updates()
			}
			return nil
		},
	)
}

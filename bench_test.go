package kv_test

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/revkv/kv"
)

// The benchmarks measure the engine in memory beside a plain map (benchMap): what a program would write without a library,
// and the limit for anything that copies values in and out. Keys have 27 bytes and come in random order, values have 128.
// What is looked up is another string than what was stored, as for keys that come from outside; a Go map compares equal
// strings faster if they are one and the same.
//
//	go test -run '^$' -bench 'Get|Put|Create' -count 6 . | benchstat -col /store -

const benchValueSize = 128

var benchSizes = []int{1_000, 100_000, 200_000, 1_000_000}

// benchMap is a map of byte slices behind one lock, with copies in and out.
type benchMap struct {
	mu     sync.RWMutex
	values map[string][]byte
}

func (m *benchMap) get(key string) []byte {
	m.mu.RLock()
	v := m.values[key]
	m.mu.RUnlock()
	return append([]byte(nil), v...)
}

func (m *benchMap) put(key string, value []byte) {
	v := append([]byte(nil), value...)
	m.mu.Lock()
	m.values[key] = v
	m.mu.Unlock()
}

// create puts value if there is none.
func (m *benchMap) create(key string, value []byte) bool {
	v := append([]byte(nil), value...)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.values[key]; ok {
		return false
	}
	m.values[key] = v
	return true
}

// benchKeys returns n keys in random order, always the same.
func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("tenant.%03d.order.%010d", i%1000, i)
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// benchCopies returns the same keys in memory of their own.
func benchCopies(keys []string) []string {
	copies := make([]string, len(keys))
	for i, key := range keys {
		copies[i] = strings.Clone(key)
	}
	return copies
}

func benchBucket(tb testing.TB, history int) *kv.Bucket {
	b, err := kv.New().CreateBucket(context.Background(), kv.Config{Bucket: "bench", History: uint8(history)})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func benchFill(tb testing.TB, b *kv.Bucket, keys []string) []uint64 {
	value := make([]byte, benchValueSize)
	revisions := make([]uint64, len(keys))
	for i, key := range keys {
		rev, err := b.Put(context.Background(), key, value)
		if err != nil {
			tb.Fatal(err)
		}
		revisions[i] = rev
	}
	return revisions
}

func benchFillMap(keys []string) *benchMap {
	m := &benchMap{values: map[string][]byte{}}
	value := make([]byte, benchValueSize)
	for _, key := range keys {
		m.put(key, value)
	}
	return m
}

// benchParallel runs op with 1, 8 and 64 goroutines. op gets numbers that walk over the keys in no order the cache likes.
func benchParallel(b *testing.B, name string, keys int, op func(i int)) {
	for _, goroutines := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("keys=%d/goroutines=%d/store=%s", keys, goroutines, name), func(b *testing.B) {
			b.ReportAllocs()
			if goroutines == 1 {
				for i := 0; b.Loop(); i++ {
					op(i * 7919 % keys)
				}
				return
			}
			b.SetParallelism(max(goroutines/runtime.GOMAXPROCS(0), 1))
			var start atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				for i := int(start.Add(1)) * 104729; pb.Next(); i++ {
					op(i * 7919 % keys)
				}
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, n := range benchSizes {
		keys := benchKeys(n)
		m := benchFillMap(benchCopies(keys))
		benchParallel(b, "map", n, func(i int) { m.get(keys[i]) })
		bucket := benchBucket(b, 1)
		benchFill(b, bucket, keys)
		benchParallel(b, "kv", n, func(i int) {
			if _, err := bucket.Get(context.Background(), keys[i]); err != nil {
				b.Error(err)
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	value := make([]byte, benchValueSize)
	for _, n := range benchSizes {
		keys := benchKeys(n)
		m := benchFillMap(benchCopies(keys))
		benchParallel(b, "map", n, func(i int) { m.put(keys[i], value) })
		bucket := benchBucket(b, 1)
		benchFill(b, bucket, keys)
		benchParallel(b, "kv", n, func(i int) {
			if _, err := bucket.Put(context.Background(), keys[i], value); err != nil {
				b.Error(err)
			}
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	value := make([]byte, benchValueSize)
	for _, n := range benchSizes {
		keys := benchKeys(n)
		m := benchFillMap(benchCopies(keys))
		bucket := benchBucket(b, 1)
		revisions := benchFill(b, bucket, keys)
		b.Run(fmt.Sprintf("keys=%d/store=map", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.put(keys[i*7919%n], value)
			}
		})
		b.Run(fmt.Sprintf("keys=%d/store=kv", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k := i * 7919 % n
				rev, err := bucket.Update(context.Background(), keys[k], value, revisions[k])
				if err != nil {
					b.Fatal(err)
				}
				revisions[k] = rev
			}
		})
	}
}

// BenchmarkCreate fills an empty bucket with n keys, in random order; one iteration is one key.
func BenchmarkCreate(b *testing.B) {
	value := make([]byte, benchValueSize)
	for _, n := range benchSizes {
		keys := benchKeys(n)
		b.Run(fmt.Sprintf("keys=%d/store=map", n), func(b *testing.B) {
			b.ReportAllocs()
			var m *benchMap
			for i := range b.N {
				if i%n == 0 {
					m = &benchMap{values: map[string][]byte{}}
				}
				if !m.create(keys[i%n], value) {
					b.Fatal("key exists")
				}
			}
		})
		b.Run(fmt.Sprintf("keys=%d/store=kv", n), func(b *testing.B) {
			b.ReportAllocs()
			var bucket *kv.Bucket
			for i := range b.N {
				if i%n == 0 {
					bucket = benchBucket(b, 1)
				}
				if _, err := bucket.Create(context.Background(), keys[i%n], value); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHistory reads a full history of depth 10.
func BenchmarkHistory(b *testing.B) {
	for _, n := range []int{1_000, 200_000} {
		keys := benchKeys(n)
		bucket := benchBucket(b, 10)
		for range 10 {
			benchFill(b, bucket, keys)
		}
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if es, err := bucket.History(context.Background(), keys[i*7919%n]); err != nil || len(es) != 10 {
					b.Fatal(len(es), err)
				}
			}
		})
	}
}

// BenchmarkEntries lists: everything, and one tenant's keys.
func BenchmarkEntries(b *testing.B) {
	for _, n := range benchSizes {
		bucket := benchBucket(b, 1)
		benchFill(b, bucket, benchKeys(n))
		for _, pattern := range []string{">", "tenant.077.>"} {
			b.Run(fmt.Sprintf("keys=%d/pattern=%s", n, pattern), func(b *testing.B) {
				benchList(b, bucket.Entries(context.Background(), pattern))
			})
		}
	}
}

// BenchmarkKeys lists keys alone.
func BenchmarkKeys(b *testing.B) {
	for _, n := range benchSizes {
		bucket := benchBucket(b, 1)
		benchFill(b, bucket, benchKeys(n))
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) { benchList(b, bucket.Keys(context.Background(), ">")) })
	}
}

// benchList reads a listing again and again.
func benchList[T any](b *testing.B, listing iter.Seq2[T, error]) {
	b.ReportAllocs()
	listed := 0
	for b.Loop() {
		for _, err := range listing {
			if err != nil {
				b.Fatal(err)
			}
			listed++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(listed), "ns/entry")
}

// BenchmarkWatchStart reads a new watcher until it has caught up.
func BenchmarkWatchStart(b *testing.B) {
	for _, n := range benchSizes {
		bucket := benchBucket(b, 1)
		benchFill(b, bucket, benchKeys(n))
		for _, pattern := range []string{">", "tenant.077.>"} {
			b.Run(fmt.Sprintf("keys=%d/pattern=%s", n, pattern), func(b *testing.B) {
				b.ReportAllocs()
				delivered := 0
				for b.Loop() {
					w, err := bucket.Watch(context.Background(), pattern)
					if err != nil {
						b.Fatal(err)
					}
					for e, err := range w.Events(context.Background()) {
						if err != nil {
							b.Fatal(err)
						}
						if e.Kind == kv.CaughtUp {
							break
						}
						delivered++
					}
					w.Stop()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(delivered), "ns/entry")
			})
		}
	}
}

// BenchmarkWatchLive writes while watchers wait: matching ones, which all have to get everything, and idle ones, which
// watch a key each that is never written. One iteration is one Put.
func BenchmarkWatchLive(b *testing.B) {
	value := make([]byte, benchValueSize)
	for _, watchers := range []int{0, 1, 100, 1000} {
		for _, matching := range []bool{true, false} {
			if watchers == 0 && !matching {
				continue
			}
			b.Run(fmt.Sprintf("watchers=%d/matching=%t", watchers, matching), func(b *testing.B) {
				benchWatchLive(b, watchers, matching, value)
			})
		}
	}
}

func benchWatchLive(b *testing.B, watchers int, matching bool, value []byte) {
	bucket := benchBucket(b, 64)
	keys := benchKeys(1_000)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var delivered, last atomic.Int64
	var ready, done sync.WaitGroup
	for i := range watchers {
		pattern := ">"
		if !matching {
			pattern = fmt.Sprintf("idle.%d", i)
		}
		w, err := bucket.Watch(ctx, pattern)
		if err != nil {
			b.Fatal(err)
		}
		ready.Add(1)
		done.Go(func() {
			defer w.Stop()
			n := int64(0)
			defer func() { delivered.Add(n) }()
			for e, err := range w.Events(ctx) {
				switch {
				case err != nil:
					return
				case e.Kind == kv.CaughtUp:
					ready.Done()
				default:
					n++
					if end := last.Load(); end != 0 && e.Entry.Revision >= uint64(end) {
						return
					}
				}
			}
		})
	}
	ready.Wait()
	b.ResetTimer()
	for i := range b.N {
		if i == b.N-1 {
			last.Store(int64(b.N))
		}
		if _, err := bucket.Put(ctx, keys[i%len(keys)], value); err != nil {
			b.Fatal(err)
		}
	}
	if !matching {
		b.StopTimer()
		stop()
	}
	done.Wait()
	if matching && watchers > 0 {
		b.ReportMetric(float64(delivered.Load())/b.Elapsed().Seconds(), "deliveries/s")
	}
}

// BenchmarkStart makes a database with a bucket and a key.
func BenchmarkStart(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := benchBucket(b, 1).Put(context.Background(), "key", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports the bytes of heap that a key costs beyond the bytes of key and value, at depth 1, after every key
// was overwritten several times in random order.
func BenchmarkMemory(b *testing.B) {
	for _, n := range []int{200_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			keys := benchKeys(n)
			for b.Loop() {
				before := benchHeap()
				bucket := benchBucket(b, 1)
				benchFill(b, bucket, benchCopies(keys)) // the bucket keeps these strings
				filled := benchHeap()
				value := make([]byte, benchValueSize)
				for i := range 3 * n {
					if _, err := bucket.Put(context.Background(), keys[i*7919%n], value); err != nil {
						b.Fatal(err)
					}
				}
				overwritten := benchHeap()
				for range bucket.Keys(context.Background(), ">", kv.Limit(1)) { // asks for the order of keys
					break
				}
				ordered := benchHeap()
				payload := float64(benchValueSize + len(keys[0]))
				b.ReportMetric(float64(filled-before)/float64(n)-payload, "B/key")
				b.ReportMetric(float64(overwritten-before)/float64(n)-payload, "B/key-overwritten")
				b.ReportMetric(float64(ordered-before)/float64(n)-payload, "B/key-ordered")
				runtime.KeepAlive(bucket)
			}
		})
	}
}

func benchHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

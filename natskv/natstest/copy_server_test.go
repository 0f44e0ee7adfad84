package natstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// copyServer connects to a server of the test's own.
func copyServer(tb testing.TB) jetstream.KeyValueManager {
	tb.Helper()
	js, err := jetstream.New(connect(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return js
}

// copyFill makes a bucket with n random entries of few keys.
func copyFill(tb testing.TB, m jetstream.KeyValueManager, name string, n int) jetstream.KeyValue {
	tb.Helper()
	b := copyBucket(tb, m, name)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		key := fmt.Sprint("orders.", random.IntN(n/10+1))
		var err error
		switch random.IntN(10) {
		case 0:
			err = b.Delete(tb.Context(), key)
		case 1:
			err = b.Purge(tb.Context(), key)
		default:
			_, err = b.PutString(tb.Context(), key, fmt.Sprint("value ", i/5))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return b
}

// copyBucket makes a bucket of the configuration that all have in these tests.
func copyBucket(tb testing.TB, m jetstream.KeyValueManager, name string) jetstream.KeyValue {
	tb.Helper()
	b, err := m.CreateKeyValue(tb.Context(), jetstream.KeyValueConfig{Bucket: name, History: 5})
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// copyContents shows all entries of a bucket in order, without revisions.
func copyContents(tb testing.TB, b jetstream.KeyValue) (all []string) {
	tb.Helper()
	w, err := b.WatchAll(tb.Context(), jetstream.IncludeHistory())
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = w.Stop() }()
	for e := range w.Updates() {
		if e == nil {
			break
		}
		all = append(all, fmt.Sprintf("%s %s=%s", e.Operation(), e.Key(), e.Value()))
	}
	return all
}

// copySame fails the test unless two buckets hold the same.
func copySame(tb testing.TB, want, have []string) {
	tb.Helper()
	if !slices.Equal(want, have) {
		tb.Fatalf("the copy holds %d entries, the source %d:\n%q\n%q", len(have), len(want), have, want)
	}
}

// A bucket goes to a server and comes back, and is the same.
func TestCopyThereAndBack(t *testing.T) {
	engine, server := natskv.New(kv.New()), copyServer(t)
	here := copyFill(t, engine, "here", 500)
	there, back := copyBucket(t, server, "there"), copyBucket(t, engine, "back")
	all := copyContents(t, here)

	p, err := natskv.Copy(t.Context(), there, here)
	if err != nil || !p.Complete || p.Entries != len(all) {
		t.Fatal(p, err)
	}
	copySame(t, all, copyContents(t, there))
	q, err := natskv.Copy(t.Context(), back, there)
	if err != nil || q.Bytes != p.Bytes || q.Entries != p.Entries || q.Source != p.Target {
		t.Fatal(q, err)
	}
	copySame(t, all, copyContents(t, back))
	if _, err := natskv.Copy(t.Context(), there, back); !errors.Is(err, natskv.ErrTargetNotEmpty) {
		t.Fatal(err)
	}
	if err := here.Delete(t.Context(), "orders.0"); err != nil {
		t.Fatal(err)
	}
	if p, err = natskv.Copy(t.Context(), there, here, natskv.Resume(p)); err != nil || p.Remaining != 0 {
		t.Fatal(p, err)
	}
	copySame(t, copyContents(t, here), copyContents(t, there))
}

// A configuration goes with the bucket.
func TestCopyConfig(t *testing.T) {
	engine, server := natskv.New(kv.New()), copyServer(t)
	b, err := engine.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{
		Bucket: "B", Description: "all", History: 3, TTL: time.Hour, LimitMarkerTTL: time.Minute, MaxBytes: 1 << 20,
		MaxValueSize: 1 << 10, Metadata: map[string]string{"owner": "shop"}, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		t.Fatal(err)
	}
	want, have := copyConfig(t, b), ""
	for _, m := range []jetstream.KeyValueManager{server, natskv.New(kv.New())} {
		st, err := b.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if b, err = m.CreateKeyValue(t.Context(), st.Config()); err != nil {
			t.Fatal(err)
		}
		if have = copyConfig(t, b); have != want {
			t.Errorf("\nwant %s\nhave %s", want, have)
		}
	}
}

func copyConfig(tb testing.TB, b jetstream.KeyValue) string {
	tb.Helper()
	st, err := b.Status(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return config(st.Config())
}

// A copy between the engine and a server that breaks off again and again, before or after an entry has arrived, has every entry
// once in the end.
func TestCopyResumeOnServer(t *testing.T) {
	engine, server := natskv.New(kv.New()), copyServer(t)
	for name, m := range map[string][2]jetstream.KeyValueManager{
		"there": {engine, server}, "back": {server, engine}, "on": {server, copyServer(t)},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := copyFill(t, m[0], "source-"+name, 100), copyBucket(t, m[1], "target-"+name)
			all := copyContents(t, source)
			for _, restart := range []bool{false, true} { // from the beginning
				target := &copyLine{KeyValue: target}
				var p natskv.CopyProgress
				err, runs := errCopyCut, 0
				for ; errors.Is(err, errCopyCut) && runs < 200; runs++ {
					if restart {
						p = natskv.CopyProgress{}
					}
					target.left, target.arrives = runs%3, runs%2 == 0
					p, err = natskv.Copy(t.Context(), target, source, natskv.Resume(p))
				}
				if err != nil || p.Entries != len(all) || p.Target != uint64(len(all)) {
					t.Fatal(p, err, runs)
				}
				copySame(t, all, copyContents(t, target))
			}
		})
	}
}

var errCopyCut = errors.New("cut off")

// A copyLine is a bucket behind a connection that breaks after some writes.
type copyLine struct {
	jetstream.KeyValue
	left    int
	arrives bool // one more does, but its answer does not
}

func (l *copyLine) cut(write func() error) error {
	if l.left == 0 && !l.arrives {
		return errCopyCut
	}
	if err := write(); err != nil {
		return err
	}
	if l.left == 0 {
		return errCopyCut
	}
	l.left--
	return nil
}

func (l *copyLine) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	err = l.cut(func() error {
		revision, err = l.KeyValue.Put(ctx, key, value)
		return err
	})
	return revision, err
}

func (l *copyLine) Delete(ctx context.Context, key string, _ ...jetstream.KVDeleteOpt) error {
	return l.cut(func() error { return l.KeyValue.Delete(ctx, key) })
}

func (l *copyLine) Purge(ctx context.Context, key string, _ ...jetstream.KVDeleteOpt) error {
	return l.cut(func() error { return l.KeyValue.Purge(ctx, key) })
}

// A copy that is cancelled can be resumed, whatever became of the write that was under way.
func TestCopyCancelledOnServer(t *testing.T) {
	engine, server := natskv.New(kv.New()), copyServer(t)
	for name, m := range map[string][2]jetstream.KeyValueManager{
		"there": {engine, server}, "back": {server, engine}, "on": {server, copyServer(t)},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := copyFill(t, m[0], "source-"+name, 1000), copyBucket(t, m[1], "target-"+name)
			var p natskv.CopyProgress
			err, runs := context.DeadlineExceeded, 0
			for ; errors.Is(err, context.DeadlineExceeded) && runs < 1000; runs++ {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+runs)*time.Millisecond)
				p, err = natskv.Copy(ctx, target, source, natskv.Resume(p))
				cancel()
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("cancelled %d times", runs-1)
			copySame(t, copyContents(t, source), copyContents(t, target))
		})
	}
}

// BenchmarkCopy copies 10 000 entries a time.
func BenchmarkCopy(b *testing.B) {
	engine, server := natskv.New(kv.New()), copyServer(b)
	sources := map[string]jetstream.KeyValue{"engine": copyFill(b, engine, "source", 10_000), "server": copyFill(b, server, "source", 10_000)}
	for name, to := range map[string]jetstream.KeyValueManager{"engine": engine, "server": server} {
		for from, source := range sources {
			b.Run(from+" to "+name, func(b *testing.B) {
				entries := 0
				for b.Loop() {
					target := copyBucket(b, to, "target")
					p, err := natskv.Copy(b.Context(), target, source)
					if err != nil {
						b.Fatal(err)
					}
					entries += p.Entries
					if err := to.DeleteKeyValue(b.Context(), "target"); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(entries), "ns/entry")
			})
		}
	}
}

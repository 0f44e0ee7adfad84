package kv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// exportOf returns the export of a bucket.
func exportOf(t testing.TB, b *kv.Bucket) string {
	t.Helper()
	var text strings.Builder
	require.NoError(t, b.Export(t.Context(), &text))
	return text.String()
}

// emptyExport returns the export of an empty bucket.
func emptyExport(name string) string {
	return fmt.Sprintf(`{"format":"revkv-export","version":1,"config":{"bucket":%q,"history":1,"max_value_size":-1,"max_bytes":-1},"newest":0}`+
		"\n{\"records\":0}\n", name)
}

// drawExport shows the revisions of an export as draw does.
func drawExport(t testing.TB, text string) string {
	t.Helper()
	b, err := kv.New().Import(t.Context(), strings.NewReader(text))
	require.NoError(t, err)
	return drawAll(t, b)
}

// onExportPlaces runs f in a bubble for each kind of database, with a function that makes one.
func onExportPlaces(t *testing.T, f func(t *testing.T, newDB func() *kv.DB)) {
	t.Helper()
	for _, p := range leakPlaces {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(t, func() *kv.DB {
					db := p.new(t)
					t.Cleanup(func() { require.NoError(t, db.Close()) })
					return db
				})
			})
		})
	}
}

// The text is told to the last byte, on every kind of store.
func TestExportText(t *testing.T) {
	const want = `{"format":"revkv-export","version":1,"config":{"bucket":"B","description":"<b> & \"ü\"","history":3,` +
		`"max_value_size":1000,"max_bytes":100000,"ttl":86400000000000,"limit_marker_ttl":60000000000,"metadata":{"a":"1","b":"2"}},"newest":14}
{"revision":2,"key":"a.b","operation":"PUT","created":"2000-01-01T00:00:00Z","value":"two"}
{"revision":3,"key":"a.b","operation":"DELETE","created":"2000-01-01T00:00:00Z"}
{"revision":4,"key":"a.b","operation":"PUT","created":"2000-01-01T00:00:01.5Z","value":""}
{"revision":6,"key":"purged","operation":"PURGE","created":"2000-01-01T00:00:01.5Z"}
{"revision":7,"key":"text","operation":"PUT","created":"2000-01-01T00:00:01.5Z","value":"<&> \"\\ \n\t\u0000 ü � 𝄞"}
{"revision":8,"key":"bytes","operation":"PUT","created":"2000-01-01T00:00:01.5Z","base64":"/wA="}
{"revision":9,"key":"lease","operation":"PUT","created":"2000-01-01T00:00:01.500000001Z","deadline":"2000-01-01T01:00:01.500000001Z","value":"x"}
{"revision":10,"key":"going","operation":"PURGE","created":"2000-01-01T00:00:01.500000001Z","deadline":"2000-01-01T00:00:02.500000001Z"}
{"revision":11,"key":"ever","operation":"PUT","created":"2000-01-01T00:00:01.500000001Z","deadline":"2262-04-11T23:47:16.854775807Z","value":"x"}
{"revision":13,"key":"short","operation":"PURGE","created":"2000-01-01T00:00:01.500000002Z","deadline":"2000-01-01T00:01:01.500000002Z"}
{"records":10}
`
	onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
		b := newBucket(t, newDB(), kv.Config{
			History: 3, TTL: 24 * time.Hour, LimitMarkerTTL: time.Minute, MaxValueSize: 1000, MaxBytes: 100000,
			Description: `<b> & "ü"`, Metadata: map[string]string{"b": "2", "a": "1"},
		})
		mustPut(t, b, "a.b", "one")
		mustPut(t, b, "a.b", "two")
		play(t, b, "-a.b")
		time.Sleep(1500 * time.Millisecond)
		mustPut(t, b, "a.b", "")
		play(t, b, "purged !purged")
		mustPut(t, b, "text", "<&> \"\\ \n\t\x00 ü \uFFFD 𝄞")
		mustPut(t, b, "bytes", "\xff\x00")
		time.Sleep(time.Nanosecond)
		mustPut(t, b, "lease", "x", kv.KeyTTL(time.Hour))
		require.NoError(t, b.Purge(t.Context(), "going", kv.PurgeTTL(time.Second)))
		mustPut(t, b, "ever", "x", kv.KeyTTL(1<<63-1))
		mustPut(t, b, "short", "x", kv.KeyTTL(1))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.NoError(t, b.Purge(t.Context(), "gone", kv.PurgeTTL(1)))
		time.Sleep(time.Nanosecond)
		lines := exportOf(t, b)
		assert.Equal(t, want, lines)
		assert.Equal(t, lines, exportOf(t, b), "it is stable")
	})
}

func TestExportOfAnEmptyBucket(t *testing.T) {
	onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
		assert.Equal(t, emptyExport("B"), exportOf(t, newBucket(t, newDB(), kv.Config{})))
	})
}

// The lines in the comment of Export are those that the example prints.
func TestExportCommentIsTheExample(t *testing.T) {
	source, err := os.ReadFile("export.go")
	require.NoError(t, err)
	_, output := splitOutput(t, body(t, parseGo(t, "example_export_test.go", nil), "ExampleDB_Import"))
	comment := "//\t" + strings.ReplaceAll(strings.TrimSuffix(output, "\n"), "\n", "\n//\t") + "\n//\n"
	require.Contains(t, string(source), comment)
}

// What a read does not see because its time has passed is not exported, whether or not it is taken out already.
func TestExportWithoutWhatHasExpired(t *testing.T) {
	tests := []struct {
		name  string
		cfg   kv.Config
		write func(t *testing.T, b *kv.Bucket)
		want  string
	}{
		{"own deadline, with older revisions", kv.Config{History: 3}, func(t *testing.T, b *kv.Bucket) {
			play(t, b, "a a")
			mustPut(t, b, "a", "", kv.KeyTTL(time.Minute))
		}, ""},
		{"own deadline of an older revision", kv.Config{History: 3}, func(t *testing.T, b *kv.Bucket) {
			play(t, b, "a")
			mustPut(t, b, "a", "", kv.KeyTTL(time.Minute))
			play(t, b, "a")
		}, "a1 a3"},
		{"deadline of a marker", kv.Config{History: 3}, func(t *testing.T, b *kv.Bucket) {
			play(t, b, "a")
			require.NoError(t, b.Delete(t.Context(), "a", kv.KeyTTL(time.Minute)))
		}, ""},
		{"TTL", kv.Config{History: 3, TTL: time.Minute}, func(t *testing.T, b *kv.Bucket) {
			play(t, b, "a b a")
			time.Sleep(time.Nanosecond)
			play(t, b, "b")
		}, "b4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
				b := newBucket(t, newDB(), test.cfg)
				test.write(t, b)
				time.Sleep(time.Minute - 1)
				if test.cfg.TTL == 0 {
					time.Sleep(time.Nanosecond)
				}
				want := test.want
				play(t, b, "z")
				if want != "" {
					want += " "
				}
				assert.Equal(t, want+fmt.Sprintf("z%d", statusOf(t, b).Newest), drawExport(t, exportOf(t, b)))
			})
			onDisks(t, test.cfg, func(t *testing.T, d *durable) {
				test.write(t, d.b)
				d.disk.Fail(storetest.Append, 1, errDisk)
				requireErr(t, errOf(d.b.Put(t.Context(), "k", nil)), kv.ErrReadOnly)
				time.Sleep(time.Minute - 1)
				if test.cfg.TTL == 0 {
					time.Sleep(time.Nanosecond)
				}
				assert.Equal(t, test.want, drawExport(t, exportOf(t, d.b)), "nothing expires in a read-only database")
			})
		})
	}
}

// A hookWriter calls a function at the n-th Write.
type hookWriter struct {
	bytes.Buffer
	n    int
	hook func()
}

func (w *hookWriter) Write(p []byte) (int, error) {
	if w.n--; w.n == 0 {
		w.hook()
	}
	return w.Buffer.Write(p)
}

// manyRevisions writes more than an export looks at in one go, with values of which each Write takes but some.
func manyRevisions(t *testing.T, b *kv.Bucket) (keys []string) {
	t.Helper()
	for i := range 400 {
		keys = append(keys, fmt.Sprintf("k.%03d", i*397%400))
	}
	for n := range 3 {
		for _, key := range keys {
			mustPut(t, b, key, fmt.Sprintf("%d %s", n, strings.Repeat("x", 120)))
		}
	}
	return keys
}

// An export sees the bucket as it was when it began, whatever others write and when.
func TestExportSeesOneState(t *testing.T) {
	for _, m := range meddling {
		t.Run(m.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				for _, row := range []struct {
					depth uint8
					at    int // which Write
				}{{1, 1}, {3, 3}} {
					b := newBucket(t, db, kv.Config{Bucket: fmt.Sprintf("%d-%d", row.depth, row.at), History: row.depth})
					keys := manyRevisions(t, b)
					want := exportOf(t, b)
					done := false
					w := &hookWriter{n: row.at, hook: func() { m.do(t, db, b, keys); done = true }}
					require.NoError(t, b.Export(t.Context(), w))
					require.True(t, done)
					require.Equal(t, strings.Split(want, "\n"), strings.Split(w.String(), "\n"))
				}
			})
		})
	}
}

// The last revision may leave its history when an export has looked at as much as it does in one go, or a little less.
func TestExportOfTheLastRevision(t *testing.T) {
	for n := 2045; n < 2052; n++ {
		b := newBucket(t, kv.New(), kv.Config{})
		for i := range n {
			mustPut(t, b, fmt.Sprint("k", i), "")
		}
		want := exportOf(t, b)
		w := &hookWriter{n: 1, hook: func() { mustPut(t, b, fmt.Sprint("k", n-1), "") }}
		require.NoError(t, b.Export(t.Context(), w))
		require.Equal(t, want, w.String())
	}
}

// A shorter and a longer TTL, set meanwhile, change nothing.
func TestExportAndAnotherTTL(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		for i, ttl := range []time.Duration{0, time.Minute, time.Hour} {
			b := newBucket(t, db, kv.Config{Bucket: fmt.Sprint(i), History: 3, TTL: 30 * time.Minute})
			manyRevisions(t, b)
			time.Sleep(10 * time.Minute)
			play(t, b, "one more")
			want := exportOf(t, b)
			w := &hookWriter{n: 1, hook: func() {
				cfg := statusOf(t, b).Config
				cfg.TTL = ttl
				require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
				time.Sleep(25 * time.Minute)
				play(t, b, "one")
			}}
			require.NoError(t, b.Export(t.Context(), w))
			require.Equal(t, want, w.String())
		}
	})
}

// A key is gone from an export that begins when its newest revision has expired, also if a write that was under way then
// keeps an older one.
func TestExportOfAKeyThatWasGone(t *testing.T) {
	onDisks(t, kv.Config{History: 3}, func(t *testing.T, d *durable) {
		manyRevisions(t, d.b)
		play(t, d.b, "k")
		mustPut(t, d.b, "k", "", kv.KeyTTL(time.Minute))
		gate := d.hold(t)
		third := d.put(t, "k", "") // accepted in time, so the first revision stays
		time.Sleep(time.Minute)
		require.Empty(t, drawHistory(t, d.b, "k"))
		w := &hookWriter{n: 1, hook: func() {
			gate.Open()
			third.returns(t, 1203, nil)
			require.Equal(t, "k1201 k1203", drawHistory(t, d.b, "k"))
		}}
		require.NoError(t, d.b.Export(t.Context(), w))
		assert.NotContains(t, w.String(), `"k"`)
		assert.Contains(t, w.String(), `"newest":1202}`)
		assert.Contains(t, exportOf(t, d.b), `{"revision":1201,"key":"k"`)
	})
}

// Export sees what is published only, and waits for no write.
func TestExportBesideACommit(t *testing.T) {
	onDisks(t, kv.Config{History: 2}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b a")
		want := exportOf(t, d.b)
		for _, hold := range []func(*durable, *testing.T) *storetest.Gate{(*durable).hold, (*durable).holdReturn} {
			gate := hold(d, t)
			write := do(func() error { return applyOps(t.Context(), d.b, kv.PutOp("a", nil), kv.PurgeOp("b")) })
			require.Equal(t, want, exportOf(t, d.b))
			gate.Open()
			write.returns(t, 0, nil)
			want = exportOf(t, d.b)
		}
	})
}

// Whoever writes does not wait for a slow writer of an export.
func TestExportHoldsNobodyUp(t *testing.T) {
	onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
		for _, end := range []struct {
			name string
			do   func(db *kv.DB) error
			want error
		}{
			{"nothing", func(db *kv.DB) error { return nil }, nil},
			{"delete", func(db *kv.DB) error { return db.DeleteBucket(t.Context(), "B") }, kv.ErrBucketDeleted},
			{"close", func(db *kv.DB) error { return db.Close() }, kv.ErrClosed},
		} {
			db := newDB()
			b := newBucket(t, db, kv.Config{History: 3})
			manyRevisions(t, b)
			r, w := io.Pipe()
			export := do(func() error { return b.Export(t.Context(), w) })
			export.waits(t)
			play(t, b, "k.001 -k.002 !k.003")
			require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: 2})))
			require.NoError(t, end.do(db))
			go func() { _, _ = io.Copy(io.Discard, r) }()
			export.returns(t, 0, end.want)
			require.NoError(t, w.Close())
		}
	})
}

// An export of values that the store keeps reads one at a time.
func TestExportMemory(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		for range 10 {
			mustPut(t, d.b, "k", strings.Repeat("x", 1<<16))
			mustPut(t, d.b, "l", strings.Repeat("x", 1<<16))
		}
		before, most, lines := d.disk.Count(storetest.Value), 0, 0
		w := writerFunc(func(p []byte) {
			lines += bytes.Count(p, []byte{'\n'})
			most = max(most, d.disk.Count(storetest.Value)-before-lines)
		})
		require.NoError(t, d.b.Export(t.Context(), w))
		assert.Equal(t, 4, d.disk.Count(storetest.Value)-before)
		assert.LessOrEqual(t, most, 2)
	})
}

// A writerFunc is called with what is written.
type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// failingWriter takes n calls of Write.
type failingWriter int

func (w *failingWriter) Write(p []byte) (int, error) {
	if *w--; *w < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

// An error ends an export, and lets go of what was kept for it.
func TestExportErrors(t *testing.T) {
	shelf := newValueShelf()
	db := openBackend(t, shelf)
	b := newBucket(t, db, kv.Config{History: 3})
	manyRevisions(t, b)
	for n := range failingWriter(3) {
		err := b.Export(t.Context(), &n)
		require.ErrorIs(t, err, errDisk)
		require.EqualError(t, err, `kv: export bucket "B": the disk is broken`)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Export(ctx, writerFunc(func([]byte) { cancel() }))
	require.Equal(t, context.Canceled, err, "bare")

	lost := shelf.logs["B"].records[1100]
	delete(shelf.logs["B"].records, 1100)
	err = b.Export(t.Context(), io.Discard)
	require.EqualError(t, err, fmt.Sprintf(`kv: value of %q in bucket "B" at revision 1100: the store has lost it`, lost.Key))
	require.Zero(t, shelf.logs["B"].pins)
	require.NoError(t, db.Close())
}

// OnProgress hears of bytes, which never fall, and of the end.
func TestExportProgress(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 3})
		manyRevisions(t, b)
		mustPut(t, b, "large", strings.Repeat("x", 1<<20))
		var heard []kv.Progress
		var text bytes.Buffer
		require.NoError(t, b.Export(t.Context(), &text, nil, kv.OnProgress(func(p kv.Progress) { heard = append(heard, p) })))
		checkProgress(t, heard, int64(text.Len()))

		heard = nil
		w := failingWriter(2)
		require.ErrorIs(t, b.Export(t.Context(), &w, kv.OnProgress(func(p kv.Progress) { heard = append(heard, p) })), errDisk)
		for _, p := range heard {
			require.Zero(t, p.Total)
		}
		require.NoError(t, b.Export(t.Context(), &text, kv.OnProgress(nil)))
	})
}

// checkProgress checks what was heard of a call that worked through so many bytes of bucket B.
func checkProgress(t *testing.T, heard []kv.Progress, bytes int64) {
	t.Helper()
	require.Greater(t, len(heard), 2)
	last := len(heard) - 1
	require.Equal(t, kv.Progress{Bucket: "B", Done: bytes, Total: bytes}, heard[last])
	before := int64(0)
	for _, p := range heard[:last] {
		require.Equal(t, "B", p.Bucket)
		require.Zero(t, p.Total, "not known yet")
		require.Greater(t, p.Done, before)
		before = p.Done
	}
	require.LessOrEqual(t, before, bytes)
}

// Many write, others export: each export is the bucket between two writes, so a batch is in it as a whole.
func TestExportBesideWriters(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		manyRevisions(t, b)
		const writers, batches = 3, 300
		stop := make(chan struct{})
		for _, err := range race(writers+1, func(n int) error {
			if n == writers {
				defer close(stop)
				for range 5 {
					if err := exportPairs(t.Context(), b); err != nil {
						return err
					}
				}
				return nil
			}
			for i := range batches {
				select {
				case <-stop:
					return nil
				default:
				}
				value := []byte(fmt.Sprint(n, i))
				ops := []kv.Op{kv.PutOp(fmt.Sprint("left.", n), value), kv.PutOp(fmt.Sprint("right.", n), value)}
				if err := applyOps(t.Context(), b, append(ops, kv.PurgeOp(fmt.Sprintf("k.%03d", (n+i)%400)))...); err != nil {
					return err
				}
			}
			return nil
		}) {
			require.NoError(t, err)
		}
	})
}

// exportPairs exports a bucket and looks whether keys that are written together are exported together.
func exportPairs(ctx context.Context, b *kv.Bucket) error {
	var text bytes.Buffer
	if err := b.Export(ctx, &text); err != nil {
		return err
	}
	copied, err := kv.New().Import(ctx, &text)
	if err != nil {
		return err
	}
	for n := range 3 {
		left, err := copied.History(ctx, fmt.Sprint("left.", n))
		if errors.Is(err, kv.ErrKeyNotFound) {
			continue
		}
		right, err2 := copied.History(ctx, fmt.Sprint("right.", n))
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		for i := range left {
			if left[i].Revision+1 != right[i].Revision || string(left[i].Value) != string(right[i].Value) {
				return fmt.Errorf("half a batch: %v, %v", left, right)
			}
		}
	}
	return nil
}

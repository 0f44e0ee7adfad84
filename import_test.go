package kv_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// mustImport imports a text.
func mustImport(t testing.TB, db *kv.DB, text string, opts ...kv.ImportOption) *kv.Bucket {
	t.Helper()
	b, err := db.Import(t.Context(), strings.NewReader(text), opts...)
	require.NoError(t, err)
	return b
}

// noBuckets fails if the database has a bucket.
func noBuckets(t testing.TB, db *kv.DB) {
	t.Helper()
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	require.Empty(t, names)
}

// portable are buckets with what can be in a bucket.
var portable = []struct {
	name  string
	cfg   kv.Config
	write func(t *testing.T, b *kv.Bucket)
	after string // the revisions of the bucket
	next  uint64 // the next revision
}{
	{"empty", kv.Config{}, func(*testing.T, *kv.Bucket) {}, "", 1},
	{"configuration", kv.Config{
		Description: "text <&> ü\u2028\n", History: 64, MaxValueSize: 5, MaxBytes: 1 << 40, TTL: 1<<63 - 1, LimitMarkerTTL: 1,
		Metadata: map[string]string{"a": "b", "": "\x00", "<": "\""},
	}, func(*testing.T, *kv.Bucket) {}, "", 1},
	{"gaps, depth 1", kv.Config{}, func(t *testing.T, b *kv.Bucket) { play(t, b, "a b a a -b c !c") }, "a4 b5D c7P", 8},
	{"history", kv.Config{History: 3}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "a b -a a a -b !c c !b b")
	}, "a3D a4 a5 c7P c8 b9P b10", 11},
	{"values", kv.Config{History: 10}, func(t *testing.T, b *kv.Bucket) {
		for _, value := range []string{
			"", "\xff", "\x00", "a\xc3", "ü", "\uFFFD", "\"\\/\b\f\n\r\t\x7f\u2028", "<script>", "\xed\xa0\x80", strings.Repeat("\x01", 1000),
		} {
			mustPut(t, b, "a", value)
		}
	}, "a1 a2 a3 a4 a5 a6 a7 a8 a9 a10", 11},
	{"keys", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
		mustPut(t, b, "/a=b.C_-.0", "")
		mustPut(t, b, strings.Repeat("k", kv.MaxKeyLength), "")
	}, "/a=b.C_-.01 " + strings.Repeat("k", kv.MaxKeyLength) + "2", 3},
	{"newest trimmed", kv.Config{History: 2}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "a -b -b -c")
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	}, "a1", 5},
	{"all trimmed", kv.Config{History: 2}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "-b -b -c")
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	}, "", 4},
	{"deadlines", kv.Config{History: 3, TTL: time.Hour, LimitMarkerTTL: time.Minute}, func(t *testing.T, b *kv.Bucket) {
		mustPut(t, b, "short", "", kv.KeyTTL(1))
		mustPut(t, b, "a", "", kv.KeyTTL(time.Minute))
		time.Sleep(123456789)
		synctest.Wait()
		mustPut(t, b, "a", "", kv.KeyTTL(1<<63-1))
		require.NoError(t, b.Delete(t.Context(), "b", kv.KeyTTL(2*time.Hour)))
		require.NoError(t, b.Purge(t.Context(), "c", kv.PurgeTTL(time.Minute)))
	}, "a2 short3P a4 b5D c6P", 7},
	{"expired", kv.Config{History: 3}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "a b")
		mustPut(t, b, "a", "", kv.KeyTTL(1))
		mustPut(t, b, "b", "", kv.KeyTTL(1))
		play(t, b, "b")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
	}, "b2 b5", 6},
	{"larger than its limits", kv.Config{}, func(t *testing.T, b *kv.Bucket) { mustPut(t, b, "a", "larger") }, "a1", 2},
}

// A bucket that is imported is the one that was exported: on every kind of store, from every kind of store, and when it is
// opened again.
func TestImportRoundTrip(t *testing.T) {
	for _, test := range portable {
		for _, from := range leakPlaces {
			t.Run(test.name+"/from "+from.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					db := from.new(t)
					b := newBucket(t, db, test.cfg)
					test.write(t, b)
					if strings.HasPrefix(test.name, "larger") {
						require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", MaxValueSize: 1, MaxBytes: 1})))
					}
					require.Equal(t, test.after, drawAll(t, b))
					text, want := exportOf(t, b), contentsOf(t, b)
					require.NoError(t, db.Close())

					memory := kv.New()
					checkImported(t, mustImport(t, memory, text), text, want, test.next)
					for _, kind := range diskKinds {
						d := &durable{disk: kind.new(), cfg: kv.Config{Bucket: "B"}}
						d.db = openBackend(t, d.disk.MustOpen())
						d.b = mustImport(t, d.db, text)
						d.checkBytes(t)
						d.cutPower(t)
						d.checkBytes(t)
						checkImported(t, d.b, text, want, test.next)
						require.NoError(t, d.db.Close())
					}
					require.NoError(t, memory.Close())
				})
			})
		}
	}
}

// checkImported compares a bucket with the one that was exported. It writes to it, in the end.
func checkImported(t *testing.T, b *kv.Bucket, text string, want contents, next uint64) {
	t.Helper()
	require.Equal(t, strings.Split(text, "\n"), strings.Split(exportOf(t, b), "\n"))
	got := contentsOf(t, b)
	got.Status.Config.Storage = want.Status.Config.Storage
	require.Equal(t, want, got)
	require.NoError(t, b.Delete(t.Context(), "next"))
	require.Equal(t, next, statusOf(t, b).Newest)
}

// The storage is that of the database. One that cannot compress does without.
func TestImportStorage(t *testing.T) {
	for storage := range 3 {
		text := strings.Replace(emptyExport("B"), `,"max_value_size"`, fmt.Sprintf(`,"storage":%d,"compression":true,"max_value_size"`, storage), 1)
		cfg := statusOf(t, mustImport(t, kv.New(), text)).Config
		assert.Equal(t, kv.Config{Bucket: "B", History: 1, MaxValueSize: -1, MaxBytes: -1, Storage: kv.MemoryStorage}, cfg)
		cfg = statusOf(t, mustImport(t, openBackend(t, newShelf()), text)).Config
		assert.Equal(t, kv.Config{Bucket: "B", History: 1, MaxValueSize: -1, MaxBytes: -1, Compression: true}, cfg)
	}
}

// A new name, and names that cannot be.
func TestImportNames(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		play(t, b, "a a b")
		text := exportOf(t, b)
		before := contentsOf(t, b)
		_, err := db.Import(t.Context(), strings.NewReader(text))
		requireErr(t, err, kv.ErrBucketExists)
		require.Equal(t, &kv.BucketError{Op: "import bucket", Bucket: "B", Err: kv.ErrBucketExists}, err)
		require.EqualError(t, err, `kv: import bucket "B": bucket exists`)

		other := mustImport(t, db, text, nil, kv.ImportAs("A"), kv.ImportAs("Other"))
		assert.Equal(t, "Other", other.Name())
		assert.Equal(t, "Other", statusOf(t, other).Config.Bucket)
		assert.Equal(t, drawAll(t, b), drawAll(t, other))
		assert.Equal(t, strings.Replace(text, `"B"`, `"Other"`, 1), exportOf(t, other))
		same, err := db.Bucket(t.Context(), "Other")
		require.NoError(t, err)
		assert.Same(t, other, same)

		_, err = db.Import(t.Context(), strings.NewReader(text), kv.ImportAs("Other"))
		requireErr(t, err, kv.ErrBucketExists)
		for _, name := range []string{"", "a.b", strings.Repeat("x", 253)} {
			r := strings.NewReader(text)
			_, err = db.Import(t.Context(), r, kv.ImportAs(name))
			requireErr(t, err, kv.ErrInvalidBucketName)
			require.Equal(t, len(text), r.Len(), "nothing is read")
		}
		assert.Equal(t, before, contentsOf(t, b))
		names, err := db.BucketNames(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"B", "Other"}, names)
	})
}

// Of concurrent imports of one name, and creations of it, one succeeds.
func TestImportRace(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, kv.Config{Bucket: "source", History: 3})
		manyRevisions(t, source)
		text := exportOf(t, source)
		for range 5 {
			won := 0
			for _, err := range race(4, func(n int) error {
				if n == 0 {
					return errOf(db.CreateBucket(t.Context(), kv.Config{Bucket: "B"}))
				}
				return errOf(db.Import(t.Context(), strings.NewReader(text), kv.ImportAs("B")))
			}) {
				if err == nil {
					won++
					continue
				}
				requireErr(t, err, kv.ErrBucketExists)
			}
			require.Equal(t, 1, won)
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		}
	})
}

// While an import waits for its input nobody else waits, nobody sees the bucket, and its name is taken.
func TestImportWaitsForItsInput(t *testing.T) {
	onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
		db := newDB()
		newBucket(t, db, kv.Config{Bucket: "other"})
		source := newBucket(t, db, kv.Config{Bucket: "source"})
		manyRevisions(t, source)
		text := exportOf(t, source)
		half := strings.Index(text, `{"revision":1000,`)
		r, w := io.Pipe()
		imported := do(func() error { return errOf(db.Import(t.Context(), r, kv.ImportAs("B"))) })
		_, err := io.WriteString(w, text[:half])
		require.NoError(t, err)
		synctest.Wait()

		_, err = db.Bucket(t.Context(), "B")
		requireErr(t, err, kv.ErrBucketNotFound)
		requireErr(t, db.DeleteBucket(t.Context(), "B"), kv.ErrBucketNotFound)
		requireErr(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B"})), kv.ErrBucketNotFound)
		names, err := db.BucketNames(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"other", "source"}, names)
		_, err = db.CreateBucket(t.Context(), kv.Config{Bucket: "B"})
		requireErr(t, err, kv.ErrBucketExists)
		require.EqualError(t, err, `kv: create bucket "B": bucket exists: it is being imported`)
		requireErr(t, errOf(db.CreateOrUpdateBucket(t.Context(), kv.Config{Bucket: "B"})), kv.ErrBucketExists)
		requireErr(t, errOf(db.Import(t.Context(), strings.NewReader(text), kv.ImportAs("B"))), kv.ErrBucketExists)
		play(t, source, "k")
		newBucket(t, db, kv.Config{Bucket: "new"})

		_, err = io.WriteString(w, text[half:])
		require.NoError(t, err)
		synctest.Wait()
		imported.waits(t)
		require.NoError(t, w.Close())
		imported.returns(t, 0, nil)
		b, err := db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		require.Equal(t, text, strings.Replace(exportOf(t, b), `"B"`, `"source"`, 1))
	})
}

// Close does not wait for the input of an import, be that at its middle or all but at its end.
func TestImportAndClose(t *testing.T) {
	source := newBucket(t, kv.New(), kv.Config{})
	manyRevisions(t, source)
	text := exportOf(t, source)
	for _, at := range []int{len(text) / 2, len(text)} {
		for _, kind := range diskKinds {
			t.Run(fmt.Sprint(kind.name, at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					disk := kind.new()
					db := openBackend(t, disk.MustOpen())
					r, w := io.Pipe()
					imported := do(func() error { return errOf(db.Import(t.Context(), r)) })
					_, err := io.WriteString(w, text[:at])
					require.NoError(t, err)
					synctest.Wait()
					require.NoError(t, db.Close())
					synctest.Wait()
					imported.waits(t)
					go func() {
						_, _ = io.WriteString(w, text[at:])
						_ = w.Close()
					}()
					imported.returns(t, 0, kv.ErrClosed)
					require.NoError(t, r.Close())
					db = openBackend(t, disk.MustOpen())
					noBuckets(t, db)
					require.NoError(t, db.Close())
				})
			})
		}
	}
}

// An import that does not come to its end, for whatever reason, leaves nothing behind.
func TestImportThatIsBrokenOff(t *testing.T) {
	source := newBucket(t, kv.New(), kv.Config{})
	manyRevisions(t, source)
	text := exportOf(t, source)
	// at returns a reader of the text that calls f in the middle.
	at := func(f func() error) io.Reader {
		half := len(text) / 2
		return io.MultiReader(strings.NewReader(text[:half]), readerFunc(f), strings.NewReader(text[half:]))
	}
	for _, row := range []struct {
		name string
		do   func(t *testing.T, db *kv.DB)
	}{
		{"the reader fails", func(t *testing.T, db *kv.DB) {
			_, err := db.Import(t.Context(), at(func() error { return errDisk }))
			require.ErrorIs(t, err, errDisk)
			require.NotErrorIs(t, err, kv.ErrInvalidImport)
			require.ErrorContains(t, err, "kv: import: line ")
		}},
		{"the context ends", func(t *testing.T, db *kv.DB) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := db.Import(ctx, at(func() error { cancel(); return io.EOF }))
			require.Equal(t, context.Canceled, err, "bare")
		}},
		{"the context ends the reader", func(t *testing.T, db *kv.DB) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := db.Import(ctx, at(func() error { cancel(); return errDisk }))
			require.Equal(t, context.Canceled, err, "bare")
		}},
		{"the reader panics", func(t *testing.T, db *kv.DB) {
			require.PanicsWithError(t, errDisk.Error(), func() {
				_, _ = db.Import(t.Context(), at(func() error { panic(errDisk) }))
			})
		}},
		{"the reader is broken", func(t *testing.T, db *kv.DB) {
			_, err := db.Import(t.Context(), at(func() error { return nil }))
			require.ErrorIs(t, err, io.ErrNoProgress)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				row.do(t, db)
				noBuckets(t, db)
				play(t, newBucket(t, db, kv.Config{Bucket: source.Name()}), "a")
			})
		})
	}
}

// A readerFunc is called when something is to be read, of which there is nothing.
type readerFunc func() error

func (f readerFunc) Read([]byte) (int, error) { return 0, f() }

// What expires between export and import, or during it, does so as in a bucket that is opened again.
func TestImportOfWhatExpires(t *testing.T) {
	tests := []struct {
		name  string
		cfg   kv.Config
		after string // in a bucket in which a1 a2(TTL 1m) b3(TTL 1h) b4 -c5(TTL 1m) !d6(TTL 1m) e7 were written, a day later
	}{
		{"own deadlines", kv.Config{History: 3}, "b4 e7"},
		{"own deadlines, limit markers", kv.Config{History: 3, LimitMarkerTTL: time.Hour}, "b4 e7 a8P c9P"},
		{"bucket's TTL", kv.Config{History: 3, TTL: time.Hour}, ""},
		{"bucket's TTL, limit markers", kv.Config{History: 3, TTL: time.Hour, LimitMarkerTTL: time.Second}, "a8P c9P b10P e11P"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
				source := newDB()
				b := newBucket(t, source, test.cfg)
				play(t, b, "a")
				mustPut(t, b, "a", "", kv.KeyTTL(time.Minute))
				mustPut(t, b, "b", "", kv.KeyTTL(time.Hour))
				play(t, b, "b")
				require.NoError(t, b.Delete(t.Context(), "c", kv.KeyTTL(time.Minute)))
				require.NoError(t, b.Purge(t.Context(), "d", kv.PurgeTTL(time.Minute)))
				play(t, b, "e")
				text := exportOf(t, b)
				require.NoError(t, source.Close())

				slow, w := io.Pipe() // deadlines pass while half of the bucket is there
				db := newDB()
				imported := do(func() error { return errOf(db.Import(t.Context(), slow)) })
				third := strings.Index(text, `{"revision":3,`)
				_, err := io.WriteString(w, text[:third])
				require.NoError(t, err)
				time.Sleep(24 * time.Hour)
				_, err = io.WriteString(w, text[third:])
				require.NoError(t, err)
				require.NoError(t, w.Close())
				imported.returns(t, 0, nil)
				b, err = db.Bucket(t.Context(), "B")
				require.NoError(t, err)
				require.Equal(t, test.after, drawAll(t, b))

				at := newDB()
				require.Equal(t, test.after, drawAll(t, mustImport(t, at, text)))
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				require.NotContains(t, drawAll(t, b), "P", "limit markers go")
				_, err = db.Import(t.Context(), strings.NewReader(text), kv.ImportAs("again"))
				require.NoError(t, err)
			})
		})
	}
}

// The timer is set: what expires later does so by itself, and watchers hear of it.
func TestImportSetsTheTimer(t *testing.T) {
	onExportPlaces(t, func(t *testing.T, newDB func() *kv.DB) {
		b := newBucket(t, newDB(), kv.Config{History: 3, LimitMarkerTTL: time.Hour})
		play(t, b, "a b")
		mustPut(t, b, "a", "", kv.KeyTTL(time.Minute))
		b = mustImport(t, newDB(), exportOf(t, b))
		w, err := b.Watch(t.Context(), ">", kv.IncludeHistory())
		require.NoError(t, err)
		defer w.Stop()
		require.Equal(t, "a1 b2 a3 CaughtUp", drain(t, w))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "a4P", drain(t, w))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, kv.Status{Config: statusOf(t, b).Config, Keys: 1, Values: 1, Bytes: 3, Oldest: 2, Newest: 4, Watchers: 1}, statusOf(t, b))
	})
}

// OnProgress hears of bytes, which never fall, and of the end.
func TestImportProgress(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, kv.New(), kv.Config{Bucket: "source", History: 3})
		manyRevisions(t, b)
		mustPut(t, b, "large", strings.Repeat("x", 1<<20))
		text := exportOf(t, b)
		var heard []kv.Progress
		tell := kv.OnProgress(func(p kv.Progress) {
			heard = append(heard, p)
			_, err := db.Bucket(t.Context(), "B")
			require.Equal(t, p.Total > 0, err == nil, "no lock is held, and at the end the bucket is there")
		})
		mustImport(t, db, text, tell, kv.ImportAs("B"))
		checkProgress(t, heard, int64(len(text)))

		_, err := db.Import(t.Context(), strings.NewReader(text+"x"), kv.ImportAs("C"), kv.OnProgress(func(p kv.Progress) {
			require.Zero(t, p.Total)
		}))
		requireErr(t, err, kv.ErrInvalidImport)
	})
}

// A database that takes no writes takes no imports, and reads nothing.
func TestImportIntoAReadOnlyDatabase(t *testing.T) {
	shelf := newShelf()
	db := openBackend(t, shelf)
	b := newBucket(t, db, kv.Config{})
	text := exportOf(t, b)
	shelf.logs["B"].fail = errDisk
	requireErr(t, errOf(b.Put(t.Context(), "k", nil)), kv.ErrReadOnly)
	r := strings.NewReader(text)
	_, err := db.Import(t.Context(), r, kv.ImportAs("C"))
	requireErr(t, err, kv.ErrReadOnly)
	require.NoError(t, db.Close())
	_, err = db.Import(t.Context(), r, kv.ImportAs("C"))
	requireErr(t, err, kv.ErrClosed)
	require.Equal(t, len(text), r.Len())
	require.Len(t, shelf.configs, 1)
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// plainConfig is what shownConfig returns for a bucket that was made with a name only.
var plainConfig = kv.Config{Bucket: "B", History: 1, MaxValueSize: -1, MaxBytes: -1}

// shownConfig returns the configuration that Status shows, but for the default of Storage: see TestDefaultStorage.
func shownConfig(t testing.TB, b *kv.Bucket) kv.Config {
	t.Helper()
	cfg := statusOf(t, b).Config
	cfg.Storage = kv.DefaultStorage
	return cfg
}

// plainConfigWith returns plainConfig with a change.
func plainConfigWith(change func(*kv.Config)) kv.Config {
	cfg := plainConfig
	change(&cfg)
	return cfg
}

func TestFieldsOfAConfig(t *testing.T) {
	metadata := func(n int) map[string]string { return map[string]string{"key": strings.Repeat("m", n-3)} }
	for _, row := range []struct {
		name  string
		set   func(*kv.Config)
		field string // the one that is refused; "" if it is accepted
		err   error
		want  func(*kv.Config) // how Status shows what is accepted; nil if as given
	}{
		{"History 0 is 1", func(c *kv.Config) { c.History = 0 }, "", nil, func(*kv.Config) {}},
		{"History 64", func(c *kv.Config) { c.History = 64 }, "", nil, nil},
		{"History 65", func(c *kv.Config) { c.History = 65 }, "History", kv.ErrHistoryTooLarge, nil},
		{"History 255", func(c *kv.Config) { c.History = 255 }, "History", kv.ErrHistoryTooLarge, nil},
		{"TTL of a nanosecond", func(c *kv.Config) { c.TTL = 1 }, "", nil, nil},
		{"TTL not of whole seconds", func(c *kv.Config) { c.TTL = 1500000001 }, "", nil, nil},
		{"longest TTL", func(c *kv.Config) { c.TTL = math.MaxInt64 }, "", nil, nil},
		{"negative TTL", func(c *kv.Config) { c.TTL = -1 }, "TTL", kv.ErrInvalidConfig, nil},
		{"MaxBytes 0 is none", func(c *kv.Config) { c.MaxBytes = 0 }, "", nil, func(*kv.Config) {}},
		{"negative MaxBytes is none", func(c *kv.Config) { c.MaxBytes = -7 }, "", nil, func(*kv.Config) {}},
		{"MaxBytes", func(c *kv.Config) { c.MaxBytes = math.MaxInt64 }, "", nil, nil},
		{"MaxValueSize 0 is none", func(c *kv.Config) { c.MaxValueSize = 0 }, "", nil, func(*kv.Config) {}},
		{"negative MaxValueSize is none", func(c *kv.Config) { c.MaxValueSize = -7 }, "", nil, func(*kv.Config) {}},
		{"MaxValueSize", func(c *kv.Config) { c.MaxValueSize = 1 }, "", nil, nil},
		{"unknown Storage", func(c *kv.Config) { c.Storage = 3 }, "Storage", kv.ErrInvalidConfig, nil},
		{"Description of 4096 bytes", func(c *kv.Config) { c.Description = strings.Repeat("d", 4096) }, "", nil, nil},
		{"Description of 4097 bytes", func(c *kv.Config) { c.Description = strings.Repeat("d", 4097) },
			"Description", kv.ErrInvalidConfig, nil},
		{"Description that is not text", func(c *kv.Config) { c.Description = "a\xff" }, "Description", kv.ErrInvalidConfig, nil},
		{"Metadata key that is not text", func(c *kv.Config) { c.Metadata = map[string]string{"\xff": ""} },
			"Metadata", kv.ErrInvalidConfig, nil},
		{"Metadata value that is not text", func(c *kv.Config) { c.Metadata = map[string]string{"k": "\xff"} },
			"Metadata", kv.ErrInvalidConfig, nil},
		{"no Metadata", func(c *kv.Config) { c.Metadata = map[string]string{} }, "", nil, func(*kv.Config) {}},
		{"Metadata of 131072 bytes", func(c *kv.Config) { c.Metadata = metadata(131072) }, "", nil, nil},
		{"Metadata of 131073 bytes", func(c *kv.Config) { c.Metadata = metadata(131073) }, "Metadata", kv.ErrInvalidConfig, nil},
		{"LimitMarkerTTL of a nanosecond", func(c *kv.Config) { c.LimitMarkerTTL = 1 }, "", nil, nil},
		{"negative LimitMarkerTTL", func(c *kv.Config) { c.LimitMarkerTTL = -1 }, "LimitMarkerTTL", kv.ErrInvalidConfig, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				given := kv.Config{Bucket: "B"}
				row.set(&given)
				want := plainConfigWith(row.set)
				if row.want != nil {
					want = plainConfigWith(row.want)
				}
				created, err := db.CreateBucket(t.Context(), given)
				requireConfigErr(t, err, row.err, row.field)
				if err == nil {
					assert.Equal(t, want, shownConfig(t, created))
				} else {
					requireErr(t, errOf(db.Bucket(t.Context(), "B")), kv.ErrBucketNotFound)
				}

				b := newBucket(t, db, kv.Config{Bucket: "old", Description: "as it was"})
				before := contentsOf(t, b)
				given.Bucket, want.Bucket = "old", "old"
				for _, update := range []func(context.Context, kv.Config) (*kv.Bucket, error){
					db.UpdateBucket, db.CreateOrUpdateBucket,
				} {
					updated, err := update(t.Context(), given)
					requireConfigErr(t, err, row.err, row.field)
					if err != nil {
						assert.Equal(t, before, contentsOf(t, b), "a refused update changes nothing")
						continue
					}
					assert.Same(t, b, updated)
					assert.Equal(t, want, shownConfig(t, b))
				}
			})
		})
	}
}

func requireConfigErr(t *testing.T, err, want error, field string) {
	t.Helper()
	requireErr(t, err, want)
	if want != nil {
		assert.Equal(t, field, asError[*kv.ConfigError](t, err).Field)
	}
}

// A database in memory has no files and does not compress, and says so.
func TestConfigThatMemoryCannotKeep(t *testing.T) {
	db := kv.New()
	newBucket(t, db, kv.Config{})
	for field, cfg := range map[string]kv.Config{
		"Storage":     {Bucket: "files", Storage: kv.FileStorage},
		"Compression": {Bucket: "files", Compression: true},
	} {
		requireConfigErr(t, errOf(db.CreateBucket(t.Context(), cfg)), errors.ErrUnsupported, field)
		requireConfigErr(t, errOf(db.CreateOrUpdateBucket(t.Context(), cfg)), errors.ErrUnsupported, field)
	}
	requireConfigErr(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", Compression: true})),
		errors.ErrUnsupported, "Compression")
	requireConfigErr(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", Storage: kv.FileStorage})),
		errors.ErrUnsupported, "Storage")
	newBucket(t, db, kv.Config{Bucket: "memory", Storage: kv.MemoryStorage})
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"B", "memory"}, names)
}

// A bucket can be made again with the configuration it has.
func TestCreateBucketThatExists(t *testing.T) {
	made := kv.Config{
		Bucket: "B", Description: "d", History: 3, TTL: time.Hour, LimitMarkerTTL: time.Minute, Metadata: map[string]string{"k": "v"},
	}
	change := func(f func(*kv.Config)) kv.Config {
		cfg := made
		cfg.Metadata = maps.Clone(made.Metadata)
		f(&cfg)
		return cfg
	}
	for _, row := range []struct {
		name string
		cfg  kv.Config
		same bool
	}{
		{"the same", made, true},
		{"MaxBytes -1 for 0", change(func(c *kv.Config) { c.MaxBytes = -1 }), true},
		{"MaxValueSize -1 for 0", change(func(c *kv.Config) { c.MaxValueSize = -1 }), true},
		{"other History", change(func(c *kv.Config) { c.History = 4 }), false},
		{"default History", change(func(c *kv.Config) { c.History = 0 }), false},
		{"other Description", change(func(c *kv.Config) { c.Description = "e" }), false},
		{"other TTL", change(func(c *kv.Config) { c.TTL++ }), false},
		{"other LimitMarkerTTL", change(func(c *kv.Config) { c.LimitMarkerTTL = 0 }), false},
		{"other MaxBytes", change(func(c *kv.Config) { c.MaxBytes = 1 }), false},
		{"other MaxValueSize", change(func(c *kv.Config) { c.MaxValueSize = 1 }), false},
		{"other Metadata", change(func(c *kv.Config) { c.Metadata["k"] = "w" }), false},
		{"no Metadata", change(func(c *kv.Config) { c.Metadata = nil }), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, made)
				play(t, b, "a b -a")
				before := contentsOf(t, b)
				again, err := db.CreateBucket(t.Context(), row.cfg)
				if row.same {
					require.NoError(t, err)
					assert.Same(t, b, again)
				} else {
					requireErr(t, err, kv.ErrBucketExists)
					assert.Equal(t, &kv.BucketError{
						Op: "create bucket", Bucket: "B", Reason: "it has another configuration", Err: kv.ErrBucketExists,
					}, err)
				}
				assert.Equal(t, before, contentsOf(t, b))
			})
		})
	}
}

// What Status reports can be given back.
func TestConfigOfStatus(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		for _, cfg := range []kv.Config{
			{Bucket: "plain"},
			{Bucket: "full", Description: "d", History: 7, MaxValueSize: 10, MaxBytes: 100, TTL: time.Hour,
				LimitMarkerTTL: time.Minute, Metadata: map[string]string{"k": "v"}},
		} {
			b := newBucket(t, db, cfg)
			got := statusOf(t, b).Config
			again, err := db.CreateBucket(t.Context(), got)
			require.NoError(t, err)
			assert.Same(t, b, again)
			_, err = db.UpdateBucket(t.Context(), got)
			require.NoError(t, err)
			assert.Equal(t, got, statusOf(t, b).Config)
		}
	})
}

// In a database in memory the default is to keep a bucket in memory, so the two are one configuration.
func TestDefaultStorage(t *testing.T) {
	db := kv.New()
	b := newBucket(t, db, kv.Config{})
	assert.Equal(t, kv.MemoryStorage, statusOf(t, b).Config.Storage)
	for _, storage := range []kv.Storage{kv.DefaultStorage, kv.MemoryStorage} {
		again, err := db.CreateBucket(t.Context(), kv.Config{Bucket: "B", Storage: storage})
		require.NoError(t, err)
		assert.Same(t, b, again)
		require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", Storage: storage})))
	}
}

// The metadata of a bucket is nobody else's map.
func TestMetadataIsPrivate(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		given := map[string]string{"k": "v"}
		b := newBucket(t, db, kv.Config{Metadata: given})
		given["k"] = "changed"
		got := statusOf(t, b).Config.Metadata
		assert.Equal(t, map[string]string{"k": "v"}, got)
		got["k"] = "changed"
		assert.Equal(t, map[string]string{"k": "v"}, statusOf(t, b).Config.Metadata)
	})
}

func TestStatus(t *testing.T) {
	const one, two = 1 + 2, 1 + 2 // bytes of key and value of "a" = "v1" and "b" = "v3"
	for _, row := range []struct {
		name   string
		script string
		keys   int
		values int
		bytes  int64
		oldest uint64
		newest uint64
	}{
		{"empty", "", 0, 0, 0, 0, 0},
		{"one put", "a", 1, 1, one, 1, 1},
		{"history counts", "a a b", 2, 3, 2*one + two, 1, 3},
		{"trimmed", "a a a a b", 2, 4, 3*one + two, 2, 5},
		{"a marker has its key only", "a -a", 1, 2, one + 1, 1, 2},
		{"a marker of nothing", "-a", 1, 1, 1, 1, 1},
		{"purged", "a a !a", 1, 1, 1, 3, 3},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, row.script)
				assert.Equal(t, kv.Status{
					Config: statusOf(t, b).Config,
					Keys:   row.keys, Values: row.values, Bytes: row.bytes, Oldest: row.oldest, Newest: row.newest,
				}, statusOf(t, b))
			})
		})
	}
}

func TestStatusOfAnEmptiedBucketAndItsWatchers(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		assert.Equal(t, "B", b.Name())
		play(t, b, "a -a")
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		assert.Equal(t, kv.Status{Config: statusOf(t, b).Config, Newest: 2}, statusOf(t, b), "the newest revision ever written, kept or not")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		assert.Equal(t, 1, statusOf(t, b).Watchers)
		w.Stop()
		w.Stop()
		assert.Equal(t, 0, statusOf(t, b).Watchers)
		play(t, b, "a")
		assert.Equal(t, "a3", drawAll(t, b), "revisions go on")
	})
}

func TestListBuckets(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		for _, n := range []int{0, 6, 307} {
			var want []string
			for _, name := range []string{"a", "b", "C", "_x", "9", "10"} {
				if n > 0 {
					want = append(want, name)
				}
			}
			for i := len(want); i < n; i++ {
				want = append(want, fmt.Sprint("n", i))
			}
			for _, name := range want {
				newBucket(t, db, kv.Config{Bucket: name})
			}
			names, err := db.BucketNames(t.Context())
			require.NoError(t, err)
			assert.ElementsMatch(t, want, names)
			assert.IsIncreasing(t, append([]string{"", "0"}, names...), "in byte order")
			statuses, err := db.Buckets(t.Context())
			require.NoError(t, err)
			require.Len(t, statuses, n)
			for i, st := range statuses {
				b, err := db.Bucket(t.Context(), names[i])
				require.NoError(t, err)
				assert.Equal(t, statusOf(t, b), st)
			}
		}
	})
}

func TestMissingBucket(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		for op, err := range map[string]error{
			"update bucket": errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B"})),
			"open bucket":   errOf(db.Bucket(t.Context(), "B")),
			"delete bucket": db.DeleteBucket(t.Context(), "B"),
		} {
			requireErr(t, err, kv.ErrBucketNotFound)
			assert.Equal(t, &kv.BucketError{Op: op, Bucket: "B", Err: kv.ErrBucketNotFound}, err)
		}
		b, err := db.CreateOrUpdateBucket(t.Context(), kv.Config{Bucket: "B"})
		require.NoError(t, err)
		same, err := db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		assert.Same(t, b, same)
	})
}

// A handle stays dead, also if a new bucket gets the name.
func TestHandleOfADeletedBucket(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		dead := newBucket(t, db, kv.Config{})
		play(t, dead, "a b")
		require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		requireErr(t, db.DeleteBucket(t.Context(), "B"), kv.ErrBucketNotFound)
		check := func() {
			t.Helper()
			for _, calls := range [][]keyCall{keyCalls, batchCalls, patternCalls, bucketCalls} {
				for _, c := range calls {
					err := c.call(t.Context(), dead, "a")
					requireErr(t, err, kv.ErrBucketDeleted, c.op)
					assert.Equal(t, "B", asError[*kv.BucketError](t, err).Bucket)
				}
			}
			for _, c := range keyCalls {
				requireErr(t, c.call(t.Context(), dead, "a b"), kv.ErrInvalidKey, c.op)
			}
		}
		check()
		b := newBucket(t, db, kv.Config{})
		assert.NotSame(t, dead, b)
		assert.Empty(t, drawAll(t, b))
		play(t, b, "c")
		check()
		assert.Equal(t, "c1", drawAll(t, b), "a new bucket begins at revision 1")
		assert.Equal(t, "B", dead.Name())
	})
}

package kv_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
	"github.com/revkv/kv/internal/wire"
	"github.com/revkv/kv/store"
)

// inMemory are the labels of a bucket whose sizes are those of memory storage on a server.
var inMemory = map[string]string{wire.StorageLabel: wire.MemoryStorage}

// sizedAs returns the size of a message of key k in bucket B with memory storage.
func sizedAs(header, value int) int64 { return int64(len("$KV.B.k") + header + value + 16) }

func TestWireBytes(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 10, LimitMarkerTTL: 30 * time.Second, Labels: inMemory})
		want := int64(0)
		step := func(bytes int64, err error) {
			t.Helper()
			require.NoError(t, err)
			want += bytes
			require.Equal(t, want, adapter.Bytes(b))
		}
		step(sizedAs(52, 1), errOf(b.Create(t.Context(), "k", []byte("1"))))
		step(sizedAs(0, 2), errOf(b.Put(t.Context(), "k", []byte("22"))))
		step(sizedAs(52, 0), errOf(b.Update(t.Context(), "k", nil, 2)))
		step(sizedAs(12+12+4, 0), errOf(b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute)))) // 1m0s
		step(sizedAs(31, 0), b.Delete(t.Context(), "k"))
		step(sizedAs(52, 0), errOf(b.Create(t.Context(), "k", nil)))
		step(sizedAs(31+40, 0), b.Delete(t.Context(), "k", kv.LastRevision(6)))
		_, err := b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Hour))
		require.NoError(t, err)
		time.Sleep(time.Hour + time.Second) // the key and its history are gone, the marker is there
		assert.Equal(t, sizedAs(70+3, 0), adapter.Bytes(b))
		require.NoError(t, b.Purge(t.Context(), "k", kv.PurgeTTL(time.Second)))
		assert.Equal(t, sizedAs(51+12+2, 0), adapter.Bytes(b))
		time.Sleep(2 * time.Second)
		assert.Zero(t, adapter.Bytes(b))
	})
}

// Whatever is done to a bucket, nothing is left of its size when nothing is left in it.
func TestWireBytesEnd(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		cfg := kv.Config{Bucket: "B", History: 3, LimitMarkerTTL: time.Minute, Labels: inMemory}
		b := newBucket(t, db, cfg)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 2000 {
			key := fmt.Sprint("k", r.IntN(20))
			var err error
			switch r.IntN(9) {
			case 0, 1, 2:
				_, err = b.Put(t.Context(), key, make([]byte, r.IntN(50)))
			case 3:
				_, _ = b.Create(t.Context(), key, nil, kv.KeyTTL(time.Duration(1+r.Int64N(1e12))))
			case 4:
				_, _ = b.Update(t.Context(), key, nil, uint64(r.IntN(i+1)))
			case 5:
				err = b.Delete(t.Context(), key)
			case 6:
				err = b.Purge(t.Context(), key)
			case 7:
				_, err = b.Apply(t.Context(), kv.PutOp(key, nil), kv.DeleteOp(key+"x"))
			case 8:
				time.Sleep(time.Duration(r.Int64N(1e11)))
				cfg.History = uint8(1 + r.IntN(4))
				cfg.Labels = nil
				if r.IntN(2) == 0 {
					cfg.Labels = inMemory
				}
				_, err = db.UpdateBucket(t.Context(), cfg)
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, adapter.Bytes(b), statusOf(t, b).Bytes)
		}
		for key := range 20 {
			require.NoError(t, b.Delete(t.Context(), fmt.Sprint("k", key)))
		}
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		time.Sleep(time.Hour)
		assert.Equal(t, kv.Status{Config: cfg, Newest: statusOf(t, b).Newest}, withConfig(statusOf(t, b), cfg))
		assert.Zero(t, adapter.Bytes(b))
	})
}

func withConfig(st kv.Status, cfg kv.Config) kv.Status {
	st.Config = cfg
	return st
}

// A bucket that is opened again knows the sizes of headers as near as it can.
func TestWireBytesReopened(t *testing.T) {
	shelf := newShelf()
	db := openBackend(t, shelf)
	b := newBucket(t, db, kv.Config{History: 5, Labels: inMemory})
	play(t, b, "k k -k !k k")
	_, err := b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Hour))
	require.NoError(t, err)
	want := adapter.Bytes(b)
	require.NoError(t, db.Close())
	db = openBackend(t, shelf)
	defer func() { require.NoError(t, db.Close()) }()
	b, err = db.Bucket(t.Context(), "B")
	require.NoError(t, err)
	const created = 40 // what has a TTL is taken for made with Create
	assert.Equal(t, want+created, adapter.Bytes(b))
}

func TestWireLimits(t *testing.T) {
	put := func(value int) adapter.Write { return adapter.Write{Operation: store.Put, Value: make([]byte, value)} }
	create := func(value int) adapter.Write {
		w := put(value)
		w.Create = true
		return w
	}
	update := func(value int, revision uint64) adapter.Write {
		w := put(value)
		w.Checked, w.Revision = true, revision
		return w
	}
	mark := adapter.Write{Operation: store.Delete}
	purge := adapter.Write{Operation: store.Purge}
	withTTL := func(w adapter.Write, ttl time.Duration) adapter.Write { w.TTL = ttl; return w }
	limit := func(n int32) kv.Config {
		return kv.Config{MaxValueSize: n, LimitMarkerTTL: time.Minute, Labels: inMemory}
	}
	bytes := func(n int64, history uint8) kv.Config {
		return kv.Config{MaxBytes: n, History: history, LimitMarkerTTL: time.Minute, Labels: inMemory}
	}
	for _, row := range []struct {
		name  string
		cfg   kv.Config
		first []adapter.Write // these fit
		then  adapter.Write
		want  error
	}{
		{"value", limit(100), nil, put(100), nil},
		{"value too large", limit(100), nil, put(101), kv.ErrValueTooLarge},
		{"created value", limit(100), nil, create(48), nil},
		{"created value too large", limit(100), nil, create(49), kv.ErrValueTooLarge},
		{"size comes before existence", limit(100), []adapter.Write{put(1)}, create(49), kv.ErrValueTooLarge},
		{"existence", limit(100), []adapter.Write{put(1)}, create(48), kv.ErrKeyExists},
		{"delete", limit(31), nil, mark, nil},
		{"delete too large", limit(30), nil, mark, kv.ErrValueTooLarge},
		{"purge too large", limit(50), nil, purge, kv.ErrValueTooLarge},

		{"TTL", limit(0), nil, withTTL(create(1), time.Second), nil},
		{"TTL too short", limit(0), nil, withTTL(create(1), time.Second-1), adapter.ErrTTLInvalid},
		{"existence before TTL", limit(0), []adapter.Write{put(1)}, withTTL(create(1), 1), kv.ErrKeyExists},
		{"no TTLs", kv.Config{}, nil, withTTL(create(1), time.Second), adapter.ErrTTLDisabled},
		{"no TTLs before existence", kv.Config{}, []adapter.Write{put(1)}, withTTL(create(1), time.Second), adapter.ErrTTLDisabled},
		{"no TTLs, and short", kv.Config{}, nil, withTTL(purge, 1), adapter.ErrTTLInvalid},

		{"fits", bytes(sizedAs(0, 50), 1), nil, put(50), nil},
		{"does not fit", bytes(sizedAs(0, 50), 1), nil, put(51), kv.ErrBucketFull},
		{"replaced", bytes(sizedAs(0, 50), 1), []adapter.Write{put(50)}, put(50), nil},
		{"replaced by a larger one", bytes(sizedAs(0, 60), 1), []adapter.Write{put(50)}, put(51), kv.ErrBucketFull},
		{"deleted", bytes(sizedAs(0, 31), 1), []adapter.Write{put(31)}, mark, nil},
		{"deleted, but small", bytes(sizedAs(0, 30), 1), []adapter.Write{put(30)}, mark, kv.ErrBucketFull},
		{"purge does not count what it frees", bytes(sizedAs(0, 50), 1), []adapter.Write{put(50)}, purge, kv.ErrBucketFull},
		{"depth not reached", bytes(2*sizedAs(0, 50), 3), []adapter.Write{put(50), put(50)}, put(1), kv.ErrBucketFull},
		{"depth reached", bytes(2*sizedAs(0, 50), 2), []adapter.Write{put(50), put(50)}, put(50), nil},
		{"revision before room", bytes(sizedAs(0, 50), 1), []adapter.Write{put(50)}, update(90, 7), kv.ErrRevisionMismatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, row.cfg)
				for _, w := range append(row.first, row.then) {
					w.Key = "k"
					rev, err := adapter.Apply(t.Context(), b, w)
					if len(row.first) > 0 && rev <= uint64(len(row.first)) && err == nil {
						continue
					}
					require.ErrorIs(t, err, row.want)
				}
			})
		})
	}
}

// Create over a marker is measured with the header that it gets in the end.
func TestWireCreateOverMarker(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{MaxValueSize: 100})
		play(t, b, strings.Repeat("-k ", 12))
		create := func(value int) error {
			_, err := adapter.Apply(t.Context(), b, adapter.Write{
				Operation: store.Put, Key: "k", Value: make([]byte, value), Create: true,
			})
			return err
		}
		require.ErrorIs(t, create(48), kv.ErrValueTooLarge)
		require.NoError(t, create(47))
	})
}

// A TTL is cut to seconds and, where older revisions are kept, raised to the limit marker's.
func TestWireTTL(t *testing.T) {
	for _, row := range []struct {
		history   uint8
		ttl, want time.Duration
	}{
		{1, time.Second, time.Second},
		{1, 1999 * time.Millisecond, time.Second},
		{2, time.Second, 3 * time.Second},
		{2, 3999 * time.Millisecond, 3 * time.Second},
		{2, 4 * time.Second, 4 * time.Second},
	} {
		t.Run(fmt.Sprint(row.history, row.ttl), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: row.history, LimitMarkerTTL: 3 * time.Second})
				_, err := adapter.Apply(t.Context(), b, adapter.Write{Operation: store.Put, Key: "k", Create: true, TTL: row.ttl})
				require.NoError(t, err)
				e, err := b.Get(t.Context(), "k")
				require.NoError(t, err)
				assert.Equal(t, row.want, e.Expires.Sub(e.Created))
			})
		})
	}
}

// Labels are kept with the configuration, and are a part of it.
func TestLabels(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		labels := map[string]string{"a": "b"}
		cfg := kv.Config{Bucket: "B", Labels: labels}
		b := newBucket(t, db, cfg)
		labels["a"] = "changed"
		assert.Equal(t, map[string]string{"a": "b"}, statusOf(t, b).Config.Labels)
		_, err := db.CreateBucket(t.Context(), cfg)
		requireErr(t, err, kv.ErrBucketExists)
		statusOf(t, b).Config.Labels["a"] = "changed"
		_, err = db.CreateBucket(t.Context(), statusOf(t, b).Config)
		require.NoError(t, err)
		cfg.Labels = map[string]string{"\xff": ""}
		_, err = db.UpdateBucket(context.Background(), cfg)
		requireErr(t, err, kv.ErrInvalidConfig)
		cfg.Labels = map[string]string{}
		_, err = db.UpdateBucket(context.Background(), cfg)
		require.NoError(t, err)
		assert.Nil(t, statusOf(t, b).Config.Labels)
	})
}

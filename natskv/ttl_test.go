package natskv_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// step is more than the time that a database in a folder needs to act on a deadline.
const step = time.Millisecond

// A key that was created with a TTL expires when it is over, with a limit marker that goes in turn.
func TestKeyTTL(t *testing.T) {
	for name, row := range map[string]struct {
		cfg  jetstream.KeyValueConfig
		ttl  time.Duration
		want time.Duration // how long the key lives
		mark time.Duration // how long the marker does
	}{
		"as asked for":      {jetstream.KeyValueConfig{LimitMarkerTTL: 5 * time.Second}, time.Second, time.Second, 5 * time.Second},
		"cut to seconds":    {jetstream.KeyValueConfig{LimitMarkerTTL: 2900 * time.Millisecond}, 1999 * time.Millisecond, time.Second, 2 * time.Second},
		"raised":            {jetstream.KeyValueConfig{LimitMarkerTTL: 5900 * time.Millisecond, History: 2}, time.Second, 5 * time.Second, 5 * time.Second},
		"not raised":        {jetstream.KeyValueConfig{LimitMarkerTTL: 5 * time.Second, History: 2}, 6 * time.Second, 6 * time.Second, 5 * time.Second},
		"bucket is earlier": {jetstream.KeyValueConfig{LimitMarkerTTL: 5 * time.Second, TTL: 1500 * time.Millisecond}, time.Hour, 1500 * time.Millisecond, 1500 * time.Millisecond},
		"a day":             {jetstream.KeyValueConfig{LimitMarkerTTL: time.Hour}, 24 * time.Hour, 24 * time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, row.cfg)
				w, err := b.WatchAll(t.Context(), jetstream.UpdatesOnly())
				require.NoError(t, err)
				_, err = b.Create(t.Context(), "k", []byte("v"), jetstream.KeyTTL(row.ttl))
				require.NoError(t, err)
				time.Sleep(row.want - 1)
				_, err = b.Get(t.Context(), "k")
				require.NoError(t, err)
				assert.Equal(t, "k1", drain(w))
				time.Sleep(step)
				_, err = b.Get(t.Context(), "k")
				assert.Equal(t, jetstream.ErrKeyNotFound, err)
				assert.Equal(t, "k2P", drain(w))
				time.Sleep(row.mark - 2*step)
				assert.Equal(t, "k2P", history(t, b, "k"))
				time.Sleep(3 * step)
				assert.Empty(t, history(t, b, "k"))
				assert.Empty(t, drain(w), "a marker goes without a word")
				require.NoError(t, w.Stop())
			})
		})
	}
}

// Expiry never makes an older revision the newest again.
func TestExpiryBringsNothingBack(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{History: 5, LimitMarkerTTL: time.Second})
		play(t, b, "k -k")
		_, err := b.Create(t.Context(), "k", nil, jetstream.KeyTTL(time.Minute))
		require.NoError(t, err)
		assert.Equal(t, "k1 k2D k3", history(t, b, "k"))
		time.Sleep(time.Minute + step)
		assert.Equal(t, "k4P", history(t, b, "k"))
	})
}

// A limit marker that does not fit is written all the same.
func TestLimitMarkerInFullBucket(t *testing.T) {
	for name, cfg := range map[string]jetstream.KeyValueConfig{
		"MaxValueSize": {TTL: time.Minute, LimitMarkerTTL: time.Minute, MaxValueSize: 10},
		"MaxBytes":     {TTL: time.Minute, LimitMarkerTTL: time.Minute, MaxBytes: 50},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, cfg)
				play(t, b, "k")
				time.Sleep(time.Minute + step)
				assert.Equal(t, "k2P", history(t, b, "k"))
			})
		})
	}
}

// The older client takes a limit marker for an empty value. This one knows it.
func TestLegacyKnowsLimitMarkers(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		newBucket(t, db, jetstream.KeyValueConfig{TTL: time.Minute, LimitMarkerTTL: time.Minute})
		b, err := natskv.Legacy(db).KeyValue("B")
		require.NoError(t, err)
		_, err = b.PutString("k", "v")
		require.NoError(t, err)
		time.Sleep(time.Minute + step)
		_, err = b.Get("k")
		assert.Equal(t, nats.ErrKeyNotFound, err)
		_, err = b.Keys()
		assert.Equal(t, nats.ErrNoKeysFound, err)
		entries, err := b.History("k")
		require.NoError(t, err)
		assert.Equal(t, nats.KeyValuePurge, entries[0].Operation())
		_, err = b.Create("k", nil)
		require.NoError(t, err)
	})
}

// PurgeDeletes drops markers that are exactly as old as it is told.
func TestPurgeDeletesAge(t *testing.T) {
	for name, row := range map[string]struct {
		age  time.Duration
		opts []jetstream.KVPurgeOpt
		want string
	}{
		"younger than half an hour": {30*time.Minute - 1, nil, "k2D"},
		"half an hour":              {30 * time.Minute, nil, ""},
		"younger":                   {time.Minute - 1, []jetstream.KVPurgeOpt{jetstream.DeleteMarkersOlderThan(time.Minute)}, "k2D"},
		"as old":                    {time.Minute, []jetstream.KVPurgeOpt{jetstream.DeleteMarkersOlderThan(time.Minute)}, ""},
		"any":                       {0, []jetstream.KVPurgeOpt{jetstream.DeleteMarkersOlderThan(-1)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, jetstream.KeyValueConfig{History: 3})
				play(t, b, "k -k")
				time.Sleep(row.age)
				require.NoError(t, b.PurgeDeletes(t.Context(), row.opts...))
				assert.Equal(t, row.want, history(t, b, "k"))
			})
		})
	}
}

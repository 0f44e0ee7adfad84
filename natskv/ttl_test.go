package natskv_test

// What TTLs do is told in module natstest, for a server and natskv at once. Here is what only natskv can show.

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

package kv_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// An update replaces the configuration as a whole.
func TestUpdateReplacesAllFields(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{
			Description: "d", History: 5, MaxValueSize: 10, MaxBytes: 100, TTL: time.Hour, LimitMarkerTTL: time.Minute,
			Metadata: map[string]string{"k": "v"},
		})
		play(t, b, "a a b -b")
		updated, err := db.UpdateBucket(t.Context(), kv.Config{Bucket: "B"})
		require.NoError(t, err)
		assert.Same(t, b, updated)
		assert.Equal(t, plainConfig, shownConfig(t, b))
		assert.Equal(t, "a2 b4D", drawAll(t, b))
	})
}

func TestUpdateHistory(t *testing.T) {
	for _, row := range []struct {
		name     string
		from, to uint8
		then     string
		want     string
		bytes    int64
	}{
		{"lowering drops the oldest of every key at once", 5, 2, "", "a4 a5 b7 b8D c9", 3*3 + 1 + 3},
		{"to the default", 5, 0, "", "a5 b8D c9", 3 + 1 + 3},
		{"to what is there", 5, 3, "", "a3 a4 a5 b6 b7 b8D c9", 6*3 + 1},
		{"raising brings nothing back", 3, 5, "", "a3 a4 a5 b6 b7 b8D c9", 6*3 + 1},
		{"raising leaves room", 2, 4, "a a", "a4 a5 b7 b8D c9 a10 a11", 3*3 + 1 + 3 + 2*4},
		{"lowered depth counts for the next write", 5, 2, "a c c", "a5 b7 b8D a10 c11 c12", 3 + 3 + 1 + 3*4},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: row.from})
				play(t, b, "a a a a a b b -b c")
				_, err := db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: row.to})
				require.NoError(t, err)
				play(t, b, row.then)
				assert.Equal(t, row.want, drawAll(t, b))
				assert.Equal(t, row.bytes, statusOf(t, b).Bytes)
			})
		})
	}
}

func TestUpdateTTL(t *testing.T) {
	// a is put at 0, b after an hour, c after two; then the TTL is changed.
	for _, row := range []struct {
		name     string
		from, to time.Duration
		at       time.Duration
		want     string
	}{
		{"shortened: what is too old goes at once", 9 * time.Hour, 90 * time.Minute, 2 * time.Hour, "b2 c3"},
		{"shortened to the age of a revision", 9 * time.Hour, time.Hour, 2 * time.Hour, "c3"},
		{"shortened to more than all ages", 9 * time.Hour, 3 * time.Hour, 2 * time.Hour, "a1 b2 c3"},
		{"and then in time", 9 * time.Hour, 3 * time.Hour, 3 * time.Hour, "b2 c3"},
		{"switched on", 0, 90 * time.Minute, 2 * time.Hour, "b2 c3"},
		{"raised: judged by the new value", 150 * time.Minute, 4 * time.Hour, 3 * time.Hour, "a1 b2 c3"},
		{"raised, and over", 150 * time.Minute, 4 * time.Hour, 4 * time.Hour, "b2 c3"},
		{"switched off", 150 * time.Minute, 0, 1000 * time.Hour, "a1 b2 c3"},
		{"raised too late", 90 * time.Minute, 9 * time.Hour, 2 * time.Hour, "b2 c3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{TTL: row.from})
				start := time.Now()
				for _, key := range []string{"a", "b", "c"} {
					play(t, b, key)
					if key != "c" {
						time.Sleep(time.Hour)
					}
				}
				synctest.Wait()
				_, err := db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", TTL: row.to})
				require.NoError(t, err)
				time.Sleep(row.at - time.Since(start))
				assert.Equal(t, row.want, drawAll(t, b))
				synctest.Wait()
				assert.Len(t, strings.Fields(row.want), statusOf(t, b).Values)
			})
		})
	}
}

// Lowering a limit leaves what is there as it is.
func TestUpdateLimits(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		require.NoError(t, errOf(b.PutString(t.Context(), "a", "0123456789")))
		before := contentsOf(t, b).Entries
		_, err := db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", MaxValueSize: 5, MaxBytes: 3})
		require.NoError(t, err)
		assert.Equal(t, before, contentsOf(t, b).Entries)
		e, err := b.Get(t.Context(), "a")
		require.NoError(t, err)
		assert.Equal(t, "0123456789", string(e.Value))
		requireErr(t, errOf(b.PutString(t.Context(), "a", "123456")), kv.ErrValueTooLarge)
		requireErr(t, errOf(b.PutString(t.Context(), "b", "123")), kv.ErrBucketFull)
		_, err = db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", MaxValueSize: 6})
		require.NoError(t, err)
		require.NoError(t, errOf(b.PutString(t.Context(), "a", "123456")))
	})
}

package kv_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

func TestRevert(t *testing.T) {
	const script = "k o k -k k !o k o" // k: 1, 3, 4 D, 5, 7; o: 6 P, 8
	for _, row := range []struct {
		name     string
		depth    uint8
		script   string
		key      string
		revision uint64
		want     string // the value
		newest   uint64 // if it is refused
	}{
		{"oldest kept", 5, script, "k", 1, "v1", 0},
		{"older", 5, script, "k", 5, "v5", 0},
		{"newest", 5, script, "k", 7, "v7", 0},
		{"depth 1, newest", 1, script, "k", 7, "v7", 0},
		{"of a deleted key", 5, "k k -k", "k", 1, "v1", 0},
		{"trimmed", 2, script, "k", 3, "", 7},
		{"marker", 5, script, "k", 4, "", 7},
		{"purge marker", 5, script, "o", 6, "", 8},
		{"purged", 5, script, "o", 2, "", 8},
		{"revision of another key", 5, script, "k", 8, "", 7},
		{"not written yet", 5, script, "k", 9, "", 7},
		{"key never written", 5, script, "x", 1, "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				for _, inBatch := range []bool{false, true} {
					b := newBucket(t, db, kv.Config{Bucket: fmt.Sprint(inBatch), History: row.depth})
					play(t, b, row.script)
					before := contentsOf(t, b)
					r, err := aWrite{"revert", row.key, &row.revision, inBatch}.do(t.Context(), b)
					if row.want == "" {
						requireErr(t, err, kv.ErrKeyNotFound)
						assert.Equal(t, &kv.RevisionError{
							Op: "revert", Bucket: b.Name(), Key: row.key, Wanted: row.revision, Newest: row.newest, Err: kv.ErrKeyNotFound,
						}, asError[*kv.RevisionError](t, err))
						assert.Equal(t, before, contentsOf(t, b))
						continue
					}
					require.NoError(t, err)
					assert.Equal(t, before.Status.Newest+1, r)
					e, err := b.Get(t.Context(), row.key)
					require.NoError(t, err)
					assert.Equal(t, row.want, string(e.Value))
					assert.Equal(t, r, e.Revision)
				}
			})
		})
	}
}

// A revert is a put: it has the same limits, and takes a TTL of its own but not that of the old revision.
func TestRevertIsAPut(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 10})
		mustPut(t, b, "k", "0123456789", kv.KeyTTL(time.Hour))
		mustPut(t, b, "k", "short")
		require.NoError(t, errOf(b.Revert(t.Context(), "k", 1)))
		require.NoError(t, errOf(b.Revert(t.Context(), "k", 1, kv.KeyTTL(2*time.Hour))))
		entries, err := b.History(t.Context(), "k")
		require.NoError(t, err)
		assert.Zero(t, entries[2].Expires)
		assert.Equal(t, time.Now().Add(2*time.Hour).UTC(), entries[3].Expires)

		cfg := kv.Config{Bucket: "B", History: 10, MaxValueSize: 9}
		require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
		_, err = b.Revert(t.Context(), "k", 1)
		requireErr(t, err, kv.ErrValueTooLarge)
		assert.Equal(t, &kv.SizeError{Op: "revert", Bucket: "B", Key: "k", Size: 10, Limit: 9, Err: kv.ErrValueTooLarge}, err)

		cfg.MaxValueSize, cfg.MaxBytes = 0, statusOf(t, b).Bytes+10
		require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
		_, err = b.Revert(t.Context(), "k", 1)
		requireErr(t, err, kv.ErrBucketFull)
		assert.Equal(t, int64(11), asError[*kv.SizeError](t, err).Size-statusOf(t, b).Bytes)
	})
}

package main

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
)

// TestCompactGivesSpaceBack proves that compact waits until the files of a large bucket are written anew.
func TestCompactGivesSpaceBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buckets")
	fillAndDelete(t, dir)
	before, err := place.FilesOf(dir, "Bucket1")
	require.NoError(t, err)
	require.Greater(t, before.Bytes(), int64(reclaimFrom))

	done(t, dir, "", "compact", "Bucket1", "--force")
	after, err := place.FilesOf(dir, "Bucket1")
	require.NoError(t, err)
	require.Less(t, after.Bytes(), before.Bytes()/4)
	require.Equal(t, "kept\n", done(t, dir, "", "ls", "Bucket1"))
}

// fillAndDelete makes a bucket that is large for the history of deleted keys.
func fillAndDelete(t *testing.T, dir string) {
	db, err := kv.Open(dir, kv.SyncNever(), kv.SegmentSize(1<<20))
	require.NoError(t, err)
	b, err := db.CreateBucket(t.Context(), kv.Config{Bucket: "Bucket1", History: 2})
	require.NoError(t, err)
	value := make([]byte, 64<<10)
	for i := range 200 {
		_, err := b.Put(t.Context(), fmt.Sprintf("key.%d", i), value)
		require.NoError(t, err)
	}
	_, err = b.PutString(t.Context(), "kept", "value")
	require.NoError(t, err)
	for i := range 200 {
		require.NoError(t, b.Delete(t.Context(), fmt.Sprintf("key.%d", i)))
	}
	require.NoError(t, db.Close())
}

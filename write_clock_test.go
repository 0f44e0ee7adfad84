package kv

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestClockOfAWriteThatWaited: a write in memory reads the clock before it takes the lock, for which it may wait long. It must
// not decide by a time at which a key was still there that has expired since, and Created must not go back.
func TestClockOfAWriteThatWaited(t *testing.T) {
	ctx := context.Background()
	b, err := New().CreateBucket(ctx, Config{Bucket: "clock"})
	require.NoError(t, err)
	begun := time.Now().Add(-time.Hour).UnixNano()
	require.Equal(t, begun, b.nowBy(begun))

	_, err = b.Put(ctx, "stays", nil)
	require.NoError(t, err)
	e, err := b.Get(ctx, "stays")
	require.NoError(t, err)
	require.Equal(t, e.Created.UnixNano(), b.nowBy(begun))

	_, err = b.Put(ctx, "goes", nil, KeyTTL(time.Hour))
	require.NoError(t, err)
	waited := time.Now().UnixNano()
	require.GreaterOrEqual(t, b.nowBy(begun), waited)
}

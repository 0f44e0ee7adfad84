package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// TestAtIsWhatWas does random operations and asks then of every revision what there was: the answer is what there was, or
// that it is not known.
func TestAtIsWhatWas(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 0))
		b, err := kv.New().CreateBucket(t.Context(), kv.Config{Bucket: "Bucket1", History: uint8(1 + random.IntN(5))})
		require.NoError(t, err)
		states := operate(t, b, random)
		known := 0
		for i, state := range states {
			known += checkPast(t, b, uint64(i+1), state)
		}
		require.NotZero(t, known, "seed %d", seed)
	}
}

// operate does random operations on few keys, and returns the values after each revision.
func operate(t *testing.T, b *kv.Bucket, random *rand.Rand) (states []map[string]string) {
	state := map[string]string{}
	for i := range 60 {
		key, value := fmt.Sprintf("key.%d", random.IntN(8)), fmt.Sprintf("value.%d", i)
		var err error
		switch n := random.IntN(20); {
		case n < 14:
			_, err = b.PutString(t.Context(), key, value)
			state[key] = value
		case n < 17:
			err = b.Delete(t.Context(), key)
			delete(state, key)
		case n < 19:
			err = b.Purge(t.Context(), key)
			delete(state, key)
		default:
			require.NoError(t, b.PurgeDeletes(t.Context()))
			continue // which takes no revision
		}
		require.NoError(t, err)
		states = append(states, maps.Clone(state))
	}
	return states
}

// checkPast compares what is said of a revision with the values of then, and returns how many values were known.
func checkPast(t *testing.T, b *kv.Bucket, at uint64, state map[string]string) (known int) {
	pasts, err := pastsOf(t.Context(), b, ">", at)
	require.NoError(t, err)
	for _, p := range pasts {
		e, err := getAt(t.Context(), b, p.key, at)
		want, had := state[p.key]
		switch {
		case p.forgotten():
			require.ErrorContains(t, err, "is not known")
		case p.live():
			require.NoError(t, err)
			require.True(t, had, "%s at %d", p.key, at)
			require.Equal(t, want, string(e.Value), "%s at %d", p.key, at)
			require.Equal(t, p.then.Revision, e.Revision)
			known++
		default:
			require.True(t, errors.Is(err, kv.ErrKeyNotFound), "%v", err)
			require.False(t, had, "%s at %d", p.key, at)
		}
	}
	return known
}

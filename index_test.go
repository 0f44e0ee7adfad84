package kv

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func indexKey(r *rand.Rand, longest int) string {
	var key strings.Builder
	for range 1 + r.IntN(longest) {
		key.WriteByte("ab."[r.IntN(3)])
	}
	return key.String()
}

// liveHistory returns a history of key that is not empty: only empty ones may be removed.
func liveHistory(key string) *history {
	return &history{key: key, newest: revision{number: 1}}
}

func removeFrom(x *index, h *history) {
	h.remove(0, new(spareRoom))
	x.remove(h)
}

// checkIndex compares an index with the keys that it should hold: each key, and the order of all and of ranges.
func checkIndex(t *testing.T, x *index, want map[string]*history, r *rand.Rand) {
	t.Helper()
	x.order(x.takeFresh())
	require.Equal(t, len(want), x.len())
	sorted := slices.Sorted(maps.Keys(want))
	bounds := []keyRange{{}}
	for range 20 {
		key := indexKey(r, 4)
		bounds = append(bounds, keyRange{key, indexKey(r, 4)}, keyRange{first: key}, keyRange{key, key + "\x00"})
	}
	for _, bound := range bounds {
		var inside, up, down []string
		for _, key := range sorted {
			if bound.contains(key) {
				inside = append(inside, key)
			}
		}
		x.ascend(bound, func(h *history) bool { up = append(up, h.key); return true })
		x.descend(bound, func(h *history) bool { down = append(down, h.key); return true })
		require.Equal(t, inside, up, "ascend %q", bound)
		slices.Reverse(down)
		require.Equal(t, inside, down, "descend %q", bound)
	}
}

func TestIndexAgainstSortedMap(t *testing.T) {
	for _, longest := range []int{1, 3, 12} {
		t.Run(fmt.Sprintf("keys of %d", longest), func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, uint64(longest)))
			x, want := &index{}, map[string]*history{}
			for step := range 3000 {
				key := indexKey(r, longest)
				h, ok := want[key]
				require.Same(t, h, x.get(key))
				switch growing := step/1000 != 1; {
				case !ok && (growing || r.IntN(4) == 0):
					want[key] = liveHistory(key)
					x.insert(hashOf(key), want[key])
				case ok && (!growing || r.IntN(4) == 0):
					delete(want, key)
					removeFrom(x, h)
				}
				if step%250 == 0 {
					checkIndex(t, x, want, r)
				}
			}
		})
	}
}

// TestIndexForgetsRemovedKeys: keys that come and go without anybody asking for their order leave nothing behind.
func TestIndexForgetsRemovedKeys(t *testing.T) {
	x := &index{}
	for i := range 100 {
		key := fmt.Sprintf("stays.%d", i)
		x.insert(hashOf(key), liveHistory(key))
	}
	for i := range 100_000 {
		h := liveHistory(fmt.Sprintf("goes.%d", i))
		x.insert(hashOf(h.key), h)
		removeFrom(x, h)
		require.LessOrEqual(t, len(x.fresh), 400)
	}
	x.order(x.takeFresh())
	require.Equal(t, 100, x.len())
	require.Equal(t, 100, x.ordered.Len())
}

// TestIndexStops shows that a walk ends when it is told to.
func TestIndexStops(t *testing.T) {
	x := &index{}
	for _, key := range []string{"a", "a.b", "a.b.c", "b", "c"} {
		x.insert(hashOf(key), liveHistory(key))
	}
	x.order(x.takeFresh())
	for n := 1; n <= 5; n++ {
		up, down := 0, 0
		x.ascend(keyRange{}, func(*history) bool { up++; return up < n })
		x.descend(keyRange{}, func(*history) bool { down++; return down < n })
		require.Equal(t, n, up)
		require.Equal(t, n, down)
	}
}

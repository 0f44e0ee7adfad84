package filestore

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A guide finds what is there and nothing else, whatever the gaps are.
func TestGuide(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, gap := range map[string]func() uint64{
		"none":   func() uint64 { return 1 },
		"small":  func() uint64 { return 1 + random.Uint64N(3) },
		"uneven": func() uint64 { return 1 + uint64(1)<<random.Uint64N(40) },
		"few":    func() uint64 { return 1 + random.Uint64N(1000)/999*1_000_000 },
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{0, 1, 2, 3, 100, 5000} {
				var entries []entry
				for revision := random.Uint64N(100); len(entries) < n; revision += gap() {
					entries = append(entries, entry{revision: revision})
				}
				g := makeGuide(entries)
				require.LessOrEqual(t, len(g.at), n+2)
				there := map[uint64]int{}
				for i, e := range entries {
					there[e.revision] = i
				}
				look := []uint64{0, 1, math.MaxUint64}
				for _, e := range entries {
					look = append(look, e.revision-1, e.revision, e.revision+1, e.revision+random.Uint64N(1<<20))
				}
				for _, revision := range look {
					want, ok := there[revision]
					at, found := g.find(entries, revision)
					require.Equal(t, ok, found, "revision %d among %d", revision, n)
					if ok {
						require.Equal(t, want, at)
					}
				}
			}
		})
	}
}

// The greatest revisions there are do not wrap around.
func TestGuideAtTheEnd(t *testing.T) {
	entries := []entry{{revision: 1}, {revision: math.MaxUint64 - 1}, {revision: math.MaxUint64}}
	g := makeGuide(entries)
	for want, e := range entries {
		at, ok := g.find(entries, e.revision)
		require.True(t, ok)
		require.Equal(t, want, at)
	}
	_, ok := g.find(entries, math.MaxUint64-2)
	require.False(t, ok)
}

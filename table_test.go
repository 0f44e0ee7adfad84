package kv

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTableAgainstMap puts keys in and takes them out, through every size of page and several splits.
func TestTableAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x, want := &table{}, map[string]*history{}
	const most = 20_000
	check := func() {
		t.Helper()
		require.Equal(t, len(want), x.count)
		seen := 0
		x.all(func(h *history) bool {
			seen++
			return want[h.key] == h
		})
		require.Equal(t, len(want), seen)
		for i := range most {
			key := fmt.Sprint(i)
			require.Same(t, want[key], x.get(key))
		}
	}
	check()
	for step := range 12 * most {
		key := fmt.Sprint(r.IntN(most))
		h, ok := want[key]
		switch growing := step/(4*most)%2 == 0; {
		case !ok && (growing || r.IntN(3) == 0):
			want[key] = &history{key: key}
			x.insert(hashOf(key), want[key])
		case ok && (!growing || r.IntN(3) == 0):
			delete(want, key)
			x.remove(h)
		}
		if step%(2*most) == 0 {
			check()
		}
	}
	check()
	for key, h := range want {
		x.remove(h)
		delete(want, key)
	}
	check()
}

// TestTableWithEqualHashes: keys whose hashes are the same are found by their bytes, in pages that cannot be split.
func TestTableWithEqualHashes(t *testing.T) {
	p := newPage(20, smallestPage)
	var all []*history
	for i := range 100 {
		h := &history{key: fmt.Sprint(i)}
		all = append(all, h)
		if p.count == len(p.slots)*7/8 {
			p.grow()
		}
		p.put(slot{uint32(7 + i%3), h})
	}
	for len(all) > 0 {
		for _, h := range all {
			require.True(t, slices.ContainsFunc(p.slots, func(s slot) bool { return s.history == h }))
		}
		p.free(uint32(slices.IndexFunc(p.slots, func(s slot) bool { return s.history == all[0] })))
		all = all[1:]
		require.Equal(t, len(all), p.count)
		for i := range p.slots { // no free slot between where a search begins and where it ends
			hash := p.slots[i].hash
			for j := hash & p.mask(); hash != 0 && j != uint32(i); j = (j + 1) & p.mask() {
				require.NotZero(t, p.slots[j].hash)
			}
		}
	}
}

// TestTableStops shows that all ends when it is told to.
func TestTableStops(t *testing.T) {
	x := &table{}
	for i := range 10 {
		key := fmt.Sprint(i)
		x.insert(hashOf(key), &history{key: key})
	}
	calls := 0
	x.all(func(*history) bool { calls++; return calls < 3 })
	require.Equal(t, 3, calls)
}

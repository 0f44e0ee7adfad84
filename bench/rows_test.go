package main

import (
	"context"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tinyPlan is so small that every row runs in a test.
var tinyPlan = plan{keys: []int{130}, openKeys: 300, listKeys: 130, growth: []int{140, 300}, value: 128, large: 512, shrink: 10_000}

// Every row runs with every engine of it, and every engine holds afterwards what it was given: measures check that.
func TestEveryRowRuns(t *testing.T) {
	for _, r := range tinyPlan.rows() {
		t.Run(r.name, func(t *testing.T) {
			reps := 2 // the second on the files of the first
			if r.inMemory {
				reps = 1
			}
			d := driver{dir: t.TempDir(), reps: reps, chosen: func(string) bool { return true }, progress: io.Discard}
			res, err := d.run(context.Background(), r)
			require.NoError(t, err)
			assert.Equal(t, r.engines, res.engines)
			for _, engine := range res.engines {
				require.Len(t, res.figures[engine], reps, engine)
				for _, figures := range res.figures[engine] {
					require.Len(t, figures, len(res.columns), engine)
					for i, v := range figures {
						assert.False(t, math.IsNaN(v), "%s: %s", engine, res.columns[i].name)
					}
				}
			}
			assert.Len(t, res.verdicts(), len(r.goals))
		})
	}
}

func TestRowsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range (plan{keys: []int{100, 200}, openKeys: 300, listKeys: 100, growth: []int{100, 200}, shrink: 1}).rows() {
		assert.False(t, seen[r.name], r.name)
		seen[r.name] = true
		assert.Equal(t, ours, r.engines[0], r.name)
	}
}

func TestRowEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	d := driver{dir: t.TempDir(), reps: 1, chosen: func(e string) bool { return e == "map" }, progress: io.Discard}
	_, err := d.run(ctx, tinyPlan.rows()[0])
	require.ErrorIs(t, err, context.Canceled)
}

// In every repetition each engine has its turn, not always behind the same one.
func TestTurn(t *testing.T) {
	engines := []string{"a", "b", "c"}
	var orders [][]string
	for rep := range 6 {
		orders = append(orders, turn(engines, rep))
	}
	assert.Equal(t, [][]string{
		{"a", "b", "c"}, {"c", "b", "a"}, {"b", "c", "a"}, {"a", "c", "b"}, {"c", "a", "b"}, {"b", "a", "c"},
	}, orders)
	assert.Equal(t, []string{"a", "b", "c"}, engines)
	assert.Empty(t, turn([]string{}, 1))
}

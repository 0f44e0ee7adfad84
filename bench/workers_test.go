package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What is measured of an engine after the warm-up is all, or what it does in longEnough.
func TestWarmUpLeavesOutWhatTakesTooLong(t *testing.T) {
	for _, row := range []struct {
		name     string
		n, ops   int
		each     time.Duration
		slow     int
		measured int
	}{
		{"fast", 1, 1000, longEnough / 1000, 0, 1000},
		{"slow", 1, 1000, longEnough / 500, 0, 500},
		{"slow, by several", 10, 1000, longEnough / 50, 0, 500},
		{"does a part anyhow", 1, 10_000, longEnough / 250, 10, 250},
		{"one for each worker at least", 64, 6400, time.Minute, 0, 64},
		{"no operations to warm up", 1, 9, time.Hour, 0, 9},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &contestant{kind: kind{slow: row.slow}}
				ops, err := c.warmUp(row.n, row.ops, 1, func(w *worker) error {
					time.Sleep(time.Duration(w.ops) * row.each)
					return nil
				})
				require.NoError(t, err)
				assert.Equal(t, row.measured, ops)
			})
		})
	}
}

func TestOperationsEndInTime(t *testing.T) {
	c := contestantOf(t, kind{volatile: true}, 100)
	e, err := openMap(options{})
	require.NoError(t, err)
	require.NoError(t, c.fill(e))
	for name, loop := range map[string]func(*contestant, engine, *worker, *hdrhistogram.Histogram) error{
		"reads": (*contestant).lookTimed, "writes": (*contestant).overwriteTimed,
	} {
		for until, want := range map[time.Time]int64{
			{}:                           500,
			time.Now().Add(time.Hour):    500,
			time.Now().Add(-time.Second): 0,
		} {
			times := newTimes()
			require.NoError(t, share(1, 500, 1, func(w *worker) error {
				w.until = until
				return loop(c, e, w, times)
			}))
			assert.Equal(t, want, times.TotalCount(), name)
		}
	}
}

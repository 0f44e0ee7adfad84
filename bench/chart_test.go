package main

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// charted are results of which two are bars of one chart and one is curves.
func charted() []*result {
	bar := func(name string, figures map[string][][]float64, engines ...string) *result {
		return &result{
			row: row{name: name, chart: memoryChart, bar: name}, columns: []column{{name: "get/s", higher: true}},
			engines: engines, figures: figures,
		}
	}
	times := newTimes()
	for i := range int64(1000) {
		_ = times.RecordValue(1000 + i*i)
	}
	return []*result{
		bar("first", map[string][][]float64{ours: {{9e5}, {1e6}}, "map": {{3e6}, {4e6}}}, ours, "map"),
		bar("second", map[string][][]float64{ours: {{2e5}, {2e5}}, natsServer: {{400}, {300}}}, ours, natsServer),
		sample(),
		{
			row: row{chart: latencyChart, bar: "slowly"}, engines: []string{ours, "append"},
			times: map[string]*hdrhistogram.Histogram{ours: times},
		},
	}
}

func TestCharts(t *testing.T) {
	charts := chartsFor(charted(), filepath.Join("any", "RESULTS.md"))
	var files []string
	for _, c := range charts {
		files = append(files, c.file)
	}
	require.Equal(t, []string{"results-memory.svg", "results-latency-slowly.svg"}, files)
	dir := t.TempDir()
	require.NoError(t, writeCharts(dir, charts))
	for file, texts := range map[string][]string{
		"results-memory.svg":         {"first", "second", ours, "map", natsServer, "10M", "10k"},
		"results-latency-slowly.svg": {"99.999", "percentile", ours, "slowly"},
	} {
		drawn, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		for _, text := range texts {
			assert.Contains(t, string(drawn), text, file)
		}
		assert.NotContains(t, string(drawn), "NaN", file)
		assert.NotContains(t, string(drawn), "append", "it has no figures")
	}
	assert.Empty(t, chartsFor([]*result{sample()}, "RESULTS.md"))
	require.Error(t, writeCharts(filepath.Join(dir, "not there"), charts))
}

// The same figures give the same bytes, so that a chart changes only if they do.
func TestChartsAreDeterministic(t *testing.T) {
	var drawn [2]string
	for i := range drawn {
		dir := t.TempDir()
		charts := chartsFor(charted(), "r.md")
		require.NoError(t, writeCharts(dir, charts))
		for _, c := range charts {
			b, err := os.ReadFile(filepath.Join(dir, c.file))
			require.NoError(t, err)
			drawn[i] += string(b)
		}
	}
	assert.Equal(t, drawn[0], drawn[1])
}

func TestAxes(t *testing.T) {
	var labels []string
	for _, tick := range (decades{}).Ticks(0.09, 1e7) {
		labels = append(labels, tick.Label)
	}
	assert.Equal(t, []string{"0.1", "1", "10", "100", "1k", "10k", "100k", "1M", "10M"}, labels)
	assert.InDelta(t, 0.5, logScale{}.Normalize(1, 100, 10), 1e-9)
	assert.Zero(t, logScale{}.Normalize(1, 100, 0), "the foot of a bar")
	assert.InDelta(t, 1000, decade(5000, math.Floor), 1e-6)
	assert.Equal(t, []string{"0", "90", "99", "99.9", "99.999"}, []string{
		percentileName(0), percentileName(1), percentileName(2), percentileName(3), percentileName(5),
	})
	for _, k := range kinds {
		assert.NotNil(t, colorOf(k.name))
	}
	assert.Len(t, palette, len(kinds), "two engines have one colour")
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.00", 0.567: "0.57", 9.994: "9.99", 9.996: "10.0", 12.34: "12.3", 99.94: "99.9", 99.96: "100", 999: "999",
		1000: "1,000", 1234567.8: "1,234,568", -1234: "-1,234", -0.5: "-0.50",
	} {
		assert.Equal(t, want, number(v))
	}
	var zero float64
	assert.Equal(t, "–", number(1/zero))
	assert.Equal(t, "1 key", count(1, "key"))
	assert.Equal(t, "20,000 keys", count(20_000, "key"))
}

func TestSpread(t *testing.T) {
	assert.Equal(t, spread{2, 1, 9}, spreadOf([]float64{9, 1, 2}))
	assert.Equal(t, spread{2.5, 1, 9}, spreadOf([]float64{9, 3, 1, 2}))
	assert.Equal(t, "2.00 (1.00 – 9.00)", spreadOf([]float64{9, 1, 2}).String())
	assert.Equal(t, "2.00", spreadOf([]float64{2, 2}).String())
}

// sample is a row where the library is ahead of one peer in speed, behind another one, and needs too much space.
func sample() *result {
	return &result{
		row: row{name: "sample", title: "A sample", goals: []goal{
			within(1.5, "map", "within 1.5x of the map"), ahead("slow"), {text: "small", column: 1, bound: 2}, ahead("absent"),
		}},
		columns: []column{{name: "put/s", higher: true}, {name: "disk/live"}},
		engines: []string{ours, "map", "slow"},
		figures: map[string][][]float64{
			ours:   {{100, 3}, {120, 3}, {90, 2}},
			"map":  {{200, 1}, {200, 1}, {200, 1}},
			"slow": {{50, 6}, {40, 6}, {45, 6}},
		},
	}
}

// Ratios are of figures of the same repetition, and above 1 where this library is better, whatever the column counts.
func TestRatios(t *testing.T) {
	assert.Equal(t, []float64{2, 3, 2}, sample().ratios(ours, "slow", 0))
	assert.Equal(t, []float64{2, 2, 3}, sample().ratios(ours, "slow", 1))
	assert.Equal(t, []float64{4, 5, 200.0 / 45}, sample().ratios("map", "slow", 0))
	assert.Nil(t, sample().ratios(ours, "absent", 0))
}

func TestVerdicts(t *testing.T) {
	var reached []bool
	for _, v := range sample().verdicts() {
		reached = append(reached, v.reached)
	}
	assert.Equal(t, []bool{false, true, false}, reached, "a peer that was not measured has no verdict")
}

// A goal of another engine than this library is judged by that one's figures.
func TestVerdictOfAnotherEngine(t *testing.T) {
	r := sample()
	g := within(2, ours, "map within 2x")
	g.engine = "map"
	r.row.goals = []goal{g, {text: "map small", engine: "map", column: 1, bound: 0.5}}
	all := r.verdicts()
	assert.Equal(t, spread{2, 200.0 / 120, 200.0 / 90}, all[0].measured)
	assert.True(t, all[0].reached)
	assert.Equal(t, spread{1, 1, 1}, all[1].measured)
	assert.False(t, all[1].reached)
}

func TestReport(t *testing.T) {
	var page strings.Builder
	(&report{
		machine: machine{processor: "Processor", fileSystem: "ext4", sync: 200 * time.Microsecond, held: 3}, versions: []string{"peer v1"},
		command: []string{"-reps=3"}, reps: 3, date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), results: []*result{sample()},
		charts: []chart{{file: "r-memory.svg", title: "Speed"}},
	}).write(&page)
	for _, want := range []string{
		"Written by `go run . -reps=3` on 2026-01-02;",
		"- Processor, ",
		"- ext4; an append of 4 KiB and an fsync take 200µs\n- a loop that does nothing is held up for 20µs or longer 3 times a second\n- peer v1\n",
		"| row    | goal                     |  bound |           measured | reached |\n" +
			"| ------ | ------------------------ | -----: | -----------------: | ------: |\n" +
			"| sample | within 1.5x of the map   | ≥ 0.67 | 0.50 (0.45 – 0.60) |  **no** |\n" +
			"| sample | at least as good as slow | ≥ 1.00 | 2.00 (2.00 – 3.00) |     yes |\n" +
			"| sample | small                    | ≤ 2.00 | 3.00 (2.00 – 3.00) |  **no** |\n",
		"- `sample`: within 1.5x of the map: 0.50 (0.45 – 0.60)\n- `sample`: small: 3.00 (2.00 – 3.00)\n\n",
		"## Charts\n\n![Speed](r-memory.svg)\n\n## Rows\n",
		"### sample\n\nA sample.\n\n" +
			"| engine |              put/s | disk/live |     kv is ahead by |\n" +
			"| ------ | -----------------: | --------: | -----------------: |\n" +
			"| kv     |   100 (90.0 – 120) |      3.00 |                  – |\n" +
			"| map    |                200 |      1.00 | 0.50 (0.45 – 0.60) |\n",
	} {
		assert.Contains(t, page.String(), want)
	}
}

package main

import (
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A chart is a picture of some of the figures, as a file of its own beside the report.
type chart struct {
	file, title string
	plot        *plot.Plot
}

// The charts of throughput, by the names that rows choose them by.
const (
	memoryChart = "memory"
	bucketChart = "bucket"
	fileChart   = "file"
)

// chartsFor returns the charts of results, for a report of this file name. Those without figures are left out.
func chartsFor(results []*result, report string) []chart {
	prefix := strings.ToLower(strings.TrimSuffix(filepath.Base(report), filepath.Ext(report))) + "-"
	var charts []chart
	add := func(name, title string, p *plot.Plot) {
		if p != nil {
			p.Title.Text = title
			charts = append(charts, chart{prefix + name + ".svg", title, p})
		}
	}
	add(memoryChart, "In memory, 8 goroutines: operations a second", barsOf(results, memoryChart))
	add(bucketChart, "In memory: revisions, watches and deliveries a second", barsOf(results, bucketChart))
	add(fileChart, "On disk: operations a second", barsOf(results, fileChart))
	for _, r := range results {
		if r.row.chart == latencyChart {
			add(latencyChart+"-"+r.row.bar, "Time of a Put while room is made, "+r.row.bar, curvesOf(r))
		}
	}
	return charts
}

// writeCharts writes charts into a folder.
func writeCharts(dir string, charts []chart) error {
	for _, c := range charts {
		canvas := vgsvg.New(chartWidth, chartHeight)
		c.plot.Draw(draw.Crop(draw.New(canvas), chartMargin, -chartMargin, chartMargin, -chartMargin))
		f, err := os.Create(filepath.Join(dir, c.file))
		if err != nil {
			return err
		}
		if _, err := canvas.WriteTo(f); err != nil {
			_ = f.Close()
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

const (
	chartWidth  = 10 * vg.Inch
	chartHeight = 4.5 * vg.Inch
	chartMargin = 3 * vg.Millimeter
)

// newPlot returns an empty chart, white and with its legend at the right.
func newPlot() *plot.Plot {
	p := plot.New()
	p.BackgroundColor = color.White
	p.Title.Padding = vg.Points(8)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(2)
	p.Y.Tick.Marker = decades{}
	p.Y.Scale = logScale{}
	return p
}

// barsOf returns the medians of the first column of the rows that choose the chart, as groups of bars, an engine a colour; nil
// if there are none.
func barsOf(results []*result, name string) *plot.Plot {
	var rows []*result
	var labels []string
	for _, r := range results {
		if r.row.chart == name && len(r.engines) > 0 {
			rows, labels = append(rows, r), append(labels, r.row.bar)
		}
	}
	engines := enginesOf(rows)
	if len(rows) == 0 {
		return nil
	}
	p := newPlot()
	low, high := math.Inf(1), 0.0
	width := vg.Length(0.6) * chartWidth / vg.Length(len(rows)*(len(engines)+1))
	for i, engine := range engines {
		heights := make(plotter.Values, len(rows))
		for j, r := range rows {
			if figures := r.column(engine, 0); figures != nil {
				heights[j] = spreadOf(figures).median
				low, high = min(low, heights[j]), max(high, heights[j])
			}
		}
		bars, err := plotter.NewBarChart(heights, width)
		if err != nil {
			panic(err) // a figure is not a number
		}
		bars.Color, bars.LineStyle.Width = colorOf(engine), 0
		bars.Offset = width * vg.Length(float64(i)-float64(len(engines)-1)/2)
		p.Add(bars)
		p.Legend.Add(engine, bars)
	}
	p.NominalX(labels...)
	groups := float64(len(rows))
	p.X.Min, p.X.Max = -0.5, groups-0.5+groups*0.15 // the legend has the right
	p.Y.Min, p.Y.Max = decade(low, math.Floor)/10, decade(high, math.Ceil)
	return p
}

// curvesOf returns how long the slowest operations of each engine took: at 3 nines, 99.9 % of them were not slower. It
// returns nil if no engine's operations were timed.
func curvesOf(r *result) *plot.Plot {
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "percentile", "µs"
	p.Legend.Left = true
	var ticks plot.ConstantTicks
	for nines := range mostNines + 1 {
		ticks = append(ticks, plot.Tick{Value: float64(nines), Label: percentileName(nines)})
	}
	p.X.Tick.Marker = ticks
	curves := 0
	for _, engine := range r.engines {
		times := r.times[engine]
		if times == nil {
			continue
		}
		var points plotter.XYs
		for step := range mostNines*stepsPerNine + 1 {
			nines := float64(step) / stepsPerNine
			at := times.ValueAtPercentile(100 * (1 - math.Pow(10, -nines)))
			points = append(points, plotter.XY{X: nines, Y: math.Max(float64(at), 1) / 1e3})
		}
		line, err := plotter.NewLine(points)
		if err != nil {
			panic(err) // a time is not a number
		}
		line.Color, line.Width = colorOf(engine), vg.Points(1.5)
		p.Add(line)
		p.Legend.Add(engine, line)
		curves++
	}
	if curves == 0 {
		return nil
	}
	p.Y.Min, p.Y.Max = decade(p.Y.Min, math.Floor), decade(p.Y.Max, math.Ceil)
	return p
}

// latencyChart is what rows choose whose operations are drawn as curves; each has a chart of its own.
const latencyChart = "latency"

// A curve goes to the percentile of so many nines, with so many points for each.
const (
	mostNines    = 5
	stepsPerNine = 10
)

func percentileName(nines int) string {
	switch nines {
	case 0:
		return "0"
	case 1:
		return "90"
	case 2:
		return "99"
	}
	return "99." + strings.Repeat("9", nines-2)
}

// enginesOf returns the engines of several rows, each once, in the order of kinds.
func enginesOf(results []*result) []string {
	var names []string
	for _, k := range kinds {
		if slices.ContainsFunc(results, func(r *result) bool { return slices.Contains(r.engines, k.name) }) {
			names = append(names, k.name)
		}
	}
	return names
}

// palette has a colour for each kind: ones that are told apart by those who do not see all colours too (Okabe and Ito's, and
// greys).
var palette = []color.Color{
	color.RGBA{R: 0xd5, G: 0x5e, A: 0xff}, color.Gray{Y: 0x60}, color.Gray{Y: 0x90}, color.Gray{Y: 0xb0},
	color.RGBA{G: 0x72, B: 0xb2, A: 0xff}, color.RGBA{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, color.RGBA{G: 0x9e, B: 0x73, A: 0xff},
	color.RGBA{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, color.RGBA{R: 0xf0, G: 0xe4, B: 0x42, A: 0xff},
	color.RGBA{R: 0xe6, G: 0x9f, A: 0xff}, color.Black,
}

// colorOf returns the colour of an engine, the same in all charts.
func colorOf(engine string) color.Color {
	return palette[slices.IndexFunc(kinds, func(k kind) bool { return k.name == engine })%len(palette)]
}

// logScale is a logarithmic axis on which what is below it lies on its edge, such as the foot of a bar.
type logScale struct{}

func (logScale) Normalize(low, high, x float64) float64 {
	return plot.LogScale{}.Normalize(low, high, math.Max(x, low))
}

// decades marks the powers of ten.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for v := decade(low, math.Ceil); v <= high*1.001; v *= 10 {
		ticks = append(ticks, plot.Tick{Value: v, Label: power(v)})
	}
	return ticks
}

// power writes a power of ten.
func power(v float64) string {
	switch {
	case v >= 1e6:
		return fmt.Sprintf("%.0fM", v/1e6)
	case v >= 1e3:
		return fmt.Sprintf("%.0fk", v/1e3)
	}
	return fmt.Sprintf("%g", v)
}

// decade returns a power of ten close to v.
func decade(v float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(v)))
}

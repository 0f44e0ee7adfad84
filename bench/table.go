package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A table is rows of cells under a heading, written as Markdown whose columns line up in a terminal too.
type table struct {
	heading []string
	text    int // how many columns, from the first, are text: they begin at the left, figures end at the right
	cells   [][]string
}

func (t *table) add(cells ...string) { t.cells = append(t.cells, cells) }

func (t *table) write(w io.Writer) {
	widths := make([]int, len(t.heading))
	for _, line := range append(t.cells, t.heading) {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell), 3)
		}
	}
	t.writeLine(w, t.heading, widths)
	rule := make([]string, len(widths))
	for i, n := range widths {
		rule[i] = strings.Repeat("-", n)
		if i >= t.text {
			rule[i] = rule[i][1:] + ":"
		}
	}
	t.writeLine(w, rule, widths)
	for _, line := range t.cells {
		t.writeLine(w, line, widths)
	}
}

func (t *table) writeLine(w io.Writer, line []string, widths []int) {
	for i, cell := range line {
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		if i < t.text {
			cell += pad
		} else {
			cell = pad + cell
		}
		_, _ = fmt.Fprintf(w, "| %s ", cell)
	}
	_, _ = fmt.Fprintln(w, "|")
}

// table returns the figures of a row. The first column has median and range of the repetitions, the others the median; the
// last one says how far ahead this library is in the first, pair by pair.
func (r *result) table() *table {
	t := &table{heading: []string{"engine"}, text: 1}
	for _, c := range r.columns {
		t.heading = append(t.heading, c.name)
	}
	t.heading = append(t.heading, ours+" is ahead by")
	for _, engine := range r.engines {
		line := []string{engine}
		for i := range r.columns {
			s := spreadOf(r.column(engine, i))
			if i > 0 {
				s = spread{s.median, s.median, s.median}
			}
			line = append(line, s.String())
		}
		lead := "–"
		if ratios := r.ratios(ours, engine, 0); engine != ours && ratios != nil {
			lead = spreadOf(ratios).String()
		}
		t.add(append(line, lead)...)
	}
	return t
}

// A verdict says what became of a goal.
type verdict struct {
	row      row
	goal     goal
	measured spread
	reached  bool
}

func (v verdict) String() string {
	if v.reached {
		return "yes"
	}
	return "**no**"
}

// verdicts judges the goals of a row by the medians, leaving out those for which something was not measured.
func (r *result) verdicts() []verdict {
	var all []verdict
	for _, g := range r.row.goals {
		var figures []float64
		if g.peer != "" {
			figures = r.ratios(g.whose(), g.peer, g.column)
		} else {
			figures = r.column(g.whose(), g.column)
		}
		if len(figures) == 0 {
			continue
		}
		v := verdict{row: r.row, goal: g, measured: spreadOf(figures)}
		if g.peer != "" {
			v.reached = v.measured.median >= g.bound
		} else {
			v.reached = v.measured.median <= g.bound
		}
		all = append(all, v)
	}
	return all
}

// summary returns the goals of all rows.
func summary(results []*result) *table {
	t := &table{heading: []string{"row", "goal", "bound", "measured", "reached"}, text: 2}
	for _, r := range results {
		for _, v := range r.verdicts() {
			bound := "≤ " + number(v.goal.bound)
			if v.goal.peer != "" {
				bound = "≥ " + number(v.goal.bound)
			}
			t.add(v.row.name, v.goal.text, bound, v.measured.String(), v.String())
		}
	}
	return t
}

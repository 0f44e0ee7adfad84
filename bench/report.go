package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// A report is a whole run.
type report struct {
	machine  machine
	versions []string // of this program's modules
	command  []string // the flags
	reps     int
	date     time.Time
	results  []*result
	charts   []chart
}

// write writes the report as Markdown.
func (r *report) write(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	p("# Results\n")
	p("Written by `go run . %s` on %s; do not edit. [README.md](README.md) says what is measured and how to read it.\n",
		strings.Join(r.command, " "), r.date.UTC().Format(time.DateOnly))
	for _, line := range r.machine.lines() {
		p("- %s", line)
	}
	p("- %s\n", strings.Join(r.versions, ", "))
	p("Each figure is the median of %s, with the least and the most behind it.\n", count(r.reps, "repetition"))
	p("## Goals\n")
	p("A bound with ≥ is for how far ahead %s, or the engine that the goal names, is of the peer; one with ≤ is for a figure alone.\n",
		ours)
	summary(r.results).write(w)
	p("")
	r.writeBehind(w)
	for i, c := range r.charts {
		if i == 0 {
			p("## Charts\n")
		}
		p("![%s](%s)\n", c.title, c.file)
	}
	p("## Rows")
	for _, res := range r.results {
		p("\n### %s\n", res.row.name)
		p("%s.\n", res.row.title)
		res.table().write(w)
	}
}

// writeBehind lists the goals that are not reached.
func (r *report) writeBehind(w io.Writer) {
	behind := 0
	for _, res := range r.results {
		for _, v := range res.verdicts() {
			if v.reached {
				continue
			}
			if behind++; behind == 1 {
				_, _ = fmt.Fprint(w, "Where it is behind:\n\n")
			}
			_, _ = fmt.Fprintf(w, "- `%s`: %s: %s\n", v.row.name, v.goal.text, v.measured)
		}
	}
	if behind == 0 {
		_, _ = fmt.Fprintln(w, "It is behind nowhere.")
	}
	_, _ = fmt.Fprintln(w)
}

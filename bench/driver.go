package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A driver runs rows. In each repetition of a row every engine is measured once, one after the other and never two at once,
// in an order that changes from repetition to repetition: what the machine does meanwhile hits them alike, and
// ratios are taken between measures that lie close together.
type driver struct {
	dir      string // for the engines' files
	reps     int
	chosen   func(engine string) bool
	progress io.Writer

	keys *dataset // of the row before: many rows have the same
}

// A result is what a row gave: for each engine, for each repetition, the figures of the columns.
type result struct {
	row     row
	columns []column
	engines []string
	figures map[string][][]float64
	times   map[string]*hdrhistogram.Histogram // of all measures of an engine; nil if the row does not time each operation
}

// run measures one row.
func (d *driver) run(ctx context.Context, r row) (*result, error) {
	dir, err := os.MkdirTemp(d.dir, "row")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	contestants, err := d.contestants(r, dir)
	if err != nil {
		return nil, err
	}
	res := &result{row: r, columns: r.workload.columns(), figures: map[string][][]float64{}, times: map[string]*hdrhistogram.Histogram{}}
	for _, c := range contestants {
		res.engines = append(res.engines, c.kind.name)
		err := c.busy(func() error { return errors.Join(ctx.Err(), r.workload.prepare(c)) })
		if err != nil {
			return nil, fmt.Errorf("%s: %s: prepare: %w", r.name, c.kind.name, err)
		}
		if !c.volatile() {
			d.say("%s: %s prepared in %.1fs", r.name, c.kind.name, c.spent.Seconds())
		}
	}
	for rep := range d.reps {
		for _, c := range turn(contestants, rep) {
			var figures []float64
			err := c.busy(func() (err error) {
				figures, err = r.workload.measure(c, 2*uint64(rep))
				return errors.Join(ctx.Err(), err)
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", r.name, c.kind.name, err)
			}
			res.figures[c.kind.name] = append(res.figures[c.kind.name], figures)
			d.say("%s: %d of %d: %s: %s %s", r.name, rep+1, d.reps, c.kind.name, number(figures[0]), res.columns[0].name)
		}
	}
	for _, c := range contestants {
		res.times[c.kind.name] = c.times
	}
	d.sayTimes(r.name, contestants)
	return res, nil
}

// sayTimes says how long a row took, and which of it each engine.
func (d *driver) sayTimes(row string, contestants []*contestant) {
	var all time.Duration
	var each []string
	for _, c := range contestants {
		all += c.spent
		each = append(each, fmt.Sprintf("%s %.1fs", c.kind.name, c.spent.Seconds()))
	}
	d.say("%s: took %.1fs: %s", row, all.Seconds(), strings.Join(each, ", "))
}

// contestants returns the engines of a row, with what they need, and a folder each if they have files.
func (d *driver) contestants(r row, dir string) ([]*contestant, error) {
	if d.keys == nil || len(d.keys.keys) != r.keys {
		d.keys = newDataset(r.keys, r.value)
	}
	data := d.keys.withValues(r.value)
	var all []*contestant
	for _, name := range r.engines {
		if !d.chosen(name) {
			continue
		}
		c := &contestant{kind: kindOf(name), data: data, depth: r.depth, version: make([]uint32, r.keys)}
		if !r.inMemory && !c.kind.volatile {
			c.dir = filepath.Join(dir, name)
			if err := os.Mkdir(c.dir, 0o777); err != nil {
				return nil, err
			}
		}
		all = append(all, c)
	}
	return all, nil
}

func kindOf(name string) kind {
	return kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })]
}

// turn returns s begun at another place in each repetition, and backwards in every second one.
func turn[T any](s []T, rep int) []T {
	if len(s) == 0 {
		return nil
	}
	from := rep / 2 % len(s)
	turned := slices.Concat(s[from:], s[:from])
	if rep%2 == 1 {
		slices.Reverse(turned)
	}
	return turned
}

func (d *driver) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.progress, format+"\n", args...)
}

// column returns an engine's figures of one column, a figure for each repetition.
func (r *result) column(engine string, at int) []float64 {
	var figures []float64
	for _, f := range r.figures[engine] {
		figures = append(figures, f[at])
	}
	return figures
}

// ratios returns how far ahead of peer an engine is in a column, repetition by repetition; nil if one of the two was not
// measured.
func (r *result) ratios(engine, peer string, at int) []float64 {
	mine, other := r.column(engine, at), r.column(peer, at)
	if len(mine) != len(other) {
		return nil
	}
	var ratios []float64
	for i := range mine {
		ratios = append(ratios, r.columns[at].ratio(mine[i], other[i]))
	}
	return ratios
}

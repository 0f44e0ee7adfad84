package main

import (
	"cmp"
	"fmt"
)

// A row is one line of the table of numbers to reach: the same work for several engines.
type row struct {
	name     string // what -rows chooses by
	title    string
	engines  []string // names of kinds; the others are compared with ours
	inMemory bool     // no engine has files
	keys     int
	value    int // bytes of a value
	depth    int // how many revisions of a key are kept; 0 is 1
	workload workload
	goals    []goal

	chart, bar string // the chart that shows it and its name there; empty if none does
}

// A workload is the work of a row. Measures do not depend on each other, but files stay from one to the next.
type workload interface {
	// columns says what measure returns. The first is what engines are compared by.
	columns() []column
	// prepare is called once for each engine, before the first measure.
	prepare(*contestant) error
	// measure opens the engine, does the work, and closes it. In a repetition every engine gets the same seed; seed and
	// seed+1 are for random numbers.
	measure(c *contestant, seed uint64) ([]float64, error)
}

// A column is one of the figures of a measure.
type column struct {
	name   string // with the unit
	higher bool   // more is better
}

// ratio says how far ahead a figure is of another one: above 1 it is the better one.
func (c column) ratio(figure, other float64) float64 {
	if c.higher {
		return figure / other
	}
	return other / figure
}

// A goal is a number to reach, as a ratio to a peer or for itself.
type goal struct {
	text   string
	engine string // whose goal it is; empty if ours
	peer   string // empty if it is for itself
	column int
	// bound is the least ratio, in the sense of column.ratio; or, without a peer, the largest figure.
	bound float64
}

// whose returns the engine whose goal it is.
func (g goal) whose() string { return cmp.Or(g.engine, ours) }

// within is the goal of taking at most factor times what peer takes, and ahead that of being no worse.
func within(factor float64, peer string, text string) goal {
	return goal{text: text, peer: peer, bound: 1 / factor}
}

func ahead(peer string) goal { return goal{text: "at least as good as " + peer, peer: peer, bound: 1} }

// times is the goal of being so many times better than peer.
func times(factor float64, peer string) goal {
	return goal{text: fmt.Sprintf("%v times as good as %s", factor, peer), peer: peer, bound: factor}
}

func aheadOf(peers ...string) []goal {
	goals := make([]goal, len(peers))
	for i, peer := range peers {
		goals[i] = ahead(peer)
	}
	return goals
}

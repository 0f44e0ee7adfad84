package natstest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// shrink leaves out operations as long as a program still makes the same kind of difference: first many at a time, then few.
func shrink(p program, d *difference, play func(program) *difference) (program, *difference) {
	kind := d.kind(p)
	p = p[:min(d.at+1, len(p))]
	giveUp := time.Now().Add(time.Minute)
	for size := max(len(p)/2, 1); ; {
		shorter := false
		for from := 0; from < len(p) && time.Now().Before(giveUp); {
			without := slices.Concat(p[:from], p[min(from+size, len(p)):])
			if found := play(without); found != nil && found.kind(without) == kind {
				p, d, shorter = without[:min(found.at+1, len(without))], found, true
			} else {
				from += size
			}
		}
		switch {
		case size > 1:
			size /= 2
		case !shorter:
			return p, d
		}
	}
}

// report describes a difference and a short program that makes it.
func report(t *testing.T, l *lane, p program, d *difference) string {
	first := fmt.Sprintf("operation %d: %s", d.at, d.show(p))
	short, d := shrink(p, d, func(p program) *difference { return differ(t, l, p) })
	var lines []string
	for _, o := range short {
		lines = append(lines, o.text)
	}
	return fmt.Sprintf("%s\n\nin short:\n%s\n\n%s", first, strings.Join(lines, "\n"), d.show(short))
}

// show writes a difference down: the lines before the first one that differs, and what differs.
func (d *difference) show(p program) string {
	lines := []string{p.text(d.at)}
	for i := range max(len(d.server), len(d.ours)) {
		a, b := at(d.server, i), at(d.ours, i)
		if a != b {
			return strings.Join(append(lines, "\tserver "+a, "\tnatskv "+b), "\n")
		}
		lines = append(lines, "\tboth   "+a)
	}
	return strings.Join(lines, "\n")
}

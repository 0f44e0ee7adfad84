package main

import (
	"math"
	"slices"
	"strconv"
)

// A spread is what several repetitions gave.
type spread struct{ median, least, most float64 }

// spreadOf returns the spread of figures, of which there is at least one.
func spreadOf(figures []float64) spread {
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return spread{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1]}
}

// String returns the median, and behind it the range if there is one.
func (s spread) String() string {
	if s.least == s.most {
		return number(s.median)
	}
	return number(s.median) + " (" + number(s.least) + " – " + number(s.most) + ")"
}

// number writes a figure with three digits, or as many as it has before the point.
func number(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case a >= 99.95:
		return grouped(v)
	case a >= 9.995:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
}

// grouped writes a whole number with a comma before every three digits.
func grouped(v float64) string {
	s := strconv.FormatFloat(math.Abs(v), 'f', 0, 64)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	if v < 0 {
		s = "-" + s
	}
	return s
}

// count writes how many of something there are.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return grouped(float64(n)) + " " + what
}

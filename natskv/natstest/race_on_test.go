//go:build race

package natstest

// underRace makes tests that only repeat the same code do less: the race detector finds nothing new in it.
const underRace = true

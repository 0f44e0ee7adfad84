//go:build !race

package natstest

const underRace = false

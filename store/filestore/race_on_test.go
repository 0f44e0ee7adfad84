//go:build race

package filestore_test

// raceStride is how many bytes are between two that are damaged. The race detector has nothing new to find at each of them.
const raceStride = 17

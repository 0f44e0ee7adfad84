//go:build !race

package filestore_test

const raceStride = 1

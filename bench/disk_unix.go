//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// allocated returns the bytes of disk that a file fills: holes in it, and what is reserved behind its end, do not count.
func allocated(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return min(int64(stat.Blocks)*512, info.Size())
	}
	return info.Size()
}

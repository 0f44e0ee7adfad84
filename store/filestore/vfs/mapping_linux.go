package vfs

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// mapFile maps the beginning of a file. A write to it is one to the file: all who read that see it, it outlives the process, and
// Sync makes it durable.
func mapFile(f *os.File, size int64, write bool) (bytes []byte, err error) {
	if strconv.IntSize < 64 {
		return nil, errors.ErrUnsupported // there is no room for many files
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	protection := syscall.PROT_READ
	if write {
		protection |= syscall.PROT_WRITE
	}
	controlErr := conn.Control(func(fd uintptr) {
		bytes, err = syscall.Mmap(int(fd), 0, int(size), protection, syscall.MAP_SHARED)
	})
	return bytes, errors.Join(controlErr, err)
}

// releasePages has the system forget where pages of a mapping are, not what is in them. If it cannot, a sync takes longer.
func releasePages(bytes []byte) { _ = syscall.Madvise(bytes, syscall.MADV_DONTNEED) }

func unmapFile(bytes []byte) error { return syscall.Munmap(bytes) }

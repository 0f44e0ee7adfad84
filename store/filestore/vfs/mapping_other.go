//go:build !linux

package vfs

import (
	"errors"
	"os"
)

// mapFile is not there: a mapping cannot be larger than the file, or what it shows need not be what calls do.
func mapFile(*os.File, int64, bool) ([]byte, error) { return nil, errors.ErrUnsupported }

func releasePages([]byte) {}

func unmapFile([]byte) error { return nil }

package place

import (
	"io/fs"
	"syscall"
	"time"
)

// born returns when a file was made, or zero.
func born(_ string, info fs.FileInfo) time.Time {
	st, ok := info.Sys().(*syscall.Win32FileAttributeData)
	if !ok {
		return time.Time{}
	}
	return time.Unix(0, st.CreationTime.Nanoseconds())
}

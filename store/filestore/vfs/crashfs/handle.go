package crashfs

import (
	"io"
	"os"
	"syscall"

	"github.com/revkv/kv/store/filestore/vfs"
)

// A handle is an open file.
type handle struct {
	d        *FS
	name     string
	writable bool
	node     *node
	closed   bool // guarded by d.mu
}

var _ vfs.File = (*handle)(nil)

// openFile opens the file that find finds, and for reading only if that is what the call says.
func (d *FS) openFile(c Call, find func(name string) (*node, error)) (vfs.File, error) {
	h := &handle{d: d, name: c.Name, writable: c.Kind != Open}
	err := d.act(c, func() (err error) {
		if h.node, err = find(c.Name); err == nil {
			d.open[h] = c.Name
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// call is FS.call for an open file.
func (h *handle) call(k Kind, do func(*fault) error) error {
	return h.d.call(Call{Kind: k, Name: h.name}, func(fault *fault) error {
		if h.closed {
			return os.ErrClosed
		}
		return do(fault)
	})
}

// act is FS.act for an open file.
func (h *handle) act(k Kind, do func() error) error {
	return h.call(k, func(fault *fault) error {
		if fault != nil {
			return fault.err
		}
		return do()
	})
}

// ReadAt implements vfs.File.
func (h *handle) ReadAt(p []byte, off int64) (n int, err error) {
	err = h.act(ReadAt, func() error {
		if off < 0 {
			return syscall.EINVAL
		}
		if n = h.node.now.readAt(p, off); n < len(p) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

// WriteAt implements vfs.File.
func (h *handle) WriteAt(p []byte, off int64) (n int, err error) {
	err = h.call(WriteAt, func(fault *fault) error {
		switch {
		case !h.writable:
			return syscall.EBADF
		case off < 0:
			return syscall.EINVAL
		}
		limit, err := h.limit(p, off)
		if fault != nil {
			limit, err = min(limit, fault.bytes), fault.err
		}
		if n = limit; n > 0 {
			h.node.do(change{data: append([]byte(nil), p[:n]...), at: off})
		}
		return err
	})
	return n, err
}

// limit returns how much of a write fits, and an error if it is not all.
func (h *handle) limit(p []byte, off int64) (int, error) {
	fits := max(h.d.room(h.node.now.size)-off, 0)
	if int64(len(p)) <= fits {
		return len(p), nil
	}
	return int(fits), syscall.ENOSPC
}

// Truncate implements vfs.File.
func (h *handle) Truncate(size int64) error {
	return h.act(Truncate, func() error {
		switch {
		case !h.writable || size < 0:
			return syscall.EINVAL
		case size > h.d.room(h.node.now.size):
			return syscall.ENOSPC
		}
		h.node.do(change{at: size})
		return nil
	})
}

// Size implements vfs.File.
func (h *handle) Size() (size int64, err error) {
	err = h.act(Size, func() error {
		size = h.node.now.size
		return nil
	})
	return size, err
}

// Sync implements vfs.File.
func (h *handle) Sync() error {
	return h.call(Sync, func(fault *fault) error {
		if fault != nil {
			h.node.failSync(h.d.rng)
			return fault.err
		}
		h.node.sync()
		return nil
	})
}

// Close implements vfs.File.
func (h *handle) Close() error {
	return h.call(Close, func(fault *fault) error {
		h.closed = true
		delete(h.d.open, h)
		if fault != nil {
			return fault.err
		}
		return nil
	})
}

package vfs

import (
	"errors"
	"os"
	"runtime/debug"
	"sync/atomic"
)

// A mapping is the beginning of a file as memory. It may be larger than the file; what the file does not have must not be touched.
type mapping struct {
	bytes  []byte // nil if nothing is mapped
	write  bool
	length atomic.Int64 // of the file, at least

	written  atomic.Int64 // up to where it was written last
	released atomic.Int64 // up to where pages were given back
}

// mostMapped is how many files are mapped at a time at most. A process has a limit on mappings, 65530 on most machines, and Go's memory
// needs some.
const mostMapped = 1 << 14

var mapped atomic.Int64

// take maps the beginning of a file.
func (m *mapping) take(f *os.File, size int64, write bool) (err error) {
	if mapped.Add(1) > mostMapped {
		err = errors.ErrUnsupported
	} else {
		m.bytes, err = mapFile(f, size, write)
	}
	if err != nil {
		mapped.Add(-1)
	}
	m.write = write
	return err
}

// part returns n bytes of the file from an offset on, nil if they are not mapped, or not known to be in the file.
func (m *mapping) part(off int64, n int) []byte {
	end := off + int64(n)
	if off < 0 || n == 0 || end > min(m.length.Load(), int64(len(m.bytes))) {
		return nil
	}
	return m.bytes[off:end]
}

// reaches notes that the file goes on to an offset.
func (m *mapping) reaches(end int64) { raise(&m.length, end) }

// raise makes n at least end.
func raise(n *atomic.Int64, end int64) {
	for {
		if now := n.Load(); end <= now || n.CompareAndSwap(now, end) {
			return
		}
	}
}

// wrote notes that the mapping was written up to an offset.
func (m *mapping) wrote(end int64) { raise(&m.written, end) }

// release gives back the pages that were written since the last time, all at once: they are in the file, and come back when they are
// touched. A sync that finds pages mapped has to take the right to write away from one after the other, and stops the other processors
// for each. A page or two are not worth it.
func (m *mapping) release() {
	page := int64(os.Getpagesize())
	end := m.written.Load()
	from := m.released.Swap(end) / page * page
	if m.write && end-from > 2*page {
		releasePages(m.bytes[from:end])
	}
}

// unmap ends the mapping.
func (m *mapping) unmap() error {
	bytes := m.bytes
	if bytes == nil {
		return nil
	}
	m.length.Store(0)
	m.written.Store(0)
	m.bytes = nil
	mapped.Add(-1)
	return unmapFile(bytes)
}

// transfer copies bytes of which some are mapped. It returns false where the system cannot read or write them, and tells of that
// by a fault: the disk has an error or is full, or somebody has cut the file. A call of the system then says what it is.
func transfer(to, from []byte) (done bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if fault := recover(); fault != nil {
			done = false
		}
	}()
	copy(to, from)
	return true
}

package filestore

import (
	"errors"
	"fmt"
	"io"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// readAhead is how many bytes a reader takes from the file at a time, at least.
const readAhead = 1 << 18

// A reader reads a file from front to back, and jumps where it is told to. It never allocates more than the file has.
type reader struct {
	name string
	file io.ReaderAt
	size int64 // as far as it reads
	buf  []byte
	at   int64 // where buf is in the file
}

// newReader returns a reader of all that the file has now.
func newReader(name string, file vfs.File) (*reader, error) {
	size, err := file.Size()
	if err != nil {
		return nil, fmt.Errorf("size of %s: %w", name, err)
	}
	return &reader{name: name, file: file, size: size}, nil
}

// bytes returns n bytes from offset at. They are good until the next call.
func (r *reader) bytes(at, n int64) ([]byte, error) {
	if at < 0 || n < 0 || at > r.size || n > r.size-at {
		return nil, r.corrupt(at, "expected %d bytes, found the end of the file at byte %d", n, r.size)
	}
	if at < r.at || at+n > r.at+int64(len(r.buf)) {
		if err := r.fill(at, min(max(n, readAhead), r.size-at)); err != nil {
			return nil, err
		}
	}
	return r.buf[at-r.at:][:n:n], nil
}

// fill reads n bytes at offset at into the buffer.
func (r *reader) fill(at, n int64) error {
	if int64(cap(r.buf)) < n {
		r.buf = make([]byte, n)
	}
	r.buf, r.at = r.buf[:n], at
	if got, err := r.file.ReadAt(r.buf, at); int64(got) < n {
		r.buf = r.buf[:0]
		return readError(r.name, at+int64(got), err)
	}
	return nil
}

// corrupt returns the error of damage at an offset.
func (r *reader) corrupt(at int64, format string, args ...any) error {
	return &store.CorruptError{File: r.name, Offset: at, Reason: fmt.Sprintf(format, args...)}
}

// readError is the error of a read that did not give all it should. A file that is shorter than it was is damaged.
func readError(name string, at int64, err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return &store.CorruptError{File: name, Offset: at, Reason: "expected more bytes, found the end of the file"}
	}
	return fmt.Errorf("read %s at byte %d: %w", name, at, err)
}

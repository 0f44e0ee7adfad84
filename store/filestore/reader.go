package filestore

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// readAhead is how many bytes a reader takes from the file at a time, at least.
const readAhead = 1 << 18

// A reader reads a file from front to back, and jumps where it is told to. It never allocates more than the file has. The file
// may become shorter meanwhile, as one does that another process seals.
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
		if err := r.fill(at, n); err != nil {
			return nil, err
		}
	}
	return r.buf[at-r.at:][:n:n], nil
}

// fill reads n bytes or more at offset at into the buffer.
func (r *reader) fill(at, n int64) error {
	ahead := min(max(n, readAhead), r.size-at)
	if int64(cap(r.buf)) < ahead {
		r.buf = make([]byte, ahead)
	}
	r.buf, r.at = r.buf[:ahead], at
	got, err := r.file.ReadAt(r.buf, at)
	switch {
	case int64(got) == ahead:
		return nil
	case int64(got) >= n && errors.Is(err, io.EOF):
		r.buf, r.size = r.buf[:got], at+int64(got)
		return nil
	}
	r.buf = r.buf[:0]
	return readError(r.name, at+int64(got), err)
}

// emptyFrom reports whether from an offset on the file has nothing but zeros.
func (r *reader) emptyFrom(at int64) (bool, error) {
	for at < r.size {
		if _, err := r.bytes(at, 1); err != nil {
			return false, err
		}
		ahead := r.buf[at-r.at:]
		if slices.ContainsFunc(ahead, func(b byte) bool { return b != 0 }) {
			return false, nil
		}
		at += int64(len(ahead))
	}
	return true, nil
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

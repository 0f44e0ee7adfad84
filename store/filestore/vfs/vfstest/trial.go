package vfstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/revkv/kv/store/filestore/vfs"
)

// A trial is a case under way: a file system, an empty directory there, and what is open. Names are paths in the directory.
type trial struct {
	testing.TB
	files vfs.FS
	dir   string
	open  []io.Closer
}

// path returns the path of a name.
func (r *trial) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// close closes what is still open, so that the directory can be removed on every system.
func (r *trial) close() {
	for _, c := range r.open {
		_ = c.Close() // a case may have closed it
	}
}

// keep is for what has to be closed at the end.
func keep[C io.Closer](r *trial, c C, err error) C {
	r.Helper()
	r.must(err, "open")
	r.open = append(r.open, c)
	return c
}

// opened opens a file for reading.
func (r *trial) opened(name string) vfs.File {
	r.Helper()
	f, err := r.files.Open(r.path(name))
	return keep(r, f, err)
}

// writable opens a file that exists for writing.
func (r *trial) writable(name string) vfs.File {
	r.Helper()
	f, err := r.files.OpenWrite(r.path(name))
	return keep(r, f, err)
}

// created creates a file with bytes in it.
func (r *trial) created(name, data string) vfs.File {
	r.Helper()
	f, err := r.files.Create(r.path(name))
	keep(r, f, err)
	r.write(f, data, 0)
	return f
}

// put makes a file with bytes in it, and leaves it closed.
func (r *trial) put(name, data string) {
	r.Helper()
	r.must(r.created(name, data).Close(), "close")
}

// makeDir makes a directory.
func (r *trial) makeDir(name string) {
	r.Helper()
	r.must(r.files.MakeDir(r.path(name)), "make directory %s", name)
}

func (r *trial) write(f vfs.File, data string, off int64) {
	r.Helper()
	n, err := f.WriteAt([]byte(data), off)
	r.must(err, "write %d bytes at %d", len(data), off)
	if n != len(data) {
		r.Fatalf("a write of %d bytes without an error returns %d", len(data), n)
	}
}

// wantBytes fails unless these are the bytes of an open file, by Size and ReadAt.
func (r *trial) wantBytes(f vfs.File, want string) {
	r.Helper()
	size, err := f.Size()
	r.must(err, "size")
	if size != int64(len(want)) {
		r.Fatalf("the size is %d, want %d", size, len(want))
	}
	r.wantRead(f, 0, len(want), want)
}

// wantRead fails unless reading n bytes gives these; if they are fewer than n the error must be io.EOF.
func (r *trial) wantRead(f vfs.File, off int64, n int, want string) {
	r.Helper()
	p := bytes.Repeat([]byte{0xff}, n)
	n, err := f.ReadAt(p, off)
	if len(p) > len(want) {
		if err != io.EOF {
			r.Fatalf("reading %d bytes at %d: the error is %v, want io.EOF", len(p), off, err)
		}
	} else if err != io.EOF {
		r.must(err, "read %d bytes at %d", len(p), off)
	}
	if string(p[:n]) != want {
		r.Fatalf("reading %d bytes at %d gives %s, want %s", len(p), off, brief(string(p[:n])), brief(want))
	}
}

// wantFile fails unless a file has this name and these bytes.
func (r *trial) wantFile(name, want string) {
	r.Helper()
	f := r.opened(name)
	r.wantBytes(f, want)
	r.must(f.Close(), "close")
}

// wantList fails unless these are the names in a directory.
func (r *trial) wantList(dir string, want ...string) {
	r.Helper()
	names, err := r.files.List(r.path(dir))
	r.must(err, "list %s", dir)
	if !slices.Equal(names, want) {
		r.Fatalf("the names are %q, want %q", names, want)
	}
}

// must fails if err is not nil.
func (r *trial) must(err error, what string, args ...any) {
	r.Helper()
	if err != nil {
		r.Fatalf(what+": %v", append(args, err)...)
	}
}

// wantErr fails unless err matches want.
func (r *trial) wantErr(err, want error, what string, args ...any) {
	r.Helper()
	if !errors.Is(err, want) {
		r.Fatalf(what+": the error is %v, want %v", append(args, err, want)...)
	}
}

// wantAnyErr fails if err is nil.
func (r *trial) wantAnyErr(err error, what string, args ...any) {
	r.Helper()
	if err == nil {
		r.Fatalf(what+": there is no error", args...)
	}
}

func brief(data string) string {
	if len(data) > 40 {
		return fmt.Sprintf("%q... (%d bytes)", data[:40], len(data))
	}
	return fmt.Sprintf("%q", data)
}

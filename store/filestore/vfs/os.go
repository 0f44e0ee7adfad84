package vfs

import (
	"errors"
	"io"
	"os"
	"runtime"
	"strconv"

	"github.com/gofrs/flock"
)

// ErrLocked is the error of Lock for a file that is locked.
var ErrLocked = errors.New("vfs: file is locked")

// OS is the file system of the operating system.
type OS struct{}

var _ FS = OS{}

// List implements FS.
func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

// MakeDir implements FS. The directory is open to everyone, less the umask.
func (OS) MakeDir(dir string) error { return os.Mkdir(dir, 0o777) }

// Open implements FS.
func (OS) Open(name string) (File, error) { return open(name, os.O_RDONLY) }

// OpenWrite implements FS.
func (OS) OpenWrite(name string) (File, error) { return open(name, os.O_RDWR) }

// Create implements FS. The file is open to everyone, less the umask.
func (OS) Create(name string) (File, error) { return open(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// SyncDir implements FS. Windows writes names through by itself and cannot sync a directory.
func (OS) SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock implements FS. The file holds the number of the process that locked it last.
func (OS) Lock(name string) (io.Closer, error) {
	lock := flock.New(name, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o666))
	switch held, err := lock.TryLock(); {
	case err != nil:
		return nil, err
	case !held:
		return nil, ErrLocked
	}
	// Only to tell people who it is; Windows does not let a locked file be written by name.
	_ = os.WriteFile(name, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o666)
	return lock, nil
}

func open(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, 0o666)
	if err != nil {
		return nil, err
	}
	return &osFile{File: f}, nil
}

// An osFile is an os.File that tells its size and can be mapped.
type osFile struct {
	*os.File
	mapping
}

var _ Mapper = (*osFile)(nil)

// Size implements File.
func (f *osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// Map implements Mapper. It works on Linux, where an address has 64 bits; elsewhere it is errors.ErrUnsupported.
func (f *osFile) Map(size int64, write bool) error {
	length, err := f.Size()
	if err != nil {
		return err
	}
	if f.bytes != nil || size <= 0 {
		return os.ErrInvalid
	}
	if err := f.take(f.File, size, write); err != nil {
		return err
	}
	f.length.Store(length)
	return nil
}

// ReadAt implements File.
func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	if part := f.part(off, len(p)); part != nil && transfer(p, part) {
		return len(p), nil
	}
	return f.File.ReadAt(p, off)
}

// WriteAt implements File.
func (f *osFile) WriteAt(p []byte, off int64) (int, error) {
	if part := f.part(off, len(p)); part != nil && f.write && transfer(part, p) {
		f.wrote(off + int64(len(p)))
		return len(p), nil
	}
	n, err := f.File.WriteAt(p, off)
	if f.bytes != nil {
		f.reaches(off + int64(n))
	}
	return n, err
}

// Sync implements File.
func (f *osFile) Sync() error {
	f.release()
	return f.File.Sync()
}

// Truncate implements File.
func (f *osFile) Truncate(size int64) error {
	f.length.Store(min(size, f.length.Load()))
	return f.File.Truncate(size)
}

// Close implements File.
func (f *osFile) Close() error {
	return errors.Join(f.unmap(), f.File.Close())
}

package vfstest

import (
	"io"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A flaw breaks a file system. Its functions stand in for calls; nil ones are left as they are.
type flaw struct {
	name   string
	breaks []string // cases that have to find it

	list      func(d *crashfs.FS, dir string) ([]string, error)
	makeDir   func(d *crashfs.FS, dir string) error
	open      func(d *crashfs.FS, name string) (vfs.File, error)
	openWrite func(d *crashfs.FS, name string) (vfs.File, error)
	create    func(d *crashfs.FS, name string) (vfs.File, error)
	rename    func(d *crashfs.FS, from, to string) error
	remove    func(d *crashfs.FS, name string) error
	syncDir   func(d *crashfs.FS, dir string) error
	lock      func(d *crashfs.FS, name string) (io.Closer, error)

	readAt   func(f *flawedFile, p []byte, off int64) (int, error)
	writeAt  func(f *flawedFile, p []byte, off int64) (int, error)
	size     func(f *flawedFile) (int64, error)
	truncate func(f *flawedFile, size int64) error
	sync     func(f *flawedFile) error
	close    func(f *flawedFile) error
}

// A flawedFS is a file system with a flaw.
type flawedFS struct {
	*crashfs.FS
	flaw flaw
}

// A flawedFile is a file that is open there.
type flawedFile struct {
	vfs.File
	flaw  flaw
	later func() // what a WriteAt has put off
}

// file wraps what a call has opened.
func (d *flawedFS) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &flawedFile{File: f, flaw: d.flaw}, nil
}

func (d *flawedFS) List(dir string) ([]string, error) {
	if d.flaw.list != nil {
		return d.flaw.list(d.FS, dir)
	}
	return d.FS.List(dir)
}

func (d *flawedFS) MakeDir(dir string) error {
	if d.flaw.makeDir != nil {
		return d.flaw.makeDir(d.FS, dir)
	}
	return d.FS.MakeDir(dir)
}

func (d *flawedFS) Open(name string) (vfs.File, error) {
	open := d.flaw.open
	if open == nil {
		open = (*crashfs.FS).Open
	}
	return d.file(open(d.FS, name))
}

func (d *flawedFS) OpenWrite(name string) (vfs.File, error) {
	open := d.flaw.openWrite
	if open == nil {
		open = (*crashfs.FS).OpenWrite
	}
	return d.file(open(d.FS, name))
}

func (d *flawedFS) Create(name string) (vfs.File, error) {
	create := d.flaw.create
	if create == nil {
		create = (*crashfs.FS).Create
	}
	return d.file(create(d.FS, name))
}

func (d *flawedFS) Rename(from, to string) error {
	if d.flaw.rename != nil {
		return d.flaw.rename(d.FS, from, to)
	}
	return d.FS.Rename(from, to)
}

func (d *flawedFS) Remove(name string) error {
	if d.flaw.remove != nil {
		return d.flaw.remove(d.FS, name)
	}
	return d.FS.Remove(name)
}

func (d *flawedFS) SyncDir(dir string) error {
	if d.flaw.syncDir != nil {
		return d.flaw.syncDir(d.FS, dir)
	}
	return d.FS.SyncDir(dir)
}

func (d *flawedFS) Lock(name string) (io.Closer, error) {
	if d.flaw.lock != nil {
		return d.flaw.lock(d.FS, name)
	}
	return d.FS.Lock(name)
}

func (f *flawedFile) ReadAt(p []byte, off int64) (int, error) {
	if f.flaw.readAt != nil {
		return f.flaw.readAt(f, p, off)
	}
	return f.File.ReadAt(p, off)
}

func (f *flawedFile) WriteAt(p []byte, off int64) (int, error) {
	if f.flaw.writeAt != nil {
		return f.flaw.writeAt(f, p, off)
	}
	return f.File.WriteAt(p, off)
}

func (f *flawedFile) Size() (int64, error) {
	if f.flaw.size != nil {
		return f.flaw.size(f)
	}
	return f.File.Size()
}

func (f *flawedFile) Truncate(size int64) error {
	if f.flaw.truncate != nil {
		return f.flaw.truncate(f, size)
	}
	return f.File.Truncate(size)
}

func (f *flawedFile) Sync() error {
	if f.flaw.sync != nil {
		return f.flaw.sync(f)
	}
	return f.File.Sync()
}

func (f *flawedFile) Close() error {
	if f.flaw.close != nil {
		return f.flaw.close(f)
	}
	return f.File.Close()
}

package vfstest

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

var errFlaw = errors.New("a flaw")

// noLock is a lock that is none.
type noLock struct{}

func (noLock) Close() error { return nil }

// flaws are ways in which a file system can be wrong.
var flaws = []flaw{
	{
		name: "List has no order", breaks: []string{"list"},
		list: func(d *crashfs.FS, dir string) ([]string, error) {
			names, err := d.List(dir)
			slices.Reverse(names)
			return names, err
		},
	},
	{
		name: "List returns paths", breaks: []string{"list", "makedir", "rename"},
		list: func(d *crashfs.FS, dir string) ([]string, error) {
			names, err := d.List(dir)
			for i := range names {
				names[i] = filepath.Join(dir, "x", names[i])
			}
			return names, err
		},
	},
	{
		name: "List takes what does not exist for empty", breaks: []string{"list/missing"},
		list: func(d *crashfs.FS, dir string) ([]string, error) {
			names, _ := d.List(dir)
			return names, nil
		},
	},
	{
		name: "MakeDir makes the directories above", breaks: []string{"makedir"},
		makeDir: func(d *crashfs.FS, dir string) error {
			_ = d.MakeDir(filepath.Dir(dir))
			return d.MakeDir(dir)
		},
	},
	{
		name: "MakeDir does not mind what is there", breaks: []string{"makedir/exists"},
		makeDir: func(d *crashfs.FS, dir string) error {
			if err := d.MakeDir(dir); !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		},
	},
	{
		name: "MakeDir replaces a file", breaks: []string{"makedir/exists"},
		makeDir: func(d *crashfs.FS, dir string) error {
			_ = d.Remove(dir)
			return d.MakeDir(dir)
		},
	},
	{
		name: "Open takes paths by the letter", breaks: []string{"paths"},
		open: func(d *crashfs.FS, name string) (vfs.File, error) {
			if strings.Contains(name, string(filepath.Separator)+".") {
				return nil, fs.ErrNotExist
			}
			return d.Open(name)
		},
	},
	{
		name: "Rename makes a copy", breaks: []string{"rename", "rename/replace", "rename/open"},
		rename: func(d *crashfs.FS, from, to string) error {
			data, err := d.ReadFile(from)
			if err != nil {
				return err
			}
			return d.WriteFile(to, data)
		},
	},
	{
		name: "Rename does not replace", breaks: []string{"rename/replace", "replaced/open"},
		rename: func(d *crashfs.FS, from, to string) error {
			if _, err := d.ReadFile(to); err == nil {
				return fs.ErrExist
			}
			return d.Rename(from, to)
		},
	},
	{
		name: "Rename removes what is there first", breaks: []string{"rename/same", "rename/missing", "rename/onto directory"},
		rename: func(d *crashfs.FS, from, to string) error {
			_ = d.Remove(to)
			return d.Rename(from, to)
		},
	},
	{
		name: "Rename is for files", breaks: []string{"rename/directory"},
		rename: func(d *crashfs.FS, from, to string) error {
			if _, err := d.ReadFile(from); err != nil {
				return err
			}
			return d.Rename(from, to)
		},
	},
	{
		name: "Rename writes over the file that is there", breaks: []string{"replaced/open"},
		rename: func(d *crashfs.FS, from, to string) error {
			data, err := d.ReadFile(from)
			if _, there := d.ReadFile(to); err != nil || there != nil {
				return d.Rename(from, to)
			}
			return errors.Join(d.WriteFile(to, data), d.Remove(from))
		},
	},
	{
		name: "Remove is for files", breaks: []string{"remove"},
		remove: func(d *crashfs.FS, name string) error {
			if _, err := d.ReadFile(name); err != nil {
				return err
			}
			return d.Remove(name)
		},
	},
	{
		name: "Remove does not mind what is not there", breaks: []string{"remove/refused"},
		remove: func(d *crashfs.FS, name string) error {
			if err := d.Remove(name); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return nil
		},
	},
	{
		name: "Remove removes all in a directory", breaks: []string{"remove/refused"},
		remove: func(d *crashfs.FS, name string) error {
			names, _ := d.List(name)
			for _, n := range names {
				_ = d.Remove(filepath.Join(name, n))
			}
			return d.Remove(name)
		},
	},
	{
		name: "Remove empties the file", breaks: []string{"replaced/open"},
		remove: func(d *crashfs.FS, name string) error {
			_ = d.WriteFile(name, nil)
			return d.Remove(name)
		},
	},
	{
		name: "Create finds old bytes", breaks: []string{"create", "create/replace", "remove/again"},
		create: func(d *crashfs.FS, name string) (vfs.File, error) {
			f, err := d.OpenWrite(name)
			if err != nil {
				if f, err = d.Create(name); err == nil {
					_, err = f.WriteAt([]byte("old"), 0)
				}
			}
			return f, err
		},
	},
	{
		name: "Create makes the directories above", breaks: []string{"create"},
		create: func(d *crashfs.FS, name string) (vfs.File, error) {
			_ = d.MakeDir(filepath.Dir(name))
			return d.Create(name)
		},
	},
	{
		name: "Create is for new files", breaks: []string{"create/replace"},
		create: func(d *crashfs.FS, name string) (vfs.File, error) {
			if _, err := d.ReadFile(name); err == nil {
				return nil, fs.ErrExist
			}
			return d.Create(name)
		},
	},
	{
		name: "Create in place of a directory", breaks: []string{"create/directory"},
		create: func(d *crashfs.FS, name string) (vfs.File, error) {
			f, err := d.Create(name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				err = d.Rename(name, name+".old")
				if err == nil {
					f, err = d.Create(name)
				}
			}
			return f, err
		},
	},
	{
		name: "SyncDir makes a file", breaks: []string{"syncdir"},
		syncDir: func(d *crashfs.FS, dir string) error {
			return d.WriteFile(filepath.Join(dir, "synced"), nil)
		},
	},
	{
		name: "SyncDir works once", breaks: []string{"syncdir"},
		syncDir: func(d *crashfs.FS, dir string) error {
			if d.Strict().SyncDir(dir) == nil {
				return errFlaw
			}
			return d.SyncDir("")
		},
	},
	{
		name: "Lock does not lock", breaks: []string{"lock"},
		lock: func(d *crashfs.FS, name string) (io.Closer, error) {
			_, err := d.Lock(name)
			if errors.Is(err, vfs.ErrLocked) {
				err = nil
			}
			return noLock{}, err
		},
	},
	{
		name: "Lock is for ever", breaks: []string{"lock"},
		lock: func(d *crashfs.FS, name string) (io.Closer, error) {
			_, err := d.Lock(name)
			return noLock{}, err
		},
	},
	{
		name: "Lock is for all files", breaks: []string{"lock"},
		lock: func(d *crashfs.FS, name string) (io.Closer, error) {
			return d.Lock(filepath.Join(filepath.Dir(name), "lock"))
		},
	},
	{
		name: "Lock makes no file", breaks: []string{"lock/file"},
		lock: func(d *crashfs.FS, name string) (io.Closer, error) {
			l, err := d.Lock(name)
			_ = d.Remove(name)
			return l, err
		},
	},
	{
		name: "Open makes a file", breaks: []string{"open/missing"},
		open: func(d *crashfs.FS, name string) (vfs.File, error) {
			f, err := d.Open(name)
			if err != nil {
				_ = d.WriteFile(name, nil)
			}
			return f, err
		},
	},
	{
		name: "OpenWrite is like Create", breaks: []string{"open/missing", "open/writing"},
		openWrite: (*crashfs.FS).Create,
	},
	{
		name: "Open is for writing", breaks: []string{"open/reading"},
		open: (*crashfs.FS).OpenWrite,
	},
	{
		name: "ReadAt ends without io.EOF", breaks: []string{"read"},
		readAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			n, err := f.File.ReadAt(p, off)
			if err == io.EOF {
				err = nil
			}
			return n, err
		},
	},
	{
		name: "ReadAt returns no part", breaks: []string{"read"},
		readAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			n, err := f.File.ReadAt(p, off)
			if err != nil {
				n = 0
			}
			return n, err
		},
	},
	{
		name: "WriteAt appends", breaks: []string{"write", "write/hole", "open/writing"},
		writeAt: func(f *flawedFile, p []byte, _ int64) (int, error) {
			size, err := f.File.Size()
			if err != nil {
				return 0, err
			}
			return f.File.WriteAt(p, size)
		},
	},
	{
		name: "WriteAt cuts what is behind", breaks: []string{"write", "write/hole"},
		writeAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			n, err := f.File.WriteAt(p, off)
			if err == nil {
				err = f.File.Truncate(off + int64(n))
			}
			return n, err
		},
	},
	{
		name: "WriteAt makes the file longer for nothing", breaks: []string{"write/nothing"},
		writeAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			if size, err := f.File.Size(); err == nil && off > size {
				_ = f.File.Truncate(off)
			}
			return f.File.WriteAt(p, off)
		},
	},
	{
		name: "WriteAt writes later", breaks: []string{"write/private"},
		writeAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			f.later = func() { _, _ = f.File.WriteAt(p, off) }
			return len(p), nil
		},
		size: func(f *flawedFile) (int64, error) {
			if f.later != nil {
				f.later()
			}
			return f.File.Size()
		},
	},
	{
		name: "WriteAt writes somewhere else at times", breaks: []string{"write/together"},
		writeAt: func(f *flawedFile, p []byte, off int64) (int, error) {
			if off == 30_000 {
				off++
			}
			return f.File.WriteAt(p, off)
		},
	},
	{
		name: "what is negative is nothing", breaks: []string{"negative"},
		readAt: func(f *flawedFile, p []byte, off int64) (int, error) { return f.File.ReadAt(p, max(off, 0)) },
	},
	{
		name: "Truncate is for less", breaks: []string{"truncate"},
		truncate: func(f *flawedFile, size int64) error {
			have, err := f.File.Size()
			if err != nil {
				return err
			}
			return f.File.Truncate(min(have, size))
		},
	},
	{
		name: "what was cut comes back", breaks: []string{"truncate"},
		truncate: func(f *flawedFile, size int64) error {
			if size == 9000 {
				_, err := f.File.WriteAt([]byte(strings.Repeat("0", 4000)), 5000)
				return err
			}
			return f.File.Truncate(size)
		},
	},
	{
		name: "Size is unknown", breaks: []string{"write", "truncate", "create"},
		size: func(*flawedFile) (int64, error) { return 0, nil },
	},
	{
		name: "Sync appends", breaks: []string{"sync"},
		sync: func(f *flawedFile) error {
			size, err := f.File.Size()
			if err == nil {
				_, err = f.File.WriteAt([]byte("x"), size)
			}
			return err
		},
	},
	{
		name: "Close does nothing", breaks: []string{"closed"},
		close: func(*flawedFile) error { return nil },
	},
}

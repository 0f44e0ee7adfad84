package crashfs

import (
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"
	"syscall"

	"github.com/revkv/kv/store/filestore/vfs"
)

// An FS is a file system in memory. Paths are as the operating system writes them; "db/log" and "/db/log" are the same file.
// All methods may be called by many goroutines at once.
type FS struct {
	mu    sync.Mutex // guards all that follows, and the nodes; not held while a function of Before runs
	names names
	open  map[io.Closer]string // files and locks that are not closed, with their names
	controls
}

var _ vfs.FS = (*FS)(nil)

// New returns a file system with an empty root directory.
func New() *FS {
	root := &node{dir: true}
	return newFS(names{now: newTree(root), durable: newTree(root)})
}

func newFS(n names) *FS {
	return &FS{names: n, open: map[io.Closer]string{}, controls: controls{capacity: -1}}
}

// List implements vfs.FS.
func (d *FS) List(dir string) (list []string, err error) {
	err = d.act(Call{Kind: List, Name: dir}, func() error {
		n, err := d.dir(dir)
		if err == nil {
			list = slices.Sorted(maps.Keys(d.names.now.dirs[n]))
		}
		return err
	})
	return list, err
}

// MakeDir implements vfs.FS.
func (d *FS) MakeDir(dir string) error {
	return d.act(Call{Kind: MakeDir, Name: dir}, func() error {
		at, n, err := d.names.now.find(dir)
		if err == nil && n != nil {
			err = fs.ErrExist
		}
		if err == nil {
			d.names.move(&node{dir: true}, place{}, at)
		}
		return err
	})
}

// Open implements vfs.FS.
func (d *FS) Open(name string) (vfs.File, error) {
	return d.openFile(Call{Kind: Open, Name: name}, d.file)
}

// OpenWrite implements vfs.FS.
func (d *FS) OpenWrite(name string) (vfs.File, error) {
	return d.openFile(Call{Kind: OpenWrite, Name: name}, d.file)
}

// Create implements vfs.FS. A file that is there is truncated, as by Truncate.
func (d *FS) Create(name string) (vfs.File, error) {
	return d.openFile(Call{Kind: Create, Name: name}, func(name string) (*node, error) {
		n, err := d.fileOrNew(name)
		if err == nil {
			n.do(change{at: 0})
		}
		return n, err
	})
}

// Rename implements vfs.FS.
func (d *FS) Rename(from, to string) error {
	return d.act(Call{Kind: Rename, Name: from, To: to}, func() error {
		t := d.names.now
		old, n, err := t.find(from)
		if err == nil && n == nil {
			err = fs.ErrNotExist
		}
		if err != nil {
			return err
		}
		at, there, err := t.find(to)
		switch {
		case err != nil:
			return err
		case there != nil && there.dir:
			return fs.ErrExist
		case there != nil && n.dir:
			return syscall.ENOTDIR
		case t.under(n)[at.dir]:
			return fs.ErrInvalid
		}
		d.names.move(n, old, at)
		return nil
	})
}

// Remove implements vfs.FS.
func (d *FS) Remove(name string) error {
	return d.act(Call{Kind: Remove, Name: name}, func() error {
		at, n, err := d.names.now.find(name)
		switch {
		case err != nil:
			return err
		case n == nil:
			return fs.ErrNotExist
		case at.dir == nil:
			return fs.ErrInvalid
		case len(d.names.now.dirs[n]) > 0:
			return syscall.ENOTEMPTY
		}
		d.names.move(n, at, place{})
		return nil
	})
}

// SyncDir implements vfs.FS. A rename between two directories is durable with the first of them, and takes along all that is
// pending in both and was done before. If SyncDir is made to fail, all stays pending.
func (d *FS) SyncDir(dir string) error {
	return d.act(Call{Kind: SyncDir, Name: dir}, func() error {
		n, err := d.dir(dir)
		if err == nil {
			d.names.sync(n)
		}
		return err
	})
}

// Lock implements vfs.FS. The file is empty when Lock makes it.
func (d *FS) Lock(name string) (io.Closer, error) {
	l := &lock{d: d, name: name}
	err := d.act(Call{Kind: Lock, Name: name}, func() (err error) {
		l.node, err = d.fileOrNew(name)
		switch {
		case err != nil:
			return err
		case l.node.locked:
			return vfs.ErrLocked
		}
		l.node.locked = true
		d.open[l] = name
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// A lock is a file that is locked.
type lock struct {
	d    *FS
	name string
	node *node // nil when it is closed; guarded by d.mu
}

// Close unlocks the file. A second Close returns nil.
func (l *lock) Close() error {
	return l.d.call(Call{Kind: Unlock, Name: l.name}, func(fault *fault) error {
		if l.node != nil {
			l.node.locked = false
		}
		l.node = nil
		delete(l.d.open, l)
		if fault != nil {
			return fault.err
		}
		return nil
	})
}

// dir returns the directory of a path.
func (d *FS) dir(path string) (*node, error) {
	_, n, err := d.names.now.find(path)
	switch {
	case err != nil:
		return nil, err
	case n == nil:
		return nil, fs.ErrNotExist
	case !n.dir:
		return nil, syscall.ENOTDIR
	}
	return n, nil
}

// file returns the file of a path.
func (d *FS) file(path string) (*node, error) {
	_, n, err := d.names.now.find(path)
	switch {
	case err != nil:
		return nil, err
	case n == nil:
		return nil, fs.ErrNotExist
	case n.dir:
		return nil, syscall.EISDIR
	}
	return n, nil
}

// fileOrNew is file, but makes one if there is none.
func (d *FS) fileOrNew(path string) (*node, error) {
	at, n, err := d.names.now.find(path)
	if err != nil || n != nil {
		return d.file(path)
	}
	n = &node{}
	d.names.move(n, place{}, at)
	return n, nil
}

// maxSize is how long a file can be at most. It keeps a wild offset from taking the memory of the machine.
const maxSize = 1 << 36

// room returns how long a file may become that has this length.
func (d *FS) room(size int64) int64 {
	if d.capacity < 0 {
		return maxSize
	}
	free := d.capacity
	for _, n := range d.names.now.walk() {
		free -= n.now.size
	}
	return min(size+max(free, 0), maxSize)
}

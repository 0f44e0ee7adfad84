package crashfs

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Strict returns what a power cut leaves at the least: names and bytes that are durable, and nothing else. All that is in
// the image is durable, and nothing is open, locked, or in the way of calls; so it is with images of Mix.
func (d *FS) Strict() *FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return image(d.names.durable, func(f *file) content { return f.durable.clone() })
}

// Mix returns what a power cut may leave, another one each time, as rng has it:
//
//   - Of the pending writes of a file each is kept, lost or torn, whatever becomes of the others. What is left of a torn one
//     is its beginning, or some of its sectors of 512 bytes; and a write may leave its length without its bytes. Where
//     nothing was written up to the length, there are zeros.
//   - A pending Truncate is kept or lost.
//   - Of the pending changes of names each is kept or lost, whatever becomes of the others, except that what was not removed
//     keeps a name. A rename is kept or lost as a whole, so nothing has two.
//
// Images where all up to some point is kept and nothing after it come more often than pure chance would have it. The same
// calls and the same seed give the same image.
func (d *FS) Mix(rng *rand.Rand) *FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	return image(d.names.risk(rng), func(f *file) content { return f.risk(rng) })
}

// image returns a file system with the names in a tree, and in each file what bytes returns.
func image(t tree, bytes func(*file) content) *FS {
	copies := map[*node]*node{}
	for _, n := range t.walk() {
		c := &node{dir: n.dir}
		c.now = bytes(&n.file)
		c.durable = c.now.clone()
		copies[n] = c
	}
	t = t.copy(func(n *node) *node { return copies[n] })
	return newFS(names{now: t, durable: t.clone()})
}

// Everything returns what the end of the process leaves, without a power cut: all that calls see. What was pending still is,
// as the kernel goes on; so images of this image show what it means to find a file, and lose it a moment later. Nothing is
// open, locked, or in the way of calls.
func (d *FS) Everything() *FS {
	d.mu.Lock()
	defer d.mu.Unlock()
	copies := map[*node]*node{}
	of := func(n *node) *node {
		if n != nil && copies[n] == nil {
			copies[n] = n.copy()
		}
		return copies[n]
	}
	c := names{now: d.names.now.copy(of), durable: d.names.durable.copy(of)}
	for _, m := range d.names.pending {
		from, to := place{of(m.from.dir), m.from.name}, place{of(m.to.dir), m.to.name}
		c.pending = append(c.pending, move{of(m.node), from, to})
	}
	return newFS(c)
}

// Unclosed returns the names of the files and locks that were opened here and are not closed, sorted: what a program has
// forgotten, if it is at its end. When the power is cut nothing can be closed any more.
func (d *FS) Unclosed() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Values(d.open))
}

// An Info is the name and the length of a file.
type Info struct {
	Name string // from the root, without a separator at its beginning
	Size int64
}

// Files returns the files that calls see, sorted by name. Directories are not listed.
func (d *FS) Files() (files []Info) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, n := range d.names.now.walk() {
		if !n.dir {
			files = append(files, Info{path, n.now.size})
		}
	}
	slices.SortFunc(files, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// ReadFile returns the bytes of a file, as calls see them. It is not a call itself, and works when the power is cut.
func (d *FS) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.file(name)
	if err != nil {
		return nil, &fs.PathError{Op: "ReadFile", Path: name, Err: err}
	}
	return n.now.all(), nil
}

// WriteFile replaces the bytes of a file, or makes one, in a directory that exists. It is not a call itself, and works when the
// power is cut. The bytes are durable at once, and the name as if SyncDir had been called for all directories that lead to it.
func (d *FS) WriteFile(name string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.fileOrNew(name)
	if err != nil {
		return &fs.PathError{Op: "WriteFile", Path: name, Err: err}
	}
	n.now = content{}
	n.now.writeAt(data, 0)
	n.durable, n.pending = n.now.clone(), nil
	dir := d.names.now.root
	for _, name := range split(name) {
		d.names.sync(dir)
		dir = d.names.now.at(place{dir, name})
	}
	return nil
}

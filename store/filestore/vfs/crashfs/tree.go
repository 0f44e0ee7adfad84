package crashfs

import (
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// A node is a file or a directory, whatever its name is. It has one name at a time, and none when it was removed.
type node struct {
	dir    bool
	locked bool
	gone   bool // it was removed or replaced, as calls see it
	file        // what is in it, if it is no directory
}

// copy returns another node with the same in it, without a lock.
func (n *node) copy() *node {
	c := &node{dir: n.dir, gone: n.gone}
	c.now, c.durable, c.pending = n.now.clone(), n.durable.clone(), slices.Clone(n.pending)
	return c
}

// A tree is names: the entries of each directory. There is one as calls see it and one as it is on the disk, and they name
// the same nodes.
type tree struct {
	root *node
	dirs map[*node]map[string]*node
}

func newTree(root *node) tree { return tree{root: root, dirs: map[*node]map[string]*node{}} }

// clone returns a tree of the same nodes.
func (t tree) clone() tree {
	c := newTree(t.root)
	for dir, entries := range t.dirs {
		c.dirs[dir] = maps.Clone(entries)
	}
	return c
}

// copy returns a tree of other nodes, those that of returns, without those for which it returns nil.
func (t tree) copy(of func(*node) *node) tree {
	c := newTree(of(t.root))
	for dir, entries := range t.dirs {
		if of(dir) == nil {
			continue
		}
		c.dirs[of(dir)] = map[string]*node{}
		for name, n := range entries {
			c.dirs[of(dir)][name] = of(n)
		}
	}
	return c
}

// A place is a name in a directory. The zero place is nowhere.
type place struct {
	dir  *node
	name string
}

// at returns what is at a place, nil if nothing is.
func (t tree) at(p place) *node { return t.dirs[p.dir][p.name] }

// unname takes the names of a node away.
func (t tree) unname(gone *node) {
	for _, entries := range t.dirs {
		maps.DeleteFunc(entries, func(_ string, n *node) bool { return n == gone })
	}
}

// find returns what a path leads to: the place, which needs a directory around it, and what is there, nil if nothing is. The
// place of the root is nowhere.
func (t tree) find(path string) (p place, n *node, err error) {
	n = t.root
	for _, name := range split(path) {
		switch {
		case n == nil:
			return place{}, nil, fs.ErrNotExist
		case !n.dir:
			return place{}, nil, syscall.ENOTDIR
		}
		p = place{n, name}
		n = t.at(p)
	}
	return p, n, nil
}

// split returns the names in a path, which begins at the root, with or without a separator. What ".." follows is left out, as
// filepath.Clean does.
func split(path string) (names []string) {
	path = path[len(filepath.VolumeName(path)):]
	for name := range strings.FieldsFuncSeq(path, func(r rune) bool { return r < utf8.RuneSelf && os.IsPathSeparator(byte(r)) }) {
		switch name {
		case ".":
		case "..":
			names = names[:max(0, len(names)-1)]
		default:
			names = append(names, name)
		}
	}
	return names
}

// walk yields the nodes that can be reached from the root, with their paths, in the order of the names, a directory before
// what is in it.
func (t tree) walk() iter.Seq2[string, *node] {
	return func(yield func(string, *node) bool) { t.walkFrom("", t.root, yield) }
}

func (t tree) walkFrom(path string, n *node, yield func(string, *node) bool) bool {
	if !yield(path, n) {
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(t.dirs[n])) {
		if !t.walkFrom(filepath.Join(path, name), t.dirs[n][name], yield) {
			return false
		}
	}
	return true
}

// under returns a node and, if it is a directory, the nodes that can be reached from it.
func (t tree) under(n *node) map[*node]bool {
	nodes := map[*node]bool{}
	t.walkFrom("", n, func(_ string, n *node) bool {
		nodes[n] = true
		return true
	})
	return nodes
}

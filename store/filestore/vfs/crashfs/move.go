package crashfs

import (
	"math/rand/v2"
	"slices"
)

// A move gives a node a name, another name, or none: from is nowhere for one that is made, to for one that is removed.
type move struct {
	node     *node
	from, to place
}

// do does the move. What is at its places goes, whatever it is, and the node has no other name than the new one.
func (m move) do(t tree) {
	if m.from.dir != nil {
		delete(t.dirs[m.from.dir], m.from.name)
	}
	if m.to.dir == nil {
		return
	}
	if m.from.dir != nil {
		t.unname(m.node)
	}
	if t.dirs[m.to.dir] == nil {
		t.dirs[m.to.dir] = map[string]*node{}
	}
	t.dirs[m.to.dir][m.to.name] = m.node
}

// try returns the tree after the move, which earlier ones may be missing from. A move that would lose something that was never
// removed is not done: no disk does that. If LOG was renamed to OLD, say, and a new LOG made, then the new LOG without the OLD
// would leave no name for the old one.
func (m move) try(t tree) tree {
	moved := t.clone()
	m.do(moved)
	left := moved.under(t.root)
	for n := range t.under(t.root) {
		if !left[n] && !n.gone {
			return t
		}
	}
	return moved
}

// dirs returns the directories that the move changes, a removed one included.
func (m move) dirs() (dirs []*node) {
	if m.from.dir != nil {
		dirs = append(dirs, m.from.dir)
	}
	switch {
	case m.to.dir == nil && m.node.dir:
		dirs = append(dirs, m.node)
	case m.to.dir != nil && m.to.dir != m.from.dir:
		dirs = append(dirs, m.to.dir)
	}
	return dirs
}

// names are the names of a file system, as calls see them and as they are on the disk.
type names struct {
	now     tree
	durable tree
	pending []move // what was done since the last SyncDir, in order; they lead from durable to now
}

// move does a move that is not durable before a SyncDir.
func (n *names) move(node *node, from, to place) {
	if replaced := n.now.at(to); replaced != nil {
		replaced.gone = true
	}
	node.gone = to.dir == nil
	m := move{node, from, to}
	m.do(n.now)
	n.pending = append(n.pending, m)
}

// sync makes the moves in a directory durable. One that changes two directories takes along the earlier ones in both, and
// one to a directory that is not on the disk all earlier ones, because by itself it would be half a move.
func (n *names) sync(dir *node) {
	dirs, all := map[*node]bool{dir: true}, false
	onDisk := n.durable.under(n.durable.root)
	var done, rest []move
	for _, m := range slices.Backward(n.pending) {
		changed := m.dirs()
		if !all && !slices.ContainsFunc(changed, func(d *node) bool { return dirs[d] }) {
			rest = append(rest, m)
			continue
		}
		done = append(done, m)
		for _, d := range changed {
			dirs[d] = true
		}
		all = all || len(changed) > 1 && m.to.dir != nil && !onDisk[m.to.dir]
	}
	for _, m := range slices.Backward(done) {
		m.do(n.durable)
	}
	slices.Reverse(rest)
	n.pending = rest
}

// risk returns the names that may be on the disk after a power cut.
func (n *names) risk(rng *rand.Rand) tree {
	t := n.durable
	whole, lost := span(rng, len(n.pending))
	for i, m := range n.pending[:lost] {
		if i < whole || rng.IntN(2) == 0 {
			t = m.try(t)
		}
	}
	return t
}

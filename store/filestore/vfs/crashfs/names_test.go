package crashfs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// view returns the nodes of a tree by path, and fails if one has two.
func view(t *testing.T, tree tree) map[string]*node {
	t.Helper()
	nodes, paths := map[string]*node{}, map[*node]string{}
	for path, n := range tree.walk() {
		other, found := paths[n]
		if found {
			require.Fail(t, "two names", "%s is %s too", path, other)
		}
		nodes[path], paths[n] = n, path
	}
	return nodes
}

// A namesRun makes random changes of names and checks after each what may be left of them.
type namesRun struct {
	*testing.T
	d    *FS
	rng  *rand.Rand
	safe map[*node]bool // was durable at some time
}

// TestNames checks, for random changes of names and at any time, that a power cut
//
//   - leaves a name to everything that was durable and was not removed,
//   - leaves no more than one name to anything,
//   - leaves just the entries that a directory has if it was synced after they were made,
//
// and that all that calls see is durable when all directories are synced.
func TestNames(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := &namesRun{T: t, d: New(), rng: rand.New(rand.NewPCG(seed, 0)), safe: map[*node]bool{}}
			for range 100 {
				r.step()
				r.checkImages(nil)
			}
			r.syncAll()
		})
	}
}

// step does something to a random name. Much of it is refused, which is fine.
func (r *namesRun) step() {
	switch r.rng.IntN(8) {
	case 0, 1:
		_, _ = r.d.Create(r.path())
	case 2:
		_ = r.d.MakeDir(r.path())
	case 3, 4, 5:
		_ = r.d.Rename(r.path(), r.path())
	case 6:
		_ = r.d.Remove(r.path())
	case 7:
		r.syncDir(r.dir())
	}
}

// dir returns the path of a random directory.
func (r *namesRun) dir() string {
	var dirs []string
	for path, n := range r.d.names.now.walk() {
		if n.dir {
			dirs = append(dirs, path)
		}
	}
	return dirs[r.rng.IntN(len(dirs))]
}

// path returns a random path in a directory that exists.
func (r *namesRun) path() string { return filepath.Join(r.dir(), string(rune('a'+r.rng.IntN(4)))) }

func (r *namesRun) syncDir(path string) {
	r.Helper()
	require.NoError(r, r.d.SyncDir(path))
	r.checkImages(view(r.T, r.d.names.now)[path])
}

func (r *namesRun) syncAll() {
	for path, n := range r.d.names.now.walk() {
		if n.dir {
			require.NoError(r, r.d.SyncDir(path))
		}
	}
	require.Empty(r, r.d.names.pending)
	require.True(r, maps.Equal(view(r.T, r.d.names.now), view(r.T, r.d.names.durable)))
}

// checkImages checks the trees that may be left of the names. If synced is a directory, it was synced just now.
func (r *namesRun) checkImages(synced *node) {
	r.Helper()
	names := &r.d.names
	now := names.now
	all := names.durable
	for _, m := range names.pending {
		all = m.try(all)
	}
	require.True(r, maps.Equal(view(r.T, now), view(r.T, all)), "nothing is lost, and it is not what calls see")
	for i := range 6 {
		left := names.durable
		if i > 0 {
			left = names.risk(r.rng)
		}
		has := map[*node]bool{}
		for _, n := range view(r.T, left) {
			has[n] = true
		}
		for n := range r.safe {
			if !n.gone && !has[n] {
				require.Fail(r, "what was durable is lost")
			}
		}
		if has[synced] && !maps.Equal(now.dirs[synced], left.dirs[synced]) {
			require.Fail(r, "a directory was synced and has other entries")
		}
		if i == 0 {
			maps.Copy(r.safe, has)
		}
	}
}

package crashfs_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A disk is a file system whose calls must not fail.
type disk struct {
	*testing.T
	*crashfs.FS
}

func newDisk(t *testing.T) disk { return disk{t, crashfs.New()} }

func (d disk) ok(err error) {
	d.Helper()
	require.NoError(d, err)
}

// opened opens a file for writing, and makes it if there is none.
func (d disk) opened(name string) file {
	d.Helper()
	f, err := d.OpenWrite(name)
	if err != nil {
		f, err = d.Create(name)
	}
	d.ok(err)
	return file{d, f}
}

// with makes a file that is durable, name and bytes.
func (d disk) with(name, data string) file {
	d.Helper()
	d.ok(d.WriteFile(name, []byte(data)))
	return d.opened(name)
}

func (d disk) makeDir(dir string)     { d.Helper(); d.ok(d.MakeDir(dir)) }
func (d disk) rename(from, to string) { d.Helper(); d.ok(d.Rename(from, to)) }
func (d disk) remove(name string)     { d.Helper(); d.ok(d.Remove(name)) }
func (d disk) syncDir(dir string)     { d.Helper(); d.ok(d.SyncDir(dir)) }

// A file is an open file whose calls must not fail.
type file struct {
	d disk
	vfs.File
}

func (f file) write(data string, off int64) file {
	f.d.Helper()
	_, err := f.WriteAt([]byte(data), off)
	f.d.ok(err)
	return f
}

func (f file) truncate(size int64) file { f.d.Helper(); f.d.ok(f.Truncate(size)); return f }
func (f file) sync() file               { f.d.Helper(); f.d.ok(f.Sync()); return f }

// dump returns what is in a file system, such as "a=bytes of a, dir/, dir/b=bytes of b".
func dump(d *crashfs.FS) string {
	files := d.Everything() // where looking is neither counted nor refused
	var all []string
	var add func(dir, prefix string)
	add = func(dir, prefix string) {
		names, _ := files.List(dir)
		for _, name := range names {
			path := prefix + name
			if data, err := files.ReadFile(path); err == nil {
				all = append(all, path+"="+string(data))
				continue
			}
			all = append(all, path+"/")
			add(path, path+"/")
		}
	}
	add("", "")
	return strings.Join(all, ", ")
}

// outcomes returns the dumps of many images of Mix, each once, in rising order.
func outcomes(d *crashfs.FS) []string {
	all := map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 600 {
		all[dump(d.Mix(rng))] = true
	}
	return slices.Sorted(maps.Keys(all))
}

package crashfs_test

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// TestMixNames checks which names images have, and that they have all these.
func TestMixNames(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(d disk)
		want []string
	}{
		{"each operation is kept or lost", func(d disk) {
			d.with("a", "1")
			d.remove("a")
			d.opened("b")
		}, []string{"", "a=1", "a=1, b=", "b="}},
		{"a rename is whole or absent", func(d disk) {
			d.with("a", "1")
			d.rename("a", "b")
		}, []string{"a=1", "b=1"}},
		{"a rename that replaces is too", func(d disk) {
			d.with("a", "1")
			d.with("b", "2")
			d.rename("a", "b")
		}, []string{"a=1, b=2", "b=1"}},
		{"a rename of a new file brings it along", func(d disk) {
			d.opened("a").write("1", 0).sync()
			d.rename("a", "b")
		}, []string{"", "a=1", "b=1"}},
		{"a file has one name", func(d disk) {
			d.with("a", "1")
			d.rename("a", "b")
			d.rename("b", "c")
		}, []string{"a=1", "b=1", "c=1"}},
		{"no file is lost that was not removed", func(d disk) {
			d.with("LOG", "1")
			d.rename("LOG", "OLD")
			d.opened("LOG")
		}, []string{"LOG=, OLD=1", "LOG=1", "OLD=1"}},
		{"a name that was used again", func(d disk) {
			d.with("a", "1")
			d.remove("a")
			d.opened("a").write("2", 0).sync()
			d.remove("a")
		}, []string{"", "a=1", "a=2"}},
		{"a directory is removed when it is empty", func(d disk) {
			d.makeDir("d")
			d.syncDir("")
			d.with("d/a", "1")
			d.rename("d/a", "b")
			d.remove("d")
		}, []string{"b=1", "b=1, d/", "d/, d/a=1"}},
		{"a file in a directory that is lost is lost", func(d disk) {
			d.makeDir("d")
			d.opened("d/a")
			d.syncDir("d")
		}, []string{"", "d/, d/a="}},
		{"unless it was durable somewhere else", func(d disk) {
			d.with("a", "1")
			d.makeDir("d")
			d.rename("a", "d/a")
		}, []string{"a=1", "a=1, d/", "d/, d/a=1"}},
		{"a directory never gets into itself", func(d disk) {
			d.makeDir("a")
			d.makeDir("a/b")
			d.syncDir("")
			d.syncDir("a")
			d.rename("a/b", "b")
			d.rename("a", "b/a")
		}, []string{"a/, a/b/", "a/, b/", "b/, b/a/"}},
		{"two directories", func(d disk) {
			d.makeDir("d")
			d.makeDir("e")
			d.syncDir("")
			d.opened("d/a")
			d.opened("e/b")
		}, []string{"d/, d/a=, e/", "d/, d/a=, e/, e/b=", "d/, e/", "d/, e/, e/b="}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDisk(t)
			c.do(d)
			require.Equal(t, c.want, outcomes(d.FS))
		})
	}
}

// TestMixBytes is TestMixNames for bytes. In bytes that are dumped there is a dot for a zero.
func TestMixBytes(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(f file)
		want []string
	}{
		{"of a write a beginning may be left, or the length", func(f file) { f.write("abc", 2) },
			[]string{"01", "01...", "01a", "01a..", "01ab", "01ab.", "01abc"}},
		{"a write in the middle leaves the length alone", func(f file) { f.write("ab", 0) },
			[]string{"01", "a1", "ab"}},
		{"a later write may be kept where an earlier is lost", func(f file) { f.write("a", 2).write("b", 3) },
			[]string{"01", "01.", "01..", "01.b", "01a", "01a.", "01ab"}},
		{"a later write to the same bytes may be lost", func(f file) { f.write("a", 0).write("b", 0) },
			[]string{"01", "a1", "b1"}},
		{"a truncation is kept or lost", func(f file) { f.truncate(1) }, []string{"0", "01"}},
		{"as one that makes the file longer is", func(f file) { f.truncate(4) }, []string{"01", "01.."}},
		{"a write after a truncation", func(f file) { f.truncate(0).write("a", 0) }, []string{"", ".", "01", "a", "a1"}},
		{"what was synced is there", func(f file) { f.write("a", 2).sync().write("b", 0) }, []string{"01a", "b1a"}},
		{"and what was synced before is not", func(f file) { f.write("a", 0).sync().write("b", 0).sync() }, []string{"b1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDisk(t)
			c.do(d.with("a", "01"))
			all := outcomes(d.FS)
			for i := range all {
				all[i] = strings.ReplaceAll(strings.TrimPrefix(all[i], "a="), "\x00", ".")
			}
			require.ElementsMatch(t, c.want, all)
		})
	}
}

// TestMixSectors checks that of a longer write a beginning is left, or any of the sectors, and nothing else.
func TestMixSectors(t *testing.T) {
	const off, size = 300, 1300
	old := bytes.Repeat([]byte("o"), 1000)
	d := newDisk(t)
	d.with("a", string(old)).write(strings.Repeat("n", size), off)

	with := func(length int, ranges ...[2]int) string {
		b := append(bytes.Clone(old), make([]byte, off+size)...)
		for _, r := range ranges {
			copy(b[r[0]:r[1]], strings.Repeat("n", size))
			length = max(length, r[1])
		}
		return string(b[:length])
	}
	beginnings, sectors := map[string]bool{}, map[string]bool{}
	borders := []int{off, 512, 1024, 1536, off + size}
	for _, length := range []int{len(old), off + size} {
		for n := range size + 1 {
			beginnings[with(length, [2]int{off, off + n})] = true
		}
		for set := range 1 << 4 {
			var kept [][2]int
			for i := range 4 {
				if set&(1<<i) != 0 {
					kept = append(kept, [2]int{borders[i], borders[i+1]})
				}
			}
			sectors[with(length, kept...)] = true
		}
	}

	torn, seen := map[string]bool{}, map[string]bool{}
	rng := newRand(3)
	for range 5000 {
		data, err := d.Mix(rng).ReadFile("a")
		d.ok(err)
		switch image := string(data); {
		case sectors[image]:
			seen[image] = true
		case beginnings[image]:
			torn[image] = true
		default:
			t.Fatalf("this image cannot be: %d bytes", len(data))
		}
	}
	require.Len(t, seen, len(sectors), "every set of sectors may be left")
	require.Greater(t, len(torn), 300, "and many beginnings")
}

// TestMixBeginnings checks that a row of writes often survives up to a point and no further, which chance alone would hardly
// ever do.
func TestMixBeginnings(t *testing.T) {
	const writes = 40
	d := newDisk(t)
	f := d.with("a", "")
	want := ""
	for i := range writes {
		f.write("x", int64(i))
		want += "x"
	}
	lengths := map[int]bool{}
	rng := newRand(4)
	for range 5000 {
		data, err := d.Mix(rng).ReadFile("a")
		d.ok(err)
		if strings.HasPrefix(want, string(data)) {
			lengths[len(data)] = true
		}
	}
	require.Len(t, lengths, writes+1)
}

func TestMixIsReproducible(t *testing.T) {
	build := func() *crashfs.FS {
		d := newDisk(t)
		for _, dir := range []string{"d", "e", "f"} {
			d.makeDir(dir)
			for _, name := range []string{"a", "b", "c"} {
				d.opened(dir+"/"+name).write(strings.Repeat(name, 2000), 0).write("x", 100)
			}
			d.syncDir(dir)
			d.rename(dir+"/a", dir+"/z")
		}
		return d.FS
	}
	first, second := build(), build()
	firstRand, secondRand := newRand(5), newRand(5)
	for range 200 {
		require.Equal(t, dump(first.Mix(firstRand)), dump(second.Mix(secondRand)))
	}
}

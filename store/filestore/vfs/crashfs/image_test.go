package crashfs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

func TestFiles(t *testing.T) {
	d := newDisk(t)
	require.Empty(t, d.Files())
	d.makeDir("a")
	for _, name := range []string{"b", "a/y", "a/x", "a-b"} {
		d.opened(filepath.FromSlash(name)).write(name, 0)
	}
	require.Equal(t, []crashfs.Info{{"a-b", 3}, {filepath.FromSlash("a/x"), 3}, {filepath.FromSlash("a/y"), 3}, {"b", 1}}, d.Files())
}

func TestReadFile(t *testing.T) {
	d := newDisk(t)
	f := d.opened("a").write("abc", 0)
	data, err := d.ReadFile("/a")
	d.ok(err)
	require.Equal(t, "abc", string(data))
	data[0] = '!'
	require.Equal(t, "a=abc", dump(d.FS), "the bytes are a copy")
	f.d.makeDir("d")
	_, err = d.ReadFile("d")
	require.ErrorIs(t, err, syscall.EISDIR)
	_, err = d.ReadFile("none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestWriteFile(t *testing.T) {
	d := newDisk(t)
	f := d.opened("a").write("abc", 0)
	d.makeDir("d")
	d.StopAt(1)
	require.ErrorIs(t, d.MakeDir("e"), crashfs.ErrPowerCut)
	calls := d.Calls()
	data := []byte("in d")
	d.ok(d.WriteFile("d/x", data))
	data[0] = '!'
	d.ok(d.WriteFile("a", []byte("12")))
	require.Equal(t, calls, d.Calls(), "it is no call")
	require.Equal(t, "a=12, d/, d/x=in d", dump(d.FS))
	require.Equal(t, []string{"a=12, d/, d/x=in d"}, outcomes(d.FS), "it is durable")
	require.ErrorIs(t, d.WriteFile("none/x", nil), fs.ErrNotExist)
	require.ErrorIs(t, d.WriteFile("d", nil), syscall.EISDIR)
	require.ErrorIs(t, f.Sync(), crashfs.ErrPowerCut)
}

// TestDamage flips each bit of a file on an image of its own.
func TestDamage(t *testing.T) {
	d := newDisk(t)
	d.with("a", "some bytes")
	whole, err := d.ReadFile("a")
	d.ok(err)
	images := map[string]bool{}
	for i := range len(whole) * 8 {
		damaged := d.Everything()
		data, err := damaged.ReadFile("a")
		d.ok(err)
		data[i/8] ^= 1 << (i % 8)
		d.ok(damaged.WriteFile("a", data))
		images[dump(damaged)] = true
	}
	require.Len(t, images, len(whole)*8)
	require.Equal(t, "a=some bytes", dump(d.FS))
}

func TestPathsBeginAtTheRoot(t *testing.T) {
	d := newDisk(t)
	d.makeDir("d")
	d.with("d/a", "1")
	for _, name := range []string{"d/a", "/d/a", "./d/a", "d//a", "d/../d/a", "../d/a", "/d/./a", "//d/a/"} {
		data, err := d.ReadFile(filepath.FromSlash(name))
		require.NoError(t, err, name)
		require.Equal(t, "1", string(data))
	}
	for _, root := range []string{"", ".", string(filepath.Separator), ".."} {
		names, err := d.List(root)
		d.ok(err)
		require.Equal(t, []string{"d"}, names)
		require.ErrorIs(t, d.MakeDir(root), fs.ErrExist)
		require.Error(t, d.Remove(root))
		require.Error(t, d.Rename(root, "d/x"))
		require.ErrorIs(t, d.Rename("d", root), fs.ErrExist)
	}
	require.ErrorIs(t, crashfs.New().Remove(""), fs.ErrInvalid)
	_, err := d.Open("d/a/x")
	require.ErrorIs(t, err, syscall.ENOTDIR)
}

// BenchmarkImages takes an image of a database of 4 MB, and writes a byte.
func BenchmarkImages(b *testing.B) {
	d := crashfs.New()
	for _, name := range []string{"a", "b", "c", "d"} {
		require.NoError(b, d.WriteFile(name, make([]byte, 1<<20)))
	}
	f, err := d.OpenWrite("a")
	require.NoError(b, err)
	rng := newRand(1)
	for _, image := range []struct {
		name string
		take func() *crashfs.FS
	}{{"strict", d.Strict}, {"mix", func() *crashfs.FS { return d.Mix(rng) }}, {"everything", d.Everything}} {
		b.Run(image.name, func(b *testing.B) {
			for b.Loop() {
				_, err := f.WriteAt([]byte("x"), 5000)
				require.NoError(b, err)
				image.take()
				require.NoError(b, f.Sync())
			}
		})
	}
}

func TestUnclosed(t *testing.T) {
	d := newDisk(t)
	require.Empty(t, d.Unclosed())
	first, second := d.opened("b"), d.opened("b")
	l, err := d.Lock("a")
	d.ok(err)
	_, err = d.Lock("a")
	require.Error(t, err)
	_, err = d.Open("none")
	require.Error(t, err)
	d.rename("b", "c")
	require.Equal(t, []string{"a", "b", "b"}, d.Unclosed())
	require.Empty(t, d.Everything().Unclosed())
	d.ok(first.Close())
	d.ok(l.Close())
	require.Equal(t, []string{"b"}, d.Unclosed())
	d.Fail(d.Calls()+1, errDisk)
	require.ErrorIs(t, second.Close(), errDisk)
	require.Empty(t, d.Unclosed())
}

// TestOpenFilesOutliveNames checks that what was removed or replaced can still be read and written by those who have it open,
// and that it is on no image.
func TestOpenFilesOutliveNames(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "old")
	d.remove("a")
	d.opened("a").write("new", 0).sync()
	d.syncDir("")
	f.write("er", 3).sync()
	size, err := f.Size()
	d.ok(err)
	require.EqualValues(t, 5, size)
	require.Equal(t, "a=new", dump(d.FS))
	require.Equal(t, "a=new", dump(d.Strict()))
	d.ok(f.Close())
	require.ErrorIs(t, f.Close(), os.ErrClosed)
}

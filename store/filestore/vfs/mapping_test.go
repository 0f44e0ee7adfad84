package vfs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/vfstest"
)

// A mappedFS maps the beginning of each file as soon as it is open.
type mappedFS struct{ vfs.OS }

const mappedSize = 10_000 // no multiple of a page, and the suite's files are shorter and longer

func (m mappedFS) Open(name string) (vfs.File, error)      { return mapped(m.OS.Open(name))(false) }
func (m mappedFS) OpenWrite(name string) (vfs.File, error) { return mapped(m.OS.OpenWrite(name))(true) }
func (m mappedFS) Create(name string) (vfs.File, error)    { return mapped(m.OS.Create(name))(true) }

func mapped(f vfs.File, err error) func(write bool) (vfs.File, error) {
	return func(write bool) (vfs.File, error) {
		if err != nil {
			return nil, err
		}
		return f, f.(vfs.Mapper).Map(mappedSize, write)
	}
}

// skipUnmappable skips a test where files cannot be mapped.
func skipUnmappable(t *testing.T) {
	f, err := vfs.OS{}.Create(filepath.Join(t.TempDir(), "a"))
	require.NoError(t, err)
	err = f.(vfs.Mapper).Map(1, false)
	require.NoError(t, f.Close())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("files cannot be mapped here")
	}
	require.NoError(t, err)
}

func TestMapped(t *testing.T) {
	skipUnmappable(t)
	vfstest.Run(t, func(t testing.TB) (vfs.FS, string) { return mappedFS{}, t.TempDir() })
}

// What is mapped is not there to be read or written: somebody has cut the file. The calls behave as without a mapping.
func TestMappedFault(t *testing.T) {
	skipUnmappable(t)
	const size, left = 1 << 16, 1000
	name := filepath.Join(t.TempDir(), "a")
	f, err := vfs.OS{}.Create(name)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("x", size)), 0)
	require.NoError(t, err)
	require.NoError(t, f.(vfs.Mapper).Map(size, true))
	require.NoError(t, os.Truncate(name, left))

	buf := make([]byte, 2*left)
	n, err := f.ReadAt(buf, size/2)
	require.Zero(t, n)
	require.Error(t, err)

	n, err = f.WriteAt([]byte("back"), size/2)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, strings.Repeat("x", left)+strings.Repeat("\x00", size/2-left)+"back", string(data))
	require.NoError(t, f.Close())
}

// A file is mapped once, and not to nothing; one that cannot be is as it was.
func TestMapTwice(t *testing.T) {
	skipUnmappable(t)
	f, err := vfs.OS{}.Create(filepath.Join(t.TempDir(), "a"))
	require.NoError(t, err)
	m := f.(vfs.Mapper)
	require.Error(t, m.Map(0, true))
	require.Error(t, m.Map(-1, true))
	require.NoError(t, m.Map(100, true))
	require.Error(t, m.Map(100, true))
	_, err = f.WriteAt([]byte("abc"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.ErrorIs(t, m.Map(100, false), os.ErrClosed)
}

// What one writes to a file that is mapped is seen by all who read the file, and the other way round.
func TestMappedIsTheFile(t *testing.T) {
	skipUnmappable(t)
	name := filepath.Join(t.TempDir(), "a")
	f, err := mappedFS{}.Create(name)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	_, err = f.WriteAt(make([]byte, 2*mappedSize), 0)
	require.NoError(t, err)
	for _, off := range []int64{0, 5000, mappedSize - 2, mappedSize, mappedSize + 100} {
		_, err = f.WriteAt([]byte("here"), off)
		require.NoError(t, err)
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "here", string(data[off:off+4]))

		other, err := os.OpenFile(name, os.O_RDWR, 0)
		require.NoError(t, err)
		_, err = other.WriteAt([]byte("there"), off)
		require.NoError(t, err)
		require.NoError(t, other.Close())
		buf := make([]byte, 5)
		_, err = f.ReadAt(buf, off)
		require.NoError(t, err)
		require.Equal(t, "there", string(buf))
	}
}

// A sync gives back the pages of a mapping that were written, while others are being written. Nothing of it is lost.
func TestSyncOfAMapping(t *testing.T) {
	skipUnmappable(t)
	const size, part = 1 << 20, 1000
	name := filepath.Join(t.TempDir(), "a")
	f, err := vfs.OS{}.Create(name)
	require.NoError(t, err)
	_, err = f.WriteAt(make([]byte, size), 0)
	require.NoError(t, err)
	require.NoError(t, f.(vfs.Mapper).Map(size, true))

	want := make([]byte, 0, size)
	written := make(chan bool)
	synced := make(chan error, 1)
	go func() {
		var errs []error
		for range written {
			errs = append(errs, f.Sync())
		}
		synced <- errors.Join(errs...)
	}()
	for i := 0; len(want)+part <= size; i++ {
		want = append(want, bytes.Repeat([]byte{byte(i%255 + 1)}, part)...)
		_, err = f.WriteAt(want[len(want)-part:], int64(len(want)-part))
		require.NoError(t, err)
		if i%20 == 0 {
			written <- true
		}
	}
	close(written)
	require.NoError(t, <-synced)
	got := make([]byte, len(want))
	_, err = f.ReadAt(got, 0)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, want, got[:len(want)])
	_, err = f.WriteAt(want, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.ErrorIs(t, f.Sync(), os.ErrClosed)
}

package vfs

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// There is an end to how many files are mapped. What is not mapped is read and written all the same, and what is closed makes room.
func TestMostMapped(t *testing.T) {
	dir := t.TempDir()
	create := func(name string) *osFile {
		f, err := OS{}.Create(filepath.Join(dir, name))
		require.NoError(t, err)
		_, err = f.WriteAt([]byte("abc"), 0)
		require.NoError(t, err)
		return f.(*osFile)
	}
	first, second := create("a"), create("b")
	if errors.Is(first.Map(3, true), errors.ErrUnsupported) {
		t.Skip("files cannot be mapped here")
	}
	before := mapped.Swap(mostMapped)
	require.ErrorIs(t, second.Map(3, true), errors.ErrUnsupported)
	_, err := second.WriteAt([]byte("x"), 1)
	require.NoError(t, err)
	buf := make([]byte, 3)
	_, err = second.ReadAt(buf, 0)
	require.NoError(t, err)
	require.Equal(t, "axc", string(buf))

	require.NoError(t, first.Close())
	require.NoError(t, second.Map(3, true))
	require.NoError(t, second.Close())
	require.EqualValues(t, mostMapped-1, mapped.Swap(before-1))
}

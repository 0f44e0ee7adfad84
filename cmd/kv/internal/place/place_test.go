package place

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

func TestDir(t *testing.T) {
	base, variable := t.TempDir(), "XDG_DATA_HOME"
	if runtime.GOOS == "windows" {
		variable = "LocalAppData"
	}
	environment := map[string]string{"KV_DIR": filepath.Join(base, "variable"), variable: base}
	getenv := func(name string) string { return environment[name] }
	dirOf := func(flag string) string {
		dir, err := Dir(flag, getenv)
		require.NoError(t, err)
		return dir
	}
	here, err := os.Getwd()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(here, "flag"), dirOf("flag"))
	require.Equal(t, filepath.Join(base, "variable"), dirOf(""))
	delete(environment, "KV_DIR")
	require.Equal(t, filepath.Join(base, "kv"), dirOf(""))
	delete(environment, variable)
	home, err := os.UserHomeDir()
	require.NoError(t, err)
	require.Equal(t, filepath.Join(home, ".local", "share", "kv"), dirOf(""))
}

// makeBuckets makes a folder with buckets.
func makeBuckets(t *testing.T, names ...string) (dir string, db *kv.DB) {
	dir = t.TempDir()
	db, err := kv.Open(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, name := range names {
		_, err := db.CreateBucket(t.Context(), kv.Config{Bucket: name})
		require.NoError(t, err)
	}
	return dir, db
}

func TestFilesOfTellBucketsApart(t *testing.T) {
	long := strings.Repeat("x", 120)
	names := []string{"orders", "Orders", "orders-2", "2-orders", long, long + "y"}
	dir, _ := makeBuckets(t, names...)
	seen := map[string]string{}
	for _, name := range names {
		files, err := FilesOf(dir, name)
		require.NoError(t, err)
		require.NotEmpty(t, files.Dir, name)
		require.Empty(t, seen[files.Dir], "the folder of %s", name)
		seen[files.Dir] = name
	}
	files, err := FilesOf(dir, "other")
	require.NoError(t, err)
	require.Zero(t, files)
	require.Zero(t, Made(dir, "other"))
	_, err = FilesOf(filepath.Join(dir, "nothing"), "orders")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestFilesOfChangeWithTheBucketOnly(t *testing.T) {
	dir, db := makeBuckets(t, "orders", "users")
	print := func() string {
		files, err := FilesOf(dir, "orders")
		require.NoError(t, err)
		return files.Print
	}
	put := func(bucket string) {
		b, err := db.Bucket(t.Context(), bucket)
		require.NoError(t, err)
		_, err = b.PutString(t.Context(), "key", "value")
		require.NoError(t, err)
	}
	before := print()
	require.Equal(t, before, print())
	put("users")
	require.Equal(t, before, print())
	put("orders")
	first := print()
	require.NotEqual(t, before, first)
	put("orders")
	require.NotEqual(t, first, print())
}

func TestMade(t *testing.T) {
	before := time.Now().Add(-time.Second) // a file system may count in coarser steps
	dir, _ := makeBuckets(t, "orders")
	made := Made(dir, "orders")
	require.True(t, made.After(before), "%v, %v", made, before)
	require.False(t, made.After(time.Now().Add(time.Second)))
}

func TestHold(t *testing.T) {
	dir, db := makeBuckets(t, "orders")
	_, err := Hold(dir)
	require.ErrorIs(t, err, kv.ErrLocked)
	require.NoError(t, db.Close())

	release, err := Hold(dir)
	require.NoError(t, err)
	_, err = kv.Open(dir)
	require.ErrorIs(t, err, kv.ErrLocked)
	require.NoError(t, release())
	again, err := kv.Open(dir)
	require.NoError(t, err)
	require.NoError(t, again.Close())

	empty := t.TempDir()
	release, err = Hold(empty)
	require.NoError(t, err)
	require.NoError(t, release())
	left, err := os.ReadDir(empty)
	require.NoError(t, err)
	require.Empty(t, left)
}

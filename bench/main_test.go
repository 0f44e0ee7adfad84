package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFlags(t *testing.T) {
	s, err := parse([]string{"-keys", "200000,1000000", "-reps=7", "-dir", "elsewhere"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, plan{
		keys: []int{200_000, 1_000_000}, openKeys: 1_000_000, listKeys: 100_000, growth: []int{1000, 10_000, 100_000, 1_000_000},
		value: 128, large: 4096, shrink: 1,
	}, s.plan)
	assert.Equal(t, []string{"-keys=200000,1000000", "-reps=7"}, s.command)
	assert.FileExists(t, filepath.Join(filepath.Dir(s.out), "main.go"), "the results belong beside the source")
	assert.Equal(t, "RESULTS.md", filepath.Base(s.out))

	s, err = parse([]string{"-quick", "-keys=100", "-growth=64,100"}, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, plan{
		keys: []int{100}, openKeys: 20_000, listKeys: 5000, growth: []int{64, 100}, value: 128, large: 4096, shrink: 50,
	}, s.plan)
	assert.Empty(t, s.out, "figures of a part of the work are no results")
}

func TestFlagsThatMakeNoSense(t *testing.T) {
	for flags, want := range map[string]string{
		"-keys=many":         "-keys",
		"-keys=63":           "63 keys are too few",
		"-growth=1e6":        "-growth",
		"-growth=1000,1":     "1 keys are too few",
		"-listkeys=2":        "2 keys are too few",
		"-openkeys=0":        "0 keys are too few",
		"-value=0":           "-value: 0 bytes",
		"-large=100":         "-large: 100 bytes",
		"-reps=0":            "-reps: 0 repetitions",
		"-rows=(":            "-rows",
		"-engines=(":         "-engines",
		"results":            `"results"`,
		"-rows=none.such":    "no row",
		"-out=no/such/f.md":  "-out",
		"-dir=no/such/place": "no/such/place",
	} {
		args := append([]string{"-engines=^map$", "-rows=memory/heap"}, flags)
		err := run(context.Background(), args, io.Discard, io.Discard)
		assert.ErrorContains(t, err, want, flags)
	}
}

func TestList(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(context.Background(), []string{"-list", "-rows", "file/space"}, &out, io.Discard))
	assert.Equal(t, "file/space/sync=never/writers=1\nfile/space/sync=always/writers=64\n", out.String())
}

func TestRunWritesTheReport(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.md")
	var out, progress strings.Builder
	err := run(context.Background(), []string{
		"-rows=memory/heap", "-engines=map", "-keys=100", "-reps=1", "-dir", dir, "-out", page,
	}, &out, &progress)
	if fileSystem(dir) == inMemoryFS {
		require.ErrorContains(t, err, "a sync costs nothing")
		return
	}
	require.NoError(t, err)
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, out.String(), string(written))
	assert.Contains(t, out.String(), "### memory/heap/keys=100\n")
	assert.Regexp(t, `(?m)^memory/heap/keys=100: took [0-9.]+s: map [0-9.]+s$`, progress.String())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1, "only the report stays")
}

func TestRunWritesCharts(t *testing.T) {
	dir := t.TempDir()
	if fileSystem(dir) == inMemoryFS {
		t.Skip("there is no disk")
	}
	page := filepath.Join(dir, "page.md")
	require.NoError(t, run(context.Background(), []string{
		"-quick", "-rows=memory/mixed", "-engines=^(kv|map)$", "-keys=100", "-dir", dir, "-out", page,
	}, io.Discard, io.Discard))
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(written), "](page-memory.svg)\n")
	assert.FileExists(t, filepath.Join(dir, "page-memory.svg"))
}

func TestDiskSize(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o777))
	watch := watchDisk(dir, time.Hour) // looks at the beginning and at the end
	f, err := os.Create(filepath.Join(dir, "sub", "f"))
	require.NoError(t, err)
	_, err = f.Write(newDataset(1, 40_000).value(0, 0))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, syncFolder(dir))

	sizes, err := watch.stop()
	require.NoError(t, err)
	assert.EqualValues(t, 40_000, sizes.last)
	assert.EqualValues(t, 40_000, sizes.most)
	size, err := diskSize(filepath.Join(dir, "not there"))
	require.NoError(t, err)
	assert.Zero(t, size)
}

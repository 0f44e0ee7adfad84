package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/cmd/kv/internal/ui"
)

// A result is what a command line has come to.
type result struct {
	status   int
	out, err string
}

// runIn runs a command line in this process, on a folder, with standard input.
func runIn(t *testing.T, dir, in string, args ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	screen := &ui.Screen{In: strings.NewReader(in), Out: bufio.NewWriter(&out), Err: &err}
	status := run(t.Context(), append(args, "--dir", dir), screen)
	return result{status, out.String(), err.String()}
}

// done runs a command line that has to succeed.
func done(t *testing.T, dir, in string, args ...string) string {
	t.Helper()
	r := runIn(t, dir, in, args...)
	require.Zero(t, r.status, "%q: %s", args, r.err)
	return r.out
}

func TestExitStatus(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buckets")
	done(t, dir, "", "add", "Bucket1")
	done(t, dir, "", "put", "Bucket1", "Key1", "Value1")
	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"get", "Bucket1", "Key1"}, statusDone},
		{[]string{"diff", "Bucket1", "Key1", "1", "1"}, statusDone},
		{[]string{"ls", "Bucket1", "nothing"}, statusDone},
		{[]string{"--help"}, statusDone},
		{[]string{"get", "Bucket1", "Key2"}, statusFailed},
		{[]string{"create", "Bucket1", "Key1", "Value1"}, statusFailed},
		{[]string{"del", "Bucket1"}, statusFailed},
		{[]string{"get", "Bucket2", "Key1"}, statusFailed},
		{[]string{}, statusUsage},
		{[]string{"got"}, statusUsage},
		{[]string{"get", "Bucket1"}, statusUsage},
		{[]string{"get", "Bucket1", "Key1", "Key2"}, statusUsage},
		{[]string{"get", "Bucket1", "Key1", "--revision", "first"}, statusUsage},
		{[]string{"get", "Bucket1", "Key1", "--at", "0"}, statusUsage},
		{[]string{"get", "Bucket1", "Key1", "--raw", "--json"}, statusUsage},
		{[]string{"watch", "Bucket1", "--history", "--updates"}, statusUsage},
		{[]string{"update", "Bucket1", "Key1", "Value1", "first"}, statusUsage},
		{[]string{"add", "Bucket1", "--ttl", "soon"}, statusUsage},
	} {
		r := runIn(t, dir, "", c.args...)
		require.Equal(t, c.want, r.status, "%q: %s", c.args, r.err)
		if c.want != statusDone {
			require.Empty(t, r.out, "%q: what went wrong is no data", c.args)
			require.NotEmpty(t, r.err, "%q", c.args)
		}
	}
}

// TestReadingChangesNothing proves that a command that reads leaves every byte of the folder, and every time of change.
func TestReadingChangesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buckets")
	done(t, dir, "", "add", "Bucket1", "--history", "5")
	for _, value := range []string{"Value1", "Value2", "\xff\x00"} {
		done(t, dir, value, "put", "Bucket1", "Key1")
	}
	done(t, dir, "", "del", "Bucket1", "Key1", "--force")
	done(t, dir, "", "put", "Bucket1", "Key2", "Value1")
	done(t, dir, "", "create", "Bucket1", "lease", "node-1", "--ttl", "1ms")
	before, err := folderText(dir)
	require.NoError(t, err)
	for _, args := range [][]string{
		{"get", "Bucket1", "Key1", "--revision", "2"},
		{"get", "Bucket1", "Key1", "--at", "3"},
		{"get", "Bucket1", "Key1", "--revision", "3", "--raw"},
		{"history", "Bucket1", "Key1"},
		{"info", "Bucket1"},
		{"ls"},
		{"ls", "Bucket1", "--verbose", "--display-value"},
		{"ls", "Bucket1", "--at", "2"},
		{"diff", "Bucket1", "Key1", "1", "2"},
		{"stat"},
		{"verify"},
		{"export", "Bucket1"},
		{"backup", "-"},
		{"repair", t.TempDir()},
	} {
		require.NotEmpty(t, done(t, dir, "", args...), "%q", args)
		after, err := folderText(dir)
		require.NoError(t, err)
		require.Equal(t, before, after, "%q", args)
	}
}

// TestCommands asks of every command what newcomers need, and that there is a script which tests it.
func TestCommands(t *testing.T) {
	root := newRoot(&app{ui: &ui.Screen{Out: bufio.NewWriter(&bytes.Buffer{})}})
	root.InitDefaultCompletionCmd()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var names []string
	for _, cmd := range root.Commands() {
		name := cmd.Name()
		names = append(names, name)
		require.FileExists(t, filepath.Join("testdata", "script", name+".txtar"))
		require.Contains(t, string(readme), "| `"+name+"` |", "the README's table of commands")
		if name == "completion" {
			continue
		}
		require.FileExists(t, name+".go")
		require.Contains(t, cmd.Example, "kv "+name, "the example of %s", name)
		require.NotEmpty(t, cmd.Long, name)
	}
	require.True(t, slices.Contains(names, "add"))
}

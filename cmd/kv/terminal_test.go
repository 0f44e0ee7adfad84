package main

import (
	"bufio"
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/cmd/kv/internal/ui"
)

// onTerminal runs a command line as on a terminal that can be colored, and returns what is shown on the two outputs.
func onTerminal(t *testing.T, dir string, args ...string) (data, remarks string) {
	t.Helper()
	var out, err bytes.Buffer
	screen := &ui.Screen{
		In: strings.NewReader(""), Out: bufio.NewWriter(&out), Err: &err,
		OutTerminal: true, ErrTerminal: true, Colors: true, Width: func() int { return 80 },
	}
	require.Zero(t, run(t.Context(), append([]string{"--dir", dir}, args...), screen), "%q: %s", args, err.String())
	return out.String(), err.String()
}

func TestLongWorkShowsProgressOnATerminal(t *testing.T) {
	dir, large := filepath.Join(t.TempDir(), "buckets"), filepath.Join(t.TempDir(), "buckets")
	done(t, dir, "", "add", "Bucket1")
	done(t, dir, "", "put", "Bucket1", "Key1", "Value1")
	fillAndDelete(t, large)
	file, lines := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "lines")
	for _, args := range [][]string{
		{"verify"},
		{"stat"},
		{"repair", t.TempDir()},
		{"backup", file},
		{"restore", file, "--dir", t.TempDir()},
		{"export", "Bucket1", lines},
		{"import", lines, "--as", "Bucket2"},
		{"compact", "Bucket1", "--force", "--dir", large},
	} {
		_, remarks := onTerminal(t, dir, args...)
		what := args[0]
		if what == "stat" {
			what = "verify" // which is what takes long
		}
		require.Contains(t, remarks, what+" ", "%q", args)
		require.True(t, strings.HasSuffix(remarks, "\r") || strings.HasSuffix(remarks, "\n"), "the bar is taken away: %q", remarks)
	}
}

func TestColorsOnATerminal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "buckets")
	done(t, dir, "", "add", "Bucket1", "--history", "2")
	done(t, dir, "", "put", "Bucket1", "Key1", "red")
	done(t, dir, "", "put", "Bucket1", "Key1", "blue")
	shown, _ := onTerminal(t, dir, "diff", "Bucket1", "Key1", "1")
	require.Contains(t, shown, "\x1b[31m-red\x1b[0m\n\x1b[32m+blue\x1b[0m\n")
	require.NotContains(t, done(t, dir, "", "diff", "Bucket1", "Key1", "1"), "\x1b")
}

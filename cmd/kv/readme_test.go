package main

import (
	"bufio"
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/cmd/kv/internal/ui"
)

var update = flag.Bool("update", false, "write anew what the README's command lines show")

// sessions are the recorded runs of the README.
var sessions = regexp.MustCompile("(?s)(```console\n)(.*?)(```)")

// TestReadme runs the command lines of the README, each session on a folder of its own, and compares what they show.
func TestReadme(t *testing.T) {
	file, err := filepath.Abs("README.md")
	require.NoError(t, err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	readme := string(data)
	require.NotEmpty(t, sessions.FindString(readme))
	recorded := sessions.ReplaceAllStringFunc(readme, func(session string) string {
		t.Chdir(t.TempDir())
		parts := sessions.FindStringSubmatch(session)
		return parts[1] + record(t, parts[2]) + parts[3]
	})
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(recorded), 0o666))
		return
	}
	require.Equal(t, masked(readme), masked(recorded))
}

// readmeFolder is what the README calls the folder.
const readmeFolder = "/home/you/.local/share/kv"

// record runs the command lines of a session, and returns it with what they show to somebody at a terminal who says yes.
func record(t *testing.T, session string) string {
	var both bytes.Buffer
	dir := filepath.Join(t.TempDir(), "buckets")
	for line := range strings.Lines(session) {
		command, ok := strings.CutPrefix(line, "$ kv")
		if !ok {
			continue
		}
		both.WriteString(line)
		screen := &ui.Screen{In: strings.NewReader("y\n"), InTerminal: true, Out: bufio.NewWriter(&both), Err: &both}
		run(t.Context(), append([]string{"--dir", dir}, words(command)...), screen)
		both.WriteString("\n")
	}
	shown := strings.ReplaceAll(both.String(), dir, readmeFolder)
	return strings.TrimSpace(strings.ReplaceAll(shown, " (y/N) ", " ")) + "\n"
}

// words cuts a command line at spaces that are not in quotes.
func words(line string) (list []string) {
	for _, word := range regexp.MustCompile(`"[^"]*"|'[^']*'|\S+`).FindAllString(line, -1) {
		list = append(list, strings.Trim(word, `"'`))
	}
	return list
}

// masked returns a text without what differs from run to run: the times.
func masked(text string) string { return times.ReplaceAllString(text, "time") }

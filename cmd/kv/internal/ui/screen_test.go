package ui

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// newTestScreen returns a screen and what is written to its two outputs.
func newTestScreen(in string) (s *Screen, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	return &Screen{In: strings.NewReader(in), Out: bufio.NewWriter(out), Err: err, Width: func() int { return 80 }}, out, err
}

func TestFilesAreNoTerminals(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/file")
	require.NoError(t, err)
	defer file.Close()
	s := New(file, file, file, func(string) string { return "" })
	require.False(t, s.InTerminal || s.OutTerminal || s.ErrTerminal)
	require.Zero(t, s.Width())
}

func TestColorsAreForTerminals(t *testing.T) {
	environment := map[string]string{}
	getenv := func(name string) string { return environment[name] }
	for _, c := range []struct {
		name, value string
		terminal    bool
		want        string
	}{
		{"", "", true, "\x1b[32mPUT\x1b[0m"},
		{"NO_COLOR", "", true, "\x1b[32mPUT\x1b[0m"},
		{"NO_COLOR", "1", true, "PUT"},
		{"TERM", "dumb", true, "PUT"},
		{"", "", false, "PUT"},
	} {
		clear(environment)
		environment[c.name] = c.value
		s := New(os.Stdin, os.Stdout, os.Stderr, getenv)
		s.OutTerminal = c.terminal
		require.Equal(t, c.want, s.Good("PUT"), "%+v", c)
	}
}

func TestRemarksComeBehindData(t *testing.T) {
	var both bytes.Buffer
	s := &Screen{Out: bufio.NewWriter(&both), Err: &both}
	s.Printf("data\n")
	s.Remarkf("remark %d", 1)
	s.Printf("more\n")
	require.NoError(t, s.Flush())
	require.Equal(t, "data\nremark 1\nmore\n", both.String())
}

func TestJSONLeavesCharactersAsTheyAre(t *testing.T) {
	s, out, _ := newTestScreen("")
	require.NoError(t, s.JSONLine(map[string]string{"value": "<a & b>"}))
	require.NoError(t, s.Flush())
	require.Equal(t, "{\"value\":\"<a & b>\"}\n", out.String())
}

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, " YES \r\n": true, "n\n": false, "\n": false, "yep\n": false} {
		s, out, err := newTestScreen(answer)
		s.InTerminal = true
		got, fault := s.Confirm(t.Context(), "Delete bucket Bucket1?")
		require.NoError(t, fault)
		require.Equal(t, want, got, "%q", answer)
		require.Contains(t, err.String(), "? Delete bucket Bucket1? (y/N) ")
		require.Empty(t, out.String())
	}
}

func TestConfirmPutsTheAnswerInPlaceOfTheQuestion(t *testing.T) {
	s, _, err := newTestScreen("y\n")
	s.InTerminal, s.ErrTerminal = true, true
	_, fault := s.Confirm(t.Context(), "Sure?")
	require.NoError(t, fault)
	require.Equal(t, "? Sure? (y/N) \x1b[1A\r\x1b[K? Sure? Yes\n", err.String())
}

func TestConfirmNeedsAnAnswer(t *testing.T) {
	s, _, err := newTestScreen("y\n")
	_, fault := s.Confirm(t.Context(), "Sure?")
	require.ErrorIs(t, fault, ErrNoTerminal)
	require.Empty(t, err.String())

	s, _, _ = newTestScreen("")
	s.InTerminal = true
	_, fault = s.Confirm(t.Context(), "Sure?")
	require.ErrorIs(t, fault, io.EOF)

	pipe, hangs := io.Pipe()
	defer hangs.Close()
	s.In = pipe
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, fault = s.Confirm(ctx, "Sure?")
	require.ErrorIs(t, fault, context.Canceled)
}

func TestProgressIsForTerminals(t *testing.T) {
	work := func(terminal bool) (shown string) {
		synctest.Test(t, func(t *testing.T) {
			s, out, err := newTestScreen("")
			s.ErrTerminal = terminal
			bar := s.Progress("verify")
			time.Sleep(time.Second)
			bar.Tell(512, 2048)
			shown = err.String()
			bar.Close()
			require.Empty(t, out.String())
		})
		return shown
	}
	require.Empty(t, work(false))
	require.Contains(t, work(true), "verify  25%")
}

package kv

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// endless is a line without an end.
type endless struct {
	begin string // what it begins with
	read  int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	copy(p, e.begin)
	e.begin = ""
	e.read += len(p)
	return len(p), nil
}

func alive() error { return nil }

// Lines are cut where they end, whatever buffer is below, and blank ones are counted only.
func TestLineReader(t *testing.T) {
	second, third := "{2"+strings.Repeat(" ", 20), "{3"+strings.Repeat("3", 28)
	for size := 16; size < 40; size++ {
		l := newLineReader(strings.NewReader("\n{1\n" + strings.Repeat(" ", 50) + second + "\n\r\n \n" + third + strings.Repeat(" \n", 30) + "\t"))
		l.r = bufio.NewReaderSize(l.r, size)
		l.limit = 40
		for _, want := range []struct {
			number int
			line   string
		}{{2, "{1\n"}, {3, second + "\n"}, {6, third + " \n"}} {
			line, err := l.next(alive)
			require.NoError(t, err)
			require.Equal(t, want.line, string(line))
			require.Equal(t, want.number, l.number)
			require.False(t, l.ended)
		}
		_, err := l.next(alive)
		require.Equal(t, io.EOF, err)
		require.True(t, l.ended)
	}
}

// Of a line that is too long, or cannot be one of an export, not much is read.
func TestLineReaderReadsNoMore(t *testing.T) {
	for begin, want := range map[string]error{"{": errLineTooLong, "\x00": errNoObject, " \n [": errNoObject, "null": errNoObject} {
		input := &endless{begin: begin}
		l := newLineReader(input)
		l.limit = 1 << 20
		_, err := l.next(alive)
		require.ErrorIs(t, err, want, begin)
		most := 1 << 21
		if want == errNoObject {
			most = 2 * exportBuffer
		}
		require.LessOrEqual(t, input.read, most, begin)
	}
}

// Blank lines without an end are read as long as somebody wants them.
func TestLineReaderIsAlive(t *testing.T) {
	for _, blank := range []string{"\n", " "} {
		l := newLineReader(strings.NewReader(strings.Repeat(blank, 1<<20)))
		pieces := 0
		_, err := l.next(func() error {
			if pieces++; pieces > 3 {
				return io.ErrClosedPipe
			}
			return nil
		})
		require.ErrorIs(t, err, io.ErrClosedPipe)
	}
}

// What is wrong with a reader comes before what is wrong with what it has read.
func TestLineReaderThatFails(t *testing.T) {
	l := newLineReader(io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrClosedPipe)))
	_, err := l.next(alive)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// A line that is too long is a fault of the input.
func TestImportOfTooLongLines(t *testing.T) {
	in := &importer{ctx: t.Context(), lines: newLineReader(&endless{begin: "{"})}
	in.lines.limit = 1 << 20
	_, err := in.next()
	require.ErrorIs(t, err, ErrInvalidImport)
	require.EqualError(t, err, "kv: import: invalid import: line 1: it has more than 1048576 bytes, which no line of an export needs")
	require.False(t, errors.Is(err, errLineTooLong))
}

// Half of a pair is found wherever the text ends.
func TestHasLoneSurrogate(t *testing.T) {
	for text, want := range map[string]bool{
		``: false, `\`: false, `\u`: false, `\ud80`: false, `\ud800`: true, `\udc00`: true, `\ud800\udc0`: true, `\ud800\udc00`: false,
		`\udc00\ud800`: true, `\\ud800`: false, `\\\ud800`: true, `\ud800x\udc00`: true, `\ud800\udc00\ud800`: true, `\uD83D\uDE00\n`: false,
		`\ud7ff\ue000`: false, `\ud8zz`: false,
	} {
		require.Equal(t, want, hasLoneSurrogate([]byte(text)), text)
	}
}

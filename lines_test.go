package kv

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// endless is a line without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	e.read += len(p)
	return len(p), nil
}

// Lines are cut where they end, whatever buffer is below, up to a length, behind which nothing is read.
func TestLineReader(t *testing.T) {
	for size := 16; size < 40; size++ {
		l := newLineReader(strings.NewReader("\n1\n" + strings.Repeat("2", 20) + "\n\n" + strings.Repeat("3", 30)))
		l.r = bufio.NewReaderSize(l.r, size)
		l.limit = 30
		var lines []string
		for {
			line, err := l.next()
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			lines = append(lines, string(line))
			require.Len(t, lines, l.number)
			require.False(t, l.ended)
		}
		require.True(t, l.ended)
		require.Equal(t, []string{"\n", "1\n", strings.Repeat("2", 20) + "\n", "\n", strings.Repeat("3", 30)}, lines)
	}
	input := &endless{}
	l := newLineReader(input)
	l.limit = 1 << 20
	_, err := l.next()
	require.ErrorIs(t, err, errLineTooLong)
	require.Less(t, input.read, 1<<21)
}

// A line that is too long, and a value that is too long for a bucket, are faults of the input.
func TestImportOfTooLongLines(t *testing.T) {
	in := &importer{ctx: t.Context(), lines: newLineReader(&endless{})}
	in.lines.limit = 1 << 20
	_, err := in.next()
	require.ErrorIs(t, err, ErrInvalidImport)
	require.EqualError(t, err, "kv: import: invalid import: line 1: it has more than 1048576 bytes, which no value needs")
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

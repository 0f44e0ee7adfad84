// Package ui is what a person sees: data on standard output, remarks on standard error, tables, questions and progress
// on a terminal.
package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// A Screen is where a run of the program reads and writes.
type Screen struct {
	In  io.Reader
	Out *bufio.Writer // data; see Flush
	Err io.Writer     // remarks

	InTerminal, OutTerminal, ErrTerminal bool

	Colors bool       // whether terminals are to be colored
	Width  func() int // of the terminal that Out is; 0 if it is none
}

// New returns a screen on files. Colors are for terminals without NO_COLOR in their environment.
func New(in, out, err *os.File, getenv func(string) string) *Screen {
	s := &Screen{
		In: in, Out: bufio.NewWriter(out), Err: err,
		InTerminal: isTerminal(in), OutTerminal: isTerminal(out), ErrTerminal: isTerminal(err),
		Colors: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
	}
	s.Width = func() int {
		width, _, err := term.GetSize(int(out.Fd()))
		if err != nil {
			return 0
		}
		return width
	}
	return s
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Printf writes data.
func (s *Screen) Printf(format string, args ...any) { fmt.Fprintf(s.Out, format, args...) }

// Remarkf writes a line to standard error, behind the data that was written before.
func (s *Screen) Remarkf(format string, args ...any) {
	_ = s.Out.Flush() // which remembers its error
	fmt.Fprintf(s.Err, format+"\n", args...)
}

// Flush writes out what is buffered, and returns the first error that Out had.
func (s *Screen) Flush() error { return s.Out.Flush() }

// Wait returns what read returns, or the error of ctx if that ends before: reading a terminal or a pipe cannot be
// called off, so the read goes on then, and nothing else may read until the program ends.
func (s *Screen) Wait(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := read()
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// JSON writes a value as a document of several lines.
func (s *Screen) JSON(v any) error { return s.json(v, "  ") }

// JSONLine writes a value as a document of one line.
func (s *Screen) JSONLine(v any) error { return s.json(v, "") }

func (s *Screen) json(v any, indent string) error {
	enc := json.NewEncoder(s.Out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	return enc.Encode(v)
}

// Good colors data green, on a terminal that may be colored.
func (s *Screen) Good(data string) string { return s.color(text.FgGreen, data) }

// Bad colors data red, likewise.
func (s *Screen) Bad(data string) string { return s.color(text.FgRed, data) }

func (s *Screen) color(c text.Color, data string) string {
	if !s.Colors || !s.OutTerminal {
		return data
	}
	return c.EscapeSeq() + data + text.Reset.EscapeSeq()
}

package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// ErrNoTerminal is the error of Confirm where there is nobody to ask.
var ErrNoTerminal = errors.New("cannot ask for confirmation without a terminal, use --force")

// Confirm asks a question on standard error and returns whether the answer is yes. It is no if nothing is answered. The answer
// has to come from a terminal: whoever calls the program in a script says beforehand what is to be done.
func (s *Screen) Confirm(ctx context.Context, question string) (bool, error) {
	if !s.InTerminal {
		return false, ErrNoTerminal
	}
	if err := s.Flush(); err != nil {
		return false, err
	}
	mark := "?"
	if s.Colors && s.ErrTerminal {
		mark = text.FgGreen.EscapeSeq() + mark + text.Reset.EscapeSeq()
	}
	fmt.Fprintf(s.Err, "%s %s (y/N) ", mark, question)
	line, err := s.Wait(ctx, func() ([]byte, error) { return bufio.NewReader(s.In).ReadBytes('\n') })
	if err != nil {
		fmt.Fprintln(s.Err)
		return false, fmt.Errorf("no answer: %w", err)
	}
	answer, word := isYes(string(line)), "No"
	if answer {
		word = "Yes"
	}
	if s.ErrTerminal {
		fmt.Fprintf(s.Err, "\x1b[1A\r\x1b[K%s %s %s\n", mark, question, word) // in place of the question and the letter
	} else {
		fmt.Fprintln(s.Err, word)
	}
	return answer, nil
}

func isYes(line string) bool {
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return true
	}
	return false
}

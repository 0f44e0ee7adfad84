package main

import (
	"context"
	"io"
)

// valueOf returns the value to write: the argument, or all of standard input if that is empty or missing and nobody sits
// at a terminal.
func (a *app) valueOf(ctx context.Context, argument string) ([]byte, error) {
	if argument != "" || a.ui.InTerminal {
		return []byte(argument), nil
	}
	return a.ui.Wait(ctx, func() ([]byte, error) { return io.ReadAll(a.ui.In) })
}

const valueHelp = `The value is the argument. Without one, or if it is empty, it is all of standard
input, unless that is a terminal.`

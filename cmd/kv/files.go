package main

import (
	"errors"
	"io"
	"os"
)

// stdio is the name of standard input or output where a file is expected.
const stdio = "-"

// writeFile calls write with a new file of a name, or with standard output. A file that is there is left alone, and after an
// error there is none.
func (a *app) writeFile(name string, write func(io.Writer) error) error {
	if name == stdio {
		if a.ui.OutTerminal {
			return usagef("a terminal is no place for it: name a file")
		}
		return write(a.ui.Out)
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	err = write(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

// readFile calls read with a file, or with standard input.
func (a *app) readFile(name string, read func(io.Reader) error) error {
	if name == stdio {
		return read(a.ui.In)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(read(file), file.Close())
}

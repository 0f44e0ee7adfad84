package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/revkv/kv"
)

// The exit statuses of every command.
const (
	statusDone   = 0
	statusFailed = 1 // the command failed: refused, not found, damaged
	statusUsage  = 2 // the command line cannot be understood; nothing was tried
)

// A usageError is about the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// statusOf returns the exit status that goes with an error.
func statusOf(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &usage):
		return statusUsage
	default:
		return statusFailed
	}
}

// message returns what a person is told of an error: what compare-and-set found in the words of nats, and otherwise the
// error's own, with what can be done about it.
func message(err error) string {
	var usage usageError
	if revision, ok := errors.AsType[*kv.RevisionError](err); ok {
		switch {
		case errors.Is(err, kv.ErrKeyExists):
			return fmt.Sprintf("wrong last sequence: %d: key exists", revision.Newest)
		case errors.Is(err, kv.ErrRevisionMismatch):
			return fmt.Sprintf("wrong last sequence: %d", revision.Newest)
		}
	}
	if locked, ok := errors.AsType[*kv.LockedError](err); ok {
		return fmt.Sprintf("%s is open for writing in %s", locked.Dir, processName(locked.PID))
	}
	text := strings.TrimPrefix(err.Error(), "kv: ")
	switch {
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, kv.ErrCorrupt) && !strings.HasPrefix(text, "restore: "): // there it is the backup
		return text + "\n\"kv verify\" shows all that is damaged, \"kv repair\" saves what is whole"
	case errors.As(err, &usage):
		return text + ", try --help"
	}
	return text
}

// processName says which process has the folder, by its name too where the system tells it.
func processName(pid int) string {
	if pid == 0 {
		return "another process"
	}
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf("process %d", pid)
	}
	return fmt.Sprintf("process %d (%s)", pid, strings.TrimSpace(string(name)))
}

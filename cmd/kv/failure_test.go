package main

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

func TestMessage(t *testing.T) {
	for want, err := range map[string]error{
		"wrong last sequence: 7: key exists":           &kv.RevisionError{Op: "create", Newest: 7, Err: kv.ErrKeyExists},
		"wrong last sequence: 7":                       &kv.RevisionError{Op: "update", Wanted: 3, Newest: 7, Err: kv.ErrRevisionMismatch},
		"/data is open for writing in another process": fmt.Errorf("kv: open: %w", &kv.LockedError{Dir: "/data"}),
		"interrupted":     fmt.Errorf("no answer: %w", context.Canceled),
		"bad, try --help": usagef("bad"),
		"database closed": kv.ErrClosed,
	} {
		require.Equal(t, want, message(err))
	}
	require.Contains(t, message(&kv.CorruptError{File: "1.seg", Reason: "wrong"}), `"kv repair" saves what is whole`)
}

func TestProcessName(t *testing.T) {
	require.Equal(t, "another process", processName(0))
	require.Contains(t, processName(os.Getpid()), fmt.Sprintf("process %d", os.Getpid()))
}

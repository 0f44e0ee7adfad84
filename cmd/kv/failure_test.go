package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
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

// What is done before closing fails is done, and the message says so.
func TestClosingFails(t *testing.T) {
	disk := crashfs.New()
	err := writeTo("db", func(db *kv.DB) error {
		b, err := db.CreateBucket(t.Context(), kv.Config{Bucket: "B"})
		if err != nil {
			return err
		}
		if _, err = b.PutString(t.Context(), "a", "1"); err == nil {
			disk.SetCapacity(0)
		}
		return err
	}, kv.FileSystem(disk))
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.ErrorContains(t, err, "it is done, but closing db failed: ")
}

func TestProcessName(t *testing.T) {
	require.Equal(t, "another process", processName(0))
	require.Contains(t, processName(os.Getpid()), fmt.Sprintf("process %d", os.Getpid()))
}

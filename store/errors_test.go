package store_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
)

func TestLockedError(t *testing.T) {
	for want, err := range map[string]error{
		"db is locked: it is open for writing":                  &store.LockedError{Dir: "db"},
		"db is locked: it is open for writing in this process":  &store.LockedError{Dir: "db", PID: os.Getpid()},
		"db is locked: it is open for writing in process 99999": &store.LockedError{Dir: "db", PID: 99999},
	} {
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, store.ErrLocked)
	}
}

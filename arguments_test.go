package kv_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// TestMissingArguments leaves out what has to be there. Nothing is read, and nothing made.
func TestMissingArguments(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	t.Chdir(dir)
	db := kv.New()
	b := newBucket(t, db, kv.Config{})
	for want, err := range map[string]error{
		`kv: export: invalid option: w is nil`:                                             b.Export(ctx, nil),
		`kv: import: invalid option: r is nil`:                                             errOf(db.Import(ctx, nil)),
		`kv: backup: invalid option: w is nil`:                                             db.Backup(ctx, nil),
		`kv: restore: invalid option: r is nil`:                                            kv.Restore(ctx, nil, "db"),
		`kv: restore: invalid option: dir is empty; "." is the current directory`:          kv.Restore(ctx, new(bytes.Buffer), ""),
		`kv: open: invalid option: dir is empty; "." is the current directory`:             errOf(kv.Open("")),
		`kv: open for reading: invalid option: dir is empty; "." is the current directory`: errOf(kv.OpenReadOnly("")),
		`kv: verify: invalid option: dir is empty; "." is the current directory`:           errOf(kv.Verify(ctx, "")),
		`kv: repair: invalid option: src is empty; "." is the current directory`:           errOf(kv.Repair(ctx, "", "db")),
		`kv: repair: invalid option: dst is empty; "." is the current directory`:           errOf(kv.Repair(ctx, "db", "")),
	} {
		require.ErrorIs(t, err, kv.ErrInvalidOption, want)
		require.Equal(t, want, err.Error())
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

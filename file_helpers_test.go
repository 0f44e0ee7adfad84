package kv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore"
)

// filePolicies are the policies by which files are synced.
var filePolicies = []struct {
	name   string
	policy kv.OpenOption
}{
	{"always", kv.SyncAlways()},
	{"every millisecond", kv.SyncEvery(time.Millisecond)},
	{"never", kv.SyncNever()},
}

// openFiles opens a folder, with segments so small that they are rolled and compacted all the time unless the options say
// otherwise.
func openFiles(t testing.TB, dir string, opts ...kv.OpenOption) *kv.DB {
	t.Helper()
	db, err := kv.Open(dir, append([]kv.OpenOption{kv.SegmentSize(filestore.MinSegmentSize)}, opts...)...)
	require.NoError(t, err)
	return db
}

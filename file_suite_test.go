package kv_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestFilesConform runs the suite for buckets.
func TestFilesConform(t *testing.T) {
	for _, p := range filePolicies {
		t.Run(p.name, func(t *testing.T) {
			kvtest.Run(t, func(tb testing.TB) kvtest.Place {
				dir, disk := "db", crashfs.New()
				var db *kv.DB
				place, err := kvtest.DurableEngine(func() (opened *kv.DB, err error) {
					db, err = kv.Open(dir, p.policy, kv.SegmentSize(filestore.MinSegmentSize), kv.FileSystem(disk))
					return db, err
				})
				require.NoError(tb, err)
				tb.Cleanup(func() { require.NoError(tb, db.Close()) })
				return place
			})
		})
	}
}

package filestore_test

import (
	"testing"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/storetest"
)

// policies are the sync policies that tests run under.
var policies = map[string]filestore.SyncPolicy{
	"always": filestore.SyncAlways(),
	"every":  filestore.SyncEvery(1e6),
	"never":  filestore.SyncNever(),
}

func TestConformance(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t testing.TB) storetest.Place {
				dir := t.TempDir()
				return func() (store.Backend, error) {
					return filestore.Open(dir, filestore.Options{Sync: policy, SegmentSize: filestore.MinSegmentSize})
				}
			})
		})
	}
}

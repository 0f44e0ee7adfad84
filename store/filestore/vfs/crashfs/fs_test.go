package crashfs_test

import (
	"testing"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
	"github.com/revkv/kv/store/filestore/vfs/vfstest"
)

func TestConformance(t *testing.T) {
	vfstest.Run(t, func(testing.TB) (vfs.FS, string) { return crashfs.New(), "" })
}

package memstore_test

import (
	"testing"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/memstore"
	"github.com/revkv/kv/store/storetest"
)

var _ store.Volatile = (*memstore.Store)(nil)

func TestBackend(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Place {
		return func() (store.Backend, error) { return memstore.New(), nil }
	})
}

package kvtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

func TestEngineInMemory(t *testing.T) {
	kvtest.Run(t, func(testing.TB) kvtest.Place { return kvtest.Engine(kv.New()) })
}

func TestEngineWithDurableStore(t *testing.T) {
	kvtest.Run(t, func(tb testing.TB) kvtest.Place { return durable(tb, newDisk(false)) })
}

func TestEngineWithValuesInTheStore(t *testing.T) {
	kvtest.Run(t, func(tb testing.TB) kvtest.Place { return durable(tb, newDisk(true)) })
}

// durable returns a place on a disk, which can be reopened.
func durable(tb testing.TB, d *disk) kvtest.Place {
	p, err := kvtest.DurableEngine(func() (*kv.DB, error) {
		d.closed = false
		return kv.OpenBackend(d)
	})
	require.NoError(tb, err)
	return p
}

package natskv_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

func TestSessionExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := natskv.New(kv.New()) // in place of jetstream.New(nc)
		b, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "sessions", TTL: 30 * time.Minute})
		require.NoError(t, err)
		_, err = b.PutString(t.Context(), "token", "ann")
		require.NoError(t, err)
		time.Sleep(30 * time.Minute) // takes no time
		_, err = b.Get(t.Context(), "token")
		require.ErrorIs(t, err, jetstream.ErrKeyNotFound)
	})
}

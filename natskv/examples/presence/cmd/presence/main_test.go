package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/natskv/examples/presence"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		js := natskv.New(kv.New())
		ctx, cancel := context.WithCancel(t.Context())
		var out strings.Builder
		ended := make(chan error)
		go func() { ended <- run(ctx, &out, js, "ann", "here", time.Minute) }()
		time.Sleep(time.Hour)
		r, err := presence.Open(t.Context(), js, time.Minute)
		require.NoError(t, err)
		_, err = r.Join(t.Context(), "bob", "there")
		require.NoError(t, err)
		time.Sleep(time.Hour)
		cancel()
		require.NoError(t, <-ended)
		require.Equal(t, "ann came\nbob came\nbob went\n", out.String())
		names, err := r.Nodes(t.Context())
		require.NoError(t, err)
		require.Empty(t, names)
	})
}

func TestConnect(t *testing.T) {
	for _, folder := range []string{"", t.TempDir()} {
		js, closeAll, err := connect("", folder)
		require.NoError(t, err)
		_, err = presence.Open(t.Context(), js, time.Minute)
		require.NoError(t, err)
		require.NoError(t, closeAll())
	}
	_, _, err := connect("nats://localhost:1", "")
	require.Error(t, err)
}

package natskv_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/natskv/natsplace"
)

// The suite of package kvtest runs on the adapter as it does on a server.
func TestSuite(t *testing.T) {
	for _, storage := range []jetstream.StorageType{jetstream.FileStorage, jetstream.MemoryStorage} {
		t.Run(storage.String(), func(t *testing.T) {
			kvtest.Run(t, func(testing.TB) kvtest.Place {
				return natsplace.New(natskv.New(kv.New()), natsplace.Options{Storage: storage, Unit: time.Second})
			})
		})
	}
}

// Of the known defects of servers there is only the one that code may rely on: a list of patterns comes back changed.
func TestSuiteSound(t *testing.T) {
	for _, c := range kvtest.Cases() {
		if !slices.Contains(c.Needs, kvtest.Sound) || c.Name == "private/patterns" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.Run(t, natsplace.New(natskv.New(kv.New()), natsplace.Options{Rules: []kvtest.Need{kvtest.Sound, kvtest.InProcess}}))
			})
		})
	}
}

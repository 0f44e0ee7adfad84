package presence_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/natskv/examples/presence/presencetest"
)

// In a bubble a minute takes no time, and the bubble fails the test if anything is left running.
func Test(t *testing.T) {
	for name, test := range presencetest.Tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, presencetest.Place{Manager: natskv.New(kv.New()), TTL: 30 * time.Second, Late: time.Nanosecond})
			})
		})
	}
}

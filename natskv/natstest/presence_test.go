package natstest

import (
	"testing"
	"time"

	"github.com/revkv/kv/natskv/examples/presence/presencetest"
)

// The tests of the example service pass on a server too. There its time has to be waited for.
func TestPresence(t *testing.T) {
	for name, test := range presencetest.Tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, presencetest.Place{Manager: copyServer(t), TTL: 2 * time.Second, Late: time.Second})
		})
	}
}

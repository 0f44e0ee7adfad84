package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// connect starts a server of the test's own in this process and returns a connection to it.
func connect(tb testing.TB) *nats.Conn {
	tb.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(start(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	return nc
}

// start starts a server that ends with the test.
func start(tb testing.TB, options ...func(*server.Options)) *server.Server {
	tb.Helper()
	o := &server.Options{
		JetStream:  true,
		StoreDir:   tb.TempDir(),
		DontListen: true,
		NoLog:      true,
		NoSigs:     true, // they are the test program's
	}
	for _, option := range options {
		option(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		tb.Fatal(err)
	}
	s.Start()
	tb.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30 * time.Second) {
		tb.Fatal("the server has not come up")
	}
	return s
}

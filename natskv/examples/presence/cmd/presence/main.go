// Presence joins a register of nodes and shows who comes and goes, until it is interrupted. The register is on a server, in a
// folder, or in memory:
//
//	go run ./examples/presence/cmd/presence -server nats://localhost:4222 -name ann
//	go run ./examples/presence/cmd/presence -folder register -name ann
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/natskv/examples/presence"
)

func main() {
	server := flag.String("server", "", "`URL` of the server that has the register")
	folder := flag.String("folder", "", "`folder` that has the register, if no server does; without both it is in memory")
	name := flag.String("name", "ann", "name of this node")
	address := flag.String("address", "localhost", "where it is")
	ttl := flag.Duration("ttl", 10*time.Second, "how long a node may be silent")
	flag.Parse()

	js, closeAll, err := connect(*server, *folder)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	err = run(ctx, os.Stdout, js, *name, *address, *ttl)
	cancel()
	if closeErr := closeAll(); err == nil {
		err = closeErr
	}
	if err != nil {
		log.Fatal(err)
	}
}

// connect is all that depends on where the buckets are.
func connect(server, folder string) (js jetstream.KeyValueManager, closeAll func() error, err error) {
	switch {
	case server != "":
		nc, err := nats.Connect(server)
		if err != nil {
			return nil, nil, err
		}
		js, err = jetstream.New(nc)
		return js, func() error { nc.Close(); return nil }, err
	case folder != "":
		db, err := kv.Open(folder)
		if err != nil {
			return nil, nil, err
		}
		return natskv.New(db), db.Close, nil
	}
	db := kv.New()
	return natskv.New(db), db.Close, nil
}

// run is a node until the context ends.
func run(ctx context.Context, out io.Writer, js jetstream.KeyValueManager, name, address string, ttl time.Duration) error {
	r, err := presence.Open(ctx, js, ttl)
	if err != nil {
		return err
	}
	n, err := r.Join(ctx, name, address)
	if err != nil {
		return err
	}
	followed := make(chan error, 1)
	go func() {
		tell := func(what string) func(string) {
			return func(name string) { fmt.Fprintln(out, name, what) }
		}
		followed <- r.Follow(ctx, tell("came"), tell("went"))
	}()
	beat := time.NewTicker(ttl / 3)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			if err := n.Beat(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		case err := <-followed:
			if !errors.Is(err, context.Canceled) {
				return err
			}
			return n.Leave(context.WithoutCancel(ctx))
		}
	}
}

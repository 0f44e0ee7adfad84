// Config keeps the configuration of a service in a bucket of its own process. Operators edit it at the same time and none
// of them overwrites another, because each write names the revision that it replaces. The service follows the key and
// has every change at once. A bad change is undone by putting an older revision back.
//
//	go run ./examples/config
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"

	"github.com/revkv/kv"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// settings are what the service wants to know.
type settings struct {
	Workers int
	Stop    bool
}

// run lets operators edit the settings while a service follows them.
func run(out io.Writer) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b, err := kv.New().CreateBucket(ctx, kv.Config{Bucket: "config", History: 10})
	if err != nil {
		return err
	}
	c := &config[settings]{bucket: b, key: "service"}
	service := make(chan error, 1)
	go func() { service <- serve(ctx, out, c) }()
	if err := operate(ctx, c); err != nil {
		return err
	}
	return <-service
}

// operate adds workers, makes a mistake, undoes it, and stops the service.
func operate(ctx context.Context, c *config[settings]) error {
	if err := hire(ctx, c, 5); err != nil {
		return err
	}
	_, good, err := c.get(ctx)
	if err != nil {
		return err
	}
	if _, err := c.edit(ctx, func(s *settings) error { s.Workers = 0; return nil }); err != nil {
		return err
	}
	if _, err := c.restore(ctx, good); err != nil {
		return err
	}
	_, err = c.edit(ctx, func(s *settings) error { s.Stop = true; return nil })
	return err
}

// hire lets n operators add a worker each, all at once.
func hire(ctx context.Context, c *config[settings], n int) error {
	var operators sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		operators.Go(func() {
			_, errs[i] = c.edit(ctx, func(s *settings) error { s.Workers++; return nil })
		})
	}
	operators.Wait()
	return errors.Join(errs...)
}

// errStopped ends following the settings.
var errStopped = errors.New("service stopped")

// serve works by the settings until they say stop.
func serve(ctx context.Context, out io.Writer, c *config[settings]) error {
	err := c.follow(ctx, func(s settings, revision uint64) error {
		fmt.Fprintf(out, "revision %d: workers %d, stop %t\n", revision, s.Workers, s.Stop)
		if s.Stop {
			return errStopped
		}
		return nil
	})
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

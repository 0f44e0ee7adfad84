// Sessions is the part of a service that knows who is logged in. A session ends after half an hour without use, and after a
// day in any case. The engine keeps that time, so main_test.go lives through the day in a moment: in a testing/synctest
// bubble there is nothing to wait for.
//
//	go run ./examples/sessions
//	go test ./examples/sessions
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/revkv/kv"
)

func main() {
	if err := run(os.Stdout, 500*time.Millisecond); err != nil {
		log.Fatal(err)
	}
}

// run logs a user in and waits until the session ends because nobody uses it.
func run(out io.Writer, idle time.Duration) error {
	ctx := context.Background()
	s, err := newSessions(ctx, kv.New(), idle, 24*time.Hour)
	if err != nil {
		return err
	}
	w, err := s.ended(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	token, err := s.login(ctx, "ann")
	if err != nil {
		return err
	}
	user, err := s.user(ctx, token)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "logged in:", user)
	for event, err := range w.Events(ctx) {
		if err != nil {
			return err
		}
		if event.Entry.Operation != kv.Put {
			break
		}
	}
	_, err = s.user(ctx, token)
	fmt.Fprintf(out, "after %v without use: %v\n", idle, err)
	return nil
}

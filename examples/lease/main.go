// Lease elects a leader. A candidate creates a key with a TTL, which only one can, and keeps it by updating it in time.
// One that is late has lost the lease, even if it does not know yet, and what it still orders is refused: every lease
// has a number, and the journal takes no orders with a smaller one than it has seen.
//
//	go run ./examples/lease
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"github.com/revkv/kv"
)

func main() {
	if err := run(os.Stdout, 500*time.Millisecond); err != nil {
		log.Fatal(err)
	}
}

// run lets two candidates lead one after the other: ann until she is late, then bob.
func run(out io.Writer, ttl time.Duration) error {
	ctx := context.Background()
	b, err := newBucket(ctx, kv.New())
	if err != nil {
		return err
	}
	var j journal
	ann, err := acquire(ctx, b, "leader", "ann", ttl)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "ann leads, fence %d\n", ann.fence)
	for range 3 {
		time.Sleep(ttl / 2)
		if err := ann.renew(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "ann has renewed three times: revision %d\n", ann.revision)
	fmt.Fprintln(out, "ann orders:", outcome(j.write(ann.fence, "ann was here")))

	bob, err := acquire(ctx, b, "leader", "bob", ttl) // ann sleeps, bob waits for her lease to expire
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "bob leads, fence %d\n", bob.fence)
	fmt.Fprintln(out, "bob orders:", outcome(j.write(bob.fence, "bob was here")))
	fmt.Fprintln(out, "ann orders:", outcome(j.write(ann.fence, "ann is back")))
	fmt.Fprintln(out, "ann renews:", outcome(ann.renew(ctx)))
	fmt.Fprintln(out, "bob gives it back:", outcome(bob.release(ctx)))
	return nil
}

func outcome(err error) string {
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// errFenced is the error of an order from a leader that has been followed by another one.
var errFenced = errors.New("a later leader has written")

// A journal takes orders from leaders.
type journal struct {
	mu    sync.Mutex // guards what follows
	fence uint64     // the greatest seen
	lines []string
}

// write adds a line if it comes from the latest leader that the journal knows.
func (j *journal) write(fence uint64, line string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if fence < j.fence {
		return errFenced
	}
	j.fence = fence
	j.lines = append(j.lines, line)
	return nil
}

// Ledger takes payments from many customers at the same time and keeps them in a folder. It can be killed at any moment, with
// kill -9 too: the next run finds every payment that a customer has a receipt for, and goes on behind the last one.
//
//	go run ./examples/ledger         # takes payments for two seconds; run it twice
//	go run ./examples/ledger -die    # is killed in the middle of them
//	go run ./examples/ledger         # says who would have lost how much, and has not
//
// Or kill it from another terminal: it prints its number. -dir is the folder, below that for temporary files unless set.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revkv/kv"
)

func main() {
	dir := flag.String("dir", filepath.Join(os.TempDir(), "revkv-ledger"), "the folder with the ledger")
	life := flag.Duration("for", 2*time.Second, "how long to take payments")
	die := flag.Bool("die", false, "be killed at some moment of that time")
	flag.Parse()
	if *die {
		time.AfterFunc(rand.N(max(*life, 1)), kill)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, *life)
	defer cancel()
	if err := run(ctx, os.Stdout, *dir, 100*time.Millisecond); err != nil {
		log.Fatal(err)
	}
}

// kill is kill -9 of this process: nothing is closed, deferred or written any more.
func kill() {
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Kill()
	}
}

var customers = []string{"ann", "bob", "eve"}

// run takes payments until ctx ends, from each customer one in a while.
func run(ctx context.Context, out io.Writer, dir string, pause time.Duration) (err error) {
	db, err := kv.Open(dir)
	if err != nil {
		return err // kv.ErrLocked if another run has the folder open
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	l, err := openLedger(context.WithoutCancel(ctx), db)
	if err != nil {
		return err
	}
	if err := look(context.WithoutCancel(ctx), out, l); err != nil {
		return err
	}
	fmt.Fprintf(out, "taking payments in %s: kill -9 %d\n", dir, os.Getpid())
	if err := take(ctx, log.New(out, "", 0), l, pause); err != nil {
		return err
	}
	fmt.Fprintln(out, "closed in order")
	return l.end(context.WithoutCancel(ctx))
}

// look tells what is in the ledger, and begins a run.
func look(ctx context.Context, out io.Writer, l *ledger) error {
	receipts, err := l.audit(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d receipts, and the accounts agree with them\n", len(receipts))
	killed, err := l.begin(ctx)
	if err != nil || killed == 0 {
		return err
	}
	lost := map[string]int{}
	for _, r := range receipts[killed-1:] {
		lost[r.customer] += r.amount
	}
	fmt.Fprintf(out, "the last run was killed, and this is not lost: %s\n", list(lost))
	return nil
}

// list says who has paid how much.
func list(paid map[string]int) string {
	var parts []string
	for _, customer := range slices.Sorted(maps.Keys(paid)) {
		parts = append(parts, fmt.Sprintf("%d of %s", paid[customer], customer))
	}
	if parts == nil {
		return "nothing was paid"
	}
	return strings.Join(parts, ", ")
}

// take takes payments of all customers until ctx ends, and prints receipts.
func take(ctx context.Context, out *log.Logger, l *ledger, pause time.Duration) error {
	var tills sync.WaitGroup
	errs := make([]error, len(customers))
	for i, customer := range customers {
		tills.Go(func() {
			for errs[i] == nil && wait(ctx, rand.N(2*pause)) {
				var r receipt
				if r, errs[i] = l.pay(context.WithoutCancel(ctx), customer, 1+rand.IntN(50)); errs[i] == nil {
					out.Print(r) // only now: what is printed cannot be lost
				}
			}
		})
	}
	tills.Wait()
	return errors.Join(errs...)
}

// wait returns false if ctx ends before the time is over.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

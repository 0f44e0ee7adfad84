// Kv is the command line of buckets in a folder: the commands of "nats kv", without a server, and some more.
//
//	kv add Bucket1
//	kv put Bucket1 Key1 Value1
//	kv get Bucket1 Key1
//
// Each command has a file of its name here, and a script of its name in testdata/script. What they share is in root.go (the
// command line), flags.go and config.go (what can be given), buckets.go and files.go (what is opened), at.go (what was at a
// revision), document.go and report.go (what is shown), failure.go (errors), complete.go (completion), and below internal: ui
// (terminals, tables, questions), place (where the folder is, and its files) and units (durations and sizes).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/revkv/kv/cmd/kv/internal/ui"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // whoever interrupts it again ends it at once
	status := run(ctx, os.Args[1:], ui.New(os.Stdin, os.Stdout, os.Stderr, os.Getenv))
	stop()
	os.Exit(status)
}

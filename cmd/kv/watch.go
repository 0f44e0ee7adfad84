package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
	"github.com/revkv/kv/cmd/kv/internal/ui"
)

// watchInterval is how often watch looks whether the files of the bucket have changed.
const watchInterval = 100 * time.Millisecond

// watchRest is how much longer than reading a change took watch waits before it reads the next, so that it does not keep a
// processor busy beside somebody who writes to a large bucket.
const watchRest = 4

// A watchOptions is the flags of watch.
type watchOptions struct {
	history, updates, noDeletes, deletes, asJSON bool
	revision                                     revisionFlag
}

func newWatch(a *app) *cobra.Command {
	var o watchOptions
	cmd := &cobra.Command{
		Use:   "watch <bucket> [<pattern>]",
		Short: "Watch the bucket or a specific key for updates",
		Long: `Watches the bucket or the keys that match a pattern: first what is there, then
what is written, until it is interrupted.

Who writes is another process, so watch looks at the bucket's files 10 times a
second (less often if the bucket is so large that reading it takes long) and
delivers what is new. What the history drops between two looks is not seen.`,
		Example:           "  kv watch Bucket1\n  kv watch Bucket1 \"orders.>\" --updates --json",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.watch(cmd.Context(), args[0], argument(args, 1, ">"), o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.history, "history", false, "begin with all kept revisions, not only the newest of each key")
	flags.BoolVar(&o.updates, "updates", false, "show only what is written from now on")
	flags.BoolVar(&o.noDeletes, "no-deletes", false, "leave deletes and purges out")
	flags.BoolVar(&o.deletes, "deletes", true, "show deletes and purges")
	_ = flags.MarkHidden("deletes")
	flags.Var(&o.revision, "revision", "begin with this revision")
	addJSON(cmd, &o.asJSON)
	cmd.MarkFlagsMutuallyExclusive("history", "updates", "revision")
	return cmd
}

func (a *app) watch(ctx context.Context, bucket, pattern string, o watchOptions) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	f := &follower{dir: dir, bucket: bucket, pattern: pattern, options: o, show: a.showEvent(o)}
	err = f.run(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // which is how a watch ends
	}
	return err
}

// A follower delivers what other processes write to a bucket: it opens the folder for reading whenever the files of the
// bucket have changed, and goes on behind the newest revision that it has seen.
type follower struct {
	dir, bucket, pattern string
	options              watchOptions
	show                 func(kv.Entry) error

	begun bool
	seen  uint64 // the newest revision of the bucket when it was read last
	files string // what its files looked like before
}

func (f *follower) run(ctx context.Context) error {
	for {
		began := time.Now()
		if err := f.look(ctx); err != nil {
			return err
		}
		select {
		case <-time.After(max(watchInterval, watchRest*time.Since(began))):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look reads the bucket if its files have changed.
func (f *follower) look(ctx context.Context) error {
	files, err := place.FilesOf(f.dir, f.bucket)
	if err == nil && f.begun && files.Print == f.files {
		return nil
	}
	db, err := openReadOnly(f.dir)
	if err != nil {
		return err
	}
	f.files = files.Print // as they were before the folder was opened, so that nothing is missed
	return errors.Join(f.catchUp(ctx, db), db.Close())
}

// catchUp delivers what is newer than what was seen.
func (f *follower) catchUp(ctx context.Context, db *kv.DB) error {
	b, err := db.Bucket(ctx, f.bucket)
	if err != nil {
		if f.begun && errors.Is(err, kv.ErrBucketNotFound) {
			err = f.deleted()
		}
		return err
	}
	st, err := b.Status(ctx)
	if err != nil {
		return err
	}
	if st.Newest < f.seen {
		return f.deleted()
	}
	if err := f.deliver(ctx, b); err != nil {
		return err
	}
	f.begun, f.seen = true, st.Newest
	return nil
}

func (f *follower) deleted() error {
	return &kv.BucketError{Op: "watch", Bucket: f.bucket, Err: kv.ErrBucketDeleted}
}

func (f *follower) deliver(ctx context.Context, b *kv.Bucket) error {
	w, err := b.Watch(ctx, f.pattern, f.watchOptions()...)
	if err != nil {
		return err
	}
	defer w.Stop()
	if !f.begun && f.options.updates {
		return nil // nothing is written to this opening, and no CaughtUp comes
	}
	for ev, err := range w.Events(ctx) {
		if err != nil || ev.Kind == kv.CaughtUp {
			return err
		}
		if err := f.show(ev.Entry); err != nil {
			return err
		}
	}
	return nil
}

// watchOptions returns what is to be delivered of the bucket as it is opened now.
func (f *follower) watchOptions() (opts []kv.WatchOption) {
	if f.options.noDeletes || !f.options.deletes {
		opts = append(opts, kv.IgnoreDeletes())
	}
	if f.begun {
		return append(opts, kv.ResumeFromRevision(max(f.seen+1, uint64(f.options.revision))))
	}
	if f.options.history {
		opts = append(opts, kv.IncludeHistory())
	}
	if f.options.updates {
		opts = append(opts, kv.UpdatesOnly())
	}
	if f.options.revision > 0 {
		opts = append(opts, kv.ResumeFromRevision(uint64(f.options.revision)))
	}
	return opts
}

// showEvent returns what shows an entry at once.
func (a *app) showEvent(o watchOptions) func(kv.Entry) error {
	return func(e kv.Entry) error {
		if o.asJSON {
			if err := a.ui.JSONLine(documentOf(e)); err != nil {
				return err
			}
			return a.ui.Flush()
		}
		operation, value := a.ui.Bad(e.Operation.String()), ""
		if e.Operation == kv.Put {
			operation, value = a.ui.Good(e.Operation.String()), fmt.Sprintf(": %s", ui.Value(e.Value))
		}
		a.ui.Printf("[%s] %s %s > %s%s\n", ui.Time(e.Created), operation, e.Bucket, e.Key, value)
		return a.ui.Flush()
	}
}

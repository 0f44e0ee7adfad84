package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
)

func newCompact(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "compact <bucket>",
		Short: "Reclaim space used by deleted keys",
		Long: `Drops the history of deleted keys, and their markers if these are older than
half an hour, and gives back the space of a large bucket.

Keys that have a value are left alone. Space is given back in the background by
every program that has the folder open for writing, too.`,
		Example:           "  kv compact Bucket1 --force",
		Args:              arguments,
		ValidArgsFunction: a.completeBucket,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.compact(cmd.Context(), args[0], force)
		},
	}
	addForce(cmd, &force)
	return cmd
}

// compactAt is the share of garbage that compact leaves in the files.
const compactAt = 0.05

func (a *app) compact(ctx context.Context, bucket string, force bool) error {
	ok, err := a.sure(ctx, force, "Skipping delete", "Purge all historic values and audit trails for deleted keys in bucket %s?", bucket)
	if err != nil || !ok {
		return err
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error {
		if err := b.PurgeDeletes(ctx); err != nil {
			return err
		}
		return a.reclaim(ctx, bucket)
	}, kv.CompactAt(compactAt))
}

const (
	reclaimFrom = 8 << 20                // bytes of a bucket for which it is worth waiting
	reclaimRest = 250 * time.Millisecond // without a change of the files compaction is at its end
	reclaimLook = 50 * time.Millisecond
)

// reclaim waits while the files of a large bucket are written anew in the background: closing would end that early.
func (a *app) reclaim(ctx context.Context, bucket string) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	before, err := place.FilesOf(dir, bucket)
	if err != nil || before.Bytes() < reclaimFrom {
		return err
	}
	bar := a.ui.Progress("compact")
	defer bar.Close()
	last, changed := before, time.Now()
	for time.Since(changed) < reclaimRest {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reclaimLook):
		}
		now, err := place.FilesOf(dir, bucket)
		if err != nil {
			return err
		}
		if now.Print != last.Print {
			last, changed = now, time.Now()
		}
		bar.Tell(gone(before, now), before.Bytes())
	}
	return nil
}

// gone returns how many bytes of files are not there any more.
func gone(before, now place.Files) (sum int64) {
	for name, size := range before.Sizes {
		if _, ok := now.Sizes[name]; !ok {
			sum += size
		}
	}
	return sum
}

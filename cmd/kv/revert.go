package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
)

func newRevert(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "revert <bucket> <key> <revision>",
		Short: "Reverts a value to a previous revision using put",
		Long: `Puts the value that a key had at a revision again, as a new revision, and shows
the history of the key.`,
		Example:           "  kv revert Bucket1 Key1 3",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			revision, err := revisionOf(args[2])
			if err != nil {
				return err
			}
			return a.revert(cmd.Context(), args[0], args[1], revision, force)
		},
	}
	addForce(cmd, &force)
	return cmd
}

func (a *app) revert(ctx context.Context, bucket, key string, revision uint64, force bool) error {
	if !force {
		if err := a.showReverted(ctx, bucket, key, revision); err != nil {
			return err
		}
	}
	// The folder is not locked while somebody thinks.
	ok, err := a.sure(ctx, force, "", "Really revert to revision %d", revision)
	if err != nil || !ok {
		return err
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error {
		if _, err := b.Revert(ctx, key, revision); err != nil {
			return err
		}
		return a.showHistory(ctx, b, key, false)
	})
}

// showReverted shows the value that is to come back.
func (a *app) showReverted(ctx context.Context, bucket, key string, revision uint64) error {
	return a.readBucket(ctx, bucket, func(b *kv.Bucket) error {
		e, err := b.GetRevision(ctx, key, revision)
		if err != nil {
			return err
		}
		a.ui.Remarkf("Revision: %d\n\n%s\n", e.Revision, ui.Cell(e.Value))
		return nil
	})
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newUpdate(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "update <bucket> <key> <value> [<revision>]",
		Short: "Updates a key with a new value if the previous value matches the given revision",
		Long: `Updates a key with a new value if the given revision is its newest.

Without a revision the key must have none. If the value is empty, "", it is all
of standard input, unless that is a terminal.`,
		Example:           "  kv update Bucket1 Key1 Value2 1\n  kv update Bucket1 photo \"\" 7 < photo.jpg",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			revision, err := revisionOf(argument(args, 3, "0"))
			if err != nil {
				return err
			}
			return a.update(cmd.Context(), args[0], args[1], args[2], revision)
		},
	}
}

func (a *app) update(ctx context.Context, bucket, key, argument string, revision uint64) error {
	value, err := a.valueOf(ctx, argument)
	if err != nil {
		return err
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error {
		if _, err := b.Update(ctx, key, value, revision); err != nil {
			return err
		}
		a.ui.Printf("%s\n", argument)
		return nil
	})
}

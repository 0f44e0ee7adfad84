package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newEdit(a *app) *cobra.Command {
	var flags configFlags
	cmd := &cobra.Command{
		Use:   "edit <bucket>",
		Short: "Edits an existing KV Store Bucket",
		Long: `Edits an existing KV Store Bucket. What no flag tells stays as it is.

Less history, and a shorter TTL, drop revisions at once.`,
		Example:           "  kv edit Bucket1 --history 10 --ttl 7d",
		Args:              arguments,
		ValidArgsFunction: a.completeBucket,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.edit(cmd.Context(), args[0], func(cfg *kv.Config) error { return flags.apply(cmd.Flags(), cfg) })
		},
	}
	flags.add(cmd)
	return cmd
}

func (a *app) edit(ctx context.Context, bucket string, change func(*kv.Config) error) error {
	return a.write(func(db *kv.DB) error {
		b, err := db.Bucket(ctx, bucket)
		if err != nil {
			return err
		}
		status, err := b.Status(ctx)
		if err != nil {
			return err
		}
		cfg := status.Config
		if err := change(&cfg); err != nil {
			return err
		}
		if b, err = db.UpdateBucket(ctx, cfg); err != nil {
			return err
		}
		return a.showInfo(ctx, b)
	})
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newAdd(a *app) *cobra.Command {
	var flags configFlags
	cmd := &cobra.Command{
		Use:     "add <bucket>",
		Aliases: []string{"new"},
		Short:   "Adds a new KV Store Bucket",
		Long: `Adds a new KV Store Bucket, and makes the folder if there is none.

If there is a bucket of that name with the same configuration it stays as it is;
with another one it is an error.`,
		Example: "  kv add Bucket1 --history 3 --max-value-size 64K --description \"what it is for\"",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg := kv.Config{Bucket: args[0]}
			if err := flags.apply(cmd.Flags(), &cfg); err != nil {
				return err
			}
			return a.add(cmd.Context(), cfg)
		},
	}
	flags.add(cmd)
	return cmd
}

func (a *app) add(ctx context.Context, cfg kv.Config) error {
	return a.writeNew(func(db *kv.DB) error {
		b, err := db.CreateBucket(ctx, cfg)
		if err != nil {
			return err
		}
		return a.showInfo(ctx, b)
	})
}

package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newCreate(a *app) *cobra.Command {
	var ttl durationFlag
	cmd := &cobra.Command{
		Use:               "create <bucket> <key> [<value>]",
		Short:             "Puts a value into a key only if the key is new or it's last operation was a delete",
		Long:              "Puts a value into a key only if the key has none: it is new, deleted, purged or expired.\n\n" + valueHelp,
		Example:           "  kv create Bucket1 leader node-1 --ttl 30s",
		Args:              arguments,
		ValidArgsFunction: a.completeBucket,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.create(cmd.Context(), args[0], args[1], argument(args, 2, ""), time.Duration(ttl))
		},
	}
	cmd.Flags().Var(&ttl, "ttl", "how long to keep the key for")
	return cmd
}

func (a *app) create(ctx context.Context, bucket, key, argument string, ttl time.Duration) error {
	value, err := a.valueOf(ctx, argument)
	if err != nil {
		return err
	}
	var opts []kv.PutOption
	if ttl > 0 {
		opts = append(opts, kv.KeyTTL(ttl))
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error {
		if _, err := b.Create(ctx, key, value, opts...); err != nil {
			return err
		}
		a.ui.Printf("%s\n", argument)
		return nil
	})
}

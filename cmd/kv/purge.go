package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newPurge(a *app) *cobra.Command {
	var force bool
	var ttl durationFlag
	cmd := &cobra.Command{
		Use:               "purge <bucket> <key>",
		Short:             "Deletes a key from the bucket, clearing history before creating a delete marker",
		Long:              "Deletes a key and its history from the bucket, and leaves a purge marker.",
		Example:           "  kv purge Bucket1 Key1 --ttl 1h --force",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.purge(cmd.Context(), args[0], args[1], time.Duration(ttl), force)
		},
	}
	addForce(cmd, &force)
	cmd.Flags().Var(&ttl, "ttl", "how long to keep the purge marker for")
	return cmd
}

func (a *app) purge(ctx context.Context, bucket, key string, ttl time.Duration, force bool) error {
	ok, err := a.sure(ctx, force, "Skipping purge", "Purge key %s > %s?", bucket, key)
	if err != nil || !ok {
		return err
	}
	var opts []kv.PurgeOption
	if ttl > 0 {
		opts = append(opts, kv.PurgeTTL(ttl))
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error { return b.Purge(ctx, key, opts...) })
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newDel(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "del <bucket> [<key>]",
		Aliases: []string{"rm"},
		Short:   "Deletes a key or the entire bucket",
		Long: `Deletes a key or the entire bucket.

A key gets a delete marker, and keeps its history. A bucket is gone with all
that is in it.`,
		Example:           "  kv del Bucket1 Key1\n  kv del Bucket1 --force",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.delBucket(cmd.Context(), args[0], force)
			}
			return a.delKey(cmd.Context(), args[0], args[1], force)
		},
	}
	addForce(cmd, &force)
	return cmd
}

func (a *app) delKey(ctx context.Context, bucket, key string, force bool) error {
	ok, err := a.sure(ctx, force, "Skipping delete", "Delete key %s > %s?", bucket, key)
	if err != nil || !ok {
		return err
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error { return b.Delete(ctx, key) })
}

func (a *app) delBucket(ctx context.Context, bucket string, force bool) error {
	ok, err := a.sure(ctx, force, "Skipping delete", "Delete bucket %s?", bucket)
	if err != nil || !ok {
		return err
	}
	return a.write(func(db *kv.DB) error { return db.DeleteBucket(ctx, bucket) })
}

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newPut(a *app) *cobra.Command {
	return &cobra.Command{
		Use:               "put <bucket> <key> [<value>]",
		Short:             "Puts a value into a key",
		Long:              "Puts a value into a key, whatever is there.\n\n" + valueHelp,
		Example:           "  kv put Bucket1 Key1 Value1\n  kv put Bucket1 photo < photo.jpg",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.put(cmd.Context(), args[0], args[1], argument(args, 2, ""))
		},
	}
}

func (a *app) put(ctx context.Context, bucket, key, argument string) error {
	value, err := a.valueOf(ctx, argument)
	if err != nil {
		return err
	}
	return a.writeBucket(ctx, bucket, func(b *kv.Bucket) error {
		if _, err := b.Put(ctx, key, value); err != nil {
			return err
		}
		a.ui.Printf("%s\n", argument)
		return nil
	})
}

package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

// Completion must not keep somebody waiting who presses a key.
const (
	completeTime = time.Second
	completeMost = 200
)

// completeBucket completes the first argument, which is a bucket.
func (a *app) completeBucket(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	a.complete(cmd.Context(), func(ctx context.Context, db *kv.DB) (err error) {
		names, err = db.BucketNames(ctx)
		return err
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeKey completes the first argument, a bucket, and the second, a key of it.
func (a *app) completeKey(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeBucket(cmd, args, begun)
	}
	var keys []string
	if len(args) == 1 {
		a.complete(cmd.Context(), func(ctx context.Context, db *kv.DB) error {
			b, err := db.Bucket(ctx, args[0])
			if err != nil {
				return err
			}
			for key, err := range b.Keys(ctx, patternBefore(begun)) {
				if err != nil || len(keys) == completeMost {
					return err
				}
				if strings.HasPrefix(key, begun) {
					keys = append(keys, key)
				}
			}
			return nil
		})
	}
	return keys, cobra.ShellCompDirectiveNoFileComp
}

// patternBefore returns the narrowest pattern for keys that begin with a text.
func patternBefore(begun string) string { return begun[:strings.LastIndexByte(begun, '.')+1] + ">" }

// complete calls f with the folder. What goes wrong is not for somebody who presses a key.
func (a *app) complete(ctx context.Context, f func(context.Context, *kv.DB) error) {
	ctx, cancel := context.WithTimeout(ctx, completeTime)
	defer cancel()
	_ = a.read(func(db *kv.DB) error { return f(ctx, db) })
}

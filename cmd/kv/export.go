package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "export <bucket> [<file>]",
		Short: "Writes a bucket with its history as lines of JSON",
		Long: `Writes a bucket with its history as lines of JSON: its configuration, a line for
each kept revision, and their number. Without a file it goes to standard output.
A file that exists is left alone.`,
		Example:           "  kv export Bucket1 | jq -r 'select(.operation==\"PUT\") | .key'\n  kv export Bucket1 bucket1.jsonl",
		Args:              arguments,
		ValidArgsFunction: a.completeBucketThenFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.export(cmd.Context(), args[0], argument(args, 1, stdio))
		},
	}
}

func (a *app) export(ctx context.Context, bucket, name string) error {
	return a.readBucket(ctx, bucket, func(b *kv.Bucket) error {
		if name == stdio {
			return b.Export(ctx, a.ui.Out)
		}
		return a.writeFile(name, func(w io.Writer) error {
			bar, tell := a.progress("export")
			defer bar.Close()
			return b.Export(ctx, w, tell)
		})
	})
}

// completeBucketThenFile completes the first argument, which is a bucket, and leaves the second to the shell.
func (a *app) completeBucketThenFile(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeBucket(cmd, args, begun)
	}
	return nil, cobra.ShellCompDirectiveDefault
}

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newImport(a *app) *cobra.Command {
	var as string
	cmd := &cobra.Command{
		Use:   "import [<file>]",
		Short: "Makes a bucket of what export wrote",
		Long: `Makes a bucket of what "kv export" wrote, with its configuration, revisions,
times and deadlines, whole or not at all. Without a file it comes from standard
input. The folder is made if there is none.`,
		Example: "  kv import bucket1.jsonl --as Bucket2",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.importBucket(cmd.Context(), argument(args, 0, stdio), as)
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "give the bucket another `NAME`")
	return cmd
}

func (a *app) importBucket(ctx context.Context, name, as string) error {
	return a.readFile(name, func(r io.Reader) error {
		return a.writeNew(func(db *kv.DB) error {
			b, err := a.importTo(ctx, db, r, as)
			if err != nil {
				return err
			}
			return a.showInfo(ctx, b)
		})
	})
}

func (a *app) importTo(ctx context.Context, db *kv.DB, r io.Reader, as string) (*kv.Bucket, error) {
	bar, tell := a.progress("import")
	defer bar.Close()
	opts := []kv.ImportOption{tell}
	if as != "" {
		opts = append(opts, kv.ImportAs(as))
	}
	return db.Import(ctx, r, opts...)
}

package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newBackup(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup <file>",
		Short: "Writes all buckets of the folder to one file",
		Long: `Writes all buckets of the folder to one file, a tar archive, which "kv restore"
makes a folder of. With - it goes to standard output. A file that exists is left
alone. It works while another process has the folder open.`,
		Example: "  kv backup monday.tar\n  kv backup - | gzip > monday.tar.gz",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.backup(cmd.Context(), args[0])
		},
	}
}

func (a *app) backup(ctx context.Context, name string) error {
	return a.read(func(db *kv.DB) error {
		return a.writeFile(name, func(w io.Writer) error {
			bar, tell := a.progress("backup")
			defer bar.Close()
			return db.Backup(ctx, w, tell)
		})
	})
}

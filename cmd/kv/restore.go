package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newRestore(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "restore <file>",
		Short: "Makes the folder of a file that backup wrote",
		Long: `Makes the folder of a file that "kv backup" wrote, and checks all of it. The
folder must not exist, or be empty. With - the file is standard input.`,
		Example: "  kv restore monday.tar --dir /var/lib/app/restored",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.restore(cmd.Context(), args[0])
		},
	}
}

func (a *app) restore(ctx context.Context, name string) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	return a.readFile(name, func(r io.Reader) error {
		bar, tell := a.progress("restore")
		defer bar.Close()
		err := kv.Restore(ctx, r, dir, tell)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("%s is not empty, and restore makes a new folder: name it with --dir", dir)
		}
		return err
	})
}

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
)

func newVerify(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Reads all files of the folder and shows what is damaged",
		Long: `Reads all files of the folder, values too, and shows what is not as it was
written, with file, offset and the revisions that are lost. It changes nothing,
and works while another process has the folder open.

The exit status is 1 if something is damaged.`,
		Example: "  kv verify --dir /var/lib/app/buckets",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := a.verify(cmd.Context())
			if err != nil {
				return err
			}
			return a.showReport(report, asJSON)
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

// errDamaged: what is damaged has been shown.
var errDamaged = errors.New("the folder is damaged, \"kv repair\" saves what is whole")

// verify reads the folder, with a bar.
func (a *app) verify(ctx context.Context) (*kv.Report, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	bar, tell := a.progress("verify")
	defer bar.Close()
	report, err := kv.Verify(ctx, dir, tell)
	if err == nil && isEmpty(dir) {
		err = report.Err()
	}
	return report, missing(dir, err)
}

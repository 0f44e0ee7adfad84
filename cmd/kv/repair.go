package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
)

func newRepair(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "repair <new-folder>",
		Short: "Makes a new folder of all that is whole in a damaged one",
		Long: `Makes a new folder of all that is whole in the folder, which stays as it is. The
new folder must not exist, or be empty. No process can open the folder for
writing meanwhile, and none may have it open.

What was found is shown as by "kv verify"; the table of buckets is about the new
folder. The exit status is 0 if the new folder is made, whatever is lost.`,
		Example: "  kv repair --dir /var/lib/app/buckets /var/lib/app/repaired",
		Args:    arguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.repair(cmd.Context(), args[0])
		},
	}
}

func (a *app) repair(ctx context.Context, dst string) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	report, err := a.repairTo(ctx, dir, dst)
	if err != nil {
		return missing(dir, err)
	}
	if err := a.showReport(report, false); !errors.Is(err, errDamaged) {
		return err
	}
	a.ui.Remarkf("what is whole is in %s", dst)
	return nil
}

func (a *app) repairTo(ctx context.Context, dir, dst string) (*kv.Report, error) {
	release, err := place.Hold(dir)
	if err != nil {
		return nil, err
	}
	bar, tell := a.progress("repair")
	defer bar.Close()
	report, err := kv.Repair(ctx, dir, dst, tell)
	return report, errors.Join(err, release())
}

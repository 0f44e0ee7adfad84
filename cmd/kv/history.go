package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

func newHistory(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "history <bucket> <key>",
		Short: "Shows the full history for a key",
		Long: `Shows the kept revisions of a key, oldest first.

Of a long value the beginning and the end are shown; a value that is not text is
shown in base64.`,
		Example:           "  kv history Bucket1 Key1",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.readBucket(cmd.Context(), args[0], func(b *kv.Bucket) error {
				return a.showHistory(cmd.Context(), b, args[1], asJSON)
			})
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

func (a *app) showHistory(ctx context.Context, b *kv.Bucket, key string, asJSON bool) error {
	entries, err := b.History(ctx, key)
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.JSON(documentsOf(entries))
	}
	table := ui.NewTable(fmt.Sprintf("History for %s > %s", b.Name(), key), "Key", "Revision", "Op", "Created", "Length", "Value")
	for _, e := range entries {
		table.Add(e.Key, e.Revision, e.Operation.String(), ui.Time(e.Created), units.FormatCount(len(e.Value)), ui.Cell(e.Value))
	}
	a.ui.Table(table)
	return nil
}

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

func newInfo(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "info <bucket>",
		Aliases: []string{"view", "status"},
		Short:   "View the status of a KV store",
		Long: `View the status of a KV store: its configuration and how much is in it.

When it was created is what the file system tells, or its oldest kept revision
if that is older.`,
		Example:           "  kv info Bucket1",
		Args:              arguments,
		ValidArgsFunction: a.completeBucket,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.readBucket(cmd.Context(), args[0], func(b *kv.Bucket) error {
				if asJSON {
					return a.infoJSON(cmd.Context(), b)
				}
				return a.showInfo(cmd.Context(), b)
			})
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

func (a *app) showInfo(ctx context.Context, b *kv.Bucket) error {
	nfo, err := a.bucketInfo(ctx, b)
	if err != nil {
		return err
	}
	cfg := nfo.Config
	sheet := ui.NewSheet(fmt.Sprintf("Information for Key-Value Store Bucket %s created %s",
		cfg.Bucket, nfo.Created.Local().Format(time.RFC3339)))
	sheet.Section("Configuration")
	sheet.Add("Bucket Name", cfg.Bucket)
	sheet.Add("History Kept", cfg.History)
	sheet.Add("Values Stored", units.FormatCount(nfo.Values))
	sheet.Add("Compressed", cfg.Compression)
	if cfg.LimitMarkerTTL > 0 {
		sheet.Add("Limit Marker TTL", units.FormatDuration(cfg.LimitMarkerTTL))
	}
	sheet.Add("Backing Store Kind", "Folder")
	if cfg.Description != "" {
		sheet.Add("Description", ui.Text(cfg.Description))
	}
	sheet.Add("Bucket Size", units.FormatSize(nfo.Bytes))
	sheet.Add("Maximum Bucket Size", units.FormatLimit(cfg.MaxBytes))
	sheet.Add("Maximum Value Size", units.FormatLimit(int64(cfg.MaxValueSize)))
	age := "unlimited"
	if cfg.TTL > 0 {
		age = units.FormatDuration(cfg.TTL)
	}
	sheet.Add("Maximum Age", age)
	sheet.Add("Folder", nfo.Folder)
	sheet.Add("Storage", "File")
	if len(cfg.Metadata) > 0 {
		sheet.Section("Metadata")
		for _, name := range slices.Sorted(maps.Keys(cfg.Metadata)) {
			sheet.Add(ui.Text(name), ui.Text(cfg.Metadata[name]))
		}
	}
	a.ui.Sheet(sheet)
	return nil
}

func (a *app) infoJSON(ctx context.Context, b *kv.Bucket) error {
	nfo, err := a.bucketInfo(ctx, b)
	if err != nil {
		return err
	}
	return a.ui.JSON(nfo)
}

// A bucketInfo is the state of a bucket as --json shows it.
type bucketInfo struct {
	Config  kv.Config  `json:"config"`
	Folder  string     `json:"folder"`
	Created time.Time  `json:"created"`
	Updated *time.Time `json:"updated,omitempty"` // of the newest revision, if it is kept
	Keys    int        `json:"keys"`              // markers included
	Values  int        `json:"values"`            // revisions, markers included
	Bytes   int64      `json:"bytes"`             // of keys and values
	Oldest  uint64     `json:"oldest"`
	Newest  uint64     `json:"newest"`
}

func (a *app) bucketInfo(ctx context.Context, b *kv.Bucket) (*bucketInfo, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	st, err := b.Status(ctx)
	if err != nil {
		return nil, err
	}
	nfo := &bucketInfo{
		Config: st.Config, Folder: dir, Created: place.Made(dir, b.Name()),
		Keys: st.Keys, Values: st.Values, Bytes: st.Bytes, Oldest: st.Oldest, Newest: st.Newest,
	}
	oldest, ok, err := keptFrom(ctx, b, st.Oldest)
	if err != nil {
		return nil, err
	}
	if ok && (nfo.Created.IsZero() || oldest.Created.Before(nfo.Created)) {
		nfo.Created = oldest.Created
	}
	newest, ok, err := keptFrom(ctx, b, st.Newest)
	if ok {
		nfo.Updated = &newest.Created
	}
	return nfo, err
}

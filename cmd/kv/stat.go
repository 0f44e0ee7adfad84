package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/place"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

func newStat(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stat [<bucket>]",
		Short: "Shows how much is in buckets, and what it takes on disk",
		Long: `Shows of all buckets, or of one, how many keys and revisions they hold and how
many bytes these have; and of how many segments their logs consist, how many
bytes all files of the bucket have, and which share of the records in them is
live: of revisions that are kept.

It reads all files of the folder for that.`,
		Example:           "  kv stat\n  kv stat Bucket1 --json",
		Args:              arguments,
		ValidArgsFunction: a.completeBucket,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.stat(cmd.Context(), argument(args, 0, ""), asJSON)
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

// A bucketStat is how large a bucket is, as --json shows it.
type bucketStat struct {
	Bucket    string  `json:"bucket"`
	Keys      int     `json:"keys"`
	Revisions int     `json:"revisions"`
	Bytes     int64   `json:"bytes"` // of keys and values
	Oldest    uint64  `json:"oldest"`
	Newest    uint64  `json:"newest"`
	Segments  int     `json:"segments"`
	OnDisk    int64   `json:"on_disk"` // bytes of its files
	Live      int64   `json:"live"`    // bytes of records that are kept
	Dead      int64   `json:"dead"`    // bytes of records that are not
	LiveShare float64 `json:"live_share"`
}

func (a *app) stat(ctx context.Context, bucket string, asJSON bool) error {
	var statuses []kv.Status
	err := a.read(func(db *kv.DB) (err error) {
		if bucket == "" {
			statuses, err = db.Buckets(ctx)
			return err
		}
		b, err := db.Bucket(ctx, bucket)
		if err != nil {
			return err
		}
		st, err := b.Status(ctx)
		statuses = []kv.Status{st}
		return err
	})
	if err != nil {
		return err
	}
	report, err := a.verify(ctx)
	if err != nil {
		return err
	}
	stats, err := a.statsOf(statuses, report)
	if err != nil {
		return err
	}
	if asJSON {
		return a.ui.JSON(stats)
	}
	a.showStats(stats)
	return nil
}

func (a *app) statsOf(statuses []kv.Status, report *kv.Report) ([]bucketStat, error) {
	dir, err := a.dir()
	if err != nil {
		return nil, err
	}
	reports := map[string]kv.BucketReport{}
	for _, r := range report.Buckets {
		reports[r.Bucket] = r
	}
	stats := make([]bucketStat, len(statuses))
	for i, st := range statuses {
		r := reports[st.Config.Bucket]
		files, err := place.FilesOf(dir, st.Config.Bucket)
		if err != nil {
			return nil, err
		}
		stats[i] = bucketStat{
			Bucket: st.Config.Bucket, Keys: st.Keys, Revisions: st.Values, Bytes: st.Bytes, Oldest: st.Oldest, Newest: st.Newest,
			Segments: r.Segments, OnDisk: files.Bytes(), Live: r.Live, Dead: r.Dead, LiveShare: 1,
		}
		if all := r.Live + r.Dead; all > 0 {
			stats[i].LiveShare = float64(r.Live) / float64(all)
		}
	}
	return stats, nil
}

func (a *app) showStats(stats []bucketStat) {
	table := ui.NewTable("Buckets", "Bucket", "Keys", "Revisions", "Bytes", "Oldest", "Newest", "Segments", "On Disk", "Live")
	for _, s := range stats {
		table.Add(s.Bucket, units.FormatCount(s.Keys), units.FormatCount(s.Revisions), units.FormatSize(s.Bytes),
			s.Oldest, s.Newest, s.Segments, units.FormatSize(s.OnDisk), fmt.Sprintf("%.0f%%", 100*s.LiveShare))
	}
	a.ui.Table(table)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

// A lsOptions is the flags of ls.
type lsOptions struct {
	names, verbose, values, asJSON bool
	at                             revisionFlag
}

func newLs(a *app) *cobra.Command {
	var o lsOptions
	cmd := &cobra.Command{
		Use:     "ls [<bucket>] [<pattern>]",
		Aliases: []string{"list"},
		Short:   "List available buckets or the keys in a bucket",
		Long: `Lists the buckets, or the keys in a bucket that have a value and match a
pattern, in rising order.

A pattern is a key in which * stands for one token and > for the rest:
orders.*.state, orders.>

With --at it is the keys that had a value when the bucket was at a revision, as
far as their history is kept. How many keys have none that goes back so far is
said on standard error.`,
		Example:           "  kv ls\n  kv ls Bucket1 \"orders.>\" --verbose --display-value\n  kv ls Bucket1 --at 100",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0:
				return a.lsKeys(cmd.Context(), args[0], argument(args, 1, ">"), o)
			case o.at > 0:
				return usagef("--at needs a bucket")
			}
			return a.lsBuckets(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.BoolVarP(&o.names, "names", "n", false, "show only the names of buckets, or keys")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show a table of keys")
	flags.BoolVar(&o.values, "display-value", false, "show values in the table of keys")
	flags.Var(&o.at, "at", "list the keys as they were when the bucket was at this revision")
	addJSON(cmd, &o.asJSON)
	return cmd
}

func (a *app) lsBuckets(ctx context.Context, o lsOptions) error {
	list := []*bucketInfo{}
	err := a.read(func(db *kv.DB) (err error) {
		list, err = a.bucketInfos(ctx, db)
		return err
	})
	none := errors.Is(err, errNoFolder)
	switch {
	case err != nil && !none:
		return err
	case o.names:
		for _, nfo := range list {
			a.ui.Printf("%s\n", nfo.Config.Bucket)
		}
	case o.asJSON:
		return a.ui.JSON(list)
	case none:
		a.ui.Remarkf("No Key-Value buckets found: %s", message(err))
	case len(list) == 0:
		a.ui.Remarkf("No Key-Value buckets found")
	default:
		a.ui.Table(bucketTable(list))
	}
	return nil
}

// bucketInfos returns the state of all buckets.
func (a *app) bucketInfos(ctx context.Context, db *kv.DB) ([]*bucketInfo, error) {
	names, err := db.BucketNames(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*bucketInfo, len(names))
	for i, name := range names {
		b, err := db.Bucket(ctx, name)
		if err != nil {
			return nil, err
		}
		if list[i], err = a.bucketInfo(ctx, b); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func bucketTable(list []*bucketInfo) *ui.Table {
	table := ui.NewTable("Key-Value Buckets", "Bucket", "Description", "Created", "Size", "Values", "Last Update")
	for _, nfo := range list {
		updated := "never"
		switch {
		case nfo.Updated != nil:
			updated = units.FormatAge(time.Since(*nfo.Updated))
		case nfo.Newest > 0:
			updated = "unknown" // the newest revision has expired, or was cleared up
		}
		table.Add(nfo.Config.Bucket, ui.Text(nfo.Config.Description), ui.Time(nfo.Created),
			units.FormatSize(nfo.Bytes), units.FormatCount(nfo.Values), updated)
	}
	return table
}

func (a *app) lsKeys(ctx context.Context, bucket, pattern string, o lsOptions) error {
	return a.readBucket(ctx, bucket, func(b *kv.Bucket) error {
		entries := b.Entries(ctx, pattern)
		if !o.verbose && !o.asJSON {
			entries = keysOnly(b.Keys(ctx, pattern))
		}
		if o.at > 0 {
			past, err := a.entriesAt(ctx, b, pattern, o)
			if err != nil {
				return err
			}
			entries = past
		}
		switch {
		case o.asJSON:
			return a.lsJSON(entries)
		case o.verbose:
			return a.lsTable(bucket, entries, o)
		}
		return a.lsNames(entries, o)
	})
}

// keysOnly returns entries that have a key and nothing else, for which no value has to be read.
func keysOnly(keys iter.Seq2[string, error]) iter.Seq2[kv.Entry, error] {
	return func(yield func(kv.Entry, error) bool) {
		for key, err := range keys {
			if !yield(kv.Entry{Key: key}, err) {
				return
			}
		}
	}
}

// entriesAt returns the entries that a bucket had at a revision, with values only if they are to be shown.
func (a *app) entriesAt(ctx context.Context, b *kv.Bucket, pattern string, o lsOptions) (iter.Seq2[kv.Entry, error], error) {
	pasts, err := pastsOf(ctx, b, pattern, uint64(o.at))
	if err != nil {
		return nil, err
	}
	forgotten := 0
	for _, p := range pasts {
		if p.forgotten() {
			forgotten++
		}
	}
	if forgotten > 0 {
		a.ui.Remarkf("%s keys have no history that goes back to revision %d", units.FormatCount(forgotten), o.at)
	}
	return func(yield func(kv.Entry, error) bool) {
		for _, p := range pasts {
			if !p.live() {
				continue
			}
			e, err := p.then, error(nil)
			if o.asJSON || o.verbose && o.values {
				e, err = b.GetRevision(ctx, p.key, p.then.Revision)
			}
			if !yield(e, err) {
				return
			}
		}
	}, nil
}

func (a *app) lsNames(entries iter.Seq2[kv.Entry, error], o lsOptions) error {
	found := false
	for e, err := range entries {
		if err != nil {
			return err
		}
		found = true
		a.ui.Printf("%s\n", e.Key)
	}
	if !found && !o.names {
		a.ui.Remarkf("No keys found in bucket")
	}
	return nil
}

func (a *app) lsTable(bucket string, entries iter.Seq2[kv.Entry, error], o lsOptions) error {
	header := []string{"Key", "Created", "Delta", "Revision"}
	if o.values {
		header = append(header, "Value")
	}
	table := ui.NewTable(fmt.Sprintf("Contents for bucket '%s'", bucket), header...)
	found := false
	for e, err := range entries {
		if err != nil {
			return err
		}
		found = true
		row := []any{e.Key, ui.Time(e.Created), e.Delta, e.Revision}
		if o.values {
			row = append(row, ui.Cell(e.Value))
		}
		table.Add(row...)
	}
	if !found {
		a.ui.Remarkf("No keys found in bucket")
		return nil
	}
	a.ui.Table(table)
	return nil
}

func (a *app) lsJSON(entries iter.Seq2[kv.Entry, error]) error {
	list := []kv.Entry{}
	for e, err := range entries {
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	return a.ui.JSON(documentsOf(list))
}

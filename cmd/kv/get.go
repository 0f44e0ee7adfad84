package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
	"github.com/revkv/kv/cmd/kv/internal/units"
)

// A getOptions is the flags of get.
type getOptions struct {
	revision, at revisionFlag
	raw, asJSON  bool
}

func newGet(a *app) *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use:   "get <bucket> <key>",
		Short: "Gets a value for a key",
		Long: `Gets a value for a key: the newest, that of one of its revisions, or the one
that it had when the bucket was at a revision, as far as its history is kept.

A value that is not text is shown in base64, with --raw as it is.`,
		Example:           "  kv get Bucket1 Key1\n  kv get Bucket1 Key1 --revision 3 --raw",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.get(cmd.Context(), args[0], args[1], o)
		},
	}
	flags := cmd.Flags()
	flags.Var(&o.revision, "revision", "get a specific revision of the key")
	flags.Var(&o.at, "at", "get what the key had when the bucket was at this revision")
	flags.BoolVar(&o.raw, "raw", false, "show only the value, as it is")
	addJSON(cmd, &o.asJSON)
	cmd.MarkFlagsMutuallyExclusive("revision", "at")
	cmd.MarkFlagsMutuallyExclusive("raw", "json")
	return cmd
}

func (a *app) get(ctx context.Context, bucket, key string, o getOptions) error {
	return a.readBucket(ctx, bucket, func(b *kv.Bucket) error {
		e, err := find(ctx, b, key, o)
		switch {
		case err != nil:
			return err
		case o.raw:
			_, err := a.ui.Out.Write(e.Value)
			return err
		case o.asJSON:
			return a.ui.JSON(documentOf(e))
		}
		a.showEntry(e)
		return nil
	})
}

func find(ctx context.Context, b *kv.Bucket, key string, o getOptions) (kv.Entry, error) {
	switch {
	case o.at > 0:
		return getAt(ctx, b, key, uint64(o.at))
	case o.revision > 0:
		return b.GetRevision(ctx, key, uint64(o.revision))
	}
	return b.Get(ctx, key)
}

// shownLength is how many characters of a value are shown without --raw.
const shownLength = 120

func (a *app) showEntry(e kv.Entry) {
	a.ui.Printf("%s > %s revision: %d created @ %s\n\n", e.Bucket, e.Key, e.Revision, ui.UTC(e.Created))
	value := []rune(ui.Value(e.Value))
	if n := len(value); n > shownLength {
		a.ui.Remarkf("Showing the first %d characters of %s, use --raw for full data\n", shownLength, units.FormatCount(n))
		value = value[:shownLength]
	}
	a.ui.Printf("%s\n\n", string(value))
}

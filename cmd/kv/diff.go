package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
)

func newDiff(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff <bucket> <key> <revision> [<revision>]",
		Short: "Shows the difference between two revisions of a key",
		Long: `Shows the difference between two revisions of a key, line by line, or between
one and the newest.

If they are the same nothing is shown. Values that are not text are compared,
and only their lengths are shown.`,
		Example:           "  kv diff Bucket1 Key1 3 5",
		Args:              arguments,
		ValidArgsFunction: a.completeKey,
		RunE: func(cmd *cobra.Command, args []string) error {
			older, err := revisionOf(args[2])
			if err != nil {
				return err
			}
			newer, err := revisionOf(argument(args, 3, "0"))
			if err != nil {
				return err
			}
			return a.diff(cmd.Context(), args[0], args[1], older, newer, asJSON)
		},
	}
	addJSON(cmd, &asJSON)
	return cmd
}

// A diffDocument is what --json shows.
type diffDocument struct {
	Same bool          `json:"same"`
	From entryDocument `json:"from"`
	To   entryDocument `json:"to"`
	Diff string        `json:"diff,omitempty"` // of texts
}

func (a *app) diff(ctx context.Context, bucket, key string, older, newer uint64, asJSON bool) error {
	return a.readBucket(ctx, bucket, func(b *kv.Bucket) error {
		from, err := b.GetRevision(ctx, key, older)
		if err != nil {
			return err
		}
		to, err := find(ctx, b, key, getOptions{revision: revisionFlag(newer)})
		if err != nil {
			return err
		}
		if asJSON {
			doc := diffDocument{Same: bytes.Equal(from.Value, to.Value), From: documentOf(from), To: documentOf(to)}
			if !doc.Same && ui.IsText(from.Value) && ui.IsText(to.Value) {
				doc.Diff = textDiff(from, to)
			}
			return a.ui.JSON(doc)
		}
		a.showDiff(from, to)
		return nil
	})
}

func (a *app) showDiff(from, to kv.Entry) {
	switch {
	case bytes.Equal(from.Value, to.Value):
	case !ui.IsText(from.Value) || !ui.IsText(to.Value):
		a.ui.Printf("%s: %d bytes and %s: %d bytes differ\n", nameOf(from), len(from.Value), nameOf(to), len(to.Value))
	default:
		for line := range strings.Lines(textDiff(from, to)) {
			a.ui.Printf("%s", a.colorDiff(line))
		}
	}
}

var newline = []byte("\n")

// nameOf names a revision of a key.
func nameOf(e kv.Entry) string { return fmt.Sprintf("%s revision %d", e.Key, e.Revision) }

// textDiff returns the difference of two texts in the unified format.
func textDiff(from, to kv.Entry) string {
	before, after := from.Value, to.Value
	if !bytes.HasSuffix(before, newline) && !bytes.HasSuffix(after, newline) {
		// Most values end without one, which is worth a word only if that is a difference.
		before, after = slices.Concat(before, newline), slices.Concat(after, newline)
	}
	out := string(diff.Diff(nameOf(from), before, nameOf(to), after))
	_, out, _ = strings.Cut(out, "\n") // the command line of the program diff
	return out
}

func (a *app) colorDiff(line string) string {
	text, end := strings.CutSuffix(line, "\n")
	switch {
	case strings.HasPrefix(text, "+"):
		text = a.ui.Good(text)
	case strings.HasPrefix(text, "-"):
		text = a.ui.Bad(text)
	}
	if end {
		text += "\n"
	}
	return text
}

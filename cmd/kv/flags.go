package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/revkv/kv/cmd/kv/internal/units"
)

// addJSON adds --json.
func addJSON(cmd *cobra.Command, asJSON *bool) {
	cmd.Flags().BoolVar(asJSON, "json", false, "write JSON")
}

// addForce adds --force.
func addForce(cmd *cobra.Command, force *bool) {
	cmd.Flags().BoolVarP(force, "force", "f", false, "act without confirmation")
}

// sure asks a question, unless force says that the answer is known, and says skipped if it is no.
func (a *app) sure(ctx context.Context, force bool, skipped, question string, args ...any) (bool, error) {
	if force {
		return true, nil
	}
	ok, err := a.ui.Confirm(ctx, fmt.Sprintf(question, args...))
	if err == nil && !ok && skipped != "" {
		a.ui.Remarkf("%s", skipped)
	}
	return ok, err
}

// revisionOf reads a revision from the command line.
func revisionOf(text string) (uint64, error) {
	revision, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, usagef("%q is not a revision", text)
	}
	return revision, nil
}

// A durationFlag is a duration with days and weeks.
type durationFlag time.Duration

func (f *durationFlag) String() string {
	if *f == 0 {
		return ""
	}
	return units.FormatDuration(time.Duration(*f))
}
func (f *durationFlag) Type() string { return "DURATION" }
func (f *durationFlag) Set(text string) error {
	d, err := units.ParseDuration(text)
	*f = durationFlag(d)
	return err
}

// A sizeFlag is a number of bytes up to a limit.
type sizeFlag struct{ bytes, limit int64 }

func (f *sizeFlag) String() string {
	if f.bytes == 0 {
		return ""
	}
	return units.FormatLimit(f.bytes)
}
func (f *sizeFlag) Type() string { return "BYTES" }
func (f *sizeFlag) Set(text string) (err error) {
	f.bytes, err = units.ParseSize(text, f.limit)
	return err
}

// A revisionFlag is a revision, which is 1 or more; 0 if it is not given.
type revisionFlag uint64

func (f *revisionFlag) String() string { return "" }
func (f *revisionFlag) Type() string   { return "REVISION" }
func (f *revisionFlag) Set(text string) error {
	revision, err := revisionOf(text)
	if err == nil && revision == 0 {
		err = fmt.Errorf("revisions begin at 1")
	}
	*f = revisionFlag(revision)
	return err
}

// A metadataFlag is a name and a value each time it is given.
type metadataFlag map[string]string

func (f *metadataFlag) String() string { return "" }
func (f *metadataFlag) Type() string   { return "NAME=VALUE" }
func (f *metadataFlag) Set(text string) error {
	at := strings.IndexAny(text, "=:")
	if at <= 0 {
		return fmt.Errorf("%q is not NAME=VALUE", text)
	}
	if *f == nil {
		*f = metadataFlag{}
	}
	(*f)[text[:at]] = text[at+1:]
	return nil
}

// A serverFlag is one that "nats kv" has and that only a server could honour.
type serverFlag struct{}

func (serverFlag) String() string   { return "" }
func (serverFlag) Type() string     { return "" }
func (serverFlag) Set(string) error { return fmt.Errorf("it needs a NATS server") }

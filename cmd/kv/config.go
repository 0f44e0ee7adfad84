package main

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/revkv/kv"
)

// A configFlags is what add and edit can say of a bucket. Flags have the names that they have in "nats kv".
type configFlags struct {
	history       uint8
	ttl           durationFlag
	markerTTL     durationFlag
	maxValueSize  sizeFlag
	maxBucketSize sizeFlag
	description   string
	metadata      metadataFlag
	compress      bool
	storage       string
	replicas      uint
}

// serverFlags are the flags of "nats kv add" and "edit" that are about servers.
var serverFlags = []string{
	"cluster", "tags", "mirror", "mirror-domain", "no-mirror", "source",
	"republish-source", "republish-destination", "republish-headers",
}

func (f *configFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.Uint8Var(&f.history, "history", 1, "how many revisions to keep of a key, up to 64")
	flags.Var(&f.ttl, "ttl", "how long to keep values for: 90s, 1h30m, 7d")
	flags.Var(&f.markerTTL, "marker-ttl", "how long to keep the limit markers of keys that expire; 0 for none")
	f.maxValueSize.limit, f.maxBucketSize.limit = math.MaxInt32, math.MaxInt64
	flags.Var(&f.maxValueSize, "max-value-size", "most bytes of a value: 512, 64K, 10MB; -1 for no limit")
	flags.Var(&f.maxBucketSize, "max-bucket-size", "most bytes of the bucket, keys and values of all kept revisions; -1 for no limit")
	flags.StringVar(&f.description, "description", "", "a description for the bucket")
	flags.Var(&f.metadata, "metadata", "metadata, once for each name; edit replaces all of it")
	flags.BoolVar(&f.compress, "compress", false, "compress values, which buckets in a folder cannot")
	flags.StringVar(&f.storage, "storage", "file", "where the bucket is: file, which is all there is")
	flags.UintVar(&f.replicas, "replicas", 1, "how many replicas of the bucket: 1, which is all there is")
	for _, name := range []string{"storage", "replicas"} {
		_ = flags.MarkHidden(name)
	}
	for _, name := range serverFlags {
		flags.VarPF(serverFlag{}, name, "", "").NoOptDefVal = "true"
		_ = flags.MarkHidden(name)
	}
}

// apply sets in cfg what was given on the command line.
func (f *configFlags) apply(flags *pflag.FlagSet, cfg *kv.Config) error {
	if f.replicas != 1 {
		return usagef("--replicas %d: a bucket in a folder has one", f.replicas)
	}
	if s := strings.ToLower(f.storage); !slices.Contains([]string{"file", "f"}, s) {
		return usagef("--storage %s: a bucket in a folder is in files", f.storage)
	}
	set := map[string]func(){
		"history":         func() { cfg.History = f.history },
		"ttl":             func() { cfg.TTL = time.Duration(f.ttl) },
		"marker-ttl":      func() { cfg.LimitMarkerTTL = time.Duration(f.markerTTL) },
		"max-value-size":  func() { cfg.MaxValueSize = int32(f.maxValueSize.bytes) },
		"max-bucket-size": func() { cfg.MaxBytes = f.maxBucketSize.bytes },
		"description":     func() { cfg.Description = f.description },
		"metadata":        func() { cfg.Metadata = f.metadata },
		"compress":        func() { cfg.Compression = f.compress },
	}
	flags.Visit(func(flag *pflag.Flag) {
		if apply, ok := set[flag.Name]; ok {
			apply()
		}
	})
	return nil
}

package natskv

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/wire"
)

// What of a client's configuration the engine has no field for is in labels. A bucket without labels is what a server makes by
// default: in files, one replica, not compressed.
const (
	compressionLabel = "compression"
	s2Compression    = "s2"
	placementLabel   = "placement"        // JSON
	limitTTLLabel    = "limit-marker-ttl" // as asked for, if that is more than the seconds which the server goes by
)

// Metadata that a server adds, as of the one that was measured.
const (
	serverVersion      = "2.15.2"
	serverLevel        = "5"
	versionMetadata    = "_nats.ver"
	levelMetadata      = "_nats.level"
	neededMetadata     = "_nats.req.level"
	neededMetadataSize = len(neededMetadata) + 1
)

// engineConfig returns what the engine is told for a configuration that checkConfig has nothing against.
func engineConfig(c *jetstream.KeyValueConfig) (kv.Config, error) {
	cfg := kv.Config{
		Bucket:         c.Bucket,
		Description:    text(c.Description),
		History:        max(c.History, 1),
		MaxValueSize:   c.MaxValueSize,
		MaxBytes:       c.MaxBytes,
		TTL:            c.TTL,
		LimitMarkerTTL: wire.Seconds(c.LimitMarkerTTL),
		Metadata:       userMetadata(c.Metadata),
		Labels:         map[string]string{},
	}
	if c.Storage == jetstream.MemoryStorage {
		cfg.Labels[wire.StorageLabel] = wire.MemoryStorage
	}
	if c.Compression {
		cfg.Labels[compressionLabel] = s2Compression
	}
	if c.LimitMarkerTTL != cfg.LimitMarkerTTL {
		cfg.Labels[limitTTLLabel] = c.LimitMarkerTTL.String()
	}
	if p := c.Placement; p != nil && (p.Cluster != "" || len(p.Tags) > 0) {
		placement, err := json.Marshal(p)
		if err != nil {
			return kv.Config{}, err
		}
		cfg.Labels[placementLabel] = string(placement)
	}
	return cfg, nil
}

// clientConfig returns a configuration as a server reports it for one bucket.
func clientConfig(cfg *kv.Config) jetstream.KeyValueConfig {
	c := jetstream.KeyValueConfig{
		Bucket:         cfg.Bucket,
		Description:    cfg.Description,
		History:        cfg.History,
		MaxValueSize:   cfg.MaxValueSize,
		MaxBytes:       cfg.MaxBytes,
		TTL:            cfg.TTL,
		LimitMarkerTTL: limitMarkerTTL(cfg),
		Replicas:       1,
		Compression:    cfg.Labels[compressionLabel] != "",
		Metadata:       map[string]string{},
	}
	if cfg.Labels[wire.StorageLabel] == wire.MemoryStorage {
		c.Storage = jetstream.MemoryStorage
	}
	if label := cfg.Labels[placementLabel]; label != "" {
		c.Placement = &jetstream.Placement{}
		if json.Unmarshal([]byte(label), c.Placement) != nil {
			c.Placement = nil
		}
	}
	maps.Copy(c.Metadata, cfg.Metadata)
	c.Metadata[neededMetadata] = "0"
	if c.LimitMarkerTTL > 0 {
		c.Metadata[neededMetadata] = "1"
	}
	return c
}

// addVersion adds the metadata that tells about the server. In listings of all buckets it is missing.
func addVersion(metadata map[string]string) {
	metadata[versionMetadata] = serverVersion
	metadata[levelMetadata] = serverLevel
}

// limitMarkerTTL returns the LimitMarkerTTL that was asked for.
func limitMarkerTTL(cfg *kv.Config) time.Duration {
	asked, err := time.ParseDuration(cfg.Labels[limitTTLLabel])
	if err != nil || wire.Seconds(asked) != cfg.LimitMarkerTTL {
		return cfg.LimitMarkerTTL
	}
	return asked
}

// sentMetadata returns metadata as it arrives at a server. Of keys that are the same there the last one counts.
func sentMetadata(metadata map[string]string) map[string]string {
	sent := make(map[string]string, len(metadata))
	for _, k := range slices.Sorted(maps.Keys(metadata)) {
		sent[text(k)] = text(metadata[k])
	}
	return sent
}

// userMetadata is sentMetadata without what a server adds.
func userMetadata(metadata map[string]string) map[string]string {
	user := sentMetadata(metadata)
	for _, k := range [...]string{versionMetadata, levelMetadata, neededMetadata} {
		delete(user, k)
	}
	return user
}

// text returns a string as it arrives at a server: every byte that is not UTF-8 has been replaced.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// maxServerBytes is a MaxBytes that no server has room for.
const maxServerBytes = 1 << 60

// checkStored is checkConfig for a configuration as a server keeps it, with the metadata that it adds.
func checkStored(c *jetstream.KeyValueConfig) error {
	return checkConfig(c, neededMetadataSize+metadataSize(userMetadata(c.Metadata)))
}

func metadataSize(metadata map[string]string) (n int) {
	for k, v := range metadata {
		n += len(k) + len(v)
	}
	return n
}

// checkConfig refuses what a single server refuses, in its order, and what only a server can do. Of the metadata only the size
// matters.
func checkConfig(c *jetstream.KeyValueConfig, metadata int) error {
	invalid := func(format string, args ...any) error {
		return apiError(500, codeInvalidConfig, fmt.Sprintf(format, args...))
	}
	switch {
	case len(c.Bucket) > kv.MaxBucketNameLength:
		return invalid("stream name is too long, maximum allowed is 255")
	case len(text(c.Description)) > kv.MaxDescriptionLength:
		return invalid("stream description is too long, maximum allowed is %d", kv.MaxDescriptionLength)
	case metadata > kv.MaxMetadataLength:
		return invalid("stream metadata exceeds maximum size of %d bytes", kv.MaxMetadataLength)
	case c.Replicas > 5:
		return invalid("maximum replicas is 5")
	case c.Replicas < 0:
		return apiError(400, codeNegativeReplicas, "replicas count cannot be negative")
	case c.TTL < 0:
		return invalid("max age can not be negative")
	case c.TTL != 0 && c.TTL < 100*time.Millisecond:
		return invalid("max age needs to be >= 100ms")
	case c.LimitMarkerTTL > 0 && c.LimitMarkerTTL < time.Second:
		return invalid("subject delete marker TTL must be at least 1 second")
	case c.LimitMarkerTTL < 0:
		return invalid("subject delete marker TTL must not be negative")
	}
	return checkFeatures(c)
}

// checkReplicas refuses what only a cluster has.
func checkReplicas(c *jetstream.KeyValueConfig) error {
	if c.Replicas > 1 {
		return apiError(500, codeReplicas, "replicas > 1 not supported in non-clustered mode")
	}
	return nil
}

// checkFeatures refuses what needs more than one process or another bucket, and what is not known.
func checkFeatures(c *jetstream.KeyValueConfig) error {
	if err := checkFields(c, unknownConfig); err != nil {
		return err
	}
	if err := checkFields(c.Placement, unknownPlacement); err != nil {
		return err
	}
	in := fmt.Sprintf(" of bucket %q", c.Bucket)
	switch {
	case c.Mirror != nil:
		return unsupported("Mirror"+in, "buckets do not copy from each other")
	case len(c.Sources) > 0:
		return unsupported("Sources"+in, "buckets do not copy from each other")
	case c.RePublish != nil:
		return unsupported("RePublish"+in, "there are no subjects to publish to")
	}
	return nil
}

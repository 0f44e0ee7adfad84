package kv

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"
	"unicode/utf8"
)

// Limits on configurations and values. History, description and metadata have the limits of a NATS server.
const (
	// MaxHistory is the largest depth.
	MaxHistory = 64
	// MaxDescriptionLength is the most bytes of a description.
	MaxDescriptionLength = 4096
	// MaxMetadataLength is the most bytes of all keys and values of a bucket's metadata together.
	MaxMetadataLength = 131072
	// MaxValueLength is the most bytes of a value in any bucket, and of all values of one batch together.
	MaxValueLength = 1 << 30
)

// Storage says where a bucket is kept.
type Storage uint8

const (
	DefaultStorage Storage = iota // where the database keeps its buckets
	FileStorage                   // in the database's folder
	MemoryStorage                 // in memory
)

// A Config describes a bucket. Only Bucket is needed: the zero value of each other field is its default.
//
// The fields are those of jetstream.KeyValueConfig that mean something in one process.
type Config struct {
	// Bucket is the name: one or more of a-z A-Z 0-9 _ -, at most MaxBucketNameLength bytes.
	Bucket string `json:"bucket"`

	// Description is free text, UTF-8, of at most MaxDescriptionLength bytes.
	Description string `json:"description,omitempty"`

	// History is the depth: how many revisions of a key are kept, markers included, from 1 to MaxHistory; 0 means 1.
	// Lowering it drops the oldest revisions of every key at once; raising it brings nothing back.
	History uint8 `json:"history"`

	// MaxValueSize is the most bytes of a value. 0 and less mean no limit; Config as reported by Status has -1 then.
	// Lowering it leaves larger values as they are.
	MaxValueSize int32 `json:"max_value_size"`

	// MaxBytes is the most bytes of the bucket: keys and values of all kept revisions, each counted with its key.
	// 0 and less mean no limit; Config as reported by Status has -1 then.
	// A write fits if the bucket is within the limit after it, or no larger than before. Nothing is evicted to make
	// room, and Delete and Purge always fit. Lowering the limit drops nothing.
	MaxBytes int64 `json:"max_bytes"`

	// TTL is how long each revision lives, counted from its creation; 0 means for ever. Any duration will do.
	// When the newest revision of a key goes by it, the key is gone, and the bucket has a limit marker if
	// LimitMarkerTTL is set. A new value applies to what is there: revisions that are too old by it go at once.
	TTL time.Duration `json:"ttl,omitempty"`

	// LimitMarkerTTL, if set, makes the bucket write a limit marker when a key expires: a revision with operation Purge
	// that tells watchers, and goes by itself after this time (or after TTL, if that is shorter). 0 means that keys
	// expire silently. See ADR-48.
	//
	// With a durable store the timer or the next write writes the marker, and no read does: one right at the deadline
	// finds the key gone, and the marker a moment later.
	LimitMarkerTTL time.Duration `json:"limit_marker_ttl,omitempty"`

	// Metadata is the user's, UTF-8, at most MaxMetadataLength bytes.
	Metadata map[string]string `json:"metadata,omitempty"`

	// Storage says where the bucket is kept: all buckets of a database are where it is, so a database in memory refuses
	// FileStorage, one in a folder MemoryStorage. It cannot be changed.
	Storage Storage `json:"storage,omitempty"`

	// Compression asks the store to compress values. Databases in memory and in a folder do not, and refuse.
	Compression bool `json:"compression,omitempty"`

	// Labels are what an adapter keeps about the bucket that means nothing to the engine: module natskv, what a NATS server
	// would be told beside the other fields. Leave them to it. UTF-8.
	Labels map[string]string `json:"labels,omitempty"`
}

// normal returns the config with defaults filled in and the metadata copied, or what is wrong with it.
func (c Config) normal() (Config, error) {
	if c.History == 0 {
		c.History = 1
	}
	if c.MaxValueSize <= 0 {
		c.MaxValueSize = -1
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = -1
	}
	if len(c.Metadata) == 0 {
		c.Metadata = nil
	}
	if len(c.Labels) == 0 {
		c.Labels = nil
	}
	c.Metadata, c.Labels = maps.Clone(c.Metadata), maps.Clone(c.Labels)
	return c, c.fault()
}

// fault says which field is out of its range.
func (c *Config) fault() error {
	wrong := func(field, format string, args ...any) error {
		return &ConfigError{Bucket: c.Bucket, Field: field, Reason: fmt.Sprintf(format, args...), Err: ErrInvalidConfig}
	}
	metadata, text := 0, true
	for k, v := range c.Metadata {
		metadata += len(k) + len(v)
		text = text && utf8.ValidString(k) && utf8.ValidString(v)
	}
	labels := true
	for k, v := range c.Labels {
		labels = labels && utf8.ValidString(k) && utf8.ValidString(v)
	}
	switch {
	case c.History > MaxHistory:
		return &ConfigError{
			Bucket: c.Bucket, Field: "History", Err: ErrHistoryTooLarge,
			Reason: fmt.Sprintf("is %d, the most is %d", c.History, MaxHistory),
		}
	case c.TTL < 0:
		return wrong("TTL", "is negative: %v", c.TTL)
	case c.LimitMarkerTTL < 0:
		return wrong("LimitMarkerTTL", "is negative: %v", c.LimitMarkerTTL)
	case len(c.Description) > MaxDescriptionLength:
		return wrong("Description", "has %d bytes, the most is %d", len(c.Description), MaxDescriptionLength)
	case metadata > MaxMetadataLength:
		return wrong("Metadata", "has %d bytes, the most is %d", metadata, MaxMetadataLength)
	case !utf8.ValidString(c.Description):
		return wrong("Description", "is not valid UTF-8")
	case !text:
		return wrong("Metadata", "is not valid UTF-8")
	case !labels:
		return wrong("Labels", "are not valid UTF-8")
	case c.Storage > MemoryStorage:
		return wrong("Storage", "is %d, which is none of the constants", c.Storage)
	}
	return nil
}

// settle fills in where the bucket is kept, in a database that keeps its buckets in have, or says what the config asks for that
// the database does not give. A database over somebody's own backend leaves that to the backend: its have is DefaultStorage.
func (c *Config) settle(have Storage) error {
	refuse := func(field, reason string) error {
		return &ConfigError{Bucket: c.Bucket, Field: field, Reason: reason, Err: errors.ErrUnsupported}
	}
	if c.Storage == DefaultStorage {
		c.Storage = have
	}
	switch {
	case have == DefaultStorage:
	case c.Storage == FileStorage && have == MemoryStorage:
		return refuse("Storage", "is FileStorage, and this database is in memory")
	case c.Storage == MemoryStorage && have == FileStorage:
		return refuse("Storage", "is MemoryStorage, and this database is in a folder")
	case c.Compression:
		return refuse("Compression", "is asked for, and values are kept as they are")
	}
	return nil
}

// encode writes the config for the backend.
func (c *Config) encode() ([]byte, error) { return json.Marshal(c) }

// decodeConfig reads what encode wrote.
func decodeConfig(data []byte) (Config, error) {
	var c Config
	if err := json.Unmarshal(data, &c); err != nil {
		return Config{}, fmt.Errorf("kv: config of a bucket: %w", err)
	}
	return c.normal()
}

package natskv

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// Legacy returns the buckets of a database as the older interface of package nats shows them, which much code still uses.
//
// Expired keys are gone here too. (The older client takes the limit marker that a server leaves for an empty value.)
func Legacy(db *kv.DB) nats.KeyValueManager { return &legacyManager{newManager(db)} }

// A legacyManager is a nats.KeyValueManager.
type legacyManager struct{ m *manager }

var _ nats.KeyValueManager = (*legacyManager)(nil)

func (l *legacyManager) KeyValue(name string) (nats.KeyValue, error) {
	return asLegacy(l.m.open(context.Background(), name))
}

func asLegacy(b *bucket, err error) (nats.KeyValue, error) {
	if err != nil {
		return nil, legacyError(err)
	}
	return &legacyBucket{b}, nil
}

func (l *legacyManager) CreateKeyValue(cfg *nats.KeyValueConfig) (nats.KeyValue, error) {
	if cfg == nil {
		return nil, nats.ErrKeyValueConfigRequired
	}
	c := newConfig(cfg)
	if err := l.m.checkRequest(context.Background(), c, cfg.Storage); err != nil {
		return nil, legacyError(err)
	}
	if err := checkFields(cfg, unknownLegacyConfig); err != nil {
		return nil, err
	}
	if err := checkFields(cfg.Placement, unknownLegacyPlacement); err != nil {
		return nil, err
	}
	return asLegacy(l.m.add(context.Background(), c))
}

// newConfig returns a configuration of package nats as one of package jetstream. Of what is not supported it keeps only that it
// is there.
func newConfig(cfg *nats.KeyValueConfig) *jetstream.KeyValueConfig {
	c := &jetstream.KeyValueConfig{
		Bucket:       cfg.Bucket,
		Description:  cfg.Description,
		MaxValueSize: cfg.MaxValueSize,
		History:      cfg.History,
		TTL:          cfg.TTL,
		MaxBytes:     cfg.MaxBytes,
		Storage:      jetstream.StorageType(cfg.Storage),
		Replicas:     cfg.Replicas,
		Sources:      make([]*jetstream.StreamSource, len(cfg.Sources)),
		Compression:  cfg.Compression,
	}
	if p := cfg.Placement; p != nil {
		c.Placement = &jetstream.Placement{Cluster: p.Cluster, Tags: p.Tags}
	}
	if cfg.RePublish != nil {
		c.RePublish = &jetstream.RePublish{}
	}
	if cfg.Mirror != nil {
		c.Mirror = &jetstream.StreamSource{}
	}
	return c
}

func (l *legacyManager) DeleteKeyValue(name string) error {
	return legacyError(l.m.DeleteKeyValue(context.Background(), name))
}

func (l *legacyManager) KeyValueStoreNames() <-chan string {
	return l.m.KeyValueStoreNames(context.Background()).Name()
}

func (l *legacyManager) KeyValueStores() <-chan nats.KeyValueStatus {
	statuses, err := l.m.statuses(context.Background())
	all := make([]nats.KeyValueStatus, len(statuses))
	for i := range statuses {
		all[i] = &legacyStatus{statuses[i]}
	}
	return newStoreLister(all, err).found
}

// A legacyStatus is a nats.KeyValueStatus.
type legacyStatus struct{ *status }

var _ nats.KeyValueStatus = (*legacyStatus)(nil)

func (s *legacyStatus) Config() nats.KeyValueConfig {
	cfg := nats.KeyValueConfig{
		Bucket:       s.cfg.Bucket,
		Description:  s.cfg.Description,
		MaxValueSize: s.cfg.MaxValueSize,
		History:      s.cfg.History,
		TTL:          s.cfg.TTL,
		MaxBytes:     s.cfg.MaxBytes,
		Storage:      nats.StorageType(s.cfg.Storage),
		Replicas:     s.cfg.Replicas,
		Compression:  s.cfg.Compression,
	}
	if p := s.cfg.Placement; p != nil {
		cfg.Placement = &nats.Placement{Cluster: p.Cluster, Tags: p.Tags}
	}
	return cfg
}

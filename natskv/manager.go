package natskv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// New returns the buckets of a database as NATS's client shows those of a server. There is nothing to close but the database.
func New(db *kv.DB) jetstream.KeyValueManager { return newManager(db) }

// A manager is a jetstream.KeyValueManager.
type manager struct {
	db *kv.DB
	mu sync.Mutex // held while a configuration is compared with the one before and replaced
}

var _ jetstream.KeyValueManager = (*manager)(nil)

func newManager(db *kv.DB) *manager { return &manager{db: db} }

func (m *manager) KeyValue(ctx context.Context, name string) (jetstream.KeyValue, error) {
	return wrap(m.open(ctx, name))
}

// wrap makes a bucket what the client returns: without one, a nil interface.
func wrap(b *bucket, err error) (jetstream.KeyValue, error) {
	if err != nil {
		return nil, err
	}
	return b, nil
}

// open looks a bucket up.
func (m *manager) open(ctx context.Context, name string) (*bucket, error) {
	if !validName(name) {
		return nil, jetstream.ErrInvalidBucketName
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := m.db.Bucket(ctx, name)
	if err != nil {
		return nil, bucketError(err, jetstream.ErrBucketNotFound)
	}
	return m.bucket(b), nil
}

func (m *manager) bucket(b *kv.Bucket) *bucket { return newBucket(m.db, b) }

func (m *manager) CreateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	return wrap(m.create(ctx, &cfg))
}

// create makes a bucket, or finds the one of the same configuration.
func (m *manager) create(ctx context.Context, cfg *jetstream.KeyValueConfig) (*bucket, error) {
	if err := m.checkRequest(ctx, cfg, cfg.Storage); err != nil {
		return nil, err
	}
	return m.add(ctx, cfg)
}

// checkRequest refuses what the client does not ask a server for. Storage is what the caller gave, to be named in the error.
func (m *manager) checkRequest(ctx context.Context, cfg *jetstream.KeyValueConfig, storage json.Marshaler) error {
	switch {
	case !validName(cfg.Bucket):
		return jetstream.ErrInvalidBucketName
	case ctx.Err() != nil:
		return ctx.Err()
	}
	if _, err := m.db.Bucket(ctx, cfg.Bucket); errors.Is(err, kv.ErrClosed) {
		return anyError(err)
	}
	if cfg.History > jetstream.KeyValueMaxHistory {
		return jetstream.ErrHistoryTooLarge
	}
	_, err := json.Marshal(storage)
	return err
}

// add is create for what is checked by the client.
func (m *manager) add(ctx context.Context, cfg *jetstream.KeyValueConfig) (*bucket, error) {
	if cfg.MaxBytes >= maxServerBytes {
		return nil, errNoRoom(cfg.Storage)
	}
	if err := checkStored(cfg); err != nil {
		return nil, err
	}
	if err := checkReplicas(cfg); err != nil {
		return nil, err
	}
	engine, err := engineConfig(cfg)
	if err != nil {
		return nil, err
	}
	b, err := m.db.CreateBucket(ctx, engine)
	if err != nil {
		return nil, bucketExists(err, cfg.Bucket)
	}
	return m.bucket(b), nil
}

func errNoRoom(storage jetstream.StorageType) error {
	if storage == jetstream.MemoryStorage {
		return apiError(500, codeInsufficientMemory, "insufficient memory resources available")
	}
	return apiError(500, codeInsufficientResources, "insufficient storage resources available")
}

// bucketExists returns what the client says if there is a bucket of another configuration.
func bucketExists(err error, name string) error {
	if errors.Is(err, kv.ErrBucketExists) {
		return errors.Join(fmt.Errorf("%w: %s", jetstream.ErrBucketExists, name), jetstream.ErrStreamNameAlreadyInUse)
	}
	return bucketError(err, nil)
}

func (m *manager) UpdateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	if err := m.checkRequest(ctx, &cfg, cfg.Storage); err != nil {
		return nil, err
	}
	return wrap(m.update(ctx, &cfg))
}

// update replaces the configuration of a bucket.
func (m *manager) update(ctx context.Context, cfg *jetstream.KeyValueConfig) (*bucket, error) {
	if err := checkConfig(cfg, metadataSize(sentMetadata(cfg.Metadata))); err != nil { // a server looks at it twice
		return nil, err
	}
	missing := fmt.Errorf("%w: %s", jetstream.ErrBucketNotFound, cfg.Bucket)
	m.mu.Lock()
	defer m.mu.Unlock()
	b, err := m.db.Bucket(ctx, cfg.Bucket)
	if err != nil {
		return nil, bucketError(err, missing)
	}
	if err := checkStored(cfg); err != nil {
		return nil, err
	}
	if err := checkReplicas(cfg); err != nil {
		return nil, err
	}
	st, err := b.Status(ctx)
	if err != nil {
		return nil, bucketError(err, missing)
	}
	if err := checkChange(&st.Config, cfg); err != nil {
		return nil, err
	}
	engine, err := engineConfig(cfg)
	if err != nil {
		return nil, err
	}
	if b, err = m.db.UpdateBucket(ctx, engine); err != nil {
		return nil, bucketError(err, missing)
	}
	return m.bucket(b), nil
}

// checkChange refuses what a server does not change.
func checkChange(have *kv.Config, cfg *jetstream.KeyValueConfig) error {
	now := clientConfig(have)
	switch {
	case cfg.Storage != now.Storage:
		return apiError(500, codeInvalidConfig, "stream configuration update can not change storage type")
	case cfg.LimitMarkerTTL == 0 && now.LimitMarkerTTL > 0:
		return apiError(500, codeInvalidConfig, "message TTL status can not be disabled")
	case cfg.MaxBytes >= maxServerBytes:
		return errNoRoom(cfg.Storage)
	}
	return nil
}

func (m *manager) CreateOrUpdateKeyValue(ctx context.Context, cfg jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	if err := m.checkRequest(ctx, &cfg, cfg.Storage); err != nil {
		return nil, err
	}
	b, err := m.update(ctx, &cfg)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		b, err = m.add(ctx, &cfg)
	}
	return wrap(b, err)
}

func (m *manager) DeleteKeyValue(ctx context.Context, name string) error {
	if !validName(name) {
		return jetstream.ErrInvalidBucketName
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.db.DeleteBucket(ctx, name); err != nil {
		missing := errors.Join(fmt.Errorf("%w: %s", jetstream.ErrBucketNotFound, name), jetstream.ErrStreamNotFound)
		return bucketError(err, missing)
	}
	return nil
}

// bucketError returns what calls on buckets as a whole return in NATS. A name that is too long is one that no bucket has.
func bucketError(err, missing error) error {
	if missing != nil && (errors.Is(err, kv.ErrBucketNotFound) || errors.Is(err, kv.ErrBucketDeleted) ||
		errors.Is(err, kv.ErrInvalidBucketName)) {
		return missing
	}
	return anyError(err)
}

// validName reports whether the client takes a name for that of a bucket.
func validName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return name != ""
}

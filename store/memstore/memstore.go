// Package memstore is the store of databases that live in memory. It has nothing to keep: keys, revisions and values are
// in the engine, and end with it.
package memstore

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/revkv/kv/store"
)

// New returns an empty backend.
func New() *Backend { return &Backend{configs: map[string][]byte{}} }

// A Backend remembers the names and configurations of buckets.
type Backend struct {
	configs map[string][]byte // nil once closed
}

var _ store.Backend = (*Backend)(nil)

// Buckets returns the buckets in rising order of name.
func (b *Backend) Buckets() ([]store.Bucket, error) {
	if b.configs == nil {
		return nil, store.ErrClosed
	}
	var buckets []store.Bucket
	for _, name := range slices.Sorted(maps.Keys(b.configs)) {
		buckets = append(buckets, store.Bucket{Name: name, Config: slices.Clone(b.configs[name])})
	}
	return buckets, nil
}

// Create adds a bucket.
func (b *Backend) Create(name string, config []byte) (store.Store, error) {
	if b.configs == nil {
		return nil, store.ErrClosed
	}
	if _, ok := b.configs[name]; ok {
		return nil, fmt.Errorf("%w: %q", store.ErrExists, name)
	}
	b.configs[name] = slices.Clone(config)
	return &Store{}, nil
}

// Open returns an empty store: nothing outlives the engine that wrote it.
func (b *Backend) Open(name string) (store.Store, error) {
	if err := b.find(name); err != nil {
		return nil, err
	}
	return &Store{}, nil
}

// Configure replaces the configuration of a bucket.
func (b *Backend) Configure(name string, config []byte) error {
	if err := b.find(name); err != nil {
		return err
	}
	b.configs[name] = slices.Clone(config)
	return nil
}

// Delete removes a bucket.
func (b *Backend) Delete(name string) error {
	if err := b.find(name); err != nil {
		return err
	}
	delete(b.configs, name)
	return nil
}

// Close forgets everything.
func (b *Backend) Close() error {
	b.configs = nil
	return nil
}

func (b *Backend) find(name string) error {
	if b.configs == nil {
		return store.ErrClosed
	}
	if _, ok := b.configs[name]; !ok {
		return fmt.Errorf("%w: bucket %q", store.ErrNotFound, name)
	}
	return nil
}

// A Store keeps nothing.
type Store struct {
	last   uint64
	closed bool
}

var _ store.Volatile = (*Store)(nil)

// Volatile tells the engine that this store keeps nothing.
func (s *Store) Volatile() {}

// Records yields nothing, or ErrClosed.
func (s *Store) Records() iter.Seq2[store.Replayed, error] {
	return func(yield func(store.Replayed, error) bool) {
		if s.closed {
			yield(store.Replayed{}, store.ErrClosed)
		}
	}
}

// Newest returns the greatest revision that was given to Append.
func (s *Store) Newest() uint64 { return s.last }

// Append checks the order of the revisions and forgets the records.
func (s *Store) Append(recs []store.Record, _ []uint64) error {
	if s.closed {
		return store.ErrClosed
	}
	last := s.last
	for _, r := range recs {
		if r.Revision <= last {
			return fmt.Errorf("%w: %d after %d", store.ErrOrder, r.Revision, last)
		}
		last = r.Revision
	}
	s.last = last
	return nil
}

// Close ends the store.
func (s *Store) Close() error {
	s.closed = true
	return nil
}

package kv_test

import (
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/revkv/kv/store"
)

// A shelf is a backend that keeps everything, in maps. It is not volatile, so the engine writes to it as to a disk.
type shelf struct {
	values  bool // its logs are value readers
	configs map[string][]byte
	logs    map[string]*shelfLog
}

func newShelf() *shelf { return &shelf{configs: map[string][]byte{}, logs: map[string]*shelfLog{}} }

// newValueShelf returns a shelf from which the engine reads values back.
func newValueShelf() *shelf {
	s := newShelf()
	s.values = true
	return s
}

func (s *shelf) Buckets() ([]store.Bucket, error) {
	var all []store.Bucket
	for _, name := range slices.Sorted(maps.Keys(s.configs)) {
		all = append(all, store.Bucket{Name: name, Config: s.configs[name]})
	}
	return all, nil
}

func (s *shelf) Create(name string, config []byte) (store.Store, error) {
	if _, ok := s.configs[name]; ok {
		return nil, store.ErrExists
	}
	s.configs[name] = slices.Clone(config)
	s.logs[name] = &shelfLog{records: map[uint64]store.Record{}}
	return s.Open(name)
}

func (s *shelf) Open(name string) (store.Store, error) {
	log, ok := s.logs[name]
	switch {
	case !ok:
		return nil, store.ErrNotFound
	case s.values:
		return log, nil
	}
	return struct{ store.Store }{log}, nil // without Value and Pin
}

func (s *shelf) Configure(name string, config []byte) error {
	s.configs[name] = slices.Clone(config)
	return nil
}

func (s *shelf) Delete(name string) error {
	delete(s.configs, name)
	delete(s.logs, name)
	return nil
}

func (s *shelf) Close() error { return nil }

// A shelfLog is the log of one bucket of a shelf.
type shelfLog struct {
	mu      sync.Mutex
	records map[uint64]store.Record
	newest  uint64
	pins    int
	leaving []uint64 // trimmed, and not published
	trimmed []uint64 // to be removed with the last pin

	fail error // what Append returns, if set

	// appended, if set, is called when records are kept and before Append returns; reading before Value looks.
	appended, reading func()
}

var _ store.ValueReader = (*shelfLog)(nil)

func (l *shelfLog) Records() iter.Seq2[store.Replayed, error] {
	return func(yield func(store.Replayed, error) bool) {
		for _, revision := range slices.Sorted(maps.Keys(l.records)) {
			r := l.records[revision]
			if !yield(store.Replayed{Record: r, Size: len(r.Value)}, nil) {
				return
			}
		}
	}
}

func (l *shelfLog) Newest() uint64 { return l.newest }

func (l *shelfLog) Append(records []store.Record, trim []uint64) error {
	if l.fail != nil {
		return l.fail
	}
	l.keep(records, trim)
	if l.appended != nil {
		l.appended()
	}
	return nil
}

func (l *shelfLog) keep(records []store.Record, trim []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		r.Value = slices.Clone(r.Value)
		l.records[r.Revision] = r
		l.newest = r.Revision
	}
	l.leaving = append(l.leaving, trim...)
}

func (l *shelfLog) clear() {
	if l.pins > 0 {
		return
	}
	for _, revision := range l.trimmed {
		delete(l.records, revision)
	}
	l.trimmed = nil
}

func (l *shelfLog) Publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trimmed, l.leaving = append(l.trimmed, l.leaving...), nil
	l.clear()
}

func (l *shelfLog) Value(revision uint64) ([]byte, error) {
	if l.reading != nil {
		l.reading()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[revision]
	if !ok {
		return nil, store.ErrNotFound
	}
	return slices.Clone(r.Value), nil
}

func (l *shelfLog) Pin() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pins++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pins--
		l.clear()
	}
}

func (l *shelfLog) Close() error { return nil }

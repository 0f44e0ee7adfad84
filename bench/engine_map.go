package main

import (
	"errors"
	"sync"
)

// mapEngine is a plain Go map of byte slices behind one lock, with copies in and out: what a program would write without a
// library, and the limit for everything that copies values.
type mapEngine struct {
	mu     sync.RWMutex
	values map[string][]byte
}

func openMap(options) (engine, error) { return &mapEngine{values: map[string][]byte{}}, nil }

func (m *mapEngine) put(key string, value []byte) error {
	v := append([]byte(nil), value...)
	m.mu.Lock()
	m.values[key] = v
	m.mu.Unlock()
	return nil
}

func (m *mapEngine) create(key string, value []byte) error {
	v := append([]byte(nil), value...)
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.values[key]; ok {
		return errKeyExists
	}
	m.values[key] = v
	return nil
}

func (m *mapEngine) get(key string) ([]byte, error) {
	m.mu.RLock()
	v, ok := m.values[key]
	m.mu.RUnlock()
	if !ok {
		return nil, errNotFound
	}
	return append([]byte(nil), v...), nil
}

func (m *mapEngine) close() error { return nil }

// keyMapEngine keeps the keys alone, each with a number, as an index of a file would.
type keyMapEngine struct {
	mu    sync.RWMutex
	where map[string]uint64
}

func openKeyMap(options) (engine, error) { return &keyMapEngine{where: map[string]uint64{}}, nil }

func (m *keyMapEngine) put(key string, _ []byte) error {
	m.mu.Lock()
	m.where[key] = uint64(len(m.where))
	m.mu.Unlock()
	return nil
}

func (m *keyMapEngine) get(string) ([]byte, error) { return nil, errors.ErrUnsupported }
func (m *keyMapEngine) close() error               { return nil }

package main

import (
	"bytes"

	"github.com/hashicorp/go-memdb"
)

// memdbEngine is one table of a go-memdb with an index over keys, as in its README: each write is a transaction, and a read
// or listing has a snapshot. It keeps what it is given and lends what it has, so values are copied here.
type memdbEngine struct{ db *memdb.MemDB }

// memdbRow is never changed once it is inserted.
type memdbRow struct {
	Key   string
	value []byte
}

const memdbTable = "bench"

func openMemDB(options) (engine, error) {
	db, err := memdb.NewMemDB(&memdb.DBSchema{Tables: map[string]*memdb.TableSchema{
		memdbTable: {Name: memdbTable, Indexes: map[string]*memdb.IndexSchema{
			"id": {Name: "id", Unique: true, Indexer: &memdb.StringFieldIndex{Field: "Key"}},
		}},
	}})
	return &memdbEngine{db}, err
}

func (m *memdbEngine) put(key string, value []byte) error {
	return m.fill(func(put func(string, []byte) error) error { return put(key, value) })
}

func (m *memdbEngine) fill(write func(func(string, []byte) error) error) error {
	txn := m.db.Txn(true)
	defer txn.Abort() // nothing after Commit
	err := write(func(key string, value []byte) error {
		return txn.Insert(memdbTable, &memdbRow{key, bytes.Clone(value)})
	})
	if err != nil {
		return err
	}
	txn.Commit()
	return nil
}

func (m *memdbEngine) get(key string) ([]byte, error) {
	found, err := m.db.Txn(false).First(memdbTable, "id", key)
	if err != nil {
		return nil, err
	}
	if found == nil {
		return nil, errNotFound
	}
	return bytes.Clone(found.(*memdbRow).value), nil
}

func (m *memdbEngine) list(prefix string, visit func(string) error) error {
	all, err := m.db.Txn(false).Get(memdbTable, "id_prefix", prefix)
	if err != nil {
		return err
	}
	for found := all.Next(); found != nil; found = all.Next() {
		if err := visit(found.(*memdbRow).Key); err != nil {
			return err
		}
	}
	return nil
}

func (m *memdbEngine) close() error { return nil }

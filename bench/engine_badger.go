package main

import (
	"errors"
	"runtime"

	"github.com/dgraph-io/badger/v4"
)

// badgerEngine has the default options, "recommended for good performance", but for what a row asks for: SyncWrites, InMemory. Values
// of these sizes lie in the tree, not in the value log, so that has nothing to collect. Each write is an Update, whose
// transactions of concurrent writers go to disk together.
//
// Without SyncWrites a write is in memory that the operating system maps to a file: a crash of the process loses nothing.
type badgerEngine struct{ db *badger.DB }

func openBadger(o options) (engine, error) {
	opts := badger.DefaultOptions(o.dir).
		WithInMemory(o.inMemory()).
		WithSyncWrites(o.sync == syncAlways && !o.inMemory()).
		WithValueLogFileSize(64 << 20). // twice that is mapped, which has to fit where addresses have 32 bits
		WithLogger(nil)
	db, err := badger.Open(opts)
	if err != nil {
		return nil, err
	}
	return &badgerEngine{db}, nil
}

func (b *badgerEngine) put(key string, value []byte) error {
	return b.db.Update(func(txn *badger.Txn) error { return txn.Set(bytesOf(key), value) })
}

func (b *badgerEngine) create(key string, value []byte) error {
	for {
		err := b.db.Update(func(txn *badger.Txn) error {
			_, err := txn.Get(bytesOf(key))
			if err == nil {
				return errKeyExists
			}
			if !errors.Is(err, badger.ErrKeyNotFound) {
				return err
			}
			return txn.Set(bytesOf(key), value)
		})
		if !errors.Is(err, badger.ErrConflict) {
			return err
		}
	}
}

func (b *badgerEngine) get(key string) (value []byte, err error) {
	err = b.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(bytesOf(key))
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, errNotFound
	}
	return value, err
}

// list reads keys alone, which do not need their values fetched.
func (b *badgerEngine) list(prefix string, visit func(string) error) error {
	opts := badger.DefaultIteratorOptions
	opts.PrefetchValues = false
	opts.Prefix = bytesOf(prefix)
	return b.db.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(opts)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := visit(string(it.Item().Key())); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *badgerEngine) fill(write func(func(string, []byte) error) error) error {
	batch := b.db.NewWriteBatch()
	defer batch.Cancel()
	err := write(func(key string, value []byte) error { return batch.Set(bytesOf(key), value) })
	if err != nil {
		return err
	}
	return batch.Flush()
}

// settle merges the levels of the tree.
func (b *badgerEngine) settle() error { return b.db.Flatten(runtime.GOMAXPROCS(0)) }

func (b *badgerEngine) close() error { return b.db.Close() }

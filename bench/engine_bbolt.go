package main

import (
	"bytes"
	"path/filepath"
	"time"

	bolt "go.etcd.io/bbolt"
)

// bboltEngine keeps everything in one bucket of a file.
//
// One writer uses Update. Many use Batch, which the documentation gives them for that, with a batch as large as there are
// writers: it is committed when all of them are in it, not after a delay. The free list is a map, which is "faster in almost
// all circumstances", and there are no statistics, for the sake of concurrent reads. Without syncing NoSync is set, which the documentation has for bulk loading only: a crash of
// the machine can then lose the whole file, not just its end.
type bboltEngine struct {
	db     *bolt.DB
	commit func(func(*bolt.Tx) error) error
}

var bboltBucket = []byte("bench")

// bboltFill is how many keys one transaction writes while filling: few enough not to leave the file full of free pages.
const bboltFill = 1000

func openBbolt(o options) (engine, error) {
	db, err := bolt.Open(filepath.Join(o.dir, "bbolt.db"), 0o600, &bolt.Options{
		Timeout:      time.Second,
		FreelistType: bolt.FreelistMapType,
		NoStatistics: true,
		NoSync:       o.sync == syncNever,
		// "Improves the database write performance", at the price of reading all pages when the file is opened.
		NoFreelistSync: o.writers > 0,
	})
	if err != nil {
		return nil, err
	}
	b := &bboltEngine{db: db, commit: db.Update}
	if o.writers > 1 {
		db.MaxBatchSize = o.writers
		b.commit = db.Batch
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bboltBucket)
		return err
	})
	return b, err
}

func (b *bboltEngine) put(key string, value []byte) error {
	return b.commit(func(tx *bolt.Tx) error { return tx.Bucket(bboltBucket).Put(bytesOf(key), value) })
}

func (b *bboltEngine) get(key string) (value []byte, err error) {
	err = b.db.View(func(tx *bolt.Tx) error {
		v := tx.Bucket(bboltBucket).Get(bytesOf(key))
		if v == nil {
			return errNotFound
		}
		value = bytes.Clone(v) // v is the file's memory, and ends with the transaction
		return nil
	})
	return value, err
}

func (b *bboltEngine) fill(write func(func(string, []byte) error) error) error {
	tx, err := b.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // an error after Commit, on purpose
	n := 0
	err = write(func(key string, value []byte) error {
		if n++; n%bboltFill == 0 {
			if err := tx.Commit(); err != nil {
				return err
			}
			if tx, err = b.db.Begin(true); err != nil {
				return err
			}
		}
		return tx.Bucket(bboltBucket).Put(bytesOf(key), value)
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

func (b *bboltEngine) close() error { return b.db.Close() }

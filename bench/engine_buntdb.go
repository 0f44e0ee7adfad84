package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/tidwall/buntdb"
)

// buntEngine keeps everything in memory and appends to a file, which it shrinks by itself from 32 MB on; its settings are the
// defaults but for the sync policy. Each write is an Update, each read a View, as in its README.
//
// Keys and values are strings there. Writing makes one of the value, which is the copy that every engine has to make, and
// reading lends the string, which nobody can change: so no further copy is made.
type buntEngine struct{ db *buntdb.DB }

func openBuntDB(o options) (engine, error) {
	path := ":memory:"
	if !o.inMemory() {
		path = filepath.Join(o.dir, "bunt.db")
	}
	db, err := buntdb.Open(path)
	if err != nil {
		return nil, err
	}
	var config buntdb.Config
	if err := db.ReadConfig(&config); err != nil {
		return nil, err
	}
	config.SyncPolicy = buntdb.Never
	if o.sync == syncAlways {
		config.SyncPolicy = buntdb.Always
	}
	return &buntEngine{db}, db.SetConfig(config)
}

func (b *buntEngine) put(key string, value []byte) error {
	v := string(value)
	return b.db.Update(func(tx *buntdb.Tx) error {
		_, _, err := tx.Set(key, v, nil)
		return err
	})
}

func (b *buntEngine) create(key string, value []byte) error {
	v := string(value)
	return b.db.Update(func(tx *buntdb.Tx) error {
		_, err := tx.Get(key)
		if err == nil {
			return errKeyExists
		}
		if !errors.Is(err, buntdb.ErrNotFound) {
			return err
		}
		_, _, err = tx.Set(key, v, nil)
		return err
	})
}

func (b *buntEngine) get(key string) (value []byte, err error) {
	err = b.db.View(func(tx *buntdb.Tx) error {
		v, err := tx.Get(key)
		value = bytesOf(v)
		return err
	})
	if errors.Is(err, buntdb.ErrNotFound) {
		return nil, errNotFound
	}
	return value, err
}

func (b *buntEngine) list(prefix string, visit func(string) error) error {
	return b.db.View(func(tx *buntdb.Tx) (err error) {
		each := func(key, _ string) bool {
			if !strings.HasPrefix(key, prefix) {
				return false
			}
			err = visit(key)
			return err == nil
		}
		return errors.Join(tx.AscendGreaterOrEqual("", prefix, each), err)
	})
}

func (b *buntEngine) close() error { return b.db.Close() }

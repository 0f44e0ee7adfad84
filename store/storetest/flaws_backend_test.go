package storetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

// backendFlaws are ways in which a backend can be wrong.
var backendFlaws = []flaw{
	{
		name:   "buckets are listed in no order",
		breaks: []string{"buckets/order"},
		buckets: func(b *flawedBackend) ([]store.Bucket, error) {
			buckets, err := b.Backend.Buckets()
			slices.Reverse(buckets)
			return buckets, err
		},
	},
	{
		name:         "buckets are forgotten",
		breaks:       []string{"buckets/kept", "buckets/config", "records/order", "create/log"},
		closeBackend: func(b *flawedBackend) error { err := b.Backend.Close(); clear(b.disk.buckets); return err },
	},
	{
		name:   "names are written in small letters",
		breaks: []string{"buckets/names", "buckets/order"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			name = strings.ToLower(name)
			s, err := b.Backend.Create(name, config)
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "configurations are text",
		breaks: []string{"buckets/config"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			s, err := b.Backend.Create(name, bytes.ToValidUTF8(bytes.TrimSpace(config), nil))
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "the caller's configuration is kept, not copied",
		breaks: []string{"buckets/private"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			s, err := b.Backend.Create(name, config)
			b.disk.buckets[name].config = config
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "Buckets hands out what it keeps",
		breaks: []string{"buckets/private"},
		buckets: func(b *flawedBackend) ([]store.Bucket, error) {
			buckets, err := b.Backend.Buckets()
			for i := range buckets {
				buckets[i].Config = b.disk.buckets[buckets[i].Name].config
			}
			return buckets, err
		},
	},
	{
		name:   "a bucket can be created twice",
		breaks: []string{"create/exists", "create/exists with records"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			delete(b.disk.buckets, name)
			s, err := b.Backend.Create(name, config)
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "Create of a bucket that exists configures it",
		breaks: []string{"create/exists"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			s, err := b.Backend.Create(name, config)
			if err != nil {
				_ = b.Backend.Configure(name, config)
			}
			return b.wrap(name, s, err)
		},
	},
	{
		name:      "Configure changes nothing",
		breaks:    []string{"configure", "configure/kept"},
		configure: func(*flawedBackend, string, []byte) error { return nil },
	},
	{
		name:   "Configure empties the log",
		breaks: []string{"configure/kept"},
		configure: func(b *flawedBackend, name string, config []byte) error {
			if bucket := b.disk.buckets[name]; bucket != nil {
				clear(bucket.records)
			}
			return b.Backend.Configure(name, config)
		},
	},
	{
		name:   "Delete changes nothing",
		breaks: []string{"delete", "delete/kept", "delete/again"},
		delete: func(b *flawedBackend, name string) error {
			if name == "what-is-this" {
				return b.Backend.Delete(name)
			}
			return nil
		},
	},
	{
		name:   "Delete deletes all",
		breaks: []string{"delete", "delete/kept"},
		delete: func(b *flawedBackend, name string) error {
			err := b.Backend.Delete(name)
			if err == nil {
				clear(b.disk.buckets)
			}
			return err
		},
	},
	{
		name:   "a new bucket finds the log of the one before",
		breaks: []string{"delete/again"},
		delete: func(b *flawedBackend, name string) error {
			old := b.disk.buckets[name]
			err := b.Backend.Delete(name)
			b.flaw.create = func(b *flawedBackend, name string, config []byte) (store.Store, error) {
				s, err := b.Backend.Create(name, config)
				if err == nil && old != nil {
					b.disk.buckets[name].records = old.records
				}
				return b.wrap(name, s, err)
			}
			return err
		},
	},
	{
		name:   "what is missing is made",
		breaks: []string{"missing", "delete"},
		open: func(b *flawedBackend, name string) (store.Store, error) {
			s, err := b.Backend.Open(name)
			if errors.Is(err, store.ErrNotFound) {
				s, err = b.Backend.Create(name, nil)
			}
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "what is missing cannot be told from other errors",
		breaks: []string{"missing"},
		delete: func(b *flawedBackend, name string) error {
			if err := b.Backend.Delete(name); err != nil {
				return errFlaw
			}
			return nil
		},
	},
	{
		name:   "a backend can be closed once",
		breaks: []string{"backend/close twice"},
		closeBackend: func(b *flawedBackend) error {
			if b.closed {
				return store.ErrClosed
			}
			b.closed = true
			return b.Backend.Close()
		},
	},
	{
		name:   "a closed backend lists its buckets",
		breaks: []string{"backend/closed"},
		buckets: func(b *flawedBackend) ([]store.Bucket, error) {
			buckets, err := b.Backend.Buckets()
			if errors.Is(err, store.ErrClosed) {
				err = nil
			}
			return buckets, err
		},
	},
}

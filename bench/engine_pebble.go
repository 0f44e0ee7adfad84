package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// pebbleEngine has the options of pebble's own benchmark command, which are those of CockroachDB: large memtables and blocks, bloom
// filters, up to three compactions at once, the newest format; and a block cache that holds all of a row's keys and values. In
// memory there is no write-ahead log, which could save nothing there.
//
// With NoSync a write is in the log's buffer when it returns, so a crash of the process can lose it; this library's is in the
// operating system by then.
type pebbleEngine struct {
	db     *pebble.DB
	commit *pebble.WriteOptions

	creating sync.Mutex // makes a look-up and a write one step; pebble has no transactions
}

func openPebble(o options) (engine, error) {
	cache := pebble.NewCache(256 << 20)
	defer cache.Unref() // the database holds it
	opts := &pebble.Options{
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatNewest,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		LBaseMaxBytes:               64 << 20,
		MaxOpenFiles:                16384,
		MemTableSize:                64 << 20,
		MemTableStopWritesThreshold: 4,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 3 },
		Logger:                      silence{},
	}
	opts.Experimental.EnableColumnarBlocks = func() bool { return true }
	for i := range opts.Levels {
		opts.Levels[i].BlockSize = 32 << 10
		opts.Levels[i].IndexBlockSize = 256 << 10
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	opts.Levels[len(opts.Levels)-1].FilterPolicy = pebble.NoFilterPolicy
	if o.inMemory() {
		opts.FS = vfs.NewMem()
		opts.DisableWAL = true
	}
	opts.EnsureDefaults()
	opts.FlushSplitBytes = opts.TargetFileSizes[0]
	db, err := pebble.Open(o.dir, opts)
	if err != nil {
		return nil, err
	}
	commit := pebble.NoSync
	if o.sync == syncAlways && !o.inMemory() {
		commit = pebble.Sync
	}
	return &pebbleEngine{db: db, commit: commit}, nil
}

func (p *pebbleEngine) put(key string, value []byte) error {
	return p.db.Set(bytesOf(key), value, p.commit)
}

func (p *pebbleEngine) create(key string, value []byte) error {
	p.creating.Lock()
	defer p.creating.Unlock()
	_, closer, err := p.db.Get(bytesOf(key))
	switch {
	case err == nil:
		return errors.Join(errKeyExists, closer.Close())
	case !errors.Is(err, pebble.ErrNotFound):
		return err
	}
	return p.put(key, value)
}

func (p *pebbleEngine) get(key string) ([]byte, error) {
	v, closer, err := p.db.Get(bytesOf(key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	value := bytes.Clone(v) // v is a block's memory until closer is closed
	return value, closer.Close()
}

// list needs a prefix that ends with a dot: the keys that have it are those before the same prefix with a slash, the next byte.
func (p *pebbleEngine) list(prefix string, visit func(string) error) error {
	bounds := &pebble.IterOptions{LowerBound: bytesOf(prefix)}
	if prefix != "" {
		bounds.UpperBound = []byte(strings.TrimSuffix(prefix, ".") + "/")
	}
	it, err := p.db.NewIter(bounds)
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		if err := visit(string(it.Key())); err != nil {
			return errors.Join(err, it.Close())
		}
	}
	return it.Close() // has the error that ended the loop, if there was one
}

// settle merges everything into the lowest level.
func (p *pebbleEngine) settle() error {
	if err := p.db.Flush(); err != nil {
		return err
	}
	return p.db.Compact(context.Background(), []byte{0}, []byte{0xff}, true)
}

func (p *pebbleEngine) close() error { return p.db.Close() }

// silence is a logger that says nothing. What is fatal panics, as it must not go on.
type silence struct{}

func (silence) Infof(string, ...any)  {}
func (silence) Errorf(string, ...any) {}
func (silence) Fatalf(format string, _ ...any) {
	panic("pebble: " + format)
}

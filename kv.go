package kv

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/memstore"
)

// A DB is the buckets of one place. All its methods may be called by many goroutines at once.
type DB struct {
	mu      sync.RWMutex // guards what follows; taken before any bucket's locks
	backend store.Backend
	storage Storage // where all buckets are; DefaultStorage: the backend knows
	buckets map[string]*Bucket
	imports map[string]*Bucket // not whole yet
	closed  bool

	fault atomic.Pointer[error] // why the database is read-only; set once
}

// New returns an empty database in memory. It costs next to nothing, runs no goroutine, and needs no Close.
func New() *DB {
	return &DB{backend: memstore.New(), storage: MemoryStorage, buckets: map[string]*Bucket{}}
}

// OpenBackend returns a database over the buckets that a backend keeps. The database owns the backend: closing the one
// closes the other. If a bucket cannot be read the error says which, and the backend is closed.
func OpenBackend(backend store.Backend) (*DB, error) {
	return open(&DB{backend: backend, buckets: map[string]*Bucket{}})
}

// open reads the buckets of a new database back.
func open(db *DB) (*DB, error) {
	kept, err := db.backend.Buckets()
	for i := 0; err == nil && i < len(kept); i++ {
		err = db.open(kept[i])
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// open reads one bucket back.
func (db *DB) open(kept store.Bucket) error {
	if halfImported(kept.Config) {
		return db.removeHalfImported(kept.Name)
	}
	cfg, err := decodeConfig(kept.Config)
	if err != nil {
		return fmt.Errorf("kv: open bucket %q: %w", kept.Name, err)
	}
	log, err := db.backend.Open(kept.Name)
	if errors.Is(err, store.ErrNotFound) && db.readOnly() != nil {
		return nil // the process that writes to the folder has deleted it since
	}
	if err != nil {
		return fmt.Errorf("kv: open bucket %q: %w", kept.Name, err)
	}
	b := newBucket(db, cfg, log)
	db.buckets[kept.Name] = b
	return b.replay()
}

// CreateBucket makes a bucket. If there is one of that name with the same configuration (defaults filled in), that one is
// returned, with its data; if its configuration differs the error matches ErrBucketExists. An error leaves the database
// as it was. (A disk that fails so badly that nothing can be taken back may show the bucket, empty, when it is opened next; the
// error says so.)
func (db *DB) CreateBucket(ctx context.Context, cfg Config) (*Bucket, error) {
	return db.change(ctx, "create bucket", cfg, func(b *Bucket, cfg Config) error {
		if have := b.config(); !reflect.DeepEqual(have, cfg) {
			return &BucketError{
				Op: "create bucket", Bucket: cfg.Bucket, Reason: "it has another configuration", Err: ErrBucketExists,
			}
		}
		return nil
	}, (*DB).add)
}

// UpdateBucket replaces the configuration of a bucket, as a whole: a field left zero goes back to its default. What each
// field does to revisions that are already there is said at the field. Watchers go on. If there is no such bucket the
// error matches ErrBucketNotFound. If the store fails it matches ErrReadOnly: the bucket has the configuration that it had, and the
// next opening finds that or the new one.
func (db *DB) UpdateBucket(ctx context.Context, cfg Config) (*Bucket, error) {
	return db.change(ctx, "update bucket", cfg, (*Bucket).reconfigure, func(db *DB, cfg Config) (*Bucket, error) {
		return nil, &BucketError{Op: "update bucket", Bucket: cfg.Bucket, Err: ErrBucketNotFound}
	})
}

// CreateOrUpdateBucket is UpdateBucket if there is a bucket of that name, else CreateBucket.
func (db *DB) CreateOrUpdateBucket(ctx context.Context, cfg Config) (*Bucket, error) {
	return db.change(ctx, "create or update bucket", cfg, (*Bucket).reconfigure, (*DB).add)
}

// change calls present or absent, with a checked configuration, for a bucket that is there or not.
func (db *DB) change(ctx context.Context, op string, cfg Config,
	present func(*Bucket, Config) error, absent func(*DB, Config) (*Bucket, error),
) (*Bucket, error) {
	if err := checkBucketName(op, cfg.Bucket); err != nil {
		return nil, err
	}
	cfg, err := cfg.normal()
	if err == nil {
		err = cfg.settle(db.storage)
	}
	if err != nil {
		return nil, err
	}
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.writable(); err != nil {
		return nil, err
	}
	b := db.buckets[cfg.Bucket]
	if b == nil {
		return absent(db, cfg)
	}
	if err := present(b, cfg); err != nil {
		return nil, err
	}
	return b, nil
}

// add makes a bucket; db.mu is held.
func (db *DB) add(cfg Config) (*Bucket, error) {
	if db.imports[cfg.Bucket] != nil {
		return nil, &BucketError{Op: "create bucket", Bucket: cfg.Bucket, Reason: "it is being imported", Err: ErrBucketExists}
	}
	encoded, err := cfg.encode()
	if err != nil {
		return nil, err
	}
	log, err := db.backend.Create(cfg.Bucket, encoded)
	if err != nil {
		return nil, fmt.Errorf("kv: create bucket %q: %w", cfg.Bucket, err)
	}
	b := newBucket(db, cfg, log)
	db.buckets[cfg.Bucket] = b
	return b, nil
}

// writable reports why the database takes no writes; db.mu is held.
func (db *DB) writable() error {
	if db.closed {
		return ErrClosed
	}
	return db.readOnly()
}

// readOnly returns nil, or the error that made the database read-only.
func (db *DB) readOnly() error {
	if fault := db.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// fail makes the database read-only because of err and returns the error that writes get from now on.
func (db *DB) fail(err error) error {
	err = fmt.Errorf("kv: %w: %w", ErrReadOnly, err)
	db.fault.CompareAndSwap(nil, &err)
	return *db.fault.Load()
}

// Bucket returns the bucket of a name, or an error that matches ErrBucketNotFound. All handles to one bucket are the same
// pointer. When the bucket is deleted its handle stays dead, also if a new bucket gets its name.
func (db *DB) Bucket(ctx context.Context, name string) (*Bucket, error) {
	if err := checkBucketName("open bucket", name); err != nil {
		return nil, err
	}
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return nil, ErrClosed
	}
	b := db.buckets[name]
	if b == nil {
		return nil, &BucketError{Op: "open bucket", Bucket: name, Err: ErrBucketNotFound}
	}
	return b, nil
}

// DeleteBucket removes a bucket and all that is in it. Its handles return ErrBucketDeleted from then on and its watchers
// end with that error. A bucket made later under the same name begins again at revision 1. If the store fails the error matches
// ErrReadOnly: the handles are dead all the same, and the next opening finds the bucket whole, or not at all.
func (db *DB) DeleteBucket(ctx context.Context, name string) error {
	if err := checkBucketName("delete bucket", name); err != nil {
		return err
	}
	if err := checkContext(ctx); err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.writable(); err != nil {
		return err
	}
	b := db.buckets[name]
	if b == nil {
		return &BucketError{Op: "delete bucket", Bucket: name, Err: ErrBucketNotFound}
	}
	_ = b.end(&BucketError{Op: "use bucket", Bucket: name, Err: ErrBucketDeleted}) // what could not be stored is not wanted any more
	delete(db.buckets, name)
	if err := db.backend.Delete(name); err != nil {
		return db.fail(fmt.Errorf("delete bucket %q: %w", name, err))
	}
	return nil
}

// BucketNames returns the names of all buckets in rising order.
func (db *DB) BucketNames(ctx context.Context) ([]string, error) {
	buckets, err := db.sorted(ctx)
	names := make([]string, len(buckets))
	for i, b := range buckets {
		names[i] = b.name
	}
	return names, err
}

// Buckets returns the statuses of all buckets in rising order of name.
func (db *DB) Buckets(ctx context.Context) ([]Status, error) {
	buckets, err := db.sorted(ctx)
	if err != nil {
		return nil, err
	}
	statuses := make([]Status, 0, len(buckets))
	for _, b := range buckets {
		st, err := b.Status(ctx)
		if errors.Is(err, ErrBucketDeleted) {
			continue
		}
		if err != nil {
			return nil, err
		}
		statuses = append(statuses, st)
	}
	return statuses, nil
}

// sorted returns the buckets in rising order of name.
func (db *DB) sorted(ctx context.Context) ([]*Bucket, error) {
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return nil, ErrClosed
	}
	buckets := make([]*Bucket, 0, len(db.buckets))
	for _, b := range db.buckets {
		buckets = append(buckets, b)
	}
	slices.SortFunc(buckets, func(a, b *Bucket) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return buckets, nil
}

// Close ends every watcher, waits for the writes in progress, and releases the store. Later calls return ErrClosed; a
// second Close returns nil. An error is the store's, of now or of a write before; everything is released, and what was
// acknowledged is found by the next opening as after a crash. A database in memory needs no Close.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil
	}
	db.closed = true
	var errs []error
	for _, buckets := range []map[string]*Bucket{db.buckets, db.imports} {
		for _, b := range buckets {
			errs = append(errs, b.end(ErrClosed))
		}
	}
	errs = append(errs, db.backend.Close())
	return errors.Join(errs...)
}

// checkContext returns the bare error of a context that has ended.
func checkContext(ctx context.Context) error {
	if ctx == nil {
		return fmt.Errorf("kv: %w: it is nil", ErrInvalidContext)
	}
	return ctx.Err()
}

package storetest

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/revkv/kv/store"
)

// A Disk is a place for buckets in memory that outlives its backends: what one backend has kept, the next one finds. So a
// test can close a database and open it again without a file system.
//
//	disk := storetest.NewDisk()
//	db, err := kv.OpenBackend(disk.MustOpen())
//
// What happens at the disk can be counted (Count), held up (Hold, HoldReturn), made to fail (Fail) and used as a cue
// (Before). Copy shows what a power cut would leave.
//
// A Disk does no more than package store asks for, and returns an error to callers who do not keep their side: two calls
// at once where one is allowed, a log opened twice, a bucket deleted or a backend closed while a log is open.
type Disk struct {
	values bool
	controls

	mu      sync.Mutex // guards what follows; not held while a call is held up
	open    bool
	buckets map[string]*diskBucket
}

// errMisuse is the error of a call that package store does not allow.
var errMisuse = errors.New("storetest: not allowed by package store")

// NewDisk returns an empty disk whose stores give all values back in Records, and only there.
func NewDisk() *Disk { return &Disk{buckets: map[string]*diskBucket{}} }

// NewValueDisk returns an empty disk whose stores are ValueReaders, and leave the values out of Records.
func NewValueDisk() *Disk {
	d := NewDisk()
	d.values = true
	return d
}

// Open opens the disk, which must not be open already.
func (d *Disk) Open() (store.Backend, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open {
		return nil, fmt.Errorf("%w: the disk is open", errMisuse)
	}
	d.open = true
	return &diskBackend{disk: d}, nil
}

// MustOpen is Open where an error is a mistake of the test.
func (d *Disk) MustOpen() store.Backend {
	backend, err := d.Open()
	if err != nil {
		panic(err)
	}
	return backend
}

// Copy returns another disk with what this one keeps now, closed and without anything in the way: what is left after a
// power cut.
func (d *Disk) Copy() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &Disk{values: d.values, buckets: map[string]*diskBucket{}}
	for name, b := range d.buckets {
		c.buckets[name] = &diskBucket{config: b.config, records: maps.Clone(b.records), newest: b.newest}
	}
	return c
}

// A diskBucket is what the disk keeps of a bucket. Configurations and values in it are never changed, only replaced.
type diskBucket struct {
	config  []byte
	records map[uint64]store.Record
	newest  uint64
	log     *diskLog // the open one, nil if there is none
}

// A diskBackend is an opening of a disk.
type diskBackend struct {
	disk   *Disk
	busy   busy
	closed bool
}

// call does f, which is a call of kind c, unless something is in the way.
func (b *diskBackend) call(c Call, f func() error) error {
	if err := b.busy.enter(); err != nil {
		return err
	}
	defer b.busy.leave()
	return b.disk.call(c, func() error {
		b.disk.mu.Lock()
		defer b.disk.mu.Unlock()
		if b.closed {
			return store.ErrClosed
		}
		return f()
	})
}

// find returns a bucket; the disk is locked.
func (b *diskBackend) find(name string) (*diskBucket, error) {
	bucket := b.disk.buckets[name]
	if bucket == nil {
		return nil, fmt.Errorf("%w: bucket %q", store.ErrNotFound, name)
	}
	return bucket, nil
}

func (b *diskBackend) Buckets() (buckets []store.Bucket, err error) {
	err = b.call(Buckets, func() error {
		for _, name := range slices.Sorted(maps.Keys(b.disk.buckets)) {
			buckets = append(buckets, store.Bucket{Name: name, Config: slices.Clone(b.disk.buckets[name].config)})
		}
		return nil
	})
	return buckets, err
}

func (b *diskBackend) Create(name string, config []byte) (log store.Store, err error) {
	err = b.call(Create, func() error {
		if b.disk.buckets[name] != nil {
			return fmt.Errorf("%w: %q", store.ErrExists, name)
		}
		bucket := &diskBucket{config: slices.Clone(config), records: map[uint64]store.Record{}}
		b.disk.buckets[name] = bucket
		log = b.disk.openLog(bucket)
		return nil
	})
	return log, err
}

func (b *diskBackend) Open(name string) (log store.Store, err error) {
	err = b.call(Open, func() error {
		bucket, err := b.find(name)
		if err != nil {
			return err
		}
		if bucket.log != nil {
			return fmt.Errorf("%w: the log of bucket %q is open", errMisuse, name)
		}
		log = b.disk.openLog(bucket)
		return nil
	})
	return log, err
}

func (b *diskBackend) Configure(name string, config []byte) error {
	return b.call(Configure, func() error {
		bucket, err := b.find(name)
		if err == nil {
			bucket.config = slices.Clone(config)
		}
		return err
	})
}

func (b *diskBackend) Delete(name string) error {
	return b.call(Delete, func() error {
		bucket, err := b.find(name)
		if err != nil {
			return err
		}
		if bucket.log != nil {
			return fmt.Errorf("%w: bucket %q is deleted, and its log is open", errMisuse, name)
		}
		delete(b.disk.buckets, name)
		return nil
	})
}

func (b *diskBackend) Close() error {
	b.disk.mu.Lock()
	defer b.disk.mu.Unlock()
	if b.closed {
		return nil
	}
	for name, bucket := range b.disk.buckets {
		if bucket.log != nil {
			return fmt.Errorf("%w: the backend is closed, and the log of bucket %q is open", errMisuse, name)
		}
	}
	b.closed, b.disk.open = true, false
	return nil
}

// A diskLog is the open log of a bucket.
type diskLog struct {
	disk   *Disk
	bucket *diskBucket
	busy   busy

	// What follows is guarded by the disk's lock.

	closed  bool
	written bool                // Records or Append was called
	newest  uint64              // that is published
	fresh   map[uint64]struct{} // appended, and not published
	leaving map[uint64][]byte   // values of what is trimmed, also not published
	trims   int                 // calls of Publish
	pins    map[*diskPin]struct{}
	pinned  map[uint64]pinnedValue // trimmed, and still readable because of a pin
}

type pinnedValue struct {
	value []byte
	trim  int // which Publish made it trimmed
}

// A diskPin is what there was when a pin was made.
type diskPin struct {
	trims  int
	newest uint64
}

// openLog opens a log; the disk is locked.
func (d *Disk) openLog(b *diskBucket) store.Store {
	l := &diskLog{
		disk: d, bucket: b, newest: b.newest, fresh: map[uint64]struct{}{}, leaving: map[uint64][]byte{},
		pins: map[*diskPin]struct{}{}, pinned: map[uint64]pinnedValue{},
	}
	b.log = l
	if d.values {
		return diskValueLog{l}
	}
	return l
}

func (l *diskLog) Records() iter.Seq2[store.Replayed, error] {
	return func(yield func(store.Replayed, error) bool) {
		var all []store.Record
		err := l.disk.call(Records, func() error {
			l.disk.mu.Lock()
			defer l.disk.mu.Unlock()
			switch {
			case l.closed:
				return store.ErrClosed
			case l.written:
				return fmt.Errorf("%w: Records comes first, and once", errMisuse)
			}
			l.written = true
			for _, revision := range slices.Sorted(maps.Keys(l.bucket.records)) {
				all = append(all, l.bucket.records[revision])
			}
			return nil
		})
		for _, r := range all {
			replayed := store.Replayed{Record: r, Size: len(r.Value)}
			replayed.Value = slices.Clone(r.Value)
			if l.disk.values {
				replayed.Value = nil
			}
			if !yield(replayed, nil) {
				return
			}
		}
		if err != nil {
			yield(store.Replayed{}, err)
		}
	}
}

func (l *diskLog) Newest() uint64 {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.bucket.newest
}

func (l *diskLog) Append(recs []store.Record, trim []uint64) error {
	if err := l.busy.enter(); err != nil {
		return err
	}
	defer l.busy.leave()
	return l.disk.call(Append, func() error {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		if l.closed {
			return store.ErrClosed
		}
		if err := checkOrder(l.bucket.newest, recs); err != nil {
			return err
		}
		l.written = true
		l.publish()
		for _, r := range recs {
			r.Value = slices.Clone(r.Value)
			l.bucket.records[r.Revision] = r
			l.bucket.newest = r.Revision
			l.fresh[r.Revision] = struct{}{}
		}
		l.trim(trim)
		return nil
	})
}

// checkOrder reports whether the revisions of recs rise, from one that is greater than newest.
func checkOrder(newest uint64, recs []store.Record) error {
	for _, r := range recs {
		if r.Revision <= newest {
			return fmt.Errorf("%w: %d after %d", store.ErrOrder, r.Revision, newest)
		}
		newest = r.Revision
	}
	return nil
}

func (l *diskLog) trim(revisions []uint64) {
	for _, revision := range revisions {
		if r, ok := l.bucket.records[revision]; ok {
			delete(l.bucket.records, revision)
			l.leaving[revision] = r.Value
		}
	}
}

// publish publishes what was appended.
func (l *diskLog) publish() {
	l.trims++
	for revision, value := range l.leaving {
		if l.isPinned(revision, l.trims) {
			l.pinned[revision] = pinnedValue{value, l.trims}
		}
	}
	l.newest = l.bucket.newest
	clear(l.fresh)
	clear(l.leaving)
}

// isPinned reports whether a pin keeps a revision that a Publish made trimmed: one that was made before, and when there was that
// revision.
func (l *diskLog) isPinned(revision uint64, trim int) bool {
	for p := range l.pins {
		if p.trims < trim && revision <= p.newest {
			return true
		}
	}
	return false
}

func (l *diskLog) Close() error {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	if !l.closed {
		l.closed = true
		l.bucket.log = nil
	}
	return nil
}

// A diskValueLog is a diskLog that hands values out.
type diskValueLog struct{ *diskLog }

var _ store.ValueReader = diskValueLog{}

func (l diskValueLog) Value(revision uint64) (value []byte, err error) {
	err = l.disk.call(Value, func() error {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		if l.closed {
			return store.ErrClosed
		}
		kept, ok := l.find(revision)
		if !ok {
			return fmt.Errorf("%w: revision %d", store.ErrNotFound, revision)
		}
		value = append([]byte{}, kept...)
		return nil
	})
	return value, err
}

// find returns the value of a revision as far as it is published; the disk is locked.
func (l diskValueLog) find(revision uint64) (value []byte, ok bool) {
	if _, fresh := l.fresh[revision]; fresh {
		return nil, false
	}
	if r, ok := l.bucket.records[revision]; ok {
		return r.Value, true
	}
	if value, ok := l.leaving[revision]; ok {
		return value, true
	}
	p, ok := l.pinned[revision]
	return p.value, ok
}

// Publish has no error to return, so it panics if it is called during another call.
func (l diskValueLog) Publish() {
	if err := l.busy.enter(); err != nil {
		panic(err)
	}
	defer l.busy.leave()
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	l.publish()
}

// Pin keeps what there is, and what is trimmed of that from now on. A value is kept no longer than by the pins that do so:
// callers must not count on more.
func (l diskValueLog) Pin() (release func()) {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	pin := &diskPin{l.trims, l.newest}
	l.pins[pin] = struct{}{}
	return func() {
		l.disk.mu.Lock()
		defer l.disk.mu.Unlock()
		delete(l.pins, pin)
		maps.DeleteFunc(l.pinned, func(revision uint64, p pinnedValue) bool { return !l.isPinned(revision, p.trim) })
	}
}

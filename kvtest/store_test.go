package kvtest_test

import (
	"iter"
	"maps"
	"slices"
	"sync"

	"github.com/revkv/kv/store"
)

// A disk is a store.Backend that outlives the database that closes it: enough of a durable store to run the engine's
// durable path.
type disk struct {
	buckets map[string]*diskLog
	closed  bool
	values  bool // logs are ValueReaders
}

func newDisk(values bool) *disk { return &disk{buckets: map[string]*diskLog{}, values: values} }

func (d *disk) Buckets() (buckets []store.Bucket, err error) {
	for _, name := range slices.Sorted(maps.Keys(d.buckets)) {
		buckets = append(buckets, store.Bucket{Name: name, Config: d.buckets[name].config})
	}
	return buckets, d.usable()
}

func (d *disk) Create(name string, config []byte) (store.Store, error) {
	d.buckets[name] = &diskLog{
		config: slices.Clone(config), records: map[uint64]store.Record{},
		leaving: map[uint64]store.Record{}, trimmed: map[uint64]store.Record{},
	}
	return d.Open(name)
}

func (d *disk) Open(name string) (store.Store, error) {
	if err := d.usable(); err != nil {
		return nil, err
	}
	if d.values {
		return diskValues{d.buckets[name]}, nil
	}
	return d.buckets[name], nil
}

func (d *disk) Configure(name string, config []byte) error {
	d.buckets[name].config = slices.Clone(config)
	return d.usable()
}

func (d *disk) Delete(name string) error {
	delete(d.buckets, name)
	return d.usable()
}

func (d *disk) Close() error {
	d.closed = true
	return nil
}

func (d *disk) usable() error {
	if d.closed {
		return store.ErrClosed
	}
	return nil
}

// A diskLog is the log of a bucket of a disk.
type diskLog struct {
	config []byte

	mu      sync.Mutex // guards what follows
	records map[uint64]store.Record
	last    uint64
	pins    int
	leaving map[uint64]store.Record // what is trimmed, and not published
	trimmed map[uint64]store.Record // what was trimmed since the first of the pins
}

func (l *diskLog) Records() iter.Seq2[store.Replayed, error] {
	return func(yield func(store.Replayed, error) bool) {
		for _, rev := range slices.Sorted(maps.Keys(l.records)) {
			r := l.records[rev]
			r.Value = slices.Clone(r.Value)
			if !yield(store.Replayed{Record: r, Size: len(r.Value)}, nil) {
				return
			}
		}
	}
}

func (l *diskLog) Newest() uint64 { return l.last }

func (l *diskLog) Append(recs []store.Record, trim []uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publish()
	for _, r := range recs {
		if r.Revision <= l.last {
			return store.ErrOrder
		}
		l.last = r.Revision
		r.Value = slices.Clone(r.Value)
		l.records[r.Revision] = r
	}
	for _, rev := range trim {
		if r, ok := l.records[rev]; ok {
			l.leaving[rev] = r
		}
		delete(l.records, rev)
	}
	return nil
}

func (l *diskLog) Close() error { return nil }

// diskValues is a diskLog that hands values back.
type diskValues struct{ *diskLog }

var _ store.ValueReader = diskValues{}

func (l diskValues) Publish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.publish()
}

func (l *diskLog) publish() {
	if l.pins > 0 {
		maps.Copy(l.trimmed, l.leaving)
	}
	clear(l.leaving)
}

func (l diskValues) Value(revision uint64) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.records[revision]
	if !ok {
		r, ok = l.leaving[revision]
	}
	if !ok {
		r, ok = l.trimmed[revision]
	}
	if !ok {
		return nil, store.ErrNotFound
	}
	return append([]byte{}, r.Value...), nil
}

func (l diskValues) Pin() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pins++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.pins--; l.pins == 0 {
			clear(l.trimmed)
		}
	})
}

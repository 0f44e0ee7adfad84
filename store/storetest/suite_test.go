package storetest

import (
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/memstore"
)

func TestDisk(t *testing.T) {
	Run(t, func(testing.TB) Place { return NewDisk().Open })
}

func TestValueDisk(t *testing.T) {
	Run(t, func(testing.TB) Place { return NewValueDisk().Open })
}

// TestRunSkips checks that a disk without values is not asked for them, and a volatile store for nothing that lasts.
func TestRunSkips(t *testing.T) {
	memory := func() (store.Backend, error) { return memstore.New(), nil }
	for i := range cases {
		c := &cases[i]
		if o := observe(t, c, NewDisk().Open); o.skipped != (c.need == values) {
			t.Errorf("%s: skipped for a disk without values: %v", c.name, o.skipped)
		}
		if o := observe(t, c, memory); o.skipped != (c.need != anyStore) {
			t.Errorf("%s: skipped for a volatile store: %v", c.name, o.skipped)
		}
	}
}

func TestCasesAreNamedAndPromiseSomething(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range cases {
		if c.name == "" || seen[c.name] || len(c.promise) < 20 {
			t.Errorf("case %q: its name is not its own, or its promise %q says nothing", c.name, c.promise)
		}
		seen[c.name] = true
	}
}

// TestFlawsAreFound breaks an implementation in one way at a time. The cases that are named for a flaw have to find it, and
// each case has to find something.
func TestFlawsAreFound(t *testing.T) {
	found := map[string]bool{}
	for _, f := range slices.Concat(logFlaws, backendFlaws) {
		t.Run(f.name, func(t *testing.T) {
			for _, name := range f.breaks {
				i := slices.IndexFunc(cases, func(c testCase) bool { return c.name == name })
				if i < 0 {
					t.Fatalf("there is no case %q", name)
				}
				o := observe(t, &cases[i], f.place())
				if !o.failed {
					t.Errorf("case %q does not find it", name)
				}
				if !strings.Contains(o.text(), cases[i].promise) {
					t.Errorf("case %q does not print its promise:\n%s", name, o.text())
				}
				found[name] = true
			}
		})
	}
	for _, c := range cases {
		if !found[c.name] {
			t.Errorf("no flaw shows that case %q can fail", c.name)
		}
	}
}

// TestFlawlessIsNotBlamed runs the cases on what flaws are built into, without a flaw.
func TestFlawlessIsNotBlamed(t *testing.T) {
	Run(t, func(testing.TB) Place { return flaw{}.place() })
}

// An observer is a testing.TB that lets a case fail without failing the test.
type observer struct {
	testing.TB
	failed  bool
	skipped bool
	log     []string
}

// observe runs a case and returns what became of it.
func observe(t testing.TB, c *testCase, place Place) *observer {
	o := &observer{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.check(o, place)
	}()
	<-done
	return o
}

func (o *observer) Helper()      {}
func (o *observer) Failed() bool { return o.failed }

func (o *observer) Logf(format string, args ...any) {
	o.log = append(o.log, fmt.Sprintf(format, args...))
}

func (o *observer) Fatalf(format string, args ...any) {
	o.Logf(format, args...)
	o.failed = true
	runtime.Goexit()
}

func (o *observer) Skip(...any) {
	o.skipped = true
	runtime.Goexit()
}

func (o *observer) text() string { return strings.Join(o.log, "\n") }

// A flaw breaks the stores of a value disk. Its functions stand in for calls of a store or a backend; nil ones are left as
// they are.
type flaw struct {
	name   string
	breaks []string // cases that have to find it

	append  func(s *flawedStore, recs []store.Record, trim []uint64) error
	replay  func(all []store.Replayed) []store.Replayed
	records func(s *flawedStore, yield func(store.Replayed, error) bool)
	newest  func(s *flawedStore) uint64
	value   func(s *flawedStore, revision uint64) ([]byte, error)
	publish func(s *flawedStore)
	pin     func(s *flawedStore) func()
	close   func(s *flawedStore) error

	buckets      func(b *flawedBackend) ([]store.Bucket, error)
	create       func(b *flawedBackend, name string, config []byte) (store.Store, error)
	open         func(b *flawedBackend, name string) (store.Store, error)
	configure    func(b *flawedBackend, name string, config []byte) error
	delete       func(b *flawedBackend, name string) error
	closeBackend func(b *flawedBackend) error
}

// place returns a place with the flaw.
func (f flaw) place() Place {
	disk := NewValueDisk()
	return func() (store.Backend, error) {
		b, err := disk.Open()
		return &flawedBackend{Backend: b, flaw: &f, disk: disk}, err
	}
}

type flawedBackend struct {
	store.Backend
	flaw   *flaw
	disk   *Disk
	closed bool
}

// wrap makes a store flawed.
func (b *flawedBackend) wrap(name string, s store.Store, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return &flawedStore{ValueReader: s.(store.ValueReader), flaw: b.flaw, bucket: b.disk.buckets[name]}, nil
}

func (b *flawedBackend) Buckets() ([]store.Bucket, error) {
	if b.flaw.buckets != nil {
		return b.flaw.buckets(b)
	}
	return b.Backend.Buckets()
}

func (b *flawedBackend) Create(name string, config []byte) (store.Store, error) {
	if b.flaw.create != nil {
		return b.flaw.create(b, name, config)
	}
	s, err := b.Backend.Create(name, config)
	return b.wrap(name, s, err)
}

func (b *flawedBackend) Open(name string) (store.Store, error) {
	if b.flaw.open != nil {
		return b.flaw.open(b, name)
	}
	s, err := b.Backend.Open(name)
	return b.wrap(name, s, err)
}

func (b *flawedBackend) Configure(name string, config []byte) error {
	if b.flaw.configure != nil {
		return b.flaw.configure(b, name, config)
	}
	return b.Backend.Configure(name, config)
}

func (b *flawedBackend) Delete(name string) error {
	if b.flaw.delete != nil {
		return b.flaw.delete(b, name)
	}
	return b.Backend.Delete(name)
}

func (b *flawedBackend) Close() error {
	if b.flaw.closeBackend != nil {
		return b.flaw.closeBackend(b)
	}
	return b.Backend.Close()
}

type flawedStore struct {
	store.ValueReader
	flaw    *flaw
	bucket  *diskBucket
	closed  bool
	appends atomic.Int64
}

func (s *flawedStore) Append(recs []store.Record, trim []uint64) error {
	if s.flaw.append != nil {
		return s.flaw.append(s, recs, trim)
	}
	return s.ValueReader.Append(recs, trim)
}

func (s *flawedStore) Records() iter.Seq2[store.Replayed, error] {
	if s.flaw.records != nil {
		return func(yield func(store.Replayed, error) bool) { s.flaw.records(s, yield) }
	}
	if s.flaw.replay == nil {
		return s.ValueReader.Records()
	}
	return func(yield func(store.Replayed, error) bool) {
		var all []store.Replayed
		for r, err := range s.ValueReader.Records() {
			if err != nil {
				yield(r, err)
				return
			}
			all = append(all, r)
		}
		for _, r := range s.flaw.replay(all) {
			if !yield(r, nil) {
				return
			}
		}
	}
}

func (s *flawedStore) Newest() uint64 {
	if s.flaw.newest != nil {
		return s.flaw.newest(s)
	}
	return s.ValueReader.Newest()
}

func (s *flawedStore) Value(revision uint64) ([]byte, error) {
	if s.flaw.value != nil {
		return s.flaw.value(s, revision)
	}
	return s.ValueReader.Value(revision)
}

func (s *flawedStore) Publish() {
	if s.flaw.publish != nil {
		s.flaw.publish(s)
		return
	}
	s.ValueReader.Publish()
}

func (s *flawedStore) Pin() func() {
	if s.flaw.pin != nil {
		return s.flaw.pin(s)
	}
	return s.ValueReader.Pin()
}

func (s *flawedStore) Close() error {
	if s.flaw.close != nil {
		return s.flaw.close(s)
	}
	return s.ValueReader.Close()
}

package kv_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// diskKinds are the two ways in which a durable store can hold values. The engine takes a way of its own for each.
var diskKinds = []struct {
	name string
	new  func() *storetest.Disk
}{
	{"values in memory", storetest.NewDisk},
	{"values in the store", storetest.NewValueDisk},
}

// errDisk is what a disk says that a test makes fail.
var errDisk = errors.New("the disk is broken")

// A durable is a database over a disk, with one bucket.
type durable struct {
	disk *storetest.Disk
	db   *kv.DB
	b    *kv.Bucket
	cfg  kv.Config
}

// onDisks runs f in a bubble for each kind of disk, with a new database and a bucket.
func onDisks(t *testing.T, cfg kv.Config, f func(t *testing.T, d *durable)) {
	t.Helper()
	for _, kind := range diskKinds {
		t.Run(kind.name, func(t *testing.T) { onDisk(t, kind.new(), cfg, f) })
	}
}

// onDisk runs f in a bubble with a new database and a bucket on a disk.
func onDisk(t *testing.T, disk *storetest.Disk, cfg kv.Config, f func(t *testing.T, d *durable)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := openBackend(t, disk.MustOpen())
		d := &durable{disk: disk, db: db, b: newBucket(t, db, cfg), cfg: cfg}
		d.cfg.Bucket = d.b.Name()
		t.Cleanup(func() { require.NoError(t, d.db.Close()) })
		f(t, d)
	})
}

// reopen closes the database and opens what is on the disk.
func (d *durable) reopen(t *testing.T) {
	t.Helper()
	require.NoError(t, d.db.Close())
	d.open(t, d.disk)
}

// cutPower goes on with what a power cut would leave on the disk now.
func (d *durable) cutPower(t *testing.T) {
	t.Helper()
	left := d.disk.Copy()
	require.NoError(t, d.db.Close())
	d.open(t, left)
}

func (d *durable) open(t *testing.T, disk *storetest.Disk) {
	t.Helper()
	d.disk, d.db = disk, openBackend(t, disk.MustOpen())
	var err error
	d.b, err = d.db.Bucket(t.Context(), d.cfg.Bucket)
	require.NoError(t, err)
}

// configure changes the bucket's configuration.
func (d *durable) configure(t *testing.T, change func(*kv.Config)) {
	t.Helper()
	cfg := statusOf(t, d.b).Config
	change(&cfg)
	_, err := d.db.UpdateBucket(t.Context(), cfg)
	require.NoError(t, err)
}

// value returns what Get returns of a key, "-" if that is ErrKeyNotFound.
func (d *durable) value(t *testing.T, key string) string {
	t.Helper()
	e, err := d.b.Get(t.Context(), key)
	if errors.Is(err, kv.ErrKeyNotFound) {
		return "-"
	}
	require.NoError(t, err)
	return string(e.Value)
}

// A pending call runs in a goroutine of its own.
type pending struct {
	returned bool
	revision uint64
	err      error
}

// begin starts a call, and lets it get as far as it can.
func begin(call func() (uint64, error)) *pending {
	p := &pending{}
	go func() {
		p.revision, p.err = call()
		p.returned = true
	}()
	synctest.Wait()
	return p
}

// hold makes Appends wait before they do anything.
func (d *durable) hold(t *testing.T) *storetest.Gate {
	gate := d.disk.Hold(storetest.Append)
	t.Cleanup(gate.Open)
	return gate
}

// holdReturn makes Appends wait when they have done their work.
func (d *durable) holdReturn(t *testing.T) *storetest.Gate {
	gate := d.disk.HoldReturn(storetest.Append)
	t.Cleanup(gate.Open)
	return gate
}

// put begins a Put.
func (d *durable) put(t *testing.T, key, value string, opts ...kv.PutOption) *pending {
	return begin(func() (uint64, error) { return d.b.PutString(t.Context(), key, value, opts...) })
}

// do begins a call that returns an error only.
func do(call func() error) *pending {
	return begin(func() (uint64, error) { return 0, call() })
}

// waits fails if the call has returned.
func (p *pending) waits(t *testing.T) {
	t.Helper()
	require.False(t, p.returned, "it returned %d, %v, and should wait", p.revision, p.err)
}

// returns lets the bubble settle, and fails unless the call has returned a revision and an error that matches want.
func (p *pending) returns(t *testing.T, revision uint64, want error) {
	t.Helper()
	synctest.Wait()
	require.True(t, p.returned, "it should have returned")
	if want == nil {
		require.NoError(t, p.err)
	} else {
		requireErr(t, p.err, want)
	}
	require.Equal(t, revision, p.revision)
}

// quietWatch starts a watch of everything and reads up to CaughtUp.
func quietWatch(t *testing.T, b *kv.Bucket, opts ...kv.WatchOption) *kv.Watcher {
	t.Helper()
	w, err := b.Watch(context.Background(), ">", opts...)
	require.NoError(t, err)
	t.Cleanup(w.Stop)
	drain(t, w)
	return w
}

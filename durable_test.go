package kv_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// durableWrites are writes to a bucket of depth 2 in which play wrote "a b b -d". Each leaves keys changed, and takes the
// revisions from 5 on.
var durableWrites = []struct {
	name  string
	write func(t *testing.T, b *kv.Bucket) (uint64, error)
	after string // every kept revision
}{
	{"put", func(t *testing.T, b *kv.Bucket) (uint64, error) { return b.PutString(t.Context(), "b", "v5") }, "a1 b3 d4D b5"},
	{"put of a new key", func(t *testing.T, b *kv.Bucket) (uint64, error) {
		return b.PutString(t.Context(), "n", "v5")
	}, "a1 b2 b3 d4D n5"},
	{"create", func(t *testing.T, b *kv.Bucket) (uint64, error) {
		return b.Create(t.Context(), "d", []byte("v5"))
	}, "a1 b2 b3 d4D d5"},
	{"update", func(t *testing.T, b *kv.Bucket) (uint64, error) {
		return b.Update(t.Context(), "b", []byte("v5"), 3)
	}, "a1 b3 d4D b5"},
	{"revert", func(t *testing.T, b *kv.Bucket) (uint64, error) { return b.Revert(t.Context(), "b", 2) }, "a1 b3 d4D b5"},
	{"delete", func(t *testing.T, b *kv.Bucket) (uint64, error) { return 5, b.Delete(t.Context(), "b") }, "a1 b3 d4D b5D"},
	{"purge", func(t *testing.T, b *kv.Bucket) (uint64, error) { return 5, b.Purge(t.Context(), "b") }, "a1 d4D b5P"},
	{"batch", func(t *testing.T, b *kv.Bucket) (uint64, error) {
		revs, err := b.Apply(t.Context(), kv.PutOp("a", nil), kv.PurgeOp("b"), kv.CreateOp("d", nil), kv.PutOp("n", nil))
		if err != nil {
			return 0, err
		}
		return revs[0], nil
	}, "a1 d4D a5 b6P d7 n8"},
}

// TestDurableVisibleMeansDurable holds the store's Append, before it does anything or before it returns, and looks.
func TestDurableVisibleMeansDurable(t *testing.T) {
	holds := map[string]func(*durable, *testing.T) *storetest.Gate{
		"held before":    (*durable).hold,
		"held at return": (*durable).holdReturn,
	}
	for how, hold := range holds {
		for _, w := range durableWrites {
			t.Run(how+"/"+w.name, func(t *testing.T) {
				onDisks(t, kv.Config{History: 2}, func(t *testing.T, d *durable) {
					play(t, d.b, "a b b -d")
					before := readEverything(t, d.b)
					watcher := quietWatch(t, d.b)

					gate := hold(d, t)
					write := begin(func() (uint64, error) { return w.write(t, d.b) })
					write.waits(t)
					require.Equal(t, before, readEverything(t, d.b), "while the write is held")
					require.Empty(t, drain(t, watcher), "while the write is held")

					gate.Open()
					write.returns(t, 5, nil)
					require.Equal(t, w.after, drawAll(t, d.b))
					require.Len(t, strings.Fields(drain(t, watcher)), int(statusOf(t, d.b).Newest-4))
				})
			})
		}
	}
}

// readEverything reads a bucket in every way there is, and writes down what it sees.
func readEverything(t *testing.T, b *kv.Bucket) string {
	t.Helper()
	var seen strings.Builder
	note := func(what string, v any, err error) { fmt.Fprintf(&seen, "%s: %v, %v\n", what, v, err) }
	status := statusOf(t, b)
	status.Watchers = 0
	note("status", status, nil)
	for _, key := range []string{"a", "b", "d", "n"} {
		e, err := b.Get(t.Context(), key)
		note("get "+key, e, err)
		entries, err := b.History(t.Context(), key)
		note("history "+key, entries, err)
		for r := uint64(1); r <= 8; r++ {
			e, err = b.GetRevision(t.Context(), key, r)
			note(fmt.Sprintf("get revision %s %d", key, r), e, err)
		}
	}
	note("entries", collect(t, b.Entries(t.Context(), ">")), nil)
	note("keys", collect(t, b.Keys(t.Context(), ">", kv.Reverse())), nil)
	for _, opts := range [][]kv.WatchOption{nil, {kv.IncludeHistory()}, {kv.ResumeFromRevision(3)}, {kv.UpdatesOnly()}} {
		w, err := b.Watch(t.Context(), ">", opts...)
		note("watch", drain(t, w), err)
		w.Stop()
	}
	return seen.String()
}

// TestDurableReadsDoNotWait runs in the test's goroutine: if a read waited for the Append, nobody could open the gate.
func TestDurableReadsDoNotWait(t *testing.T) {
	onDisks(t, kv.Config{History: 2, TTL: time.Hour}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b b -d")
		gate := d.hold(t)
		write := d.put(t, "b", "v5")
		readEverything(t, d.b)
		_, err := d.db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		_, err = d.db.Buckets(t.Context())
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		require.Equal(t, "-", d.value(t, "a"), "expired, though that is not on the disk yet")
		require.Empty(t, drawHistory(t, d.b, "b"))
		require.Empty(t, collect(t, d.b.Keys(t.Context(), ">")))
		gate.Open()
		write.returns(t, 5, nil)
	})
}

// TestDurableReadsDoNotWaitForChanges has PurgeDeletes and UpdateBucket wait for the disk, or for a write, and reads.
func TestDurableReadsDoNotWaitForChanges(t *testing.T) {
	purgeDeletes := func(t *testing.T, d *durable) error {
		return d.b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1))
	}
	updateBucket := func(t *testing.T, d *durable) error {
		return errOf(d.db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: 1}))
	}
	tests := []struct {
		name   string
		change func(t *testing.T, d *durable) error
		held   storetest.Call
		write  bool // before the change
	}{
		{"PurgeDeletes", purgeDeletes, storetest.Append, false},
		{"PurgeDeletes after a write", purgeDeletes, storetest.Append, true},
		{"UpdateBucket, the configuration", updateBucket, storetest.Configure, false},
		{"UpdateBucket, the trimming", updateBucket, storetest.Append, false},
		{"UpdateBucket after a write", updateBucket, storetest.Append, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onDisks(t, kv.Config{History: 2}, func(t *testing.T, d *durable) {
				play(t, d.b, "a b b -d -e")
				before := readEverything(t, d.b)
				gate := d.disk.Hold(test.held)
				t.Cleanup(gate.Open)
				if test.write {
					d.put(t, "a", "").waits(t)
				}
				change := do(func() error { return test.change(t, d) })
				change.waits(t)
				require.Equal(t, before, readEverything(t, d.b))
				gate.Open()
				change.returns(t, 0, nil)
				require.NotEqual(t, before, readEverything(t, d.b))
			})
		})
	}
}

func TestDurableGroupCommit(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		const writers = 100
		gate := d.hold(t)
		before := d.disk.Count(storetest.Append)
		first := d.put(t, "first", "v1")
		var others []*pending
		for i := range writers {
			others = append(others, d.put(t, fmt.Sprintf("k%d", i%7), "v"))
		}
		require.Equal(t, 1, d.disk.Count(storetest.Append)-before, "one Append is held, and no other begins")
		gate.Open()
		first.returns(t, 1, nil)
		var revisions []uint64
		for _, p := range others {
			synctest.Wait()
			require.NoError(t, p.err)
			revisions = append(revisions, p.revision)
		}
		require.Equal(t, 2, d.disk.Count(storetest.Append)-before, "all who waited share one Append")
		slices.Sort(revisions)
		for i, r := range revisions {
			require.Equal(t, uint64(i+2), r, "revisions are dense")
		}
	})
}

// TestDurableOneWriterOneAppend checks that nothing is appended that nobody wrote, and nothing twice.
func TestDurableOneWriterOneAppend(t *testing.T) {
	onDisks(t, kv.Config{History: 3, TTL: time.Hour}, func(t *testing.T, d *durable) {
		before := d.disk.Count(storetest.Append)
		play(t, d.b, "a b a a a -b !a")
		require.Equal(t, 7, d.disk.Count(storetest.Append)-before)
		requireErr(t, errOf(d.b.Update(t.Context(), "a", nil, 1)), kv.ErrRevisionMismatch)
		readEverything(t, d.b)
		require.Equal(t, 7, d.disk.Count(storetest.Append)-before, "reads and refused writes append nothing")
	})
}

func TestDurableBatchIsVisibleAtOnce(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		w := quietWatch(t, d.b)
		gate := d.hold(t)
		first := d.put(t, "x", "")
		batch := begin(func() (uint64, error) {
			revs, err := d.b.Apply(t.Context(), kv.PutOp("a", nil), kv.PutOp("b", nil), kv.PutOp("c", nil))
			return uint64(len(revs)), err
		})
		last := d.put(t, "y", "")
		require.Empty(t, collect(t, d.b.Keys(t.Context(), ">")))
		appends := d.disk.Count(storetest.Append)
		gate.Open()
		first.returns(t, 1, nil)
		batch.returns(t, 3, nil)
		last.returns(t, 5, nil)
		require.Equal(t, 1, d.disk.Count(storetest.Append)-appends, "one Append carries the batch and what came with it")
		require.Equal(t, "x1 a2 b3 c4 y5", drain(t, w))
	})
}

// TestDurableDecisions checks that a write is decided on with regard to all that was accepted before it, visible or not.
func TestDurableDecisions(t *testing.T) {
	tests := []struct {
		name  string
		cfg   kv.Config
		first func(ctx context.Context, b *kv.Bucket) error // held; what comes next finds it accepted, not visible
		next  func(ctx context.Context, b *kv.Bucket) error
		want  error  // of next
		after string // every kept revision, when all is visible
	}{
		{
			name: "create, create", cfg: kv.Config{},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "n", nil)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "n", nil)) },
			want:  kv.ErrKeyExists, after: "k1 n2",
		},
		{
			name: "delete, create", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "k") },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "k", nil)) },
			after: "k1 k2D k3",
		},
		{
			name: "update, update with the same revision", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", nil, 1)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", nil, 1)) },
			want:  kv.ErrRevisionMismatch, after: "k1 k2",
		},
		{
			name: "update, update with the new revision", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", nil, 1)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", nil, 2)) },
			after: "k1 k2 k3",
		},
		{
			name: "put, delete of the old revision", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", nil)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "k", kv.LastRevision(1)) },
			want:  kv.ErrRevisionMismatch, after: "k1 k2",
		},
		{
			name: "purge, put", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "k") },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", nil)) },
			after: "k2P k3",
		},
		{
			name: "put, purge", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", nil)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "k") },
			after: "k3P",
		},
		{
			name: "purge, revert to what is purged", cfg: kv.Config{History: 3},
			first: func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "k") },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Revert(ctx, "k", 1)) },
			want:  kv.ErrKeyNotFound, after: "k2P",
		},
		{
			name: "put, revert to what is trimmed", cfg: kv.Config{History: 1},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", nil)) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Revert(ctx, "k", 1)) },
			want:  kv.ErrKeyNotFound, after: "k2",
		},
		{
			name: "delete, revert to what is kept", cfg: kv.Config{History: 2},
			first: func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "k") },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Revert(ctx, "k", 1)) },
			after: "k2D k3",
		},
		{
			name: "put, put into what is full then", cfg: kv.Config{MaxBytes: 9}, // k and v1, 3 bytes each time
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "l", "v2")) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "m", "v34")) },
			want:  kv.ErrBucketFull, after: "k1 l2",
		},
		{
			name: "put, put that just fits", cfg: kv.Config{MaxBytes: 9},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "l", "v2")) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "m", "v3")) },
			after: "k1 l2 m3",
		},
		{
			name: "purge, put into the room that makes", cfg: kv.Config{MaxBytes: 4},
			first: func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "k") },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "m", "v3")) },
			after: "k2P m3",
		},
		{
			name: "put, and put in its place", cfg: kv.Config{MaxBytes: 6},
			first: func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "l", "v2")) },
			next:  func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "l", "v3")) },
			after: "k1 l3",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onDisks(t, test.cfg, func(t *testing.T, d *durable) {
				play(t, d.b, "k")
				gate := d.hold(t)
				held := do(func() error { return test.first(t.Context(), d.b) })
				held.waits(t)
				next := do(func() error { return test.next(t.Context(), d.b) })
				next.waits(t) // also to be refused: that would tell of what is held
				gate.Open()
				held.returns(t, 0, nil)
				next.returns(t, 0, test.want)
				require.Equal(t, test.after, drawAll(t, d.b))
				d.checkBytes(t)
				before := contentsOf(t, d.b)
				d.reopen(t)
				require.Equal(t, before, contentsOf(t, d.b), "after reopening")
			})
		})
	}
}

// checkBytes compares what Status says of the size with what is there.
func (d *durable) checkBytes(t *testing.T) {
	t.Helper()
	c := contentsOf(t, d.b)
	var bytes int64
	keys := map[string]bool{}
	for _, e := range c.Entries {
		bytes += int64(len(e.Key) + len(e.Value))
		keys[e.Key] = true
	}
	require.Equal(t, bytes, c.Status.Bytes, "bytes")
	require.Equal(t, len(c.Entries), c.Status.Values, "values")
	require.Equal(t, len(keys), c.Status.Keys, "keys")
}

// TestDurableTrimmingInOneGroup writes a key more often than its depth allows before anything is on the disk.
func TestDurableTrimmingInOneGroup(t *testing.T) {
	for depth, after := range map[uint8]string{1: "k8", 2: "k7 k8", 3: "k6P k7 k8", 4: "k6P k7 k8"} {
		onDisks(t, kv.Config{History: depth}, func(t *testing.T, d *durable) {
			play(t, d.b, "k k")
			gate := d.hold(t)
			var held []*pending
			for range 3 {
				held = append(held, d.put(t, "k", "value"))
			}
			held = append(held, do(func() error { return d.b.Purge(t.Context(), "k") }))
			held = append(held, d.put(t, "k", ""), d.put(t, "k", "v"))
			gate.Open()
			synctest.Wait()
			for _, p := range held {
				require.NoError(t, p.err)
			}
			require.Equal(t, after, drawAll(t, d.b))
			d.checkBytes(t)
			d.reopen(t)
			require.Equal(t, after, drawAll(t, d.b), "after reopening")
			d.checkBytes(t)
		})
	}
}

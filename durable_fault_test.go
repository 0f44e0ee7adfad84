package kv_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// TestDurableFailedAppend fails the Append of each kind of write: the write fails with the store's error, nothing of it is
// ever visible, and the database takes no more writes.
func TestDurableFailedAppend(t *testing.T) {
	for _, w := range durableWrites {
		t.Run(w.name, func(t *testing.T) {
			onDisks(t, kv.Config{History: 2}, func(t *testing.T, d *durable) {
				play(t, d.b, "a b b -d")
				before := readEverything(t, d.b)
				watcher := quietWatch(t, d.b)
				d.disk.Fail(storetest.Append, 1, errDisk)

				rev, err := w.write(t, d.b)
				requireErr(t, err, kv.ErrReadOnly)
				require.ErrorIs(t, err, errDisk)
				require.Contains(t, []uint64{0, 5}, rev, "5 stands for no revision here")

				require.Equal(t, before, readEverything(t, d.b), "after the failure")
				d.refusesWrites(t)
				require.Equal(t, before, readEverything(t, d.b), "after more attempts")
				require.Empty(t, drain(t, watcher))
				d.reopen(t)
				require.Equal(t, before, readEverything(t, d.b), "after reopening")
				play(t, d.b, "a")
			})
		})
	}
}

// refusesWrites tries everything that writes.
func (d *durable) refusesWrites(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	appends := d.disk.Count(storetest.Append)
	cfg := d.cfg
	cfg.History++
	tries := map[string]error{
		"put":           errOf(d.b.Put(ctx, "a", nil)),
		"create":        errOf(d.b.Create(ctx, "new", nil)),
		"update":        errOf(d.b.Update(ctx, "a", nil, 1)),
		"delete":        d.b.Delete(ctx, "a"),
		"purge":         d.b.Purge(ctx, "a"),
		"revert":        errOf(d.b.Revert(ctx, "a", 1)),
		"batch":         errOf(d.b.Apply(ctx, kv.PutOp("a", nil))),
		"purge deletes": d.b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1)),
		"create bucket": errOf(d.db.CreateBucket(ctx, kv.Config{Bucket: "another"})),
		"update bucket": errOf(d.db.UpdateBucket(ctx, cfg)),
		"delete bucket": d.db.DeleteBucket(ctx, d.cfg.Bucket),
	}
	for what, err := range tries {
		requireErr(t, err, kv.ErrReadOnly, what)
		require.ErrorIs(t, err, errDisk, what)
	}
	require.Equal(t, appends, d.disk.Count(storetest.Append), "a read-only database leaves the disk alone")
}

// TestDurableFailureTakesTheQueueAlong fails an Append for which others wait.
func TestDurableFailureTakesTheQueueAlong(t *testing.T) {
	for fails, visible := range map[int]string{1: "k1", 2: "k1 a2"} {
		t.Run(fmt.Sprintf("Append %d", fails), func(t *testing.T) {
			onDisks(t, kv.Config{History: 5}, func(t *testing.T, d *durable) {
				play(t, d.b, "k")
				watcher := quietWatch(t, d.b)
				d.disk.Fail(storetest.Append, fails, errDisk)
				gate := d.hold(t)
				first := d.put(t, "a", "")
				queue := []*pending{
					d.put(t, "b", ""), d.put(t, "k", ""),
					do(func() error { return d.b.Purge(t.Context(), "k") }),
					begin(func() (uint64, error) { return d.b.Create(t.Context(), "a.b", nil) }),
				}
				gate.Open()
				if fails == 1 {
					first.returns(t, 0, kv.ErrReadOnly)
				} else {
					first.returns(t, 2, nil)
				}
				for _, p := range queue {
					p.returns(t, 0, kv.ErrReadOnly)
					require.ErrorIs(t, p.err, errDisk)
				}
				require.Equal(t, visible, drawAll(t, d.b))
				require.Equal(t, fails-1, len(drain(t, watcher))/2)
				d.checkBytes(t)
				d.refusesWrites(t)
				d.reopen(t)
				require.Equal(t, visible, drawAll(t, d.b))
			})
		})
	}
}

// TestDurableFailureOfWhatRefusedAnother fails a write because of which others, that are decided on with it, would have been refused.
func TestDurableFailureOfWhatRefusedAnother(t *testing.T) {
	onDisks(t, kv.Config{MaxBytes: 6}, func(t *testing.T, d *durable) {
		play(t, d.b, "k")
		d.disk.Fail(storetest.Append, 2, errDisk)
		gate := d.hold(t)
		before := d.put(t, "k", "")
		first := d.put(t, "n", "")
		refused := []*pending{
			begin(func() (uint64, error) { return d.b.Create(t.Context(), "n", nil) }),
			begin(func() (uint64, error) { return d.b.Update(t.Context(), "n", nil, 0) }),
			do(func() error { return d.b.Delete(t.Context(), "n", kv.LastRevision(1)) }),
			d.put(t, "m", "mm"), // does not fit with n
		}
		byWhatIsThere := begin(func() (uint64, error) { return d.b.Create(t.Context(), "k", nil) })
		gate.Open()
		before.returns(t, 2, nil)
		byWhatIsThere.returns(t, 0, kv.ErrKeyExists)
		first.returns(t, 0, kv.ErrReadOnly)
		for _, p := range refused {
			p.returns(t, 0, kv.ErrReadOnly)
		}
	})
}

func TestDurableFailureStopsAllBuckets(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		other := newBucket(t, d.db, kv.Config{Bucket: "other"})
		play(t, d.b, "k")
		play(t, other, "o")
		d.disk.Fail(storetest.Append, 1, errDisk)
		requireErr(t, errOf(d.b.Put(t.Context(), "k", nil)), kv.ErrReadOnly)
		requireErr(t, errOf(other.Put(t.Context(), "o", nil)), kv.ErrReadOnly)
		require.Equal(t, "o1", drawAll(t, other))
	})
}

// TestDurableFailedExpiry fails the Append that tells the disk of an expiry. What has expired is gone all the same.
func TestDurableFailedExpiry(t *testing.T) {
	onDisks(t, kv.Config{History: 3, LimitMarkerTTL: time.Hour}, func(t *testing.T, d *durable) {
		play(t, d.b, "stays")
		_, err := d.b.Put(t.Context(), "goes", nil, kv.KeyTTL(time.Minute))
		require.NoError(t, err)
		d.disk.Fail(storetest.Append, 1, errDisk)
		time.Sleep(time.Minute)
		synctest.Wait()
		for range 2 {
			require.Equal(t, "stays1", drawAll(t, d.b))
			require.Equal(t, "-", d.value(t, "goes"))
			require.Equal(t, uint64(2), statusOf(t, d.b).Newest)
			time.Sleep(24 * time.Hour)
		}
		d.refusesWrites(t)
		d.reopen(t)
		require.Equal(t, "stays1 goes3P", drawAll(t, d.b), "the limit marker is written when it can be")
	})
}

// TestDurableExpiryGoesOnReading lets a key expire in a database that became read-only before that.
func TestDurableExpiryWhenReadOnly(t *testing.T) {
	onDisks(t, kv.Config{History: 3, LimitMarkerTTL: time.Hour}, func(t *testing.T, d *durable) {
		play(t, d.b, "stays goes goes")
		_, err := d.b.Put(t.Context(), "goes", nil, kv.KeyTTL(time.Minute))
		require.NoError(t, err)
		d.disk.Fail(storetest.Append, 1, errDisk)
		requireErr(t, errOf(d.b.Put(t.Context(), "stays", nil)), kv.ErrReadOnly)
		require.Equal(t, "stays1 goes2 goes3 goes4", drawAll(t, d.b))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, "stays1", drawAll(t, d.b))
		require.Empty(t, drawHistory(t, d.b, "goes"))
		require.Equal(t, []string{"stays"}, collect(t, d.b.Keys(t.Context(), ">")))
	})
}

func TestDurableFailedConfigure(t *testing.T) {
	onDisks(t, kv.Config{History: 3}, func(t *testing.T, d *durable) {
		play(t, d.b, "k k k")
		d.disk.Fail(storetest.Configure, 1, errDisk)
		_, err := d.db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: 1, TTL: time.Minute})
		requireErr(t, err, kv.ErrReadOnly)
		require.ErrorIs(t, err, errDisk)
		time.Sleep(time.Hour)
		require.Equal(t, "k1 k2 k3", drawAll(t, d.b))
		require.Equal(t, uint8(3), statusOf(t, d.b).Config.History)
		d.refusesWrites(t)
		d.reopen(t)
		require.Equal(t, "k1 k2 k3", drawAll(t, d.b))
	})
}

func TestDurableFailedCreateBucket(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		d.disk.Fail(storetest.Create, 1, errDisk)
		_, err := d.db.CreateBucket(t.Context(), kv.Config{Bucket: "new"})
		require.ErrorIs(t, err, errDisk)
		_, err = d.db.Bucket(t.Context(), "new")
		requireErr(t, err, kv.ErrBucketNotFound)
		play(t, d.b, "k")
		play(t, newBucket(t, d.db, kv.Config{Bucket: "new"}), "n")
	})
}

// TestDurableFailedDeleteBucket finds the bucket dead, but whole on the disk.
func TestDurableFailedDeleteBucket(t *testing.T) {
	onDisks(t, kv.Config{History: 3}, func(t *testing.T, d *durable) {
		other := newBucket(t, d.db, kv.Config{Bucket: "other"})
		play(t, other, "o")
		play(t, d.b, "k k")
		d.disk.Fail(storetest.Delete, 1, errDisk)
		err := d.db.DeleteBucket(t.Context(), "B")
		requireErr(t, err, kv.ErrReadOnly)
		require.ErrorIs(t, err, errDisk)
		requireErr(t, errOf(d.b.Get(t.Context(), "k")), kv.ErrBucketDeleted)
		requireErr(t, errOf(d.b.Put(t.Context(), "k", nil)), kv.ErrBucketDeleted)
		require.Equal(t, "o1", drawAll(t, other))
		requireErr(t, errOf(other.Put(t.Context(), "o", nil)), kv.ErrReadOnly)
		d.reopen(t)
		require.Equal(t, "k1 k2", drawAll(t, d.b))
	})
}

// TestDurableFailedOpen fails what OpenBackend does. The error names the bucket, and the disk can be opened again.
func TestDurableFailedOpen(t *testing.T) {
	for call, bucket := range map[storetest.Call]string{storetest.Buckets: "", storetest.Open: `"A"`, storetest.Records: `"A"`} {
		t.Run(string(call), func(t *testing.T) {
			onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
				play(t, newBucket(t, d.db, kv.Config{Bucket: "A"}), "a")
				play(t, d.b, "k")
				require.NoError(t, d.db.Close())
				d.disk.Fail(call, 1, errDisk)
				_, err := kv.OpenBackend(d.disk.MustOpen())
				require.ErrorIs(t, err, errDisk)
				require.ErrorContains(t, err, bucket)
				d.open(t, d.disk)
				require.Equal(t, "k1", drawAll(t, d.b))
			})
		})
	}
}

func TestDurableFailedOpenNamesTheBucketOfABadConfig(t *testing.T) {
	for _, config := range []string{"", "{", `{"history": 65}`, `{"history": 700}`, `[]`} {
		disk := storetest.NewDisk()
		backend := disk.MustOpen()
		log, err := backend.Create("bad", []byte(config))
		require.NoError(t, err)
		require.NoError(t, log.Close())
		require.NoError(t, backend.Close())
		_, err = kv.OpenBackend(disk.MustOpen())
		require.ErrorContains(t, err, `"bad"`)
		require.NoError(t, disk.MustOpen().Close(), "the backend is closed")
	}
}

// TestDurableCloseAndHeldAppend closes a database while a write is on its way: the write is seen through.
func TestDurableCloseAndHeldAppend(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		gate := d.hold(t)
		write := d.put(t, "k", "v1")
		closing := do(d.db.Close)
		closing.waits(t)
		gate.Open()
		write.returns(t, 1, nil)
		closing.returns(t, 0, nil)
		d.open(t, d.disk)
		require.Equal(t, "v1", d.value(t, "k"))
	})
}

// TestDurableClosed checks that a closed database says that it is closed, also if it was read-only.
func TestDurableClosed(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		t.Run(fmt.Sprintf("read-only %v", readOnly), func(t *testing.T) {
			onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
				play(t, d.b, "k")
				if readOnly {
					d.disk.Fail(storetest.Append, 1, errDisk)
					requireErr(t, errOf(d.b.Put(t.Context(), "k", nil)), kv.ErrReadOnly)
				}
				require.NoError(t, d.db.Close())
				require.NoError(t, d.db.Close())
				for _, call := range slices.Concat(keyCalls, batchCalls) {
					err := call.call(t.Context(), d.b, "k")
					require.ErrorIs(t, err, kv.ErrClosed, call.op)
					require.NotErrorIs(t, err, kv.ErrReadOnly, call.op)
				}
				requireErr(t, d.b.PurgeDeletes(t.Context()), kv.ErrClosed)
				requireErr(t, errOf(d.b.Status(t.Context())), kv.ErrClosed)
				requireErr(t, errOf(d.db.CreateBucket(t.Context(), kv.Config{Bucket: "new"})), kv.ErrClosed)
				requireErr(t, d.db.DeleteBucket(t.Context(), "B"), kv.ErrClosed)
			})
		})
	}
}

// TestDurableContext checks that a context matters before a write is accepted, and not after.
func TestDurableContext(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		ctx, cancel := context.WithCancel(t.Context())
		gate := d.hold(t)
		write := begin(func() (uint64, error) { return d.b.Put(ctx, "k", nil) })
		cancel()
		synctest.Wait()
		write.waits(t)
		appends := d.disk.Count(storetest.Append)
		require.Equal(t, context.Canceled, errOf(d.b.Put(ctx, "l", nil)))
		gate.Open()
		write.returns(t, 1, nil)
		require.Equal(t, appends, d.disk.Count(storetest.Append))
		require.Equal(t, "k1", drawAll(t, d.b))
	})
}

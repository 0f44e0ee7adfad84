package kv_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
	"github.com/revkv/kv/store/storetest"
)

// reopenings are the ways in which a database comes back.
var reopenings = map[string]func(*durable, *testing.T){
	"closed":    (*durable).reopen,
	"power cut": (*durable).cutPower,
}

// onReopenings is onDisks for each way of reopening.
func onReopenings(t *testing.T, cfg kv.Config, f func(t *testing.T, d *durable, reopen func(*durable, *testing.T))) {
	t.Helper()
	for how, reopen := range reopenings {
		t.Run(how, func(t *testing.T) {
			onDisks(t, cfg, func(t *testing.T, d *durable) { f(t, d, reopen) })
		})
	}
}

// TestDurableReplay does something to a bucket, opens it again, and finds everything as it was.
func TestDurableReplay(t *testing.T) {
	tests := []struct {
		name  string
		cfg   kv.Config
		write func(t *testing.T, d *durable)
		after string // every kept revision
		next  uint64 // the next revision
	}{
		{"nothing", kv.Config{}, func(*testing.T, *durable) {}, "", 1},
		{"depth 1", kv.Config{}, func(t *testing.T, d *durable) { play(t, d.b, "a b a -c b") }, "a3 c4D b5", 6},
		{"depth 3", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a -a a a -c b")
		}, "b2 a4D a5 a6 c7D b8", 9},
		{"purge", kv.Config{History: 3}, func(t *testing.T, d *durable) { play(t, d.b, "a a b !a a !b") }, "a4P a5 b6P", 7},
		{"values", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			for _, value := range []string{"", "\x00\xff", "long " + string(make([]byte, 1<<16))} {
				_, err := d.b.PutString(t.Context(), "a", value)
				require.NoError(t, err)
			}
		}, "a1 a2 a3", 4},
		{"times", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a")
			time.Sleep(123456789 * time.Nanosecond)
			play(t, d.b, "a")
		}, "a1 a2", 3},
		{"deadlines", kv.Config{History: 3, TTL: time.Hour, LimitMarkerTTL: time.Minute}, func(t *testing.T, d *durable) {
			play(t, d.b, "a")
			_, err := d.b.Put(t.Context(), "a", nil, kv.KeyTTL(time.Second+1))
			require.NoError(t, err)
			require.NoError(t, d.b.Delete(t.Context(), "b", kv.KeyTTL(2*time.Hour)))
			require.NoError(t, d.b.Purge(t.Context(), "c", kv.PurgeTTL(time.Minute)))
		}, "a1 a2 b3D c4P", 5},
		{"an older revision expired", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a")
			_, err := d.b.Put(t.Context(), "a", nil, kv.KeyTTL(time.Second))
			require.NoError(t, err)
			play(t, d.b, "a")
			time.Sleep(time.Second)
		}, "a1 a3", 4},
		{"limit marker", kv.Config{History: 3, TTL: time.Minute, LimitMarkerTTL: time.Hour}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b")
			time.Sleep(time.Minute)
		}, "a3P b4P", 5},
		{"limit marker gone", kv.Config{TTL: time.Minute, LimitMarkerTTL: time.Second}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b")
			time.Sleep(time.Minute + time.Second)
		}, "", 5},
		{"all expired", kv.Config{History: 3, TTL: time.Minute}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a")
			time.Sleep(time.Minute)
		}, "", 4},
		{"the newest expired", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a a")
			_, err := d.b.Put(t.Context(), "b", nil, kv.KeyTTL(time.Minute))
			require.NoError(t, err)
			time.Sleep(time.Minute)
		}, "a1 a2", 4},
		{"PurgeDeletes", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a -a b -b -b")
			require.NoError(t, d.b.PurgeDeletes(t.Context()))
		}, "a4D b7D", 8},
		{"PurgeDeletes of all markers", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a -a b -b")
			require.NoError(t, d.b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		}, "", 7},
		{"lowered depth", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a a")
			d.configure(t, func(c *kv.Config) { c.History = 1 })
		}, "b2 a4", 5},
		{"lowered and raised depth", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b a a")
			d.configure(t, func(c *kv.Config) { c.History = 2 })
			d.configure(t, func(c *kv.Config) { c.History = 5 })
			play(t, d.b, "a")
		}, "b2 a3 a4 a5", 6},
		{"shortened and lengthened TTL", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b")
			time.Sleep(time.Minute)
			play(t, d.b, "a")
			d.configure(t, func(c *kv.Config) { c.TTL = time.Minute })
			d.configure(t, func(c *kv.Config) { c.TTL = 0 })
		}, "a3", 4},
		{"expired before the TTL was lengthened", kv.Config{History: 3, TTL: time.Minute}, func(t *testing.T, d *durable) {
			play(t, d.b, "a b")
			time.Sleep(time.Minute)
			d.configure(t, func(c *kv.Config) { c.TTL = time.Hour })
		}, "", 3},
		{"configuration", kv.Config{History: 3}, func(t *testing.T, d *durable) {
			d.configure(t, func(c *kv.Config) {
				*c = kv.Config{
					Bucket: "B", Description: "text <&> ü", History: 64, MaxValueSize: 5, MaxBytes: 1 << 40, TTL: time.Hour,
					LimitMarkerTTL: 1, Metadata: map[string]string{"a": "b", "": "\x00"}, Storage: kv.DefaultStorage, Compression: true,
				}
			})
		}, "", 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onReopenings(t, test.cfg, func(t *testing.T, d *durable, reopen func(*durable, *testing.T)) {
				test.write(t, d)
				synctest.Wait()
				require.Equal(t, test.after, drawAll(t, d.b))
				before := contentsOf(t, d.b)
				for range 2 {
					reopen(d, t)
					require.Equal(t, before, contentsOf(t, d.b))
					d.checkBytes(t)
				}
				_, err := d.db.CreateBucket(t.Context(), before.Status.Config)
				require.NoError(t, err, "it is the same configuration")
				revision, err := d.b.Put(t.Context(), "next", nil)
				require.NoError(t, err)
				require.Equal(t, test.next, revision)
			})
		})
	}
}

// TestDurableReplayOfWhatExpired opens a bucket after deadlines have passed.
func TestDurableReplayOfWhatExpired(t *testing.T) {
	tests := []struct {
		name  string
		cfg   kv.Config
		after string // in a bucket in which a1 a2(TTL 1m) b3(TTL 1h) b4 -c5(TTL 1m) !d6(TTL 1m) e7 were written, a day later
	}{
		{"own deadlines", kv.Config{History: 3}, "b4 e7"},
		{"own deadlines, limit markers", kv.Config{History: 3, LimitMarkerTTL: time.Hour}, "b4 e7 a8P c9P"},
		{"bucket's TTL", kv.Config{History: 3, TTL: time.Hour}, ""},
		{"bucket's TTL, limit markers", kv.Config{History: 3, TTL: time.Hour, LimitMarkerTTL: time.Second}, "a8P c9P b10P e11P"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onDisks(t, test.cfg, func(t *testing.T, d *durable) {
				ctx := t.Context()
				play(t, d.b, "a")
				require.NoError(t, errOf(d.b.Put(ctx, "a", nil, kv.KeyTTL(time.Minute))))
				require.NoError(t, errOf(d.b.Put(ctx, "b", nil, kv.KeyTTL(time.Hour))))
				play(t, d.b, "b")
				require.NoError(t, d.b.Delete(ctx, "c", kv.KeyTTL(time.Minute)))
				require.NoError(t, d.b.Purge(ctx, "d", kv.PurgeTTL(time.Minute)))
				play(t, d.b, "e")
				require.NoError(t, d.db.Close())
				time.Sleep(24 * time.Hour)
				d.open(t, d.disk)
				require.Equal(t, test.after, drawAll(t, d.b))
				d.checkBytes(t)
				w, err := d.b.Watch(ctx, ">", kv.ResumeFromRevision(8))
				require.NoError(t, err)
				require.NotContains(t, drain(t, w), "7 ")
				w.Stop()
				d.reopen(t)
				require.Equal(t, test.after, drawAll(t, d.b))
				time.Sleep(24 * time.Hour)
				synctest.Wait()
				require.NotContains(t, drawAll(t, d.b), "P", "limit markers go")
			})
		})
	}
}

// TestDurableTrimmedLaterThanConfigured cuts the power between the change of a configuration and the trimming that it means.
func TestDurableTrimmedLaterThanConfigured(t *testing.T) {
	onDisks(t, kv.Config{History: 4}, func(t *testing.T, d *durable) {
		play(t, d.b, "a a a b a")
		d.disk.Fail(storetest.Append, 1, errDisk)
		_, err := d.db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: 2})
		requireErr(t, err, kv.ErrReadOnly)
		require.Equal(t, "a1 a2 a3 b4 a5", drawAll(t, d.b))

		d.reopen(t)
		require.Equal(t, "a3 b4 a5", drawAll(t, d.b), "the disk has the new configuration, so it goes by that")
		d.configure(t, func(c *kv.Config) { c.History = 4 })
		d.reopen(t)
		require.Equal(t, "a3 b4 a5", drawAll(t, d.b), "nothing comes back")
		d.checkBytes(t)
	})
}

// TestDurablePowerCutDuringAppend finds the writes of an Append whole or absent.
func TestDurablePowerCutDuringAppend(t *testing.T) {
	onDisks(t, kv.Config{}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b")
		before, after := d.disk.Copy(), (*storetest.Disk)(nil)
		gate := d.holdReturn(t)
		batch := do(func() error {
			return applyOps(t.Context(), d.b, kv.PutOp("a", nil), kv.PurgeOp("b"), kv.PutOp("c", nil))
		})
		after = d.disk.Copy()
		gate.Open()
		batch.returns(t, 0, nil)
		require.NoError(t, d.db.Close())
		for disk, want := range map[*storetest.Disk]string{before: "a1 b2", after: "a3 b4P c5"} {
			d.open(t, disk)
			require.Equal(t, want, drawAll(t, d.b))
			d.checkBytes(t)
			require.NoError(t, d.db.Close())
		}
	})
}

func TestDurableBuckets(t *testing.T) {
	onReopenings(t, kv.Config{}, func(t *testing.T, d *durable, reopen func(*durable, *testing.T)) {
		ctx := t.Context()
		play(t, d.b, "b")
		play(t, newBucket(t, d.db, kv.Config{Bucket: "A", History: 2}), "a a a")
		play(t, newBucket(t, d.db, kv.Config{Bucket: "C"}), "c c")
		require.NoError(t, d.db.DeleteBucket(ctx, "C"))
		play(t, newBucket(t, d.db, kv.Config{Bucket: "D"}), "d d")
		require.NoError(t, d.db.DeleteBucket(ctx, "D"))
		newBucket(t, d.db, kv.Config{Bucket: "D", History: 7})
		before, err := d.db.Buckets(ctx)
		require.NoError(t, err)
		reopen(d, t)
		after, err := d.db.Buckets(ctx)
		require.NoError(t, err)
		require.Equal(t, before, after)
		names, err := d.db.BucketNames(ctx)
		require.NoError(t, err)
		require.Equal(t, []string{"A", "B", "D"}, names)
		play(t, newBucket(t, d.db, kv.Config{Bucket: "C"}), "c")
		requireErr(t, errOf(d.db.CreateBucket(ctx, kv.Config{Bucket: "D"})), kv.ErrBucketExists)
	})
}

// TestDurableReplayOfManyDeadlines opens a bucket in which deadlines have passed and others pass at once, while the timer
// may run already.
func TestDurableReplayOfManyDeadlines(t *testing.T) {
	for _, kind := range diskKinds {
		t.Run(kind.name, func(t *testing.T) {
			disk := kind.new()
			db := openBackend(t, disk.MustOpen())
			b := newBucket(t, db, kv.Config{History: 2, LimitMarkerTTL: time.Hour})
			const keys = 200
			for i := range keys {
				for range 2 {
					_, err := b.Put(t.Context(), "k."+string(rune('a'+i%26)), nil, kv.KeyTTL(time.Duration(i+1)))
					require.NoError(t, err)
				}
			}
			require.NoError(t, db.Close())
			db = openBackend(t, disk.MustOpen())
			b, err := db.Bucket(t.Context(), "B")
			require.NoError(t, err)
			require.Empty(t, collect(t, b.Keys(t.Context(), ">")))
			require.NoError(t, db.Close())
		})
	}
}

// TestReplayOfRevisionsBeyondTheMost opens what nobody has written: numbering would begin anew behind it.
func TestReplayOfRevisionsBeyondTheMost(t *testing.T) {
	for _, newest := range []uint64{math.MaxInt64 - 1, math.MaxInt64 + 1, math.MaxUint64} {
		disk := crashfs.New()
		files, err := filestore.Open("db", filestore.Options{FS: disk})
		require.NoError(t, err)
		log, err := files.Create("B", []byte(`{"bucket":"B","history":1,"max_value_size":-1,"max_bytes":-1}`))
		require.NoError(t, err)
		require.NoError(t, log.Append([]store.Record{{Revision: newest, Operation: store.Put, Key: "a"}}, nil))
		require.NoError(t, files.Close())
		db, err := kv.Open("db", kv.FileSystem(disk))
		if newest > math.MaxInt64 {
			require.ErrorIs(t, err, kv.ErrCorrupt)
			require.ErrorContains(t, err, fmt.Sprintf("expected a newest revision of at most %d, found %d", int64(math.MaxInt64), newest))
			continue
		}
		require.NoError(t, err)
		b, err := db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		require.EqualValues(t, newest+1, mustPut(t, b, "a", ""))
		require.NoError(t, db.Close())
	}
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// TestDurableStorm lets many goroutines do everything at once, with TTLs that pass while values are on their way to the
// disk. Then everything has to fit together: sizes, what watchers saw, and what is there after reopening.
func TestDurableStorm(t *testing.T) {
	for _, kind := range diskKinds {
		for _, depth := range []uint8{1, 4} {
			t.Run(fmt.Sprintf("%s, depth %d", kind.name, depth), func(t *testing.T) {
				disk := kind.new()
				disk.Before(storetest.Append, linearPause)
				disk.Before(storetest.Value, linearPause)
				d := &durable{disk: disk, db: openBackend(t, disk.MustOpen())}
				d.cfg = kv.Config{Bucket: "B", History: depth, LimitMarkerTTL: time.Hour}
				d.b = newBucket(t, d.db, d.cfg)
				d.storm(t)
				t.Cleanup(func() { require.NoError(t, d.db.Close()) })
			})
		}
	}
}

const (
	stormWriters = 6
	stormWrites  = 300
	stormEnd     = "end" // the key that is written last
)

func (d *durable) storm(t *testing.T) {
	ctx := t.Context()
	watched := make([]map[string]kv.Entry, 2)
	var watchers, writers sync.WaitGroup
	for i := range watched {
		w, err := d.b.Watch(ctx, ">")
		require.NoError(t, err)
		watchers.Go(func() { watched[i] = followStorm(t, w) })
	}
	for range stormWriters {
		writers.Go(func() {
			for range stormWrites {
				if err := d.stormCall(t); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()

	for i := range 8 { // what has a TTL goes now, so that nothing changes any more
		require.NoError(t, d.b.Purge(ctx, fmt.Sprintf("t%d", i)))
	}
	_, err := d.b.Put(ctx, stormEnd, nil)
	require.NoError(t, err)
	watchers.Wait()
	live := collect(t, d.b.Entries(ctx, ">"))
	for _, seen := range watched {
		require.Equal(t, live, liveOf(seen), "what a watcher saw last of each key")
	}

	require.NoError(t, d.b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1)))
	d.checkBytes(t)
	before := contentsOf(t, d.b)
	d.reopen(t)
	require.Equal(t, before, contentsOf(t, d.b))
	d.checkBytes(t)
}

// TestDurableStormOnABrokenDisk makes the disk fail in the middle of the storm. What was visible then is what is there after
// reopening, and so is what the disk would have left after a power cut at the end.
func TestDurableStormOnABrokenDisk(t *testing.T) {
	for _, kind := range diskKinds {
		t.Run(kind.name, func(t *testing.T) {
			for range 10 {
				disk := kind.new()
				disk.Before(storetest.Append, linearPause)
				disk.Fail(storetest.Append, 1+rand.IntN(200), errDisk)
				d := &durable{disk: disk, db: openBackend(t, disk.MustOpen()), cfg: kv.Config{Bucket: "B", History: 3}}
				d.b = newBucket(t, d.db, d.cfg)
				var writers sync.WaitGroup
				for range stormWriters {
					writers.Go(func() {
						var err error
						for err == nil {
							err = d.stormCall(t)
						}
						if !errors.Is(err, kv.ErrReadOnly) {
							t.Error(err)
						}
					})
				}
				writers.Wait()
				before := d.untimed(t)
				d.cutPower(t)
				require.Equal(t, before, d.untimed(t))
				require.NoError(t, d.db.Close())
			}
		})
	}
}

// untimed returns every kept revision of the keys without a TTL.
func (d *durable) untimed(t *testing.T) []kv.Entry {
	t.Helper()
	return slices.DeleteFunc(contentsOf(t, d.b).Entries, func(e kv.Entry) bool { return e.Key[0] == 't' })
}

// stormCall makes one call, any. It returns an error that the call should not have.
func (d *durable) stormCall(t *testing.T) error {
	ctx, b := t.Context(), d.b
	key, timed := fmt.Sprintf("k%d", rand.IntN(8)), fmt.Sprintf("t%d", rand.IntN(8))
	value := make([]byte, rand.IntN(20))
	newest := uint64(0)
	if history, err := b.History(ctx, key); err == nil {
		newest = history[len(history)-1].Revision
	}
	var err error
	switch rand.IntN(12) {
	case 0, 1, 2:
		err = errOf(b.Put(ctx, timed, value, kv.KeyTTL(time.Duration(rand.IntN(2e6)+1))))
	case 3:
		err = errOf(b.Create(ctx, timed, value))
	case 4:
		err = errOf(b.Create(ctx, key, value))
	case 5:
		err = errOf(b.Update(ctx, key, value, newest))
	case 6:
		err = errOf(b.Revert(ctx, key, max(newest, 1)))
	case 7:
		err = b.Delete(ctx, key, kv.LastRevision(max(newest, 1)))
	case 8:
		err = b.Purge(ctx, key)
	case 9:
		err = applyOps(ctx, b, kv.PutOp(key, value), kv.PutOp(timed, value, kv.KeyTTL(time.Millisecond)), kv.DeleteOp("d"))
	case 10:
		for e, listErr := range b.Entries(ctx, ">") {
			err = listErr
			_ = append(e.Value, 1)
		}
	default:
		_, err = b.Get(ctx, key)
	}
	allowed := []error{kv.ErrKeyNotFound, kv.ErrKeyExists, kv.ErrRevisionMismatch}
	if slices.ContainsFunc(allowed, func(a error) bool { return errors.Is(err, a) }) {
		return nil
	}
	return err
}

// followStorm follows a watcher until the last key is written, and returns the newest entry of each key. Revisions rise.
func followStorm(t *testing.T, w *kv.Watcher) map[string]kv.Entry {
	defer w.Stop()
	seen := map[string]kv.Entry{}
	var last uint64
	for {
		e, err := w.Next(context.Background())
		if err != nil || e.Kind == kv.Changed && e.Entry.Revision <= last {
			t.Errorf("after revision %d: %+v, %v", last, e, err)
			return seen
		}
		if e.Kind == kv.Changed {
			last = e.Entry.Revision
			seen[e.Entry.Key] = e.Entry
		}
		if e.Entry.Key == stormEnd {
			return seen
		}
	}
}

// liveOf returns the entries with values, in order of key, as a listing has them.
func liveOf(seen map[string]kv.Entry) (entries []kv.Entry) {
	for _, e := range seen {
		if e.Operation == kv.Put {
			e.Delta = 0
			entries = append(entries, e)
		}
	}
	slices.SortFunc(entries, func(a, b kv.Entry) int { return strings.Compare(a.Key, b.Key) })
	return entries
}

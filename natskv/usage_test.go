package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// What programs do with buckets again and again, each as a whole.

// lock takes a lock that has a holder, waiting as long as it is held by another: the watch begins right behind the revision
// that was seen, so that no release is missed.
func lock(ctx context.Context, b jetstream.KeyValue, key, holder string) (revision uint64, err error) {
	for {
		revision, err = b.Create(ctx, key, []byte(holder))
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return revision, err
		}
		held, err := b.Get(ctx, key)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if err := released(ctx, b, key, held.Revision()); err != nil {
			return 0, err
		}
	}
}

// released waits for the first thing that happens to a key after a revision.
func released(ctx context.Context, b jetstream.KeyValue, key string, revision uint64) error {
	w, err := b.Watch(ctx, key, jetstream.ResumeFromRevision(revision+1))
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	for e := range w.Updates() {
		if e != nil {
			return nil
		}
	}
	return ctx.Err()
}

// Of many who want a lock one has it at a time, whether it is given back or its holder is silent.
func TestUsageLock(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{TTL: time.Minute, LimitMarkerTTL: time.Second})
		var wg sync.WaitGroup
		var mu sync.Mutex
		begin, held, holders := time.Now(), false, 0
		for i := range 10 {
			wg.Go(func() {
				revision, err := lock(t.Context(), b, "lock", fmt.Sprint(i))
				assert.NoError(t, err)
				mu.Lock()
				assert.False(t, held)
				held = true
				holders++
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				held = false
				mu.Unlock()
				if i%2 == 0 { // the others just die
					assert.NoError(t, b.Delete(t.Context(), "lock", jetstream.LastRevision(revision)))
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		assert.Equal(t, 10, holders)
		// Five held it for a second each, five for the TTL; the last one's is not waited for.
		assert.WithinRange(t, time.Now(), begin.Add(5*time.Second+4*time.Minute), begin.Add(6*time.Second+5*time.Minute))
	})
}

// A cache reads all there is and follows from there: what is written between the two is not missed and not seen twice.
func TestUsageCache(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{})
		play(t, b, "a b c -c")
		cache, newest := map[string]uint64{}, uint64(0)
		keys, err := b.ListKeysFiltered(t.Context(), ">")
		require.NoError(t, err)
		for key := range keys.Keys() {
			e, err := b.Get(t.Context(), key)
			require.NoError(t, err)
			cache[key] = e.Revision()
			newest = max(newest, e.Revision())
		}
		assert.Equal(t, map[string]uint64{"a": 1, "b": 2}, cache)

		play(t, b, "d -a")
		w, err := b.WatchAll(t.Context(), jetstream.ResumeFromRevision(newest+1), jetstream.MetaOnly())
		require.NoError(t, err)
		play(t, b, "e")
		assert.Equal(t, "c4D d5 a6D nil e7", drain(w))
		require.NoError(t, w.Stop())
	})
}

// An election by the TTL of a bucket, as old code has it, for a day: each leader campaigns until it dies.
func TestUsageElection(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		const ttl = 30 * time.Second
		b, err := natskv.Legacy(db).CreateKeyValue(&nats.KeyValueConfig{Bucket: "B", TTL: ttl})
		require.NoError(t, err)
		status, err := b.Status()
		require.NoError(t, err)
		require.Equal(t, ttl, status.TTL())

		var wg sync.WaitGroup
		var led [5]int // how often each was confirmed as leader
		for i := range led {
			wg.Go(func() {
				revision := uint64(0)
				dies := time.Now().Add(time.Duration(i+1) * 4 * time.Hour)
				for time.Now().Before(dies) {
					var err error
					if revision == 0 {
						revision, err = b.Create("leader", fmt.Append(nil, i))
						assert.True(t, err == nil || errors.Is(err, nats.ErrKeyExists), "%v", err)
					} else {
						revision, err = b.Update("leader", fmt.Append(nil, i), revision)
						assert.NoError(t, err, "nobody takes the lead from one that lives")
						led[i]++
					}
					time.Sleep(ttl * 3 / 4)
				}
			})
		}
		wg.Wait()
		total := 0
		for _, n := range led {
			total += n
		}
		// All of the 20 hours have a leader, but for the moments after a death.
		whole := int(20 * time.Hour / (ttl * 3 / 4))
		assert.InDelta(t, whole, total, 20)
		time.Sleep(ttl)
		_, err = b.Get("leader")
		require.ErrorIs(t, err, nats.ErrKeyNotFound)
	})
}

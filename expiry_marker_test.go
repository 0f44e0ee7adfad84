package kv_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// Limit markers are written when a key expires, at the moment of its deadline, by the timer alone. The rows look a
// millisecond after each deadline, since a durable store takes the marker after the deadline.
var limitMarkerRows = []expiryRow{
	{"TTL of the bucket", kv.Config{TTL: hour, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 0, 0) },
		[]moment{{hour - 1, "k1"}, {hour + 1e6, "k2P"}, {hour + minute - 1, "k2P"}, {hour + minute + 1e6, ""}}, "k2P@1h0m0s"},
	{"KeyTTL", kv.Config{LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", hour, 0) },
		[]moment{{hour - 1, "k1"}, {hour + 1e6, "k2P"}, {hour + minute - 1, "k2P"}, {hour + minute + 1e6, ""}}, "k2P@1h0m0s"},
	{"a life not of whole seconds", kv.Config{LimitMarkerTTL: 2500 * time.Millisecond}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "k", hour, 0)
	}, []moment{{hour + 1e6, "k2P"}, {hour + 2500*1e6 - 1, "k2P"}, {hour + 2500*1e6, ""}}, "k2P@1h0m0s"},
	{"the TTL of the bucket is shorter than a marker's life", kv.Config{TTL: minute, LimitMarkerTTL: hour},
		func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 0, 0) },
		[]moment{{minute + 1e6, "k2P"}, {2*minute - 1, "k2P"}, {2 * minute, ""}}, "k2P@1m0s"},
	{"longest life", kv.Config{LimitMarkerTTL: math.MaxInt64}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", hour, 0) },
		[]moment{{hour + 1e6, "k2P"}, {100000 * hour, "k2P"}}, "k2P@1h0m0s"},
	{"KeyTTL shorter than a marker's life, at depth 5", kv.Config{History: 5, LimitMarkerTTL: hour},
		func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", minute, 0) },
		[]moment{{minute - 1, "k1"}, {minute + 1e6, "k2P"}, {minute + hour, ""}}, "k2P@1m0s"},
	{"older revisions go without a marker", kv.Config{History: 3, TTL: hour, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		for range 3 {
			ttl(t, b, "k", 0, 10*minute)
		}
	}, []moment{{hour + 1e6, "k2 k3"}, {70*minute + 1e6, "k3"}, {80*minute + 1e6, "k4P"}, {81 * minute, ""}}, "k4P@1h20m0s"},
	{"one in the middle goes without a marker", kv.Config{History: 3, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "k", 0, 0)
		ttl(t, b, "k", minute, 0)
		ttl(t, b, "k", 0, 0)
	}, []moment{{minute + 1e6, "k1 k3"}}, ""},
	{"newest of a history: the history goes and the marker comes", kv.Config{History: 3, LimitMarkerTTL: minute},
		func(t *testing.T, b *kv.Bucket) {
			ttl(t, b, "k", 0, 0)
			ttl(t, b, "k", hour, 0)
		}, []moment{{hour - 1, "k1 k2"}, {hour + 1e6, "k3P"}, {hour + minute, ""}}, "k3P@1h0m0s"},
	{"brought back over a marker", kv.Config{History: 3, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "k -k")
		ttl(t, b, "k", hour, 0)
	}, []moment{{hour - 1, "k1 k2D k3"}, {hour + 1e6, "k4P"}, {hour + minute, ""}}, "k4P@1h0m0s"},
	{"a delete marker is followed by one", kv.Config{TTL: hour, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "-k")
	}, []moment{{hour - 1, "k1D"}, {hour + 1e6, "k2P"}, {hour + minute, ""}}, "k2P@1h0m0s"},
	{"a delete marker with KeyTTL too", kv.Config{LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		require.NoError(t, b.Delete(t.Context(), "k", kv.KeyTTL(hour)))
	}, []moment{{hour - 1, "k1D"}, {hour + 1e6, "k2P"}, {hour + minute, ""}}, "k2P@1h0m0s"},
	{"a purge marker goes without a word", kv.Config{TTL: hour, LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "!k")
	}, []moment{{hour - 1, "k1P"}, {hour, ""}, {2 * hour, ""}}, ""},
	{"a purge marker with PurgeTTL too", kv.Config{LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		require.NoError(t, b.Purge(t.Context(), "k", kv.PurgeTTL(hour)))
	}, []moment{{hour - 1, "k1P"}, {hour, ""}, {2 * hour, ""}}, ""},
	{"markers of the user have no life of their own", kv.Config{LimitMarkerTTL: minute}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "-k !p")
	}, []moment{{100000 * hour, "k1D p2P"}}, ""},
	{"without LimitMarkerTTL a key goes without a word", kv.Config{TTL: hour}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "k", 0, 0)
	}, []moment{{hour, ""}}, ""},
	{"several keys, by their deadlines", kv.Config{LimitMarkerTTL: hour}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 3*minute, 0)
		ttl(t, b, "b", minute, 0)
		ttl(t, b, "c", 2*minute, 0)
		ttl(t, b, "d", minute, 0)
	}, []moment{{minute + 1e6, "a1 c3 b5P d6P"}, {2*minute + 1e6, "a1 b5P d6P c7P"}, {3*minute + 1e6, "b5P d6P c7P a8P"}},
		"b5P@1m0s d6P@1m0s c7P@2m0s a8P@3m0s"},
}

func TestLimitMarkers(t *testing.T) { testExpiry(t, limitMarkerRows) }

func TestLimitMarkerEntry(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{LimitMarkerTTL: minute, History: 5})
		ttl(t, b, "k", hour, hour)
		synctest.Wait()
		now := time.Now().UTC()
		want := kv.Entry{
			Bucket: "B", Key: "k", Value: []byte{}, Revision: 2, Created: now, Expires: now.Add(minute), Operation: kv.Purge,
		}
		assert.Equal(t, []kv.Entry{want}, contentsOf(t, b).Entries)
		requireErr(t, errOf(b.Get(t.Context(), "k")), kv.ErrKeyNotFound)
		requireErr(t, errOf(b.GetRevision(t.Context(), "k", 1)), kv.ErrKeyNotFound)
		requireErr(t, errOf(b.GetRevision(t.Context(), "k", 2)), kv.ErrKeyNotFound)
		assert.Equal(t, int64(1), statusOf(t, b).Bytes)

		time.Sleep(30 * time.Second)
		mustPut(t, b, "k", "back")
		assert.Equal(t, "k2P k3", drawHistory(t, b, "k"))
		time.Sleep(30 * time.Second)
		assert.Equal(t, "k3", drawHistory(t, b, "k"), "the marker leaves the history at its time")
	})
}

// A watcher with IgnoreDeletes hears nothing of limit markers, and one on other keys neither.
func TestLimitMarkersAndWatchers(t *testing.T) {
	for _, row := range []struct {
		name    string
		pattern string
		option  kv.WatchOption
		want    string
	}{
		{"all keys", ">", nil, "k.a2P@1h0m0s"},
		{"MetaOnly", "k.*", kv.MetaOnly(), "k.a2P@1h0m0s"},
		{"ResumeFromRevision", "k.a", kv.ResumeFromRevision(2), "k.a2P@1h0m0s"},
		{"IgnoreDeletes", ">", kv.IgnoreDeletes(), ""},
		{"another key", "k.b", nil, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{LimitMarkerTTL: minute})
				start := time.Now()
				ttl(t, b, "k.a", hour, 0)
				w, err := b.Watch(t.Context(), row.pattern, row.option, kv.UpdatesOnly())
				require.NoError(t, err)
				told := tellTimes(t, w, start)
				time.Sleep(10 * hour)
				w.Stop()
				assert.Equal(t, row.want, <-told)
			})
		})
	}
}

// A change of LimitMarkerTTL counts for keys that expire from then on; markers that are there keep their deadlines.
func TestUpdateLimitMarkerTTL(t *testing.T) {
	for _, row := range []struct {
		name     string
		from, to time.Duration
		at       time.Duration // when it is changed; k expires after an hour
		moments  []moment
	}{
		{"switched on in time", 0, minute, 30 * minute, []moment{{hour + 1e6, "k2P"}, {hour + minute, ""}}},
		{"switched on too late", 0, minute, hour + 1e6, []moment{{hour + 2e6, ""}}},
		{"switched off in time", minute, 0, 30 * minute, []moment{{hour, ""}}},
		{"switched off too late", minute, 0, hour + 1e6, []moment{{hour + minute - 1, "k2P"}, {hour + minute, ""}}},
		{"raised too late", minute, hour, hour + 1e6, []moment{{hour + minute - 1, "k2P"}, {hour + minute, ""}}},
		{"lowered too late", hour, minute, hour + 1e6, []moment{{2*hour - 1, "k2P"}, {2 * hour, ""}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{LimitMarkerTTL: row.from})
				start := time.Now()
				ttl(t, b, "k", hour, row.at)
				require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", LimitMarkerTTL: row.to})))
				for _, m := range row.moments {
					time.Sleep(m.at - time.Since(start))
					checkReads(t, b, m.want)
				}
			})
		})
	}
}

// Expiry is exact although the timer runs at most once a millisecond: what is due is gone for every call.
func TestExpiryDoesNotWaitForATimer(t *testing.T) {
	for name, gone := range map[string]func(ctx context.Context, b *kv.Bucket) bool{
		"get":      func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.Get(ctx, "k")) != nil },
		"revision": func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.GetRevision(ctx, "k", 2)) != nil },
		"history":  func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.History(ctx, "k")) != nil },
		"create":   func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.Create(ctx, "k", nil)) == nil },
		"update":   func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.Update(ctx, "k", nil, 0)) == nil },
		"revert":   func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.Revert(ctx, "k", 2)) != nil },
		"delete":   func(ctx context.Context, b *kv.Bucket) bool { return b.Delete(ctx, "k", kv.LastRevision(2)) != nil },
		"room":     func(ctx context.Context, b *kv.Bucket) bool { return errOf(b.Put(ctx, "l", []byte("2345"))) == nil },
		"keys": func(ctx context.Context, b *kv.Bucket) bool {
			for range b.Keys(ctx, ">") {
				return false
			}
			return true
		},
		"watch": func(ctx context.Context, b *kv.Bucket) bool {
			w, err := b.Watch(ctx, ">")
			if err != nil {
				return false
			}
			defer w.Stop()
			e, err := w.Next(ctx)
			return err == nil && e.Kind == kv.CaughtUp
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{MaxBytes: 5})
				ttl(t, b, "j", hour-1, 0)
				ttl(t, b, "k", hour, 0)
				time.Sleep(hour - 1) // here the timer runs, and not again for a while
				synctest.Wait()
				assert.False(t, gone(t.Context(), b), "a nanosecond before")
			})
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{MaxBytes: 5})
				ttl(t, b, "j", hour-1, 0)
				ttl(t, b, "k", hour, 0)
				time.Sleep(hour - 1)
				synctest.Wait()
				time.Sleep(time.Nanosecond)
				assert.True(t, gone(t.Context(), b), "at the deadline")
			})
		})
	}
}

// A timer exists only while something has a deadline: else the database is free to go.
func TestNoTimerIsLeft(t *testing.T) {
	for name, use := range map[string]func(t *testing.T, db *kv.DB, b *kv.Bucket){
		"no deadline":     func(t *testing.T, _ *kv.DB, b *kv.Bucket) { play(t, b, "k") },
		"overwritten":     func(t *testing.T, _ *kv.DB, b *kv.Bucket) { ttl(t, b, "k", hour, 0); ttl(t, b, "k", 0, 0) },
		"purged":          func(t *testing.T, _ *kv.DB, b *kv.Bucket) { ttl(t, b, "k", hour, 0); play(t, b, "!k") },
		"bucket deleted":  func(t *testing.T, db *kv.DB, b *kv.Bucket) { ttl(t, b, "k", hour, 0); deleteBucket(t, db) },
		"database closed": func(t *testing.T, db *kv.DB, b *kv.Bucket) { ttl(t, b, "k", hour, 0); require.NoError(t, db.Close()) },
		"TTL switched off": func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			play(t, b, "k")
			switchTTL(t, db, hour)
			switchTTL(t, db, 0)
		},
		"expired": func(t *testing.T, _ *kv.DB, b *kv.Bucket) {
			ttl(t, b, "k", 1, 0)
			for statusOf(t, b).Values > 0 {
				runtime.Gosched()
			}
		},
		"TTL, and all revisions removed": func(t *testing.T, db *kv.DB, b *kv.Bucket) {
			switchTTL(t, db, hour)
			play(t, b, "k -k")
			require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range places {
				freed := func() weak.Pointer[kv.Bucket] {
					db := p.open(t)
					b := newBucket(t, db, kv.Config{})
					use(t, db, b)
					return weak.Make(b)
				}()
				for range 100 {
					if runtime.GC(); freed.Value() == nil {
						break
					}
					runtime.Gosched()
				}
				assert.True(t, freed.Value() == nil, "%s: something holds the bucket", p.name)
			}
		})
	}
}

func deleteBucket(t *testing.T, db *kv.DB) { require.NoError(t, db.DeleteBucket(t.Context(), "B")) }

func switchTTL(t *testing.T, db *kv.DB, d time.Duration) {
	require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", TTL: d})))
}

// Thousands of keys that expire at once each get their marker.
func TestManyKeysExpireAtOnce(t *testing.T) {
	const n = 3000
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{TTL: hour, LimitMarkerTTL: minute})
		for i := range n {
			mustPut(t, b, fmt.Sprint("k", i), "")
		}
		w, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		defer w.Stop()
		time.Sleep(hour)
		for i := range n {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint("k", i), e.Entry.Key)
			require.Equal(t, uint64(n+1+i), e.Entry.Revision)
			require.Equal(t, kv.Purge, e.Entry.Operation)
		}
		assert.Empty(t, collect(t, b.Keys(t.Context(), ">")))
		time.Sleep(minute)
		synctest.Wait()
		assert.Equal(t, uint64(2*n), statusOf(t, b).Newest)
		assert.Zero(t, statusOf(t, b).Values)
	})
}

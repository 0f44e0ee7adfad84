package kv_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// catchUpKeys are more keys than a watcher remembers to be owed, most of them under one prefix.
func catchUpKeys() []string {
	var keys []string
	for i := range 5000 {
		prefix := "most"
		if i%10 == 9 {
			prefix = "few"
		}
		keys = append(keys, fmt.Sprintf("%s.%04d", prefix, i))
	}
	return keys
}

// A watcher has caught up when it has delivered a state of every key that had one when the watch began, the newest or one
// that followed; also if that was overwritten before the watcher got there.
func TestCaughtUpAfterEveryKey(t *testing.T) {
	keys := catchUpKeys()
	for _, row := range []struct {
		name    string
		first   int // events that the watcher takes before the bucket is changed
		change  func(t *testing.T, b *kv.Bucket)
		removed []string
	}{
		{"nothing happens", 0, func(*testing.T, *kv.Bucket) {}, nil},
		{"a few are overwritten", 0, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys[:100]) }, nil},
		{"a few are overwritten in mid delivery", 1000, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys[2300:2400]) }, nil},
		{"nearly all are overwritten", 0, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys[:4000]) }, nil},
		{"all are overwritten", 0, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys) }, nil},
		{"all are overwritten twice", 0, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys); putAll(t, b, keys) }, nil},
		{"all are overwritten in mid delivery", 200, func(t *testing.T, b *kv.Bucket) { putAll(t, b, keys) }, nil},
		{"some are deleted", 0, func(t *testing.T, b *kv.Bucket) { deleteAll(t, b, keys[1000:1500]) }, nil},
		{"some are removed", 0, func(t *testing.T, b *kv.Bucket) {
			deleteAll(t, b, keys[1000:1500])
			require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		}, keys[1000:1500]},
	} {
		for _, pattern := range []string{">", "most.>"} {
			t.Run(row.name+"/"+pattern, func(t *testing.T) {
				everywhere(t, func(t *testing.T, db *kv.DB) {
					b := newBucket(t, db, kv.Config{})
					putAll(t, b, keys)
					w, err := b.Watch(t.Context(), pattern)
					require.NoError(t, err)
					defer w.Stop()
					want := map[string]bool{}
					for _, key := range keys {
						if plainMatch(pattern, key) && !slices.Contains(row.removed, key) {
							want[key] = true
						}
					}
					seen := map[string]bool{}
					for range row.first {
						e, err := w.Next(t.Context())
						require.NoError(t, err)
						seen[e.Entry.Key] = true
					}
					row.change(t, b)
					takeUntilCaughtUp(t, w, seen)
					assert.Equal(t, want, seen)

					end := fmt.Sprint("most.0000", mustPut(t, b, "most.0000", ""))
					for e := ""; e != end; e = nextEvent(t, w) {
						require.NotEqual(t, "CaughtUp", e, "it comes once")
					}
				})
			})
		}
	}
}

// takeUntilCaughtUp notes the keys that a watcher delivers before CaughtUp.
func takeUntilCaughtUp(t *testing.T, w *kv.Watcher, seen map[string]bool) {
	t.Helper()
	for last := uint64(0); ; {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		if e.Kind == kv.CaughtUp {
			return
		}
		require.Greater(t, e.Entry.Revision, last, "in rising order")
		last = e.Entry.Revision
		seen[e.Entry.Key] = true
	}
}

func deleteAll(t *testing.T, b *kv.Bucket, keys []string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, b.Delete(t.Context(), key))
	}
}

func putAll(t *testing.T, b *kv.Bucket, keys []string) {
	t.Helper()
	for _, key := range keys {
		require.NoError(t, errOf(b.Put(t.Context(), key, nil)))
	}
}

// CaughtUp does not wait for keys that came later.
func TestCaughtUpBeforeLaterKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b c")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		play(t, b, "d a e") // d4 a5 e6
		assert.Equal(t, "b2", nextEvent(t, w))
		assert.Equal(t, "c3", nextEvent(t, w))
		assert.Equal(t, "d4", nextEvent(t, w))
		assert.Equal(t, "a5", nextEvent(t, w))
		assert.Equal(t, "CaughtUp", nextEvent(t, w), "a is the last of the keys that were there")
		assert.Equal(t, "e6", nextEvent(t, w))
	})
}

// Nor for keys that are gone.
func TestCaughtUpWithoutRemovedKeys(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b")
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		play(t, b, "-a")
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		play(t, b, "c d")
		assert.Equal(t, "b2 CaughtUp c4 d5", drain(t, w))
	})
}

// If all that was there goes before the watcher gets to it, it has caught up.
func TestCaughtUpWhenEverythingVanishes(t *testing.T) {
	for name, vanish := range map[string]func(t *testing.T, b *kv.Bucket){
		"by its TTL": func(*testing.T, *kv.Bucket) { time.Sleep(time.Hour) },
		"by PurgeDeletes": func(t *testing.T, b *kv.Bucket) {
			deleteAll(t, b, []string{"k.a", "k.b"})
			require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		},
	} {
		for _, pattern := range []string{">", "k.*", "k.a"} {
			t.Run(name+"/"+pattern, func(t *testing.T) {
				inBubbles(t, func(t *testing.T, db *kv.DB) {
					b := newBucket(t, db, kv.Config{TTL: time.Hour})
					play(t, b, "k.a k.b")
					w, err := b.Watch(t.Context(), pattern)
					require.NoError(t, err)
					defer w.Stop()
					vanish(t, b)
					assert.Equal(t, "CaughtUp", drain(t, w))
				})
			})
		}
	}
}

// A key whose state at the start is hidden by IgnoreDeletes, or becomes so, holds nothing up.
func TestCaughtUpIgnoringDeletes(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a -b c")
		w, err := b.Watch(t.Context(), ">", kv.IgnoreDeletes())
		require.NoError(t, err)
		defer w.Stop()
		play(t, b, "-a b d")
		assert.Equal(t, "c3 b5 CaughtUp d6", drain(t, w))
	})
}

// At a depth above 1 what was newest at the start stays for a while, and is what is delivered first.
func TestCaughtUpWithHistory(t *testing.T) {
	for _, row := range []struct {
		name    string
		options []kv.WatchOption
		after   string
		want    string
	}{
		{"still kept", nil, "a b", "a3 b4 CaughtUp a5 b6"},
		{"pushed out", nil, "a a", "b4 a5 CaughtUp a6"},
		{"history", []kv.WatchOption{kv.IncludeHistory()}, "a b", "a3 b4 CaughtUp a5 b6"},
		{"history, pushed out", []kv.WatchOption{kv.IncludeHistory()}, "a a", "b2 b4 a5 CaughtUp a6"},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 2})
				play(t, b, "a b a b")
				w, err := b.Watch(t.Context(), ">", row.options...)
				require.NoError(t, err)
				defer w.Stop()
				byKey, err := b.WatchFiltered(t.Context(), []string{"a", "b"}, row.options...)
				require.NoError(t, err)
				defer byKey.Stop()
				play(t, b, row.after)
				assert.Equal(t, row.want, drain(t, w))
				assert.Equal(t, row.want, drain(t, byKey))
			})
		})
	}
}

// A slow watcher misses what the depth pushes out, and nothing else; each key's newest state arrives.
func TestSlowWatcher(t *testing.T) {
	const writes = 10000
	for _, depth := range []uint8{1, 2, 64} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: depth})
				w, err := b.Watch(t.Context(), ">")
				require.NoError(t, err)
				defer w.Stop()
				require.Equal(t, "CaughtUp", nextEvent(t, w))
				for range writes {
					require.NoError(t, errOf(b.Put(t.Context(), "k", nil)))
				}
				play(t, b, "other")
				for r := uint64(writes) - uint64(depth) + 1; r <= writes; r++ {
					require.Equal(t, fmt.Sprint("k", r), nextEvent(t, w))
				}
				assert.Equal(t, fmt.Sprint("other", writes+1), drain(t, w))
			})
		})
	}
}

// A watcher that nobody reads holds neither writers nor other watchers up, nor the deletion of its bucket.
func TestWatcherThatNobodyReads(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		idle, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		require.Equal(t, "CaughtUp", nextEvent(t, w))
		for i := range 2000 {
			play(t, b, "k")
			require.Equal(t, fmt.Sprint("k", i+1), nextEvent(t, w))
		}
		assert.Equal(t, "CaughtUp", nextEvent(t, idle))
		assert.Equal(t, "k2000", nextEvent(t, idle))
		require.NoError(t, db.DeleteBucket(t.Context(), "B"))
	})
}

// A thousand watchers on patterns of their own each get what is theirs.
func TestThousandWatchers(t *testing.T) {
	const n = 1000
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		watchers := make([]*kv.Watcher, n)
		for i := range watchers {
			pattern := []string{"k.%d", "k.%d.>", "*.%d.x", "k.%d.*.z"}[i%4]
			var err error
			watchers[i], err = b.Watch(t.Context(), fmt.Sprintf(pattern, i))
			require.NoError(t, err)
			defer watchers[i].Stop()
			require.Equal(t, "CaughtUp", nextEvent(t, watchers[i]))
		}
		assert.Equal(t, n, statusOf(t, b).Watchers)
		for i := range watchers {
			matching := fmt.Sprintf([]string{"k.%d", "k.%d.a", "k.%d.x", "k.%d.y.z"}[i%4], i)
			mustPut(t, b, matching+".nobodys", "")
			r := mustPut(t, b, matching, "")
			if i%4 == 1 {
				require.Equal(t, fmt.Sprintf("%s.nobodys%d", matching, r-1), nextEvent(t, watchers[i]))
			}
			require.Equal(t, fmt.Sprintf("%s%d", matching, r), nextEvent(t, watchers[i]))
		}
		for i, w := range watchers {
			w.Stop()
			require.Equal(t, n-1-i, statusOf(t, b).Watchers)
		}
	})
}

// A pattern with a literal prefix finds its few keys among many.
func TestWatchPrefixOfManyKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for i := range 20000 {
			require.NoError(t, errOf(b.Put(t.Context(), fmt.Sprintf("k.%d.%d", i%4, i), nil)))
		}
		for pattern, want := range map[string]int{
			"k.1.>": 5000, "k.>": 20000, "k.1.1": 1, "k.*.19999": 1, "k.3.*": 5000, "k.2": 0, "k.4.>": 0,
		} {
			w, err := b.Watch(t.Context(), pattern)
			require.NoError(t, err)
			n := 0
			for nextEvent(t, w) != "CaughtUp" {
				n++
			}
			assert.Equal(t, want, n, pattern)
			w.Stop()
		}
	})
}

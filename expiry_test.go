package kv_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// A moment is what a bucket holds at a time after the start, exactly then.
type moment struct {
	at   time.Duration
	want string
}

// An expiryRow is a bucket, what is written to it, and what it holds as time passes.
type expiryRow struct {
	name    string
	cfg     kv.Config
	do      func(t *testing.T, b *kv.Bucket) // may take time
	moments []moment
	events  string // what a watcher is told on its own account after do: "k2P@1h0m0s"
}

// ttl puts a key, with a TTL if that is positive, and then lets time pass.
func ttl(t *testing.T, b *kv.Bucket, key string, d, pause time.Duration) {
	t.Helper()
	var options []kv.PutOption
	if d > 0 {
		options = append(options, kv.KeyTTL(d))
	}
	mustPut(t, b, key, "v", options...)
	time.Sleep(pause)
}

const (
	minute = time.Minute
	hour   = time.Hour
)

var expiryRows = []expiryRow{
	{"TTL of the bucket", kv.Config{TTL: hour}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 0, 30*minute)
		ttl(t, b, "b", 0, 0)
	}, []moment{{hour - 1, "a1 b2"}, {hour, "b2"}, {90*minute - 1, "b2"}, {90 * minute, ""}}, ""},
	{"TTL of the bucket: revisions go one by one", kv.Config{TTL: hour, History: 3}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "k", 0, 20*minute)
		ttl(t, b, "k", 0, 20*minute)
		ttl(t, b, "k", 0, 0)
	}, []moment{{hour - 1, "k1 k2 k3"}, {hour, "k2 k3"}, {80 * minute, "k3"}, {100*minute - 1, "k3"}, {100 * minute, ""}}, ""},
	{"TTL of the bucket: markers go too", kv.Config{TTL: hour, History: 3}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "k !p")
		time.Sleep(30 * minute)
		play(t, b, "-k")
	}, []moment{{hour - 1, "k1 p2P k3D"}, {hour, "k3D"}, {90*minute - 1, "k3D"}, {90 * minute, ""}}, ""},
	{"TTL of a nanosecond", kv.Config{TTL: 1}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 0, 0) }, []moment{{0, "k1"}, {1, ""}}, ""},
	{"TTL not of whole seconds", kv.Config{TTL: 1500000001}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 0, 0) },
		[]moment{{1500000000, "k1"}, {1500000001, ""}}, ""},
	{"KeyTTL and a longer TTL of the bucket", kv.Config{TTL: hour}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", minute, 0) },
		[]moment{{minute - 1, "k1"}, {minute, ""}}, ""},
	{"KeyTTL and a shorter TTL of the bucket", kv.Config{TTL: hour}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 2*hour, 0) },
		[]moment{{hour - 1, "k1"}, {hour, ""}}, ""},
	{"no TTL", kv.Config{}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 0, 0) }, []moment{{100000 * hour, "k1"}}, ""},
	{"longest KeyTTL", kv.Config{}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", math.MaxInt64, 0) },
		[]moment{{100000 * hour, "k1"}}, ""},
	{"KeyTTL of a nanosecond", kv.Config{}, func(t *testing.T, b *kv.Bucket) { ttl(t, b, "k", 1, 0) }, []moment{{0, "k1"}, {1, ""}}, ""},

	{"newest expires: the key is gone, with its history", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 0, 0)
		ttl(t, b, "a", minute, 0)
	}, []moment{{minute - 1, "a1 a2"}, {minute, ""}, {hour, ""}}, ""},
	{"newest expires before an older one", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 2*minute, 0)
		ttl(t, b, "a", minute, 0)
	}, []moment{{minute - 1, "a1 a2"}, {minute, ""}}, ""},
	{"older expires: only that leaves", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", minute, 0)
		ttl(t, b, "a", 0, 0)
	}, []moment{{minute - 1, "a1 a2"}, {minute, "a2"}, {1000 * hour, "a2"}}, ""},
	{"one in the middle expires", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 0, 0)
		ttl(t, b, "a", minute, 0)
		ttl(t, b, "a", 0, 0)
	}, []moment{{minute - 1, "a1 a2 a3"}, {minute, "a1 a3"}}, ""},
	{"several in the middle expire, not in their order", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", 3*minute, 0)
		ttl(t, b, "a", 2*minute, 0)
		ttl(t, b, "a", minute, 0)
		ttl(t, b, "a", 4*minute, 0)
	}, []moment{{minute, "a1 a2 a4"}, {2 * minute, "a1 a4"}, {3 * minute, "a4"}, {4 * minute, ""}}, ""},
	{"the next write has no TTL", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", minute, 0)
		ttl(t, b, "a", 0, 0)
	}, []moment{{minute, "a2"}, {1000 * hour, "a2"}}, ""},
	{"a lease is kept alive", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", minute, minute-1)
		ttl(t, b, "a", minute, minute-1)
		ttl(t, b, "a", minute, 0)
	}, []moment{{3*minute - 3, "a3"}, {3*minute - 2, ""}}, ""},
	{"a delete marker stays for ever", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
		ttl(t, b, "a", minute, 0)
		play(t, b, "-a !b")
	}, []moment{{1000 * hour, "a2D b3P"}}, ""},
	{"deadlines a few nanoseconds apart", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
		for i, key := range []string{"a", "b", "c", "d"} {
			ttl(t, b, key, minute+time.Duration(i), 0)
		}
	}, []moment{{minute - 1, "a1 b2 c3 d4"}, {minute, "b2 c3 d4"}, {minute + 1, "c3 d4"}, {minute + 2, "d4"}, {minute + 3, ""}}, ""},
	{"Delete with KeyTTL takes the history along", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "k k")
		require.NoError(t, b.Delete(t.Context(), "k", kv.KeyTTL(minute)))
	}, []moment{{minute - 1, "k1 k2 k3D"}, {minute, ""}}, ""},
	{"Purge with PurgeTTL", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "k k")
		require.NoError(t, b.Purge(t.Context(), "k", kv.PurgeTTL(minute)))
	}, []moment{{minute - 1, "k3P"}, {minute, ""}}, ""},
	{"Purge with KeyTTL", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		play(t, b, "k k")
		require.NoError(t, b.Purge(t.Context(), "k", kv.KeyTTL(minute)))
	}, []moment{{minute - 1, "k3P"}, {minute, ""}}, ""},
	{"a marker with a TTL under a put", kv.Config{History: 5}, func(t *testing.T, b *kv.Bucket) {
		require.NoError(t, b.Delete(t.Context(), "k", kv.KeyTTL(minute)))
		play(t, b, "k")
	}, []moment{{minute - 1, "k1D k2"}, {minute, "k2"}}, ""},
}

func TestExpiry(t *testing.T) { testExpiry(t, expiryRows) }

func testExpiry(t *testing.T, rows []expiryRow) {
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, row.cfg)
				start := time.Now()
				row.do(t, b)
				w, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
				require.NoError(t, err)
				defer w.Stop()
				told := tellTimes(t, w, start)
				for _, m := range row.moments {
					time.Sleep(m.at - time.Since(start))
					require.Equal(t, m.at, time.Since(start), "the row is in order")
					checkReads(t, b, m.want)
				}
				time.Sleep(time.Millisecond)
				synctest.Wait()
				assert.Len(t, strings.Fields(row.moments[len(row.moments)-1].want), statusOf(t, b).Values, "memory is freed")
				w.Stop()
				assert.Equal(t, row.events, <-told)
			})
		})
	}
}

// tellTimes collects what a watcher delivers, each with the time since start, until it is stopped.
func tellTimes(t *testing.T, w *kv.Watcher, start time.Time) <-chan string {
	told := make(chan string, 1)
	go func() {
		var words []string
		for e, err := range w.Events(t.Context()) {
			if err == nil {
				words = append(words, fmt.Sprintf("%s@%v", drawEvent(t, e), time.Since(start)))
			}
		}
		told <- strings.Join(words, " ")
	}()
	return told
}

// checkReads checks that every read sees what a drawing shows and nothing else.
func checkReads(t *testing.T, b *kv.Bucket, want string) {
	t.Helper()
	histories := map[string][]string{}
	for _, word := range strings.Fields(want) {
		key := withoutRevisions(word)[0]
		histories[key] = append(histories[key], word)
	}
	var live []string
	for _, key := range []string{"a", "b", "c", "d", "k", "p"} {
		history := histories[key]
		checkRevisions(t, b, key, history)
		e, err := b.Get(t.Context(), key)
		if n := len(history); n > 0 && !isMarker(history[n-1]) {
			live = append(live, key)
			require.NoError(t, err)
			assert.Equal(t, history[n-1], draw(e))
		} else {
			requireErr(t, err, kv.ErrKeyNotFound, key)
		}
		assert.Equal(t, strings.Join(history, " "), drawHistory(t, b, key))
	}
	assert.Equal(t, live, collect(t, b.Keys(t.Context(), ">")))
	assert.Equal(t, want, drawAll(t, b))
}

func checkRevisions(t *testing.T, b *kv.Bucket, key string, history []string) {
	t.Helper()
	for r := uint64(1); r < 9; r++ {
		e, err := b.GetRevision(t.Context(), key, r)
		if i := slices.Index(history, fmt.Sprint(key, r)); i >= 0 {
			require.NoError(t, err)
			assert.Equal(t, uint64(len(history)-1-i), e.Delta, "delta of %s%d in %v", key, r, history)
			continue
		}
		requireErr(t, err, kv.ErrKeyNotFound, key)
		newest := uint64(0)
		if n := len(history); n > 0 {
			_, _ = fmt.Sscanf(strings.TrimRight(history[n-1], "DP"), key+"%d", &newest)
		}
		assert.Equal(t, newest, asError[*kv.RevisionError](t, err).Newest)
	}
}

func isMarker(word string) bool { return strings.HasSuffix(word, "D") || strings.HasSuffix(word, "P") }

// Every write takes a TTL, at every depth, and any positive one.
func TestKeyTTLOnEveryWrite(t *testing.T) {
	for _, d := range []time.Duration{1, time.Millisecond, 1500 * time.Millisecond, hour} {
		for _, depth := range []uint8{1, 5} {
			for name, op := range map[string]kv.Op{
				"put":            kv.PutOp("k", nil, kv.KeyTTL(d)),
				"create":         kv.CreateOp("n", nil, kv.KeyTTL(d)),
				"update":         kv.UpdateOp("k", nil, 1, kv.KeyTTL(d)),
				"revert":         kv.RevertOp("k", 1, kv.KeyTTL(d)),
				"delete":         kv.DeleteOp("k", kv.KeyTTL(d)),
				"purge":          kv.PurgeOp("k", kv.KeyTTL(d)),
				"purge PurgeTTL": kv.PurgeOp("k", kv.PurgeTTL(d)),
			} {
				t.Run(fmt.Sprintf("%s %v depth %d", name, d, depth), func(t *testing.T) {
					inBubbles(t, func(t *testing.T, db *kv.DB) {
						b := newBucket(t, db, kv.Config{History: depth})
						play(t, b, "k x")
						require.NoError(t, applyOps(t.Context(), b, op))
						entries := contentsOf(t, b).Entries
						last := entries[len(entries)-1]
						require.Equal(t, uint64(3), last.Revision)
						assert.Equal(t, last.Created.Add(d), last.Expires)
						time.Sleep(d - 1)
						assert.Equal(t, draw(entries...), drawAll(t, b))
						time.Sleep(time.Nanosecond)
						if name == "create" {
							assert.Equal(t, "k1 x2", drawAll(t, b))
							return
						}
						assert.Equal(t, "x2", drawAll(t, b))
						require.NoError(t, errOf(b.Create(t.Context(), "k", nil)), "as a new key")
						require.NoError(t, errOf(b.Update(t.Context(), "n", nil, 0)))
						assert.Equal(t, "x2 k4 n5", drawAll(t, b), "expiry takes no revision")
					})
				})
			}
		}
	}
}

// A watcher does not deliver what has expired since it found it.
func TestExpiredIsNotDelivered(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		ttl(t, b, "a", hour, 0)
		ttl(t, b, "b", hour, 0)
		ttl(t, b, "c", 0, 0)
		ttl(t, b, "d", 0, 0)
		ttl(t, b, "d", hour, 0)
		w, err := b.Watch(t.Context(), ">", kv.IncludeHistory())
		require.NoError(t, err)
		defer w.Stop()
		require.Equal(t, "a1", nextEvent(t, w))
		time.Sleep(hour)
		assert.Equal(t, "c3 CaughtUp", drain(t, w), "d is gone with its history")
	})
}

package kv_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// At depth 5: d is deleted, p purged and deleted, r brought back, l live, and o deleted without ever having a value.
const markerScript = "d d -d p !p -p r -r r l -o"

func TestPurgeDeletes(t *testing.T) {
	type options = []kv.PurgeDeletesOption
	const (
		all       = "d1 d2 d3D p5P p6D r7 r8D r9 l10 o11D"
		onlyMarks = "d3D p6D r7 r8D r9 l10 o11D"
		none      = "r7 r8D r9 l10"
	)
	for _, row := range []struct {
		name    string
		age     time.Duration // of all revisions
		options options
		want    string
	}{
		{"no option, young", minute, nil, onlyMarks},
		{"nil option, young", minute, options{nil}, onlyMarks},
		{"no option, 30 minutes old", 30 * minute, nil, onlyMarks},
		{"no option, older", 30*minute + 1, nil, none},
		{"0 is 30 minutes", 30 * minute, options{kv.DeleteMarkersOlderThan(0)}, onlyMarks},
		{"0 is 30 minutes, older", 30*minute + 1, options{kv.DeleteMarkersOlderThan(0)}, none},
		{"an hour, younger", hour, options{kv.DeleteMarkersOlderThan(hour)}, onlyMarks},
		{"an hour, older", hour + 1, options{kv.DeleteMarkersOlderThan(hour)}, none},
		{"a nanosecond", 1, options{kv.DeleteMarkersOlderThan(1)}, onlyMarks},
		{"a nanosecond, older", 2, options{kv.DeleteMarkersOlderThan(1)}, none},
		{"longest", 1000 * hour, options{kv.DeleteMarkersOlderThan(1<<63 - 1)}, onlyMarks},
		{"negative: every marker", 0, options{kv.DeleteMarkersOlderThan(-1)}, none},
		{"most negative", 0, options{kv.DeleteMarkersOlderThan(-1 << 63)}, none},
		{"the last option counts", 0, options{kv.DeleteMarkersOlderThan(hour), kv.DeleteMarkersOlderThan(-1)}, none},
		{"the last option counts, 0 too", 0, options{kv.DeleteMarkersOlderThan(-1), kv.DeleteMarkersOlderThan(0)}, onlyMarks},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 5})
				play(t, b, markerScript)
				require.Equal(t, all, drawAll(t, b))
				w, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
				require.NoError(t, err)
				defer w.Stop()
				time.Sleep(row.age)
				require.NoError(t, b.PurgeDeletes(t.Context(), row.options...))
				assert.Equal(t, row.want, drawAll(t, b))
				if row.want == none {
					for _, key := range []string{"d", "p", "o"} {
						requireErr(t, errOf(b.History(t.Context(), key)), kv.ErrKeyNotFound)
					}
					assert.Equal(t, 2, statusOf(t, b).Keys)
					assert.Equal(t, int64(3+1+3+4), statusOf(t, b).Bytes)
				}
				assert.Empty(t, drain(t, w), "watchers see nothing")
				assert.Equal(t, uint64(12), mustPut(t, b, "next", ""), "it takes no revision")
			})
		})
	}
}

func TestPurgeDeletesOnSomeBuckets(t *testing.T) {
	for _, row := range []struct {
		name   string
		cfg    kv.Config
		script string
		want   string
	}{
		{"empty bucket", kv.Config{}, "", ""},
		{"only values", kv.Config{}, "a b", "a1 b2"},
		{"depth 1, young markers", kv.Config{}, "a -a !b", "a2D b3P"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, row.cfg)
				play(t, b, row.script)
				require.NoError(t, b.PurgeDeletes(t.Context()))
				assert.Equal(t, row.want, drawAll(t, b))
			})
		})
	}
}

// Limit markers are markers: they go by PurgeDeletes too, and what has expired is gone before it looks.
func TestPurgeDeletesAndLimitMarkers(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{LimitMarkerTTL: 10 * hour})
		ttl(t, b, "k", minute, minute)
		synctest.Wait()
		require.Equal(t, "k2P", drawAll(t, b))
		time.Sleep(30 * minute)
		require.NoError(t, b.PurgeDeletes(t.Context()))
		assert.Equal(t, "k2P", drawAll(t, b))
		time.Sleep(time.Nanosecond)
		require.NoError(t, b.PurgeDeletes(t.Context()))
		assert.Empty(t, drawAll(t, b))
		time.Sleep(20 * hour)
		assert.Equal(t, uint64(3), mustPut(t, b, "k", ""), "the deadline of the marker went with it")
	})
}

// In memory a key that has expired, and that the timer has not come to yet, leaves its limit marker before PurgeDeletes
// looks. A durable store takes that marker later.
func TestPurgeDeletesAtADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket(t, kv.New(), kv.Config{LimitMarkerTTL: hour})
		ttl(t, b, "j", minute-1, 0)
		ttl(t, b, "k", minute, minute-1) // at the end the timer runs, and not again for a while
		synctest.Wait()
		time.Sleep(time.Nanosecond)
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		time.Sleep(minute)
		assert.Empty(t, drawAll(t, b))
	})
}

// More keys than are looked at in one go.
func TestPurgeDeletesOfManyKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for i := range 3000 {
			key := fmt.Sprintf("k%04d", i)
			if i%3 == 0 {
				mustPut(t, b, key, "")
			} else {
				require.NoError(t, b.Delete(t.Context(), key))
			}
		}
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		assert.Equal(t, 1000, statusOf(t, b).Keys)
		assert.Len(t, collect(t, b.Keys(t.Context(), ">")), 1000)
	})
}

// Nothing that was acknowledged is lost to a PurgeDeletes that runs beside it.
func TestPurgeDeletesBesideWrites(t *testing.T) {
	const writers, keys = 4, 400
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		for i := range writers * keys {
			require.NoError(t, b.Delete(t.Context(), fmt.Sprint("k", i)))
		}
		ctx, stop := context.WithCancel(t.Context())
		var purging, writing sync.WaitGroup
		purging.Go(func() {
			for ctx.Err() == nil {
				_ = b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1))
			}
		})
		errs := make(chan error, writers)
		for n := range writers {
			writing.Go(func() {
				for i := range keys {
					key := fmt.Sprint("k", n*keys+i)
					r, err := b.PutString(t.Context(), key, key)
					if err == nil {
						var e kv.Entry
						if e, err = b.Get(t.Context(), key); err == nil && e.Revision != r {
							err = fmt.Errorf("%s: put %d, got %d", key, r, e.Revision)
						}
					}
					if err != nil {
						errs <- err
						return
					}
				}
			})
		}
		writing.Wait()
		stop()
		purging.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		entries := collect(t, b.Entries(t.Context(), ">"))
		require.Len(t, entries, writers*keys)
		for _, e := range entries {
			assert.Equal(t, e.Key, string(e.Value))
		}
	})
}

// If the context ends, what was cleared stays cleared.
func TestPurgeDeletesCancelled(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "-a")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		requireErr(t, b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1)), context.Canceled)
		assert.Equal(t, "a1D", drawAll(t, b))
	})
}

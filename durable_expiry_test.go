package kv_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// TestDurableLimitMarkers lets keys expire: the key is gone at its deadline, the limit marker comes with the disk's consent.
func TestDurableLimitMarkers(t *testing.T) {
	onDisks(t, kv.Config{History: 3, LimitMarkerTTL: time.Hour}, func(t *testing.T, d *durable) {
		play(t, d.b, "a a")
		_, err := d.b.PutString(t.Context(), "a", "v3", kv.KeyTTL(time.Minute))
		require.NoError(t, err)
		w := quietWatch(t, d.b)
		gate := d.hold(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, gate.Waiting(), "the limit marker is on its way")
		require.Equal(t, "-", d.value(t, "a"))
		require.Empty(t, drawAll(t, d.b))
		require.Empty(t, drain(t, w))
		require.Equal(t, uint64(3), statusOf(t, d.b).Newest)
		update := begin(func() (uint64, error) { return d.b.Update(t.Context(), "a", nil, 3) })
		update.waits(t)

		gate.Open()
		update.returns(t, 0, kv.ErrRevisionMismatch)
		require.Equal(t, "a4P", drain(t, w))
		require.Equal(t, "a4P", drawAll(t, d.b))
		d.checkBytes(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, drawAll(t, d.b))
		require.Empty(t, drain(t, w))
		d.checkBytes(t)
		play(t, d.b, "")
		require.Equal(t, uint64(4), statusOf(t, d.b).Newest)
	})
}

// TestDurableExpiryFreesTheDisk looks at what the disk keeps.
func TestDurableExpiryFreesTheDisk(t *testing.T) {
	onDisks(t, kv.Config{History: 3, TTL: time.Hour}, func(t *testing.T, d *durable) {
		play(t, d.b, "a a b -a")
		time.Sleep(30 * time.Minute)
		play(t, d.b, "a")
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		require.Equal(t, "a5", drawAll(t, d.b))
		d.configure(t, func(c *kv.Config) { c.TTL = 0 }) // on the copy nothing expires
		d.cutPower(t)
		require.Equal(t, "a5", drawAll(t, d.b))
		d.checkBytes(t)
	})
}

// TestDurableExpiryDuringAppend lets a deadline pass while a write of the same key is held. The write was accepted before
// that.
func TestDurableExpiryDuringAppend(t *testing.T) {
	tests := []struct {
		name   string
		depth  uint8
		before func(t *testing.T, d *durable) // last revision is 3
		during string                         // what is visible of the key when the deadline has passed and the write is held
		after  string
		failed string // what is visible if the write fails
	}{
		{
			name: "the newest expires", depth: 3, after: "k2 k4",
			before: func(t *testing.T, d *durable) {
				play(t, d.b, "k k")
				require.NoError(t, errOf(d.b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute))))
			},
		},
		{
			name: "the newest expires, depth 1", depth: 1, after: "k4",
			before: func(t *testing.T, d *durable) {
				play(t, d.b, "k k")
				require.NoError(t, errOf(d.b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute))))
			},
		},
		{
			name: "an older one expires that the depth does not push out", depth: 3, during: "k1 k3", after: "k3 k4", failed: "k1 k3",
			before: func(t *testing.T, d *durable) {
				play(t, d.b, "k")
				require.NoError(t, errOf(d.b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute))))
				play(t, d.b, "k")
			},
		},
		{
			name: "an older one expires that the depth pushes out", depth: 3, during: "k2 k3", after: "k2 k3 k4", failed: "k2 k3",
			before: func(t *testing.T, d *durable) {
				require.NoError(t, errOf(d.b.Put(t.Context(), "k", nil, kv.KeyTTL(time.Minute))))
				play(t, d.b, "k k")
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, fails := range []bool{false, true} {
				onDisks(t, kv.Config{History: test.depth}, func(t *testing.T, d *durable) {
					test.before(t, d)
					if fails {
						d.disk.Fail(storetest.Append, 1, errDisk)
					}
					gate := d.hold(t)
					write := d.put(t, "k", "v4")
					time.Sleep(time.Minute)
					synctest.Wait()
					for range 2 {
						require.Equal(t, test.during, drawHistory(t, d.b, "k"), "while the write is held")
						require.Equal(t, test.during, drawAll(t, d.b), "while the write is held")
						time.Sleep(time.Hour)
					}
					gate.Open()
					if fails {
						write.returns(t, 0, kv.ErrReadOnly)
						require.Equal(t, test.failed, drawAll(t, d.b))
						return
					}
					write.returns(t, 4, nil)
					require.Equal(t, test.after, drawAll(t, d.b))
					d.checkBytes(t)
					before := contentsOf(t, d.b)
					d.reopen(t)
					require.Equal(t, before, contentsOf(t, d.b))
					play(t, d.b, "k k k")
					d.checkBytes(t)
				})
			}
		})
	}
}

// TestDurableExpiryAfterAccept lets a revision expire before it is visible.
func TestDurableExpiryBeforeVisible(t *testing.T) {
	for _, limit := range []time.Duration{0, time.Hour} {
		onDisks(t, kv.Config{History: 3, LimitMarkerTTL: limit}, func(t *testing.T, d *durable) {
			play(t, d.b, "k")
			w := quietWatch(t, d.b)
			gate := d.hold(t)
			write := d.put(t, "k", "v2", kv.KeyTTL(time.Minute))
			other := d.put(t, "other", "v3", kv.KeyTTL(time.Hour))
			time.Sleep(30 * time.Minute)
			require.Equal(t, "k1", drawAll(t, d.b), "nobody knows of the new value yet")
			gate.Open()
			write.returns(t, 2, nil)
			if limit == 0 {
				other.returns(t, 3, nil)
				require.Equal(t, "other3", drawAll(t, d.b))
				require.Equal(t, "other3", drain(t, w))
			} else {
				other.returns(t, 4, nil) // it had to wait, and k expired before that
				require.Equal(t, "k3P other4", drawAll(t, d.b))
				require.Equal(t, "k3P other4", drain(t, w))
			}
			d.checkBytes(t)
			time.Sleep(time.Hour)
			synctest.Wait()
			require.NotContains(t, drawAll(t, d.b), fmt.Sprintf("other%d", other.revision))
		})
	}
}

// TestDurableHeldAppendIsQuiet counts how often the engine looks at deadlines that it can do nothing about: with the disk
// stuck for a year it must not be busy.
func TestDurableHeldAppendIsQuiet(t *testing.T) {
	onDisks(t, kv.Config{TTL: time.Minute, LimitMarkerTTL: time.Minute}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b")
		gate := d.hold(t)
		write := d.put(t, "a", "")
		time.Sleep(365 * 24 * time.Hour)
		require.Equal(t, 1, gate.Waiting())
		gate.Open()
		write.returns(t, 3, nil)
		synctest.Wait()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, drawAll(t, d.b))
	})
}

// TestDurableExpiryOfManyShareAppends lets many keys expire at once.
func TestDurableExpiryOfManySharesAnAppend(t *testing.T) {
	onDisks(t, kv.Config{LimitMarkerTTL: time.Hour}, func(t *testing.T, d *durable) {
		for i := range 100 {
			key := "k." + string(rune('a'+i/10)) + string(rune('a'+i%10))
			require.NoError(t, errOf(d.b.Put(t.Context(), key, nil, kv.KeyTTL(time.Minute))))
		}
		before := d.disk.Count(storetest.Append)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, d.disk.Count(storetest.Append)-before)
		require.Equal(t, uint64(200), statusOf(t, d.b).Newest)
	})
}

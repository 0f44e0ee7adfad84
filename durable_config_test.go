package kv_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// TestDurableExpiredStaysSoUnderALongerTTL gives a bucket a longer TTL when a revision has expired, but the timer has not
// taken it out yet. The disk forgets the revision before it keeps the configuration, so there is no moment at which a
// power cut would bring back what nobody could read any more.
func TestDurableExpiredStaysSoUnderALongerTTL(t *testing.T) {
	tests := []struct {
		name string
		cut  func(t *testing.T, d *durable, update func() error) // loses power, or the disk, during the update
	}{
		{"a power cut before the revision is forgotten", func(t *testing.T, d *durable, update func() error) {
			d.hold(t)
			do(update).waits(t)
			left := d.disk.Copy()
			d.open(t, left)
		}},
		{"a power cut after it", func(t *testing.T, d *durable, update func() error) {
			d.holdReturn(t)
			do(update).waits(t)
			left := d.disk.Copy()
			d.open(t, left)
		}},
		{"the disk does not forget it", func(t *testing.T, d *durable, update func() error) {
			d.disk.Fail(storetest.Append, 1, errDisk)
			require.ErrorIs(t, update(), errDisk)
			d.cutPower(t)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			onDisks(t, kv.Config{TTL: time.Hour}, func(t *testing.T, d *durable) {
				play(t, d.b, "a")
				time.Sleep(time.Millisecond / 2)
				play(t, d.b, "b")
				time.Sleep(time.Hour - time.Millisecond/2)
				synctest.Wait() // a has expired now; the timer rests for a millisecond, and b expires meanwhile
				time.Sleep(time.Millisecond / 2)
				require.Equal(t, "-", d.value(t, "b"))

				db := d.db
				cfg := statusOf(t, d.b).Config
				cfg.TTL = 0
				test.cut(t, d, func() error { return errOf(db.UpdateBucket(t.Context(), cfg)) })
				require.Equal(t, "-", d.value(t, "b"))
			})
		})
	}
}

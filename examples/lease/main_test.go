package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const ttl = 10 * time.Second

// inBubble runs f with an empty bucket, and time that passes at once.
func inBubble(t *testing.T, f func(t *testing.T, ctx context.Context, b *kv.Bucket)) {
	synctest.Test(t, func(t *testing.T) {
		b, err := newBucket(t.Context(), kv.New())
		require.NoError(t, err)
		f(t, t.Context(), b)
	})
}

func mustAcquire(t *testing.T, ctx context.Context, b *kv.Bucket, holder string) *lease {
	t.Helper()
	l, err := acquire(ctx, b, "leader", holder, ttl)
	require.NoError(t, err)
	return l
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		require.NoError(t, run(&out, time.Hour))
		require.Equal(t, `ann leads, fence 1
ann has renewed three times: revision 4
ann orders: ok
bob leads, fence 6
bob orders: ok
ann orders: a later leader has written
ann renews: the lease is lost
bob gives it back: ok
`, out.String())
	})
}

func TestRenewedInTimeTheLeaseStays(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, b *kv.Bucket) {
		ann := mustAcquire(t, ctx, b, "ann")
		for range 1000 {
			time.Sleep(ttl - time.Nanosecond)
			require.NoError(t, ann.renew(ctx))
		}
		_, err := b.Create(ctx, "leader", nil)
		require.ErrorIs(t, err, kv.ErrKeyExists)
	})
}

func TestRenewedTooLateTheLeaseIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, b *kv.Bucket) {
		ann := mustAcquire(t, ctx, b, "ann")
		time.Sleep(ttl)
		require.ErrorIs(t, ann.renew(ctx), errLost)
		require.ErrorIs(t, ann.release(ctx), errLost)
	})
}

func TestNextLeaderFollowsAtOnce(t *testing.T) {
	tests := []struct {
		name string
		end  func(*lease, context.Context) error // how the first leader ends
		want time.Duration                       // how long the second one waits for it
	}{
		{"after a release", (*lease).release, 0},
		{"when the lease expires", func(*lease, context.Context) error { return nil }, ttl},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, ctx context.Context, b *kv.Bucket) {
				ann := mustAcquire(t, ctx, b, "ann")
				begin := time.Now()
				leads := make(chan *lease, 1)
				go func() {
					bob, err := acquire(ctx, b, "leader", "bob", ttl)
					assert.NoError(t, err)
					leads <- bob
				}()
				synctest.Wait()
				require.Empty(t, leads, "bob leads beside ann")

				require.NoError(t, test.end(ann, ctx))
				bob := <-leads
				require.Equal(t, test.want, time.Since(begin))
				require.Greater(t, bob.fence, ann.fence)
				require.ErrorIs(t, ann.renew(ctx), errLost)
			})
		})
	}
}

func TestManyCandidatesLeadOneByOne(t *testing.T) {
	const candidates = 20
	inBubble(t, func(t *testing.T, ctx context.Context, b *kv.Bucket) {
		var leading, led atomic.Int32
		var j journal
		for i := range candidates {
			go func() {
				l, err := acquire(ctx, b, "leader", fmt.Sprint("candidate ", i), ttl)
				assert.NoError(t, err)
				assert.EqualValues(t, 1, leading.Add(1), "one leads at a time")
				time.Sleep(ttl / 2)
				leading.Add(-1)
				led.Add(1)
				assert.NoError(t, j.write(l.fence, l.holder))
				if i%2 == 0 { // the others are silent until their lease expires
					assert.NoError(t, l.release(ctx))
				}
			}()
		}
		time.Sleep(candidates * ttl)
		synctest.Wait()
		require.EqualValues(t, candidates, led.Load())
		require.Len(t, j.lines, candidates)
	})
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, ctx context.Context, b *kv.Bucket) {
		mustAcquire(t, ctx, b, "ann")
		ctx, cancel := context.WithTimeout(ctx, ttl/2)
		defer cancel()
		_, err := acquire(ctx, b, "leader", "bob", ttl)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

package kv_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// TestFaultBusy breaks the disk while several goroutines write and one watches. All of them return, what any of them was told is
// there, and nothing else is seen before the next opening.
func TestFaultBusy(t *testing.T) {
	for _, policy := range crashPolicies {
		t.Run(policy.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 5))
			for range crashAmount(60, 1000) {
				at := 50 + rng.IntN(800)
				synctest.Test(t, func(t *testing.T) { breakBusy(t, policy, at) })
			}
		})
	}
}

func breakBusy(t *testing.T, policy crashPolicy, at int) {
	r := newBusyRun(t, policy)
	watcher := quietWatch(t, r.b)
	r.disk.FailFrom(at, syscall.EIO)
	r.play(t)
	for _, err := range r.errs {
		require.ErrorIs(t, err, kv.ErrReadOnly)
		require.ErrorIs(t, err, syscall.EIO)
	}
	require.Len(t, r.errs, busyWriters, "the disk is broken at call %d", at)
	seen := contentsOf(t, r.b)
	seen.Status.Watchers = 0
	require.Empty(t, r.allows(seen, seen.Status.Newest, r.returned), "call %d", at)
	told := toldRevisions(t, watcher)
	require.IsIncreasing(t, told)
	require.Equal(t, seen.Status.Newest, told[len(told)-1], "call %d", at)

	require.ErrorIs(t, r.db.Close(), syscall.EIO)
	require.Empty(t, r.disk.Unclosed())
	r.disk.FailFrom(0, nil)
	db, err := policy.open(r.disk)
	require.NoError(t, err, "call %d", at)
	b, err := db.Bucket(t.Context(), r.cfg.Bucket)
	require.NoError(t, err)
	require.Empty(t, r.allows(contentsOf(t, b), seen.Status.Newest, r.all()), "call %d", at)
	require.NoError(t, db.Close())
}

// toldRevisions returns the revisions that a watcher has to tell of. It works in a bubble only.
func toldRevisions(t *testing.T, w *kv.Watcher) (revisions []uint64) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		e, err := w.Next(ctx)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return revisions
		}
		require.NoError(t, err)
		revisions = append(revisions, e.Entry.Revision)
	}
}

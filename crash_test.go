package kv_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

var crashAll = flag.Bool("crash.all", false, "crash and fail at every call of the disk, not just at some, and play more stories")

// These tests play a story, of all kinds of calls, on a disk that can be looked at before each of its own calls. What a power cut
// or the end of the process would leave there is opened, and compared with a model: everything acknowledged has to be there,
// and of the call under way all or nothing. That is done at some of the disk's calls, or
//
//	go test -run 'TestCrash|TestFault' -crash.all -timeout 0
//
// at all of them. .ci/run does so with one of the stories, another each day.

// TestCrash crashes a story under each sync policy.
func TestCrash(t *testing.T) {
	for _, policy := range crashPolicies {
		for seed := range uint64(crashAmount(2, 6)) {
			t.Run(fmt.Sprintf("%s/%d", policy.name, seed), func(t *testing.T) {
				var r *crashRun
				synctest.Test(t, func(t *testing.T) {
					r = newCrashRun(t, policy, seed)
					r.hasty = seed%2 == 1
					r.play(150)
				})
				r.seen.require(t, 10)
				checkSome(t, r.points)
			})
		}
	}
}

// TestCrashBeginning crashes a short story at every call of the disk, and each of the openings after that: so every name that is
// made, of the folder, of a bucket, of a file, is lost once after it was found.
func TestCrashBeginning(t *testing.T) {
	var r *crashRun
	synctest.Test(t, func(t *testing.T) {
		r = newCrashRun(t, crashPolicies[0], 3)
		r.play(4)
	})
	c := crashChecker{t, 2, map[string]crashFound{}}
	for _, p := range r.points {
		c.check(p, true)
	}
}

// crashAmount is how much of something is done: usually, and with -crash.all. Under the race detector it is less than usually.
func crashAmount(usually, all int) int {
	switch {
	case *crashAll:
		return all
	case testing.Short(), underRace:
		return max(usually/5, 1)
	}
	return usually
}

// checkSome checks some of the points of a run, and crashes a few recoveries; with -crash.all it checks all and crashes more.
func checkSome(t *testing.T, points []*crashPoint) {
	t.Helper()
	require.Greater(t, len(points), 300)
	c := crashChecker{t, crashAmount(1, 4), map[string]crashFound{}}
	rng := rand.New(rand.NewPCG(1, 1))
	for i, at := range rng.Perm(len(points))[:crashAmount(100, len(points))] {
		c.check(points[at], i%20 == 0)
	}
}

// require fails unless the run did what it is for.
func (s *crashSeen) require(t *testing.T, compacted int) {
	t.Helper()
	for _, kind := range []string{
		"put", "create", "update", "revert", "delete", "purge", "batch", "purge deletes", "expire", "configure",
		"create bucket", "delete bucket", "import", "reopen",
	} {
		require.NotZero(t, s.calls[kind], kind)
	}
	require.GreaterOrEqual(t, s.compacted, compacted)
}

// reopen closes the database and opens it again.
func (r *crashRun) reopen(context.Context, *kv.DB) (err error) {
	if err := r.db.Close(); err != nil {
		return err
	}
	r.mu.Lock()
	r.closed = len(r.states) - 1
	r.seen.closed(r.disk)
	r.mu.Unlock()
	r.db, err = r.policy.open(r.disk)
	return err
}

// allows says what is wrong with what was found where the run had reached one of the states from one to another, or perhaps the
// one that has begun.
func (r *crashRun) allows(found crashFound, cut bool, floor, from, to int, begun crashState) (wrong string) {
	possible := r.states[from : to+1 : to+1]
	if begun != nil {
		possible = append(possible, crashAcked{crashState: begun})
	}
	for i := range possible {
		state := possible[i].at(crashNow())
		if found.equal(state.contents()) || cut && r.policy.weak && r.isBeginning(found, state, floor, to) {
			return ""
		}
		wrong += "possible would have been\n" + state.contents().String()
	}
	return wrong
}

// isBeginning reports whether what was found is a state less the end of the log of each bucket. Buckets and configurations
// are durable in any case.
func (r *crashRun) isBeginning(found crashFound, state crashState, floor, to int) bool {
	for name, b := range state {
		c, ok := found[name]
		if !ok || !r.isBeginningOf(b, c, floor, to) {
			return false
		}
	}
	return len(found) == len(state)
}

// isBeginningOf is isBeginning for a bucket: it has what it had at a state from the floor on, or nothing if it is younger.
func (r *crashRun) isBeginningOf(b *crashBucket, found contents, floor, to int) bool {
	had := []*crashBucket{b}
	if e := r.states[floor].crashState[b.cfg.Bucket]; e == nil || e.made != b.made {
		had = append(had, &crashBucket{newModel(b.cfg, b.now), b.made})
	}
	for ; floor <= to; floor++ {
		if e := r.states[floor].crashState[b.cfg.Bucket]; e != nil && e.made == b.made {
			had = append(had, e)
		}
	}
	for _, e := range had {
		e = e.clone()
		e.now = b.now
		e.configure(b.cfg)
		if (crashFound{"": found}).equal(crashFound{"": e.contents()}) {
			return true
		}
	}
	return false
}

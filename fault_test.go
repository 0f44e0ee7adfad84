package kv_test

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// playFaults plays the story under each sync policy, again and again, on disks that prepare has made fail, at n of size: some of the
// calls of the disk, say. size is that of a run in which nothing fails.
func playFaults(t *testing.T, size func(*faultRun) int, prepare func(f *faultRun, n int, rng *rand.Rand)) {
	for _, policy := range crashPolicies {
		t.Run(policy.name, func(t *testing.T) {
			var all int
			synctest.Test(t, func(t *testing.T) {
				f := newFaultRun(t, policy, nil)
				f.watch(nil)
				require.True(t, f.play())
				f.seen.require(t, 5)
				all = size(f)
			})
			rng := rand.New(rand.NewPCG(2, 2))
			ends := 0
			for _, n := range rng.Perm(all)[:crashAmount(60, all)] {
				t.Run(fmt.Sprint(n), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						f := newFaultRun(t, policy, syscall.EIO)
						prepare(f, n, rand.New(rand.NewPCG(uint64(n), 2)))
						if !f.play() {
							ends++
						}
					})
				})
			}
			require.NotZero(t, ends, "the disk has failed")
		})
	}
}

// callsOf is how many calls of the disk there were.
func callsOf(f *faultRun) int { return f.disk.Calls() }

// TestFaultOnce fails one call of the disk. Nothing of a write that fails is ever seen, what was acknowledged is there, and the
// database takes no more writes.
func TestFaultOnce(t *testing.T) {
	playFaults(t, callsOf, func(f *faultRun, n int, rng *rand.Rand) {
		f.cause = []error{syscall.EIO, syscall.ENOSPC}[rng.IntN(2)]
		f.failAt(n+1, rng)
	})
}

// TestFaultForGood breaks the disk. What was on its way then is there as a whole or not at all, when the disk works again.
func TestFaultForGood(t *testing.T) {
	playFaults(t, callsOf, func(f *faultRun, n int, rng *rand.Rand) { f.breakAt(n+1, rng) })
}

// TestFaultFull plays on disks on which there is not enough room.
func TestFaultFull(t *testing.T) {
	most := func(f *faultRun) (size int) {
		for _, file := range f.disk.Files() {
			size += int(file.Size)
		}
		return size / fullStep
	}
	playFaults(t, most, func(f *faultRun, n int, _ *rand.Rand) {
		f.cause, f.lasting = syscall.ENOSPC, true
		f.struck = crashfs.Call{N: n + 1, Kind: "all beyond byte", Name: fmt.Sprint(n * fullStep)}
		f.disk.SetCapacity(int64(n) * fullStep)
	})
}

// fullStep is by how many bytes the sizes of disks differ.
const fullStep = 7

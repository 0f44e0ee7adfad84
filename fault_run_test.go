package kv_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A faultRun plays a story on a disk that fails, until the database takes no more writes.
type faultRun struct {
	*crashRun
	t       *testing.T
	cause   error
	lasting bool // what fails once fails again
	unknown bool // nothing can be taken back, so what was being done may be on the disk or not

	struck crashfs.Call // the first that failed
	during string       // which call of the story
	base   int          // the state that was acknowledged then
	floor  int          // the latest state that a power cut must not go behind
	ended  error        // that of the database from then on, which may be later: some failures are of no account
}

// faultCalls is how many calls a story has.
const faultCalls = 80

func newFaultRun(t *testing.T, policy crashPolicy, cause error) *faultRun {
	return &faultRun{crashRun: newCrashRun(t, policy, 2), t: t, cause: cause}
}

// watch calls f, if it is not nil, before each call of the disk.
func (f *faultRun) watch(do func(crashfs.Call)) {
	f.disk.Before(func(c crashfs.Call) {
		f.mu.Lock()
		f.seen.add(c)
		f.mu.Unlock()
		if do != nil {
			do(c)
		}
	})
}

// failAt makes the n-th call of the disk fail, in a way that suits it.
func (f *faultRun) failAt(n int, rng *rand.Rand) {
	f.watch(func(c crashfs.Call) {
		if c.N != n {
			return
		}
		f.strike(c)
		switch {
		case c.Kind == crashfs.WriteAt:
			f.disk.FailShort(n, rng.IntN(300), f.cause)
			return
		case c.Kind == crashfs.Sync && rng.IntN(2) == 0:
			f.disk.SetRand(rng)
		}
		f.disk.Fail(n, f.cause)
	})
}

// breakAt makes the n-th call of the disk fail, and all after it that change something.
func (f *faultRun) breakAt(n int, rng *rand.Rand) {
	f.lasting, f.unknown = true, true
	f.disk.SetRand(rng)
	f.disk.FailFrom(n, f.cause)
	f.watch(func(c crashfs.Call) {
		if c.N >= n && c.Kind.Changes() && f.struck.N == 0 {
			f.strike(c)
		}
	})
}

// strike notes what there is when the disk fails first.
func (f *faultRun) strike(c crashfs.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.struck, f.during, f.base, f.floor = c, f.call, len(f.states)-1, f.crashRun.floor()
}

// play makes calls until one fails for good. It returns whether none did.
func (f *faultRun) play() bool {
	if !f.open() {
		return false
	}
	for range faultCalls {
		call := f.story.next(f.last())
		if !f.make(&call) {
			return false
		}
		synctest.Wait() // for compaction
	}
	probe := f.story.write(f.last())
	return f.make(&probe) && f.close(nil)
}

// make makes a call, and returns false if that was the end.
func (f *faultRun) make(call *crashCall) bool {
	if call.make == nil && call.pause == 0 {
		f.seen.calls[call.kind]++
		return f.close(nil) && f.open()
	}
	err := f.do(call)
	if err == nil {
		return true
	}
	f.requireCause(err, call.String())
	if errors.Is(err, kv.ErrReadOnly) {
		f.ended = err
		f.checkReadOnly(call)
		return false
	}
	// What failed before anything was written, or took it back, has changed nothing, and can be tried again.
	require.Contains(f.t, []string{"create bucket", "import", "revert", "batch"}, call.kind, "%v", err)
	require.Equal(f.t, f.last().contents().String(), crashRead(f.t, f.db).String(), "after %s has failed", call)
	if f.lasting {
		return f.close(call)
	}
	require.NoError(f.t, f.do(call))
	return true
}

// requireCause fails unless the error is that of the disk.
func (f *faultRun) requireCause(err error, about string) {
	f.t.Helper()
	require.NotZero(f.t, f.struck.N, "%s: the disk has not failed: %v", about, err)
	require.ErrorIs(f.t, err, f.cause, about)
	require.NotErrorIs(f.t, err, kv.ErrCorrupt, about)
}

// open opens the disk, and returns false if that was the end. If it fails once it can be tried again.
func (f *faultRun) open() bool {
	var err error
	if f.db, err = f.policy.open(f.disk); err == nil {
		return true
	}
	f.requireCause(err, "open")
	require.NotErrorIs(f.t, err, kv.ErrReadOnly)
	require.Empty(f.t, f.disk.Unclosed(), "after an opening that failed: %v", f.struck)
	if f.lasting {
		f.checkDisk(nil)
		return false
	}
	f.db, err = f.policy.open(f.disk)
	require.NoError(f.t, err, "the second opening")
	return true
}

// close closes the database. It returns false if that is the end: because it fails, or a call has.
func (f *faultRun) close(failed *crashCall) bool {
	err := f.db.Close()
	require.Empty(f.t, f.disk.Unclosed())
	require.NoError(f.t, f.db.Close(), "a second Close")
	if err != nil {
		f.requireCause(err, "close")
	}
	if err != nil || failed != nil {
		f.checkDisk(failed)
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = len(f.states) - 1
	f.seen.closed(f.disk)
	return true
}

// checkReadOnly checks a database whose disk has failed, during a call.
func (f *faultRun) checkReadOnly(call *crashCall) {
	about := fmt.Sprintf("%s has failed because of %v", call, f.struck)
	f.requireReads(call, about)
	refused := func(err error) {
		f.t.Helper()
		require.ErrorIs(f.t, err, kv.ErrReadOnly, about)
		require.ErrorIs(f.t, err, f.cause, about)
	}
	ctx, calls := f.t.Context(), f.disk.Calls()
	refused(errOf(f.db.CreateBucket(ctx, kv.Config{Bucket: "another"})))
	names, err := f.db.BucketNames(ctx)
	require.NoError(f.t, err)
	for _, name := range names {
		b, err := f.db.Bucket(ctx, name)
		require.NoError(f.t, err)
		refused(errOf(b.Put(ctx, "k.1", nil)))
		refused(b.PurgeDeletes(ctx))
		refused(f.db.DeleteBucket(ctx, name))
		refused(errOf(f.db.UpdateBucket(ctx, kv.Config{Bucket: name, History: 60})))
	}
	require.Equal(f.t, calls, f.disk.Calls(), "a read-only database leaves the disk alone")
	f.requireReads(call, about)
	f.close(call)
}

// requireReads checks that everything acknowledged can be read, and nothing else.
func (f *faultRun) requireReads(call *crashCall, about string) {
	f.t.Helper()
	want := f.last().clone()
	if strings.Contains(f.ended.Error(), "delete bucket") {
		call.model(want) // its handles are dead
	}
	require.Equal(f.t, want.at(crashNow()).contents().unmarked().String(), crashRead(f.t, f.db).unmarked().String(), about)
}

// checkDisk opens what is left of the disk, when it works again, and when the power was cut.
func (f *faultRun) checkDisk(failed *crashCall) {
	f.disk.Before(nil)
	f.disk.FailFrom(0, nil)
	f.disk.SetCapacity(-1)
	if !f.unknown && !failed.replaces() {
		f.begun = nil
	}
	from := len(f.states) - 1
	for from > f.base && f.states[from].passed {
		from-- // what has expired since may not be on the disk, and does so again
	}
	p := f.point(from, f.floor)
	p.disk, p.call, p.about = f.disk, f.struck.N, fmt.Sprintf("during %q %v has failed", f.during, f.struck)
	c := crashChecker{f.t, 2, map[string]crashFound{}}
	c.checkImages(p, false)
}

// replaces reports whether the call is one that may turn out to be done although it has failed: its last step gives something
// another name.
func (c *crashCall) replaces() bool {
	return c != nil && (c.kind == "configure" || c.kind == "delete bucket" || c.kind == "import")
}

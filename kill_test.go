package kv_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore"
)

var killFor = flag.Duration("kill.for", 4*time.Second, "how long TestKill goes on killing processes")

// TestKill kills a process that writes to a folder, again and again, with SIGKILL and at any moment. Under every sync policy
// that loses nothing but calls that had not returned, and each of these is done as a whole or not at all.
//
// The process is TestKilledProcess. It tells of each call before it makes it and when it has returned, through a pipe, which
// keeps what is in it when the process is gone. So what has to be in the folder is known, but for one call of each writer.
func TestKill(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	killed, returned := 0, 0
	for begin := time.Now(); time.Since(begin) < *killFor; {
		n, m := killInNewFolder(t, killed)
		killed, returned = killed+n, returned+m
	}
	t.Logf("%d processes were killed after %d calls had returned", killed, returned)
	require.NotZero(t, returned)
}

// A killTest is a folder in which one process after the other writes and is killed.
type killTest struct {
	dir     string // the folder
	crashed string // a copy of it as the last process has left it
	segment int64  // the size of segments
	state   *killState
}

// killInNewFolder does some rounds. It returns how many, and how many calls had returned. The folder stays if the test fails.
func killInNewFolder(t *testing.T, before int) (rounds, returned int) {
	t.Helper()
	place, err := os.MkdirTemp("", "kv-kill-")
	require.NoError(t, err)
	defer func() {
		if t.Failed() {
			t.Logf("in %s is the folder, as it is now and as the process has left it", place)
			return
		}
		require.NoError(t, os.RemoveAll(place))
	}()
	k := killTest{
		dir: filepath.Join(place, "now"), crashed: filepath.Join(place, "crashed"),
		segment: filestore.MinSegmentSize << rand.IntN(5), state: newKillState(),
	}
	for most := 1 + rand.IntN(10); rounds < most; rounds++ {
		returned += k.round(t, before+rounds)
	}
	return rounds, returned
}

// round lets a process write, kills it, and checks what is there. It returns how many calls had returned.
func (k *killTest) round(t *testing.T, number int) int {
	isNew := len(k.state.models) == 0
	calls := k.runProcess(t, number)
	var read killFound
	if calls.opened || !isNew { // else the folder may be half made
		require.NoError(t, os.RemoveAll(k.crashed))
		require.NoError(t, os.CopyFS(k.crashed, os.DirFS(k.dir)))
		read = readKilled(t, k.dir, kv.OpenReadOnly)
	}
	found := readKilled(t, k.dir, kv.Open)
	again := readKilled(t, k.dir, kv.Open)
	require.Empty(t, again.torn, "the opening before has cut them off")
	found.requireSame(t, again, "the second opening finds what the first one did")

	k.state.add(t, calls, found)
	k.state.checkTimed(t, again)
	if read.buckets != nil {
		found.requireSame(t, read, "an opening for reading finds what one for writing does")
		k.state.checkTimed(t, read)
	}
	return len(calls.returned)
}

// killCalls are what a process has told.
type killCalls struct {
	opened   bool
	returned []killReturned    // in the order of any one writer
	pending  map[int]*killCall // by writer: calls that had not returned
}

// A killReturned is a call that has returned.
type killReturned struct {
	*killCall
	revision uint64 // of its first write
}

// add takes in a line.
func (c *killCalls) add(t *testing.T, line []byte) {
	t.Helper()
	var r killReport
	require.NoError(t, json.Unmarshal(line, &r))
	switch {
	case r.Open:
		c.opened = true
	case r.Call != nil:
		c.pending[r.Writer] = r.Call
	default:
		c.returned = append(c.returned, killReturned{c.pending[r.Writer], r.Revision})
		delete(c.pending, r.Writer)
	}
}

// runProcess runs a process until it is killed.
func (k *killTest) runProcess(t *testing.T, round int) killCalls {
	t.Helper()
	p := k.start(t, round)
	defer p.end()
	early := rand.IntN(4) == 0 // perhaps while it opens the folder
	if early {
		p.killSoon()
	}
	calls := killCalls{pending: map[int]*killCall{}}
	look := 1 + rand.IntN(1000)
	for lines := bufio.NewReader(p.reports); ; look-- {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		wasOpen := calls.opened
		if calls.add(t, line); calls.opened && !wasOpen && !early {
			p.killSoon()
		}
		if look == 0 {
			k.lookBeside(t, p, calls)
		}
	}
	_ = p.Wait() // "signal: killed"
	require.Equal(t, -1, p.ProcessState.ExitCode(), "it was not killed, it has ended by itself:\n%s", &p.output)
	return calls
}

// A killProcess is a process that writes.
type killProcess struct {
	*exec.Cmd
	reports *os.File
	output  bytes.Buffer // of the test that it is; nobody reads it if it is killed
	timer   *time.Timer
	killed  atomic.Bool // or about to be
}

func (k *killTest) start(t *testing.T, round int) *killProcess {
	t.Helper()
	reports, pipe, err := os.Pipe()
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	policies := slices.Sorted(maps.Keys(killPolicies))
	p := &killProcess{Cmd: exec.Command(program, "-test.run=^TestKilledProcess$"), reports: reports}
	p.Env = append(os.Environ(),
		killDir+"="+k.dir, killPolicy+"="+policies[rand.IntN(len(policies))],
		killRound+"="+strconv.Itoa(round), killSegment+"="+strconv.FormatInt(k.segment, 10))
	p.Stdout, p.Stderr, p.ExtraFiles = &p.output, &p.output, []*os.File{pipe}
	p.timer = time.AfterFunc(time.Hour, p.kill)
	require.NoError(t, p.Start())
	require.NoError(t, pipe.Close())
	return p
}

// killSoon kills the process at a moment that nobody knows.
func (p *killProcess) killSoon() { p.timer.Reset(rand.N(200 * time.Millisecond)) }

func (p *killProcess) kill() {
	p.killed.Store(true)
	_ = p.Process.Kill() // it may have ended
}

// end leaves nothing behind, also if a check has failed.
func (p *killProcess) end() {
	p.timer.Stop()
	p.kill()
	_ = p.Wait()
	_ = p.reports.Close()
}

// lookBeside opens the folder while a process writes: that cannot be for writing, and an opening for reading finds what has
// returned by now.
func (k *killTest) lookBeside(t *testing.T, p *killProcess, calls killCalls) {
	t.Helper()
	if db, err := kv.Open(k.dir); err == nil {
		require.True(t, p.killed.Load(), "two processes have opened the folder for writing")
		require.NoError(t, db.Close())
	} else {
		require.ErrorIs(t, err, kv.ErrLocked)
		require.Equal(t, p.Process.Pid, asError[*kv.LockedError](t, err).PID)
	}
	found := readKilled(t, k.dir, kv.OpenReadOnly)
	newest := map[string]uint64{}
	for _, e := range found.buckets[killShared].Entries {
		newest[e.Key] = max(newest[e.Key], e.Revision)
	}
	for _, call := range calls.returned {
		if call.Bucket == killShared && call.Writes != nil && !call.timed() {
			require.GreaterOrEqual(t, newest[call.Writes[0].Key], call.revision, "%+v", call.killCall)
		}
	}
}

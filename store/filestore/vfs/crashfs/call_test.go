package crashfs_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

var errDisk = errors.New("the disk is broken")

// every makes one call of each kind, in the order of the kinds, and returns their errors.
func every(d *crashfs.FS) map[crashfs.Kind]error {
	f, err := d.Create("file") // call 1
	if err != nil {
		return map[crashfs.Kind]error{crashfs.Create: err}
	}
	errs := map[crashfs.Kind]error{}
	_, errs[crashfs.List] = d.List("")
	errs[crashfs.MakeDir] = d.MakeDir("dir")
	_, errs[crashfs.Open] = d.Open("file")
	_, errs[crashfs.OpenWrite] = d.OpenWrite("file")
	errs[crashfs.Rename] = d.Rename("file", "name")
	errs[crashfs.Remove] = d.Remove("dir")
	errs[crashfs.SyncDir] = d.SyncDir("")
	l, err := d.Lock("lock")
	if errs[crashfs.Lock] = err; err == nil {
		errs[crashfs.Unlock] = l.Close()
	}
	_, errs[crashfs.WriteAt] = f.WriteAt([]byte("abc"), 0)
	_, errs[crashfs.ReadAt] = f.ReadAt(make([]byte, 1), 0)
	_, errs[crashfs.Size] = f.Size()
	errs[crashfs.Truncate] = f.Truncate(1)
	errs[crashfs.Sync] = f.Sync()
	errs[crashfs.Close] = f.Close()
	return errs
}

const everyCall = `1: Create file
2: List 
3: MakeDir dir
4: Open file
5: OpenWrite file
6: Rename file name
7: Remove dir
8: SyncDir 
9: Lock lock
10: Unlock lock
11: WriteAt file
12: ReadAt file
13: Size file
14: Truncate file
15: Sync file
16: Close file
`

func TestCallsAreNumbered(t *testing.T) {
	d := crashfs.New()
	var calls strings.Builder
	d.Before(func(c crashfs.Call) {
		require.Equal(t, c.N, d.Calls())
		fmt.Fprintln(&calls, c)
	})
	for kind, err := range every(d) {
		require.NoError(t, err, kind)
	}
	require.Equal(t, everyCall, calls.String())
	require.Equal(t, 16, d.Calls())
	d.Before(nil)
	_, err := d.Open("none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, 17, d.Calls(), "calls that fail count")
	require.Equal(t, everyCall, calls.String(), "Before was ended")
}

// TestChanges checks that before a call that changes nothing the images are as before the next one.
func TestChanges(t *testing.T) {
	d := crashfs.New()
	state := func() string { return dump(d) + "; " + dump(d.Strict()) }
	var last crashfs.Call
	var before string
	d.Before(func(c crashfs.Call) {
		now := state()
		if last.N > 0 && !last.Kind.Changes() {
			require.Equal(t, before, now, "after call %s", last)
		}
		last, before = c, now
	})
	every(d)
	require.Equal(t, 16, last.N)
}

// TestBefore checks that images may be taken before a call, and are as of then.
func TestBefore(t *testing.T) {
	d := newDisk(t)
	var images []string
	d.Before(func(c crashfs.Call) {
		if c.Kind.Changes() {
			images = append(images, fmt.Sprintf("%s: everything %s; strict %s", c, dump(d.Everything()), dump(d.Strict())))
		}
	})
	f, err := d.Create("a")
	d.ok(err)
	file{d, f}.write("x", 0).sync()
	d.syncDir("")
	require.Equal(t, []string{
		"1: Create a: everything ; strict ",
		"2: WriteAt a: everything a=; strict ",
		"3: Sync a: everything a=x; strict ",
		"4: SyncDir : everything a=x; strict ",
	}, images)
	require.Equal(t, "a=x", dump(d.Strict()))
}

func TestBeforeDecides(t *testing.T) {
	d := newDisk(t)
	d.Before(func(c crashfs.Call) {
		switch c.Name {
		case "fails":
			d.Fail(c.N, errDisk)
		case "last":
			d.StopAt(c.N)
		}
	})
	require.ErrorIs(t, d.MakeDir("fails"), errDisk)
	require.NoError(t, d.MakeDir("good"))
	require.ErrorIs(t, d.MakeDir("last"), crashfs.ErrPowerCut)
	require.Equal(t, "good/", dump(d.FS))
}

// TestBeforeHolds checks that other calls go on while one waits.
func TestBeforeHolds(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "1")
	held, release := make(chan bool), make(chan bool)
	d.Before(func(c crashfs.Call) {
		if c.Kind == crashfs.Sync {
			held <- true
			<-release
		}
	})
	done := make(chan error)
	f.write("2", 0)
	go func() { done <- f.Sync() }()
	<-held
	f.write("3", 1)
	require.Equal(t, "a=1", dump(d.Strict()))
	require.Equal(t, "a=23", dump(d.FS))
	close(release)
	require.NoError(t, <-done)
	require.Equal(t, "a=23", dump(d.Strict()), "the Sync was done after the write")
}

// TestStopAt stops a run at each of its calls: this one does nothing, nor does any after it.
func TestStopAt(t *testing.T) {
	kinds := strings.Split(everyCall, "\n")
	for n := 1; n <= 16; n++ {
		whole, cut := crashfs.New(), crashfs.New()
		var want, wantStrict string
		whole.Before(func(c crashfs.Call) {
			if c.N == n {
				want, wantStrict = dump(whole), dump(whole.Strict())
			}
		})
		every(whole)
		cut.StopAt(n)
		failed := 0
		for kind, err := range every(cut) {
			if err != nil {
				require.ErrorIs(t, err, crashfs.ErrPowerCut, kind)
				failed++
			}
		}
		require.Positive(t, failed)
		require.Equal(t, want, dump(cut), kinds[n-1])
		require.Equal(t, wantStrict, dump(cut.Strict()), kinds[n-1])
		calls := cut.Calls()
		for kind, err := range every(cut) {
			require.ErrorIs(t, err, crashfs.ErrPowerCut, kind)
		}
		require.Greater(t, cut.Calls(), calls)
	}
}

func TestPowerStaysCut(t *testing.T) {
	d := newDisk(t)
	d.StopAt(1)
	require.ErrorIs(t, d.MakeDir("a"), crashfs.ErrPowerCut)
	d.Before(func(c crashfs.Call) { t.Error(c) })
	d.StopAt(0)
	require.ErrorIs(t, d.MakeDir("a"), crashfs.ErrPowerCut)
}

// TestFail makes each call of a run fail in turn: it returns the error, and those after it go on.
func TestFail(t *testing.T) {
	for n := 1; n <= 16; n++ {
		d := crashfs.New()
		var kind crashfs.Kind
		var before string
		d.Before(func(c crashfs.Call) {
			switch c.N {
			case n:
				kind, before = c.Kind, dump(d)
			case n + 1:
				require.Equal(t, before, dump(d), "%s has an effect", kind)
			}
		})
		d.Fail(n, errDisk)
		errs := every(d)
		require.ErrorIs(t, errs[kind], errDisk, kind)
		for other, err := range errs {
			if other != kind {
				require.NotErrorIs(t, err, errDisk, "%s after %s", other, kind)
			}
		}
		require.NotErrorIs(t, every(d)[kind], errDisk, "it fails once")
	}
}

func TestFailIsTakenBack(t *testing.T) {
	d := newDisk(t)
	d.Fail(1, errDisk)
	d.Fail(1, nil)
	d.makeDir("a")
}

func TestErrorsTellTheCall(t *testing.T) {
	d := newDisk(t)
	d.with("a", "").Close()
	d.Fail(d.Calls()+1, syscall.EIO)
	var pathErr *fs.PathError
	require.ErrorAs(t, d.Remove("a"), &pathErr)
	require.Equal(t, fs.PathError{Op: "Remove", Path: "a", Err: syscall.EIO}, *pathErr)
	d.Fail(d.Calls()+1, syscall.EIO)
	require.EqualError(t, d.Rename("a", "b"), "Rename a b: "+syscall.EIO.Error())
}

func TestFailShort(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "old")
	for _, c := range []struct {
		bytes, n int
		want     string
	}{{2, 2, "neold"}, {0, 0, "neold"}, {9, 3, "newld"}} {
		d.FailShort(d.Calls()+1, c.bytes, syscall.ENOSPC)
		n, err := f.WriteAt([]byte("new"), 0)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Equal(t, c.n, n)
		if c.bytes == 2 {
			f.write("old", 2)
		}
		require.Equal(t, "a="+c.want, dump(d.FS))
	}
	require.Equal(t, "a=old", dump(d.Strict()), "short writes are pending")
}

func TestFailFrom(t *testing.T) {
	d := newDisk(t)
	f := d.with("file", "abc")
	d.makeDir("dir")
	d.FailFrom(d.Calls()+2, errDisk)
	f.write("d", 3) // the last call that is not too late
	d.makeDirFails("new")
	for kind, err := range every(d.FS) {
		require.True(t, kind.Changes())
		require.ErrorIs(t, err, errDisk)
	}
	require.ErrorIs(t, f.Truncate(0), errDisk)
	require.ErrorIs(t, f.Sync(), errDisk)
	require.ErrorIs(t, d.SyncDir(""), errDisk)
	require.ErrorIs(t, d.Rename("file", "b"), errDisk)
	require.ErrorIs(t, d.Remove("file"), errDisk)
	_, err := d.Lock("lock")
	require.ErrorIs(t, err, errDisk)
	n, err := f.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, errDisk)
	require.Zero(t, n)

	require.Equal(t, "dir/, file=abcd", dump(d.FS))
	p := make([]byte, 4)
	_, err = d.opened("file").ReadAt(p, 0)
	require.NoError(t, err)
	_, err = d.List("")
	require.NoError(t, err)

	d.FailFrom(1, nil)
	f.truncate(0)
	require.Equal(t, "dir/, file=", dump(d.FS))
}

func (d disk) makeDirFails(dir string) {
	d.Helper()
	require.ErrorIs(d, d.MakeDir(dir), errDisk)
}

// TestFailedSync checks that a failed Sync is done with what was pending: a Sync that succeeds later does not make it
// durable.
func TestFailedSync(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "01").write("abc", 2)
	d.Fail(d.Calls()+1, syscall.EIO)
	require.ErrorIs(t, f.Sync(), syscall.EIO)
	require.Equal(t, "a=01abc", dump(d.FS), "calls see it still")
	require.Equal(t, []string{"a=01"}, outcomes(d.FS))
	f.sync()
	require.Equal(t, []string{"a=01"}, outcomes(d.FS))
	f.write("d", 5).sync()
	require.Equal(t, []string{"a=01\x00\x00\x00d"}, outcomes(d.FS))
	f.write("abc", 2).sync()
	require.Equal(t, []string{"a=01abcd"}, outcomes(d.FS), "it was written again")

	_, err := d.Create("a")
	d.ok(err)
	d.Fail(d.Calls()+1, syscall.EIO)
	require.ErrorIs(t, f.Sync(), syscall.EIO)
	f.sync()
	require.Equal(t, "a=01abcd", dump(d.Strict()), "nor is a truncation")
	_, err = d.Create("a")
	d.ok(err)
	f.sync()
	require.Equal(t, "a=", dump(d.Strict()), "unless it is made again")
}

// TestFailedSyncByChance checks that SetRand makes durable what Mix might leave, and that it stays at that.
func TestFailedSyncByChance(t *testing.T) {
	seen := map[string]bool{}
	rng := newRand(1)
	for range 300 {
		d := newDisk(t)
		d.SetRand(rng)
		f := d.with("a", "01").write("abc", 2)
		d.Fail(d.Calls()+1, syscall.EIO)
		require.ErrorIs(t, f.Sync(), syscall.EIO)
		left := dump(d.Strict())
		f.sync()
		require.Equal(t, left, dump(d.Mix(rng)))
		require.Equal(t, "a=01abc", dump(d.FS))
		seen[strings.ReplaceAll(left, "\x00", ".")] = true
	}
	for _, left := range []string{"a=01", "a=01...", "a=01a", "a=01a..", "a=01ab", "a=01ab.", "a=01abc"} {
		require.Contains(t, seen, left)
	}
	require.Len(t, seen, 7)
}

func TestFailedSyncDirLeavesAllPending(t *testing.T) {
	d := newDisk(t)
	d.opened("a")
	d.Fail(d.Calls()+1, syscall.EIO)
	require.ErrorIs(t, d.SyncDir(""), syscall.EIO)
	require.Equal(t, []string{"", "a="}, outcomes(d.FS))
	d.syncDir("")
	require.Equal(t, "a=", dump(d.Strict()))
}

func TestFailedCloseCloses(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "")
	d.Fail(d.Calls()+1, errDisk)
	require.ErrorIs(t, f.Close(), errDisk)
	require.ErrorIs(t, f.Close(), fs.ErrClosed)
	l, err := d.Lock("lock")
	d.ok(err)
	d.Fail(d.Calls()+1, errDisk)
	require.ErrorIs(t, l.Close(), errDisk)
	_, err = d.Lock("lock")
	d.ok(err)
}

func TestSetCapacity(t *testing.T) {
	d := newDisk(t)
	f, g := d.with("f", "01234"), d.with("g", "01234")
	d.SetCapacity(12)
	n, err := f.WriteAt([]byte("abcdef"), 3)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, 4, n)
	require.Equal(t, "f=012abcd, g=01234", dump(d.FS))
	for _, off := range []int64{5, 100} {
		n, err = g.WriteAt([]byte("x"), off)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.Zero(t, n)
	}
	require.ErrorIs(t, g.Truncate(6), syscall.ENOSPC)
	g.write("abcde", 0) // in what it has

	d.remove("f")
	g.write("fghijkl", 5)
	require.Equal(t, "g=abcdefghijkl", dump(d.FS))
	d.SetCapacity(3)
	g.write("A", 0).truncate(11)
	require.ErrorIs(t, g.Truncate(12), syscall.ENOSPC)
	d.SetCapacity(-1)
	g.truncate(1000)
}

func TestWildOffsets(t *testing.T) {
	d := newDisk(t)
	f := d.with("a", "1")
	for _, off := range []int64{1 << 40, 1<<63 - 1} {
		_, err := f.WriteAt([]byte("x"), off)
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.ErrorIs(t, f.Truncate(off), syscall.ENOSPC)
		_, err = f.ReadAt(make([]byte, 1), off)
		require.ErrorIs(t, err, io.EOF)
	}
	f.truncate(1 << 35).truncate(1)
	require.Equal(t, "a=1", dump(d.FS))
}

// TestTogether makes calls and images from many goroutines; the race detector looks on.
func TestTogether(t *testing.T) {
	d := newDisk(t)
	var seen sync.Map
	d.Before(func(c crashfs.Call) {
		_, twice := seen.LoadOrStore(c.N, c)
		if twice {
			t.Errorf("two calls are number %d", c.N)
		}
	})
	var all sync.WaitGroup
	for i := range 4 {
		name := string(rune('a' + i))
		all.Go(func() {
			f := d.opened(name)
			for range 100 {
				f.write(name, 0).sync()
				d.rename(name, name+name)
				d.rename(name+name, name)
				d.syncDir("")
			}
		})
		all.Go(func() {
			rng := newRand(uint64(i))
			for range 50 {
				_, _, _ = dump(d.Strict()), dump(d.Everything()), dump(d.Mix(rng))
				_, _ = d.ReadFile(name)
			}
		})
	}
	all.Wait()
	require.Equal(t, "a=a, b=b, c=c, d=d", dump(d.Strict()))
}

package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
)

// ErrPowerCut is the error of all calls from the one on that StopAt names.
var ErrPowerCut = errors.New("crashfs: the power is cut")

// A Kind says which method a call is of.
type Kind string

// The methods of a vfs.FS, of a vfs.File, and the Close of a lock.
const (
	List      Kind = "List"
	MakeDir   Kind = "MakeDir"
	Open      Kind = "Open"
	OpenWrite Kind = "OpenWrite"
	Create    Kind = "Create"
	Rename    Kind = "Rename"
	Remove    Kind = "Remove"
	SyncDir   Kind = "SyncDir"
	Lock      Kind = "Lock"
	Unlock    Kind = "Unlock"

	ReadAt   Kind = "ReadAt"
	WriteAt  Kind = "WriteAt"
	Size     Kind = "Size"
	Truncate Kind = "Truncate"
	Sync     Kind = "Sync"
	Close    Kind = "Close"
)

// Changes reports whether calls of this kind can change what calls see or what is durable. Before any other call the images
// are the same as before the call that follows.
func (k Kind) Changes() bool {
	switch k {
	case MakeDir, Create, Rename, Remove, SyncDir, Lock, WriteAt, Truncate, Sync:
		return true
	}
	return false
}

// A Call is one call of a method of an FS or of its files.
type Call struct {
	N    int // calls are numbered from 1 in the order in which they begin
	Kind Kind
	Name string // file or directory; of an open file the name that opened it
	To   string // of Rename the new name
}

// String returns the call as one line, such as "7: Rename db/tmp db/names".
func (c Call) String() string {
	s := strconv.Itoa(c.N) + ": " + string(c.Kind) + " " + c.Name
	if c.To != "" {
		s += " " + c.To
	}
	return s
}

// controls are what a test has put in the way of calls.
type controls struct {
	calls    int
	before   func(Call)
	stop     int // the call with this number cuts the power, if it is not 0
	stopped  bool
	faults   map[int]fault
	broken   fault // of calls that change something, from number brokenAt on; none if its error is nil
	brokenAt int
	capacity int64      // less than 0 for no limit
	rng      *rand.Rand // for Syncs that fail; may be nil
}

// A fault makes a call fail.
type fault struct {
	err   error
	bytes int // how much a WriteAt writes all the same
}

// call counts a call and does it, unless the power is cut. If the call is to fail, do is given the fault, else nil. The file
// system is locked meanwhile.
func (d *FS) call(c Call, do func(*fault) error) error {
	before := d.begin(&c)
	if before != nil {
		before(c)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = d.stopped || d.stop > 0 && c.N >= d.stop
	err := ErrPowerCut
	if !d.stopped {
		err = do(d.fault(c))
	}
	switch {
	case err == nil || err == io.EOF:
		return err
	case c.To != "":
		return &os.LinkError{Op: string(c.Kind), Old: c.Name, New: c.To, Err: err}
	}
	return &fs.PathError{Op: string(c.Kind), Path: c.Name, Err: err}
}

// act is call for what has no effect if it is to fail.
func (d *FS) act(c Call, do func() error) error {
	return d.call(c, func(fault *fault) error {
		if fault != nil {
			return fault.err
		}
		return do()
	})
}

// begin numbers a call and returns what Before has set.
func (d *FS) begin(c *Call) func(Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	c.N = d.calls
	if d.stopped {
		return nil
	}
	return d.before
}

// fault returns how a call is to fail, or nil.
func (d *FS) fault(c Call) *fault {
	if f, ok := d.faults[c.N]; ok {
		return &f
	}
	if d.broken.err != nil && c.N >= d.brokenAt && c.Kind.Changes() {
		return &d.broken
	}
	return nil
}

// Calls returns how many calls have begun, those that failed included. The next one has a number one higher.
func (d *FS) Calls() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls
}

// Before calls f before each call from now on, until the power is cut. A nil f ends this.
//
// Nothing is locked then, so f may do what it likes: take images, or decide by the kind and the name of the call what becomes
// of it, with Fail or StopAt. While f runs the call waits, and other goroutines go on; f may be called by several at once.
// Calls of this file system that f makes are calls too.
func (d *FS) Before(f func(Call)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.before = f
}

// StopAt cuts the power at call n: this one and all that come to be done later, in whichever order they were numbered, do nothing
// and fail with ErrPowerCut. Images can be taken. With n = 0 there is no such call, but power that was cut stays so.
func (d *FS) StopAt(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop = n
}

// Fail makes call n fail with err, such as syscall.EIO. It has no effect, with these exceptions, as on real systems: a Sync
// that fails is done with what was pending, see SetRand, and Close and Unlock close all the same. A nil err takes the fault
// back.
func (d *FS) Fail(n int, err error) { d.FailShort(n, 0, err) }

// FailShort is Fail, but if call n is a WriteAt its first bytes are written, that many or as many as it has.
func (d *FS) FailShort(n, bytes int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil {
		delete(d.faults, n)
		return
	}
	if d.faults == nil {
		d.faults = map[int]fault{}
	}
	d.faults[n] = fault{err, bytes}
}

// FailFrom makes all calls from n on that change something fail with err, as Fail does: a disk that is broken, and can still be
// read. A nil err mends it.
func (d *FS) FailFrom(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken, d.brokenAt = fault{err: err}, n
}

// SetRand lets chance decide what of the pending writes a failed Sync has made durable: as in Mix, each may be kept, lost or
// torn. With nil, as at first, none is. In both cases they are no longer pending. What was not kept is still what calls see,
// but it will never be durable, also after a Sync that succeeds, unless it is written again: so it goes with kernels that
// take pages they could not write for clean.
//
// While calls are made, nothing else may use rng.
func (d *FS) SetRand(rng *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rng = rng
}

// SetCapacity limits the lengths of all files together. A WriteAt that needs more writes what fits and fails with
// syscall.ENOSPC, a Truncate that needs more does nothing and fails with it. Files keep what they have. A capacity below 0 is
// no limit; a single file still ends at 64 GiB.
func (d *FS) SetCapacity(bytes int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = bytes
}

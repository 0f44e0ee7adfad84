package natskv

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// A CopyOption is an option of [Copy].
type CopyOption func(*copier)

// Append makes Copy write behind what the target already holds, which it neither reads nor changes. Keys that are in both
// go on with the source's entries.
func Append() CopyOption { return func(c *copier) { c.appending = true } }

// Resume makes Copy go on where an earlier one between the same two buckets came to, be it that it was interrupted or that
// the source has new entries. Take p from what that copy returned or told last; the zero CopyProgress is the beginning, also
// of an empty target.
//
// If p is not Complete, Copy first compares what the target holds behind p with what the source does, entry by entry, and
// writes only what is missing. So nothing is there twice and nothing is lost, even if a write had reached the target and
// its answer was lost. If they differ nothing is written, and the error is a [DifferenceError]. That is the case if somebody
// else has written to the target, its limit markers included, and if the source or the target has dropped, for its
// History or a TTL, entries behind p meanwhile. With the p that was told last there is at most one such entry.
//
// A write that the earlier copy had under way when it ended is waited for if it went over the same connection to a server that
// holds the bucket alone. Otherwise it must have arrived by now, or be lost: what arrives later is in the target twice.
func Resume(p CopyProgress) CopyOption {
	return func(c *copier) { c.resuming, c.progress = true, p }
}

// OnCopied makes Copy tell how far it is after each entry. What is to be told runs in the goroutine of Copy, which waits
// for it, so that it can be stored before the next entry is written.
func OnCopied(tell func(CopyProgress)) CopyOption { return func(c *copier) { c.tell = tell } }

// A CopyProgress is how far a copy has come. All of it can be stored and read again, as JSON for example.
type CopyProgress struct {
	Source    uint64 // revision of the last entry that was copied
	Target    uint64 // and the revision that it has in the target
	Entries   int    // how many were copied, by earlier copies that this one resumed too
	Bytes     int64  // of their values
	Remaining uint64 // how many there are still to copy, as far as the source can tell
	Complete  bool   // the copy ended without an error: what the source held was all copied
}

// ErrTargetNotEmpty is the error of a copy to a bucket that holds entries, be it markers, without [Append] or [Resume].
var ErrTargetNotEmpty = errors.New("target is not empty")

// ErrTargetDiffers is what a [DifferenceError] matches.
var ErrTargetDiffers = errors.New("target holds something else than was copied")

// A CopyError says why a copy has ended and where. What was copied until then is in the target; [Resume] goes on from there.
type CopyError struct {
	Source, Target string       // the buckets
	Progress       CopyProgress // what is copied

	Key      string // of the entry that could not be copied; empty if it is about none in particular
	Revision uint64 // of that entry, in the source

	Err error // that of the source or the target, of the context, or one of this package
}

func (e *CopyError) Error() string {
	at := ""
	if e.Key != "" {
		at = fmt.Sprintf("key %q at revision %d: ", e.Key, e.Revision)
	}
	return fmt.Sprintf("natskv: copy bucket %q to bucket %q: %s%v (copied %d entries, to revision %d)",
		e.Source, e.Target, at, e.Err, e.Progress.Entries, e.Progress.Source)
}

// Unwrap returns the cause.
func (e *CopyError) Unwrap() error { return e.Err }

// A DifferenceError says where a target is not as an interrupted copy has left it. It matches [ErrTargetDiffers].
type DifferenceError struct {
	Source jetstream.KeyValueEntry // what should be there; nil if the target holds more than the source
	Target jetstream.KeyValueEntry // what is there
}

func (e *DifferenceError) Error() string {
	want := "nothing more"
	if e.Source != nil {
		want = describeEntry(e.Source)
	}
	return fmt.Sprintf("%v: the source has %s, the target %s", ErrTargetDiffers, want, describeEntry(e.Target))
}

// Is reports whether target is ErrTargetDiffers.
func (e *DifferenceError) Is(target error) bool { return target == ErrTargetDiffers }

func describeEntry(e jetstream.KeyValueEntry) string {
	return fmt.Sprintf("%v of %q with %d bytes at revision %d", e.Operation(), e.Key(), len(e.Value()), e.Revision())
}

// sameEntry reports whether one entry is a copy of the other.
func sameEntry(a, b jetstream.KeyValueEntry) bool {
	return a.Key() == b.Key() && a.Operation() == b.Operation() && bytes.Equal(a.Value(), b.Value())
}

package filestore

import (
	"errors"
	"fmt"
	"time"

	"github.com/revkv/kv/store/filestore/vfs"
)

// Options say how a folder is kept. The zero value is good: every write is synced.
type Options struct {
	// FS is the file system; nil means that of the operating system.
	FS vfs.FS

	// Sync says when what is appended is made to survive a power cut.
	Sync SyncPolicy

	// SegmentSize is how many bytes a segment has at most before it is sealed, from MinSegmentSize to MaxSegmentSize; 0 means
	// DefaultSegmentSize. A single append that is larger has a segment to itself. A bucket that is small
	// uses smaller segments, down to an eighth.
	SegmentSize int64

	// Garbage is the share of a bucket's files that may be records nobody wants any more before compaction makes room,
	// above 0 and below 1; 0 means DefaultGarbage. A smaller share takes less space and more writing.
	Garbage float64

	// ReadOnly opens a folder to be read as it is now: without a lock, changing no byte, also while another process
	// writes to it.
	ReadOnly bool
}

// What Options are where they are left zero, and their bounds.
const (
	DefaultSegmentSize = 32 << 20
	MinSegmentSize     = 1 << 12
	MaxSegmentSize     = 1 << 30
	DefaultGarbage     = 1.0 / 4
)

// A SyncPolicy says when appends are synced. The zero value is SyncAlways.
//
//	policy          a crash of the process loses     a power cut loses
//	SyncAlways      nothing                          nothing
//	SyncEvery(d)    nothing                          at most the appends of the last d, and of the sync under way
//	SyncNever       nothing                          what the operating system has not written yet
//
// What is lost is the end of the log of each bucket, never something in its middle. Under each policy a segment is synced
// when it is sealed, and everything is when a store is closed.
type SyncPolicy struct {
	every time.Duration // 0: always, negative: never
}

// SyncAlways syncs each append before it returns.
func SyncAlways() SyncPolicy { return SyncPolicy{} }

// SyncEvery syncs what has been appended in the background, d after the first append that is not synced.
func SyncEvery(d time.Duration) SyncPolicy { return SyncPolicy{max(d, 1)} }

// SyncNever leaves it to the operating system.
func SyncNever() SyncPolicy { return SyncPolicy{-1} }

// ErrOptions is the error of options out of their bounds.
var ErrOptions = errors.New("filestore: invalid options")

// normal returns the options with defaults filled in.
func (o Options) normal() (Options, error) {
	if o.FS == nil {
		o.FS = vfs.OS{}
	}
	if o.SegmentSize == 0 {
		o.SegmentSize = DefaultSegmentSize
	}
	if o.Garbage == 0 {
		o.Garbage = DefaultGarbage
	}
	switch {
	case o.SegmentSize < MinSegmentSize || o.SegmentSize > MaxSegmentSize:
		return o, fmt.Errorf("%w: SegmentSize is %d, it must be from %d to %d", ErrOptions, o.SegmentSize, MinSegmentSize, MaxSegmentSize)
	case !(o.Garbage > 0 && o.Garbage < 1):
		return o, fmt.Errorf("%w: Garbage is %v, it must be above 0 and below 1", ErrOptions, o.Garbage)
	}
	return o, nil
}

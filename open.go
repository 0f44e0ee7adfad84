package kv

import (
	"errors"
	"fmt"
	"time"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs"
)

// Open opens the buckets in a folder, and makes the folder if it does not exist. Everything is as it was when the database
// was closed, or when its process was killed: what a write acknowledged is there, by the rules of the sync policy, and
// deadlines that have passed meanwhile have passed.
//
//	option            a killed process loses   a power cut loses
//	SyncAlways()      nothing                  nothing
//	SyncEvery(d)      nothing                  the end of each bucket's log: at most what was written in the last d,
//	                                           and during the sync that was under way
//	SyncNever()       nothing                  the end of each bucket's log: what the system had not written yet
//
// One process at a time may write to a folder: if it is open already, in this process or another, the error matches
// ErrLocked, and nothing has been changed. A folder that has other things in it is left alone, and one that was damaged is
// not opened: the error matches ErrCorrupt, says where, and nothing has been changed. See Verify and Repair. What a crash
// left half written at the end of a log was never acknowledged, and is cut off: TornTails tells.
//
// In memory are keys and revisions, about 150 bytes for each beyond the key; values stay in the folder, and are read
// when they are asked for. On 64-bit Linux the files are mapped into memory, so that most reads, and writes that are not synced,
// need no call of the operating system; see vfs.Mapper. Close the database in the end; it waits for the writes under way and
// makes everything durable.
func Open(dir string, opts ...OpenOption) (*DB, error) {
	return openDir("open", dir, false, opts)
}

// OpenReadOnly opens the buckets in a folder for reading, as they are now, without a lock and without changing a byte of it.
// It works whether or not another process has the folder open; what that writes later is not seen. Writes
// return ErrReadOnly. Nothing of it expires in the folder, but no read returns what is past its deadline.
//
// Of a write that is under way in the other process the files do not tell whether it will succeed: what is in them of it, and whole, is
// seen. Should the disk fail to make it durable it is taken back there, and a read of its value here returns ErrCorrupt.
//
// The folder must exist, or the error matches fs.ErrNotExist.
func OpenReadOnly(dir string, opts ...OpenOption) (*DB, error) {
	return openDir("open for reading", dir, true, opts)
}

// An OpenOption is an option of Open and OpenReadOnly.
type OpenOption func(*openOptions) error

type openOptions struct{ filestore.Options }

// SyncAlways makes every write durable before it returns, and before anybody sees it. It is the default. Writes of many
// goroutines share one sync of the disk.
func SyncAlways() OpenOption {
	return func(o *openOptions) error {
		o.Sync = filestore.SyncAlways()
		return nil
	}
}

// SyncEvery makes writes durable in the background: d after the first that is not, a sync of the disk begins.
func SyncEvery(d time.Duration) OpenOption {
	return func(o *openOptions) error {
		if d <= 0 {
			return &OptionError{Op: "open", Option: "SyncEvery", Reason: fmt.Sprintf("is %v, it must be above 0", d)}
		}
		o.Sync = filestore.SyncEvery(d)
		return nil
	}
}

// SyncNever leaves it to the operating system when writes become durable, but for Close, which makes everything durable.
func SyncNever() OpenOption {
	return func(o *openOptions) error {
		o.Sync = filestore.SyncNever()
		return nil
	}
}

// SegmentSize is how many bytes a file of a bucket's log has at most, from 4 KiB to 1 GiB; 32 MiB if the option is not given.
func SegmentSize(bytes int64) OpenOption {
	return func(o *openOptions) error {
		if bytes < filestore.MinSegmentSize || bytes > filestore.MaxSegmentSize {
			reason := fmt.Sprintf("is %d, it must be from %d to %d", bytes, filestore.MinSegmentSize, filestore.MaxSegmentSize)
			return &OptionError{Op: "open", Option: "SegmentSize", Reason: reason}
		}
		o.Options.SegmentSize = bytes
		return nil
	}
}

// CompactAt is the share of a bucket's files that may be revisions which are not kept any more, before they are
// written anew without these; a quarter if the option is not given. A smaller share takes less space and more writing.
func CompactAt(garbage float64) OpenOption {
	return func(o *openOptions) error {
		if !(garbage > 0 && garbage < 1) {
			reason := fmt.Sprintf("is %v, it must be above 0 and below 1", garbage)
			return &OptionError{Op: "open", Option: "CompactAt", Reason: reason}
		}
		o.Garbage = garbage
		return nil
	}
}

// FileSystem is where the folder is, if not in the file system of the operating system. Package crashfs has one for tests
// that loses power and fails. The tools of package filestore (Verify, Repair, Restore) take a file system too; those of this
// package are for the operating system's.
func FileSystem(fsys vfs.FS) OpenOption {
	return func(o *openOptions) error {
		if fsys == nil {
			return &OptionError{Op: "open", Option: "FileSystem", Reason: "is nil"}
		}
		o.FS = fsys
		return nil
	}
}

// collect returns the options together.
func collect(opts []OpenOption) (o openOptions, err error) {
	for _, opt := range opts {
		if opt == nil {
			return o, &OptionError{Op: "open", Option: "an option", Reason: "is nil"}
		}
		if err := opt(&o); err != nil {
			return o, err
		}
	}
	return o, nil
}

func openDir(op, dir string, readOnly bool, opts []OpenOption) (*DB, error) {
	if err := checkDir(op, "dir", dir); err != nil {
		return nil, err
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	o.ReadOnly = readOnly
	backend, err := filestore.Open(dir, o.Options)
	if err != nil {
		return nil, fmt.Errorf("kv: %s: %w", op, err)
	}
	db := &DB{backend: backend, storage: FileStorage, buckets: map[string]*Bucket{}}
	if readOnly {
		_ = db.fail(errOpenedReadOnly)
	}
	return open(db)
}

var errOpenedReadOnly = errors.New("it was opened for reading")

// A TornTail is what Open found at the end of a log after a crash: the beginning of a write that nobody was told had
// succeeded, or, under SyncEvery and SyncNever, writes that were not durable yet.
type TornTail = filestore.TornTail

// TornTails returns what Open has cut off, nil if there was nothing. After OpenReadOnly it is what was passed over; beside a
// process that writes that can be a write under way.
func (db *DB) TornTails() []TornTail {
	if backend, ok := db.backend.(*filestore.Backend); ok {
		return backend.TornTails()
	}
	return nil
}

// Errors about folders.
var (
	// ErrLocked: the folder is open for writing in another process, or in this one. Struct: LockedError.
	ErrLocked = store.ErrLocked
	// ErrCorrupt: what is in the folder is not what was written there. Struct: CorruptError.
	ErrCorrupt = store.ErrCorrupt
	// ErrFormatVersion: the folder was written by a later version of this package. Struct: VersionError.
	ErrFormatVersion = store.ErrFormatVersion
)

// The structs behind them.
type (
	LockedError  = store.LockedError
	CorruptError = store.CorruptError
	VersionError = store.VersionError
)

package store

import (
	"errors"
	"fmt"
	"os"
)

// Errors of stores that are kept in files.
var (
	// ErrLocked: another process, or another opening in this one, may write to the place.
	ErrLocked = errors.New("locked: it is open for writing")
	// ErrCorrupt: bytes that were acknowledged are not what was written. Struct: CorruptError.
	ErrCorrupt = errors.New("corrupt")
	// ErrFormatVersion: the place was written by a later version of this package, which changed the format. Struct:
	// VersionError.
	ErrFormatVersion = errors.New("unknown format version")
	// ErrReadOnly: the place was opened for reading.
	ErrReadOnly = errors.New("opened for reading only")
)

// A CorruptError says where damage was found. It matches ErrCorrupt.
type CorruptError struct {
	File   string
	Offset int64  // in bytes, where what is damaged begins
	Reason string // what was expected there, and what was found
	Err    error  // of the file system, if that is what is wrong
}

func (e *CorruptError) Error() string {
	msg := fmt.Sprintf("%v: %s at byte %d: %s", ErrCorrupt, e.File, e.Offset, e.Reason)
	if e.Err != nil {
		msg += ": " + e.Err.Error()
	}
	return msg
}

// Is makes the error match ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Unwrap returns the error of the file system, or nil.
func (e *CorruptError) Unwrap() error { return e.Err }

// A VersionError says which version a file has. It matches ErrFormatVersion.
type VersionError struct {
	File    string
	Version uint64 // of the file
	Newest  uint64 // that this program knows
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%v: %s has version %d, this program reads versions up to %d", ErrFormatVersion, e.File, e.Version, e.Newest)
}

// Is makes the error match ErrFormatVersion.
func (e *VersionError) Is(target error) bool { return target == ErrFormatVersion }

// A LockedError says which folder is locked. It matches ErrLocked.
type LockedError struct {
	Dir string
	PID int // of the process that has it open for writing; 0 if that is not known
}

func (e *LockedError) Error() string {
	switch e.PID {
	case 0:
		return fmt.Sprintf("%s is %v", e.Dir, ErrLocked)
	case os.Getpid():
		return fmt.Sprintf("%s is %v in this process", e.Dir, ErrLocked)
	}
	return fmt.Sprintf("%s is %v in process %d", e.Dir, ErrLocked, e.PID)
}

// Is makes the error match ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

package kv

import (
	"errors"
	"fmt"
	"strings"
)

// Errors to test for with errors.Is. Each has one cause. Behind most stands a struct with the facts, for errors.As: a
// KeyError, RevisionError, SizeError, BucketError, ConfigError, OptionError, BatchError or ImportError.
//
// A call that returns one of these has changed nothing, except where ErrReadOnly says otherwise.
var (
	// ErrKeyNotFound: the key has no value: never written, deleted, purged, expired; or a revision is not one of the
	// kept values of the key. Struct: KeyError, or RevisionError where a revision was asked for.
	ErrKeyNotFound = errors.New("key not found")
	// ErrKeyExists: Create found a value. Struct: RevisionError.
	ErrKeyExists = errors.New("key exists")
	// ErrRevisionMismatch: the newest revision of the key is not the one that the caller named. Struct: RevisionError.
	ErrRevisionMismatch = errors.New("key revision mismatch")

	// ErrInvalidKey: see CheckKey. Struct: KeyError.
	ErrInvalidKey = errors.New("invalid key")
	// ErrInvalidPattern: see CheckPattern. Struct: KeyError.
	ErrInvalidPattern = errors.New("invalid pattern")
	// ErrOverlappingPatterns: of several patterns one matches everything that another does. Struct: KeyError.
	ErrOverlappingPatterns = errors.New("overlapping patterns")
	// ErrInvalidOption: an option's argument, or two options together, make no sense; a reader, a writer or a folder's path is
	// missing. Struct: OptionError.
	ErrInvalidOption = errors.New("invalid option")
	// ErrInvalidConfig: a field of a Config is out of its range. Struct: ConfigError.
	ErrInvalidConfig = errors.New("invalid config")
	// ErrHistoryTooLarge: a Config's History is above MaxHistory. Struct: ConfigError.
	ErrHistoryTooLarge = errors.New("history too large")
	// ErrInvalidContext: the context is nil.
	ErrInvalidContext = errors.New("invalid context")

	// ErrValueTooLarge: the value is longer than the bucket's MaxValueSize, or than MaxValueLength. Struct: SizeError.
	ErrValueTooLarge = errors.New("value too large")
	// ErrBucketFull: after the write the bucket would hold more than its MaxBytes. Struct: SizeError.
	ErrBucketFull = errors.New("bucket full")

	// ErrDuplicateKey: two operations of one batch write the same key. Struct: BatchError over KeyError.
	ErrDuplicateKey = errors.New("key twice in a batch")

	// ErrInvalidBucketName: one or more of a-z A-Z 0-9 _ -, at most MaxBucketNameLength. Struct: BucketError.
	ErrInvalidBucketName = errors.New("invalid bucket name")
	// ErrBucketNotFound: the database has no bucket of that name. Struct: BucketError.
	ErrBucketNotFound = errors.New("bucket not found")
	// ErrBucketExists: CreateBucket found a bucket of that name with another configuration, or Import found one at all.
	// Struct: BucketError.
	ErrBucketExists = errors.New("bucket exists")
	// ErrBucketDeleted: the bucket that the handle or the watcher was made for is deleted. A new bucket of the same name
	// is another one. Struct: BucketError.
	ErrBucketDeleted = errors.New("bucket deleted")

	// ErrInvalidImport: what Import is given is not an export, or not a whole one. Struct: ImportError.
	ErrInvalidImport = errors.New("invalid import")

	// ErrClosed: the database is closed.
	ErrClosed = errors.New("kv: database closed")
	// ErrReadOnly: an earlier write did not reach the store; since then the database takes no writes. What was
	// acknowledged before stays readable. The store's error is wrapped too.
	ErrReadOnly = errors.New("database is read-only")
	// ErrWatcherStopped: Stop was called.
	ErrWatcherStopped = errors.New("kv: watcher stopped")
)

// A KeyError is about one key or pattern.
type KeyError struct {
	Op     string // what was tried: "get", "put", "watch", ...
	Bucket string // empty where no bucket is involved
	Key    string // the key or pattern
	Reason string // what is wrong with it; empty where Err says it all
	Err    error  // the sentinel
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("kv: %s %s: %v%s", e.Op, keyIn(e.Key, e.Bucket), e.Err, because(e.Reason))
}

func (e *KeyError) Unwrap() error { return e.Err }

// A RevisionError is about a revision of a key that is not the newest one, or not kept.
type RevisionError struct {
	Op     string
	Bucket string
	Key    string
	Wanted uint64 // the revision that the caller named; 0: none was to exist
	Newest uint64 // the newest revision of the key, marker or not; 0: it has none
	Err    error  // ErrKeyExists, ErrRevisionMismatch or ErrKeyNotFound
}

// Error uses the words of a NATS server for what a compare-and-set found: "wrong last sequence: 7".
func (e *RevisionError) Error() string {
	in := keyIn(e.Key, e.Bucket)
	switch e.Err {
	case ErrKeyExists:
		return fmt.Sprintf("kv: %s %s: wrong last sequence: %d: %v", e.Op, in, e.Newest, e.Err)
	case ErrRevisionMismatch:
		return fmt.Sprintf("kv: %s %s: wrong last sequence: %d: %v: %d was named", e.Op, in, e.Newest, e.Err, e.Wanted)
	}
	return fmt.Sprintf("kv: %s %s: %v: no value at revision %d is kept, the newest revision is %d", e.Op, in, e.Err, e.Wanted, e.Newest)
}

func (e *RevisionError) Unwrap() error { return e.Err }

// A SizeError is about a value or a bucket that would be too large.
type SizeError struct {
	Op     string
	Bucket string
	Key    string
	Size   int64 // bytes of the value; for ErrBucketFull, bytes of the bucket after the write
	Limit  int64
	Err    error // ErrValueTooLarge or ErrBucketFull
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("kv: %s %s: %v: %d bytes, the limit is %d", e.Op, keyIn(e.Key, e.Bucket), e.Err, e.Size, e.Limit)
}

func (e *SizeError) Unwrap() error { return e.Err }

// A BucketError is about a bucket as a whole.
type BucketError struct {
	Op     string
	Bucket string
	Reason string
	Err    error
}

func (e *BucketError) Error() string {
	return fmt.Sprintf("kv: %s %q: %v%s", e.Op, e.Bucket, e.Err, because(e.Reason))
}

func (e *BucketError) Unwrap() error { return e.Err }

// A ConfigError is about one field of a Config.
type ConfigError struct {
	Bucket string
	Field  string
	Reason string
	Err    error // ErrInvalidConfig, ErrHistoryTooLarge, or errors.ErrUnsupported for what the store cannot do
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("kv: config of bucket %q: %v: %s %s", e.Bucket, e.Err, e.Field, e.Reason)
}

func (e *ConfigError) Unwrap() error { return e.Err }

// An OptionError is about one option of a call.
type OptionError struct {
	Op     string
	Option string
	Reason string
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("kv: %s: %v: %s %s", e.Op, ErrInvalidOption, e.Option, e.Reason)
}

// Is makes the error match ErrInvalidOption.
func (e *OptionError) Is(target error) bool { return target == ErrInvalidOption }

// A BatchError names the operation because of which a batch was refused. Nothing of the batch was written.
type BatchError struct {
	Index int    // which operation, from 0
	Key   string // its key
	Err   error  // what the operation alone would have returned
}

func (e *BatchError) Error() string {
	return fmt.Sprintf("kv: batch operation %d: %s", e.Index, strings.TrimPrefix(e.Err.Error(), "kv: "))
}

func (e *BatchError) Unwrap() error { return e.Err }

// An ImportError names the line because of which an import was refused.
type ImportError struct {
	Bucket string // the name it would have got; empty if the fault is in the first line
	Line   int    // from 1; one more than there are where the last one is missing
	Reason string
}

func (e *ImportError) Error() string {
	bucket := ""
	if e.Bucket != "" {
		bucket = fmt.Sprintf(" bucket %q", e.Bucket)
	}
	return fmt.Sprintf("kv: import%s: %v: line %d: %s", bucket, ErrInvalidImport, e.Line, e.Reason)
}

// Is makes the error match ErrInvalidImport.
func (e *ImportError) Is(target error) bool { return target == ErrInvalidImport }

func keyIn(key, bucket string) string {
	const most = 120
	if len(key) > most {
		key = key[:most] + "..."
	}
	if bucket == "" {
		return fmt.Sprintf("%q", key)
	}
	return fmt.Sprintf("%q in bucket %q", key, bucket)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// notNil returns an error if an argument that has to be there is nil.
func notNil(op, name string, arg any) error {
	if arg == nil {
		return &OptionError{Op: op, Option: name, Reason: "is nil"}
	}
	return nil
}

// checkDir returns an error for a path that is most likely a variable that nobody has set.
func checkDir(op, name, dir string) error {
	if dir == "" {
		return &OptionError{Op: op, Option: name, Reason: `is empty; "." is the current directory`}
	}
	return nil
}

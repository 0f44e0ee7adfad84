// Package vfs is the seam between the file store and the file system it writes to. [OS] is the real one; package crashfs
// has one that loses power, fails and fills up, for tests.
//
// What the file store relies on, and an implementation has to give:
//
//   - Sync makes all bytes of a file, and its length, survive a power cut. Before it each write may survive whole, in part or
//     not at all, in any order.
//   - SyncDir makes the names in a directory survive: of files created, renamed and removed in it. Before it each of these may
//     survive or not, in any order, but a rename is never seen by half.
//   - An error of Sync or SyncDir leaves open what survives.
package vfs

import "io"

// An FS is a file system. Names are paths as the operating system writes them. Errors match fs.ErrNotExist and fs.ErrExist
// where that is their cause. All methods may be called by many goroutines at once.
type FS interface {
	// List returns the names in a directory, in rising order.
	List(dir string) ([]string, error)
	// MakeDir makes a directory in one that exists.
	MakeDir(dir string) error
	// Open opens a file for reading.
	Open(name string) (File, error)
	// OpenWrite opens a file that exists for reading and writing.
	OpenWrite(name string) (File, error)
	// Create makes an empty file, in place of one that may be there, and opens it for reading and writing.
	Create(name string) (File, error)
	// Rename gives a file or directory another name. A file of that name is replaced.
	Rename(from, to string) error
	// Remove removes a file or an empty directory. A file that is open can be read until it is closed.
	Remove(name string) error
	// SyncDir makes the names in a directory durable.
	SyncDir(dir string) error
	// Lock makes a file if there is none and locks it, against other processes and other calls of Lock, until the Closer is
	// closed or the process ends. If it is locked already the error matches ErrLocked. The file stays.
	Lock(name string) (io.Closer, error)
}

// A File is an open file. ReadAt and WriteAt may be called by many goroutines at once, on different ranges.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Size returns the length of the file in bytes.
	Size() (int64, error)
	// Truncate sets the length.
	Truncate(size int64) error
	// Sync makes bytes and length durable.
	Sync() error
}

// A Mapper is a File that can be mapped into memory, so that reading and writing it need no call of the operating system. The
// files of OS are Mappers, and can be mapped on Linux where an address has 64 bits. An implementation of FS need not have any.
//
// A read that finds nothing in memory waits for the disk either way, but where a file is mapped the Go scheduler does not know: it
// has a processor less meanwhile. Who has much more on disk than fits into memory, and many goroutines that wait for it, may want an
// FS whose files are no Mappers:
//
//	type calls struct{ vfs.OS }
//
//	func (c calls) Open(name string) (vfs.File, error) {
//		f, err := c.OS.Open(name)
//		return struct{ vfs.File }{f}, err // and so with OpenWrite and Create
//	}
type Mapper interface {
	File
	// Map maps the first size bytes of the file, which may be shorter. From then on ReadAt, and WriteAt if write is true, use
	// memory for what the file has of them. They behave as before, and so do Sync and what other processes see.
	//
	// A file is mapped once, and not while other calls are made. After an error it is as it was; where files cannot be mapped
	// that is errors.ErrUnsupported.
	Map(size int64, write bool) error
}

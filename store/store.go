// Package store is the seam between a bucket and the place where its revisions are kept.
//
// A [Backend] holds the buckets of one database, a [Store] the log of one bucket. The engine above (package kv) decides
// which write is accepted and which revision it gets, keeps keys and order in memory, and tells the store what to add
// and what may be forgotten. The store knows nothing of conditions, depths or deadlines: a [Record] is what it is given,
// and the number that names it is its revision.
//
// What an implementation can do beyond that it says with optional interfaces: [ValueReader] and [Volatile].
// Package storetest tests implementations.
package store

import (
	"errors"
	"iter"
)

// Errors that a Backend or a Store returns, possibly wrapped.
var (
	// ErrClosed is the error of every call after Close.
	ErrClosed = errors.New("store: closed")
	// ErrNotFound is the error of Value for a revision that the store does not hold, and of Backend calls that name a
	// bucket that does not exist.
	ErrNotFound = errors.New("store: not found")
	// ErrExists is the error of Create for a bucket that exists.
	ErrExists = errors.New("store: bucket exists")
	// ErrOrder is the error of Append for records whose revisions do not rise. Nothing was appended.
	ErrOrder = errors.New("store: revisions must rise")
)

// Operation says what a record does to its key. The numbers are part of every file format and never change.
type Operation uint8

const (
	Put    Operation = 1 // the key has the record's value
	Delete Operation = 2 // a marker: the key is deleted, older revisions may be kept
	Purge  Operation = 3 // a marker: the key is deleted and its older revisions are dropped
)

// A Record is one revision of one key.
type Record struct {
	Revision  uint64    // 1 or more; rises from record to record, with gaps where the log was trimmed
	Operation Operation // Put, Delete or Purge
	Key       string
	Value     []byte
	Created   int64 // nanoseconds since 1970, UTC
	Deadline  int64 // when the record itself expires, in nanoseconds since 1970; 0 if it has no deadline of its own
}

// A Store keeps the log of one bucket.
//
// Append is called by one goroutine at a time. Value and Pin, where there are any, may be called by many at once, also
// during an Append or a Publish. Records is called once, before the first Append.
type Store interface {
	// Records yields what was kept when the store was opened, in rising order of revision, less what was trimmed. After
	// an error it yields nothing more. A record's Value may be left nil if the store is a ValueReader; Size tells its
	// length. Key and Value belong to the caller.
	Records() iter.Seq2[Replayed, error]

	// Newest returns the greatest revision that was ever appended, also if it is trimmed by now, or 0. It may be called
	// when Records has been read to its end: there the numbering goes on.
	Newest() uint64

	// Append adds records, and forgets the revisions in trim, all or nothing: when it returns nil everything is as
	// durable as the store promises, and when it returns an error nothing of it will ever be seen again. The revisions
	// of recs rise and are greater than all before. In trim there may be revisions of recs, and revisions that are not
	// kept: these change nothing. Either list may be empty.
	//
	// The slices and the values in them are the caller's: the store copies what it keeps.
	Append(recs []Record, trim []uint64) error

	// Close releases the store. What was appended stays for the next opening. A second Close returns nil.
	Close() error
}

// A Replayed record is one that Records yields.
type Replayed struct {
	Record
	Size int // length of the value, also when Value was left out
}

// A ValueReader is a Store that can hand back the value of a kept record. The engine keeps no values in memory for it.
//
// What an Append adds can be read from the Publish that follows, and what it trims until then. So the engine changes what reads see at
// one moment, and whoever reads what was there before is not left without it. After that the store forgets what was trimmed when it
// suits it:
//
//	Append 1    Publish       Append 2, trims 1    Publish
//	            1 is there    1 is there           2 is there, 1 may be
type ValueReader interface {
	Store

	// Publish lets what the last Append wrote be seen. Like Append it is called by one goroutine at a time, and not during an
	// Append. If there was none since the last Publish, or it failed, there is nothing to do. The next Append does it first, where
	// nobody else has. A store that makes durable later what is appended counts the time from Publish.
	Publish()

	// Value returns the value of the record with this revision, in a slice that belongs to the caller, or ErrNotFound
	// if that revision was never appended, or is trimmed and forgotten. Until it is published it is open whether what an Append
	// adds is found.
	Value(revision uint64) ([]byte, error)

	// Pin keeps the values of the revisions that are published now readable until release is called, or the store is closed,
	// also if they are trimmed meanwhile. Release is called once, perhaps after Close.
	Pin() (release func())
}

// A Volatile store keeps nothing, cannot fail and does not wait: the engine holds keys and values in memory, and does not
// call Append.
type Volatile interface {
	Store
	Volatile()
}

// A Backend holds the buckets of one database: for each a name, a configuration, and a log. The configuration's bytes are
// the engine's; a backend stores them whole and gives them back unchanged.
//
// Calls are made by one goroutine at a time.
type Backend interface {
	// Buckets returns the buckets in rising order of name.
	Buckets() ([]Bucket, error)
	// Create makes a bucket and opens its log, or leaves nothing behind.
	Create(name string, config []byte) (Store, error)
	// Open opens the log of a bucket. A log is open at most once at a time.
	Open(name string) (Store, error)
	// Configure replaces the configuration of a bucket, atomically.
	Configure(name string, config []byte) error
	// Delete removes a bucket whose log is closed, atomically.
	Delete(name string) error
	// Close releases the backend. A second Close returns nil.
	Close() error
}

// A Bucket is the name and configuration of one bucket of a Backend. A name is up to 252 of the characters a-z A-Z 0-9 _ -;
// names that differ in case are different.
type Bucket struct {
	Name   string
	Config []byte
}

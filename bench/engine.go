package main

import (
	"errors"
	"fmt"
	"unsafe"
)

// An engine is one store under measurement: this library, a peer, or a baseline. Its methods may be called by many
// goroutines at once.
//
// A value that put is given is not changed afterwards. The one that get returns belongs to the caller: an engine that
// lends its memory, or that of a file, has to copy. That is the job that every engine is measured at.
type engine interface {
	// put writes value under key and returns when the write is as durable as the options ask for.
	put(key string, value []byte) error
	// get returns the value of key, or errNotFound. A baseline that cannot read returns errors.ErrUnsupported.
	get(key string) ([]byte, error)
	close() error
}

// A creator can write a key on condition that it has no value.
type creator interface {
	// create returns errKeyExists, and writes nothing, if key has a value.
	create(key string, value []byte) error
}

// An updater can write a key on condition that its revision is still the one that the caller knows. What has no revisions
// is measured with put instead, which asks less of it.
type updater interface {
	revision(key string) (uint64, error)
	update(key string, value []byte, revision uint64) (uint64, error)
}

// A historian keeps older revisions of a key, as many as the depth says.
type historian interface {
	// getRevision returns the value that key had at a revision.
	getRevision(key string, revision uint64) ([]byte, error)
	// history returns the values of key's revisions, oldest first.
	history(key string) ([][]byte, error)
}

// A lister lists keys in rising order.
type lister interface {
	// list calls visit with each key that begins with prefix, which is empty or ends with a dot, and ends with its error.
	list(prefix string, visit func(key string) error) error
}

// A watchable engine tells what is written.
type watchable interface {
	// watch follows the keys that match a pattern of NATS's: what is there and what is written, or only the latter.
	watch(pattern string, updatesOnly bool) (watcher, error)
}

// A watcher is what watch returns. next is for one goroutine, stop for any.
type watcher interface {
	// next waits for the next event. Once the watcher is stopped it returns an error.
	next() (event, error)
	stop() error
}

// An event is an entry, or says that everything has been delivered that was there when the watch began.
type event struct {
	key      string
	value    []byte
	caughtUp bool
}

// A filler has a faster way to write many keys at once. It is used before measuring, never in it.
type filler interface {
	// fill calls write with a function that takes a key and a value.
	fill(write func(put func(key string, value []byte) error) error) error
}

// A settler has work left to do behind the scenes after many writes. It is called before reads are measured, so that an
// engine is not charged for what it was filled with.
type settler interface {
	settle() error
}

var (
	errNotFound   = errors.New("key not found")
	errKeyExists  = errors.New("key exists")
	errWatchEnded = errors.New("the watch has ended")
)

// as returns what an engine can do besides what all can. A row that needs it of an engine that cannot is a mistake.
func as[T any](e engine) (T, error) {
	able, ok := e.(T)
	if !ok {
		return able, fmt.Errorf("%T: %w", e, errors.ErrUnsupported)
	}
	return able, nil
}

// options say what an engine has to do.
type options struct {
	dir     string // where its files are; empty for an engine in memory
	sync    syncPolicy
	writers int // how many goroutines write at once; 0 where writing is only for filling
	depth   int // how many revisions of a key are kept, where the engine has revisions; 0 is 1
}

func (o options) inMemory() bool { return o.dir == "" }

// revisions returns how many revisions of a key are kept.
func (o options) revisions() uint8 { return uint8(max(o.depth, 1)) }

// syncPolicy says when a write is on disk. In memory it means nothing.
type syncPolicy int

const (
	syncNever  syncPolicy = iota // when the operating system gets to it
	syncAlways                   // before put returns
)

func (s syncPolicy) String() string {
	if s == syncAlways {
		return "always"
	}
	return "never"
}

// A kind is a sort of engine.
type kind struct {
	name string
	// volatile engines have no files even where others do: what they are measured at is being filled.
	volatile bool
	// slow engines do only every so many-th part of the operations of a row, so that they do not take most of the time of a run.
	slow int
	// forgetful engines leave out keys of a listing, or of what a watch begins with, that are overwritten meanwhile.
	forgetful bool
	open      func(options) (engine, error)
}

// ours is the name of the kind that all others are compared with.
const ours = "kv"

// adapter is this library behind NATS's interface, and natsServer the real thing.
const (
	adapter    = "natskv"
	natsServer = "nats-server"
)

// bucketName is the name of the one bucket that an engine has which has buckets.
const bucketName = "bench"

// kinds is what there is to measure. The rows choose from it.
var kinds = []kind{
	{name: ours, open: openKV},
	{name: "map", volatile: true, open: openMap},
	{name: "keymap", volatile: true, open: openKeyMap},
	{name: "append", open: openAppend},
	{name: "pebble", open: openPebble},
	{name: "bbolt", slow: 4, open: openBbolt},
	{name: "buntdb", open: openBuntDB},
	{name: "badger", open: openBadger},
	{name: "go-memdb", volatile: true, open: openMemDB},
	{name: adapter, open: openNATSKV},
	{name: natsServer, slow: 10, forgetful: true, open: openNATS},
}

// bytesOf returns the bytes of s without a copy, for engines that take keys as bytes: their callers would have them so. Nobody
// writes to them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

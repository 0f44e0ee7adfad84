package main

import (
	"errors"
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
	errNotFound  = errors.New("key not found")
	errKeyExists = errors.New("key exists")
)

// options say what an engine has to do.
type options struct {
	dir     string // where its files are; empty for an engine in memory
	sync    syncPolicy
	writers int // how many goroutines write at once; 0 where writing is only for filling
}

func (o options) inMemory() bool { return o.dir == "" }

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
	open     func(options) (engine, error)
}

// ours is the name of the kind that all others are compared with.
const ours = "kv"

// kinds is what there is to measure. The rows choose from it.
var kinds = []kind{
	{name: ours, open: openKV},
	{name: "map", volatile: true, open: openMap},
	{name: "keymap", volatile: true, open: openKeyMap},
	{name: "append", open: openAppend},
	{name: "pebble", open: openPebble},
	{name: "bbolt", open: openBbolt},
	{name: "buntdb", open: openBuntDB},
	{name: "badger", open: openBadger},
}

// bytesOf returns the bytes of s without a copy, for engines that take keys as bytes: their callers would have them so. Nobody
// writes to them.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

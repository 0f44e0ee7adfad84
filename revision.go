package kv

import (
	"fmt"
	"time"

	"github.com/revkv/kv/store"
)

// An Operation says what a revision did to its key.
type Operation uint8

const (
	Put    = Operation(store.Put)    // the key got a value
	Delete = Operation(store.Delete) // a marker: the key is deleted, its older revisions are kept as far as the depth allows
	Purge  = Operation(store.Purge)  // a marker: the key is deleted and its older revisions are dropped; limit markers are of this kind
)

// String returns PUT, DELETE or PURGE.
func (o Operation) String() string {
	switch o {
	case Put:
		return "PUT"
	case Delete:
		return "DELETE"
	case Purge:
		return "PURGE"
	}
	return fmt.Sprintf("Operation(%d)", uint8(o))
}

// An Entry is one revision of one key, as a read or a watcher hands it out. It belongs to whoever receives it, its Value
// included: changing it changes nothing in the bucket.
type Entry struct {
	Bucket string
	Key    string

	// Value is never nil. It is empty for markers and where MetaOnly was asked for.
	Value []byte

	// Revision numbers the writes of the whole bucket, from 1, so the revisions of one key have gaps.
	Revision uint64

	// Created is when the revision was written, in UTC. In one bucket it never goes back, even if the system's clock does.
	Created time.Time

	// Expires is when the revision goes by a TTL of its own or of the bucket; zero if it stays.
	Expires time.Time

	// Delta is how many newer revisions of the same key were kept when the entry was read: 0 for the newest.
	// (In NATS's client it counts what a watcher has yet to deliver, over all keys.)
	Delta uint64

	Operation Operation
}

// revision is an Entry at rest. The key is its history's, the bucket is known. A history with one revision is to fit into 64
// bytes, so what few revisions have is kept elsewhere: a deadline of its own is in Bucket.deadlines.
type revision struct {
	number  uint64
	created int64  // nanoseconds since 1970
	value   string // empty if the store keeps the values
	size    uint32 // bytes of the value, wherever it is
	header  uint8  // bytes of the headers it would have on a NATS server
	op      Operation
	timed   bool // it has a deadline of its own, from KeyTTL or as a limit marker
	leaving bool // it leaves when a newer revision that is accepted is published; it counts for nothing but reads
}

// addTime returns the time d after t, both in nanoseconds, or the last there is.
func addTime(t int64, d time.Duration) int64 {
	if sum := t + int64(d); sum >= t {
		return sum
	}
	return never
}

// Package adapter is the door through which module natskv reaches what package kv has for it alone: the rules that writes have
// because of NATS's headers, the sizes that go with them, and the counts that watches have there. Package kv fills the
// variables in; a bucket is a *kv.Bucket and a watcher a *kv.Watcher.
package adapter

import (
	"context"
	"errors"
	"time"

	"github.com/revkv/kv/store"
)

// Errors of writes that only NATS's rules know.
var (
	// ErrTTLDisabled: a TTL of a second or more for a bucket without a LimitMarkerTTL.
	ErrTTLDisabled = errors.New("TTL disabled")
	// ErrTTLInvalid: a TTL below one second.
	ErrTTLInvalid = errors.New("TTL invalid")
)

// A Write is a write by NATS's rules. They differ from the engine's in this:
//
//   - MaxValueSize limits the value with its headers, and is checked first.
//   - A TTL needs a LimitMarkerTTL, is a second or more, is cut to seconds and, if the depth is above 1, raised to the
//     LimitMarkerTTL.
//   - The bucket's size is the size of its messages. Above MaxBytes a write fits only if the key has as many revisions as the
//     depth allows and the oldest is no smaller.
//
// The errors are the engine's, and those of this package.
type Write struct {
	Operation store.Operation
	Key       string
	Value     []byte
	Create    bool   // only if the key has no value
	Checked   bool   // only if Revision is the newest of the key
	Revision  uint64 // 0: that there is none
	TTL       time.Duration
}

var (
	// Apply makes a write.
	Apply func(ctx context.Context, bucket any, w Write) (revision uint64, err error)

	// Get is Bucket.Get for those who want less than an Entry. Created is in nanoseconds since 1970.
	Get func(ctx context.Context, bucket any, key string) (value []byte, revision uint64, created int64, err error)

	// Bytes returns the size of a bucket on a NATS server.
	Bytes func(bucket any) int64

	// AsClient is a kv.WatchOption. It makes a watcher deliver as NATS's client does:
	//
	//   - Delta of the entries before CaughtUp counts how many are still to come, those included that IgnoreDeletes leaves
	//     out. That of later ones is 0.
	//   - What is written after the watch began is delivered even if it has left the log before the watcher gets to it, as
	//     long as the watcher is no more than some thousand writes behind.
	AsClient any

	// Done returns a channel that is closed when a watch has ended.
	Done func(watcher any) <-chan struct{}
)

package kvtest

import (
	"context"
	"iter"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
)

// A Place holds buckets: it is what the suite tests. Its methods do what those of kv.DB and of jetstream.KeyValueManager
// do, and return errors that match the sentinels of package kv.
//
// Every place has these methods, and a shim over a NATS server can provide them all. What only some places have is in the
// optional interfaces, each of which goes with a [Need].
type Place interface {
	CreateBucket(ctx context.Context, cfg kv.Config) (Bucket, error)
	UpdateBucket(ctx context.Context, cfg kv.Config) (Bucket, error)
	CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (Bucket, error)
	Bucket(ctx context.Context, name string) (Bucket, error)
	DeleteBucket(ctx context.Context, name string) error
	BucketNames(ctx context.Context) ([]string, error) // in rising order

	// Unit returns a TTL that the place takes, long beside what a busy machine is late: every TTL of the suite is a multiple
	// of it, except where a case needs a Bubble. For a NATS server it is whole seconds.
	Unit() time.Duration

	// Pass lets d go by, and as much more as the place needs to act on the deadlines within it, which must be well below
	// Unit. In a synctest bubble it is time.Sleep; a NATS server looks at deadlines every quarter of a second.
	Pass(d time.Duration)
}

// A Bucket is a bucket of a Place.
//
// Its errors match ErrKeyNotFound, ErrKeyExists, ErrRevisionMismatch, ErrInvalidKey, ErrInvalidPattern,
// ErrOverlappingPatterns, ErrInvalidOption, ErrValueTooLarge and ErrBucketFull of package kv where those of kv.Bucket do,
// and a context's error where the context has ended. An error that stands for a stale revision must not match
// ErrKeyExists as well, which it does in NATS's client: the shim sees to that.
type Bucket interface {
	Put(ctx context.Context, key string, value []byte) (uint64, error)
	Create(ctx context.Context, key string, value []byte, opts WriteOptions) (uint64, error) // takes TTL
	Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Delete(ctx context.Context, key string, opts WriteOptions) error // takes LastRevision
	Purge(ctx context.Context, key string, opts WriteOptions) error  // takes both

	Get(ctx context.Context, key string) (kv.Entry, error)
	GetRevision(ctx context.Context, key string, revision uint64) (kv.Entry, error)
	History(ctx context.Context, key string) ([]kv.Entry, error)

	// Keys returns the keys that have a value and match a pattern, in rising order. Without any it returns none, and no
	// error.
	Keys(ctx context.Context, pattern string) ([]string, error)

	// Watch starts a watch of the keys that match one of the patterns.
	Watch(ctx context.Context, patterns []string, opts WatchOptions) (Watcher, error)

	// PurgeDeletes clears up behind deleted keys; a negative age means behind all of them.
	PurgeDeletes(ctx context.Context, olderThan time.Duration) error
}

// WriteOptions are the options of a write. The zero value is none.
type WriteOptions struct {
	TTL          time.Duration // of the value that Create writes, or the marker that Purge writes; 0 is none
	LastRevision uint64        // which revision must be the newest for Delete and Purge; 0 is any
}

// WatchOptions are the options of a watch, named as in package kv. The zero value is none.
type WatchOptions struct {
	IncludeHistory bool
	IgnoreDeletes  bool
	MetaOnly       bool
	UpdatesOnly    bool
	ResumeFrom     uint64 // 0 is none
}

// A Watcher delivers events. Next waits for one as long as its context allows; that the context ends takes nothing away
// from the watcher. When the watch has ended Next returns, once what was already on its way is read, an error that matches
// kv.ErrWatcherStopped after Stop, or the error of the context that was given to Watch. Where NATS's client delivers a nil
// entry the event's kind is CaughtUp.
type Watcher interface {
	Next(ctx context.Context) (kv.Event, error)
	Stop()
}

// A Need is something that a place may have or not. A case that needs it is skipped where it is missing.
type Need string

// Needs that come with an optional interface: the place has them if it, or its buckets, implement it.
const (
	Batches   Need = "batches: its buckets are to be Batchers"
	Listings  Need = "ordered listings: its buckets are to be Listers"
	Reverts   Need = "Revert: its buckets are to be Reverters"
	AnyTTL    Need = "any TTL on any write: its buckets are to be TTLWriters"
	Statuses  Need = "Status: its buckets are to be Statusers"
	Closing   Need = "Close: it is to be a Closer"
	Reopening Need = "a durable store: it is to be a Reopener"
)

// Needs without an operation of their own: the place has them if it is a Ruler and says so.
const (
	// PlainRules are the rules of revkv where NATS has others because of its wire format: a value's size is its bytes,
	// Delete and Purge always fit, a TTL means what it says, handles of deleted buckets stay dead, revision 0 names
	// nothing, and errors are the structs of package kv.
	PlainRules Need = "the plain rules of revkv: it is to be a Ruler with PlainRules"

	// Sound places have none of the known defects of NATS servers: a limit marker that does not fit keeps an expired key
	// alive, PurgeDeletes loses concurrent writes, a watcher says that it has caught up too early, a wildcard glued to
	// text matches something, a list of patterns comes back changed.
	Sound Need = "freedom from the known defects of NATS servers: it is to be a Ruler with Sound"

	// InProcess places do all they do in this process, so that goroutines and memory can be counted.
	InProcess Need = "all of it in this process: it is to be a Ruler with InProcess"
)

// Bubble is needed by cases in which hours pass, or a nanosecond makes a difference: they run in a testing/synctest bubble.
const Bubble Need = "time that waits for the test: the case is to run in a synctest bubble"

// A Ruler is a Place that keeps rules which a NATS server does not.
type Ruler interface {
	Place
	Rules() []Need // which of PlainRules, Sound and InProcess
}

// A Closer is a Place that can be closed. Its errors match ErrClosed then.
type Closer interface {
	Place
	Close() error
}

// A Reopener is a Place that keeps its buckets on disk or the like.
type Reopener interface {
	Place
	// Reopen closes the place, lets a while go by, and opens it again. Buckets have to be looked up again.
	Reopen(after time.Duration) error
}

// A Batcher is a Bucket that writes several operations as one. See kv.Bucket.
type Batcher interface {
	Apply(ctx context.Context, ops ...kv.Op) ([]uint64, error)
}

// A Lister is a Bucket with consistent listings in order of key. See kv.Bucket.
type Lister interface {
	Entries(ctx context.Context, pattern string, opts ...kv.ListOption) iter.Seq2[kv.Entry, error]
}

// A Reverter is a Bucket that writes an old value again. See kv.Bucket.
type Reverter interface {
	Revert(ctx context.Context, key string, revision uint64, opts ...kv.PutOption) (uint64, error)
}

// A TTLWriter is a Bucket that takes a TTL with every write, of any duration.
type TTLWriter interface {
	PutTTL(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error)
	UpdateTTL(ctx context.Context, key string, value []byte, revision uint64, ttl time.Duration) (uint64, error)
	DeleteTTL(ctx context.Context, key string, ttl time.Duration) error
}

// A Statuser is a Bucket that tells its configuration and counts its revisions. Of the status the suite looks at Config and
// Values; at the rest only with PlainRules.
type Statuser interface {
	Status(ctx context.Context) (kv.Status, error)
}

// has reports whether a place has what a case needs. Needs that its buckets must meet are left to bucketHas.
func has(p Place, n Need) bool {
	switch n {
	case Closing:
		_, ok := p.(Closer)
		return ok
	case Reopening:
		_, ok := p.(Reopener)
		return ok
	case PlainRules, Sound, InProcess:
		return keeps(p, n)
	case Bubble:
		return inBubble()
	}
	return true
}

// inBubble reports whether the caller runs in a synctest bubble: synctest.Wait panics where there is none.
func inBubble() (in bool) {
	defer func() { in = recover() == nil }()
	synctest.Wait()
	return
}

// keeps reports whether a place says that it keeps a rule.
func keeps(p Place, n Need) bool {
	r, ok := p.(Ruler)
	if !ok {
		return false
	}
	for _, rule := range r.Rules() {
		if rule == n {
			return true
		}
	}
	return false
}

// bucketHas reports whether a bucket has what a case needs, if that is up to the bucket.
func bucketHas(b Bucket, n Need) (ok bool) {
	switch n {
	case Batches:
		_, ok = b.(Batcher)
	case Listings:
		_, ok = b.(Lister)
	case Reverts:
		_, ok = b.(Reverter)
	case AnyTTL:
		_, ok = b.(TTLWriter)
	case Statuses:
		_, ok = b.(Statuser)
	default:
		return true
	}
	return ok
}

package kv

import (
	"fmt"
	"time"
)

// An option is what every option of a write comes down to.
type option struct {
	name     string
	ttl      time.Duration // for KeyTTL and PurgeTTL
	revision uint64        // for LastRevision
}

// A PutOption is an option of Put, PutString, Create, Update and Revert. A nil option is ignored, here and everywhere but in Open,
// and of an option that is given twice the last one counts.
type PutOption interface{ putOption() option }

// A PurgeOption is an option of Purge.
type PurgeOption interface{ purgeOption() option }

// A DeleteOption is an option of Delete, and of Purge.
type DeleteOption interface {
	PurgeOption
	deleteOption() option
}

// A TTLOption is an option of every write.
type TTLOption interface {
	PutOption
	DeleteOption
}

func (o option) putOption() option    { return o }
func (o option) purgeOption() option  { return o }
func (o option) deleteOption() option { return o }

// KeyTTL makes the revision that is written expire after d, counted from its creation. d must be positive; any
// duration will do. If the bucket has a TTL too, the earlier deadline counts. The next write of the key, unless it brings
// a TTL of its own, has none: a lease is kept alive by writing it again with KeyTTL.
//
// When the newest revision of a key expires the key is gone with all its history, and the bucket has a limit marker if it
// is configured to (Config.LimitMarkerTTL). When an older revision expires, only that leaves the history.
//
//	1 put a   2 put a with KeyTTL(1m)     after a minute a is gone, revision 1 as well
//	3 put b with KeyTTL(1m)   4 put b     after a minute b has revision 4 only
//
// NATS knows a TTL on Create and Purge, for buckets with a LimitMarkerTTL, in whole seconds (ADR-48); the rest is ours.
func KeyTTL(d time.Duration) TTLOption { return option{name: "KeyTTL", ttl: d} }

// PurgeTTL makes the marker that Purge writes go after d, without a word: KeyTTL by the name it has in NATS.
func PurgeTTL(d time.Duration) PurgeOption { return option{name: "PurgeTTL", ttl: d} }

// LastRevision makes Delete or Purge a compare-and-swap: it happens only if the newest revision of the key, marker or not,
// is this one, otherwise the error matches ErrRevisionMismatch. The revision must be 1 or more. (In NATS 0 switches the
// check off; here it is an error, so that a variable nobody set cannot delete something.)
func LastRevision(revision uint64) DeleteOption {
	return option{name: "LastRevision", revision: revision}
}

// A PurgeDeletesOption is an option of PurgeDeletes.
type PurgeDeletesOption interface{ purgeDeletesOption() time.Duration }

type olderThan time.Duration

func (o olderThan) purgeDeletesOption() time.Duration { return time.Duration(o) }

// DefaultMarkerAge is how old a marker must be for PurgeDeletes to remove it, unless told otherwise. It is NATS's.
const DefaultMarkerAge = 30 * time.Minute

// DeleteMarkersOlderThan sets how old a marker must be for PurgeDeletes to remove it. As in NATS, 0 means
// DefaultMarkerAge and a negative duration means every marker, however young.
func DeleteMarkersOlderThan(d time.Duration) PurgeDeletesOption { return olderThan(d) }

// A ListOption is an option of Entries and Keys.
type ListOption interface{ list(*listOptions) error }

// A WatchOption is an option of Watch and WatchFiltered.
type WatchOption interface{ watch(*watchOptions) error }

// A ReadOption is an option of listings and of watches.
type ReadOption interface {
	ListOption
	WatchOption
}

type listOptions struct {
	after    string
	limit    int // 0 is none
	reverse  bool
	metaOnly bool
}

type watchOptions struct {
	includeHistory bool
	updatesOnly    bool
	ignoreDeletes  bool
	metaOnly       bool
	resume         uint64 // 0 is none
	asClient       bool   // see adapter.AsClient
}

type listOption func(*listOptions) error

func (f listOption) list(o *listOptions) error { return f(o) }

type watchOption func(*watchOptions) error

func (f watchOption) watch(o *watchOptions) error { return f(o) }

// After starts a listing behind a key, in the direction of the listing; the key need not exist. With Limit it turns
// pages: give it the last key of the page before.
func After(key string) ListOption {
	return listOption(func(o *listOptions) error {
		if fault := keyFault(key); fault != "" {
			return &OptionError{Option: "After", Reason: fmt.Sprintf("is not a key: %q: %s", key, fault)}
		}
		o.after = key
		return nil
	})
}

// Limit ends a listing after n keys. n must be positive.
func Limit(n int) ListOption {
	return listOption(func(o *listOptions) error {
		if n <= 0 {
			return &OptionError{Option: "Limit", Reason: fmt.Sprintf("is %d, the least is 1", n)}
		}
		o.limit = n
		return nil
	})
}

// Reverse lists keys in falling order.
func Reverse() ListOption {
	return listOption(func(o *listOptions) error {
		o.reverse = true
		return nil
	})
}

type metaOnly struct{}

func (metaOnly) list(o *listOptions) error {
	o.metaOnly = true
	return nil
}

func (metaOnly) watch(o *watchOptions) error {
	o.metaOnly = true
	return nil
}

// MetaOnly leaves the values out: every Value is empty.
func MetaOnly() ReadOption { return metaOnly{} }

// IncludeHistory makes a watch begin with every kept revision, not just the newest of each key.
func IncludeHistory() WatchOption {
	return watchOption(func(o *watchOptions) error {
		o.includeHistory = true
		return nil
	})
}

// UpdatesOnly makes a watch begin with the next write. There is no CaughtUp event then, as in NATS's Go client.
func UpdatesOnly() WatchOption {
	return watchOption(func(o *watchOptions) error {
		o.updatesOnly = true
		return nil
	})
}

// IgnoreDeletes leaves markers out of a watch.
func IgnoreDeletes() WatchOption {
	return watchOption(func(o *watchOptions) error {
		o.ignoreDeletes = true
		return nil
	})
}

// ResumeFromRevision makes a watch begin with revision r, which must be 1 or more: it gets every kept revision from r on,
// whether or not a newer one of the same key exists. To go on after the last revision seen, give that plus one. With an r
// that the bucket has not reached yet, writes with smaller revisions are not seen.
func ResumeFromRevision(r uint64) WatchOption {
	return watchOption(func(o *watchOptions) error {
		if r == 0 {
			return &OptionError{Option: "ResumeFromRevision", Reason: "is 0, the first revision is 1"}
		}
		o.resume = r
		return nil
	})
}

// parse applies the options of a listing.
func (o *listOptions) parse(op string, opts []ListOption) error {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.list(o); err != nil {
			return inOp(op, err)
		}
	}
	return nil
}

// parse applies the options of a watch.
func (o *watchOptions) parse(op string, opts []WatchOption) error {
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.watch(o); err != nil {
			return inOp(op, err)
		}
	}
	if o.includeHistory && o.updatesOnly {
		return &OptionError{Op: op, Option: "UpdatesOnly", Reason: "cannot be used with IncludeHistory"}
	}
	return nil
}

// inOp fills in the operation that an option was given to.
func inOp(op string, err error) error {
	if e, ok := err.(*OptionError); ok {
		e.Op = op
	}
	return err
}

package natstest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A script makes calls through js and old, which show the same buckets, and writes down what they return.
type script struct {
	name string
	run  func(*notes)
}

// Notes are what a script writes down.
type notes struct {
	js    jetstream.KeyValueManager
	old   nats.KeyValueManager
	close func() // the connection, or the database
	ended bool   // the contexts of calls have ended
	lines []string
}

// storages are what most scripts are run with.
var storages = []jetstream.StorageType{jetstream.FileStorage, jetstream.MemoryStorage}

func (n *notes) note(format string, args ...any) {
	n.lines = append(n.lines, fmt.Sprintf(format, args...))
}

// ctx bounds one call, so that a script that hangs fails.
func (n *notes) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	context.AfterFunc(ctx, cancel)
	if n.ended {
		cancel()
	}
	return ctx
}

// bucket makes a bucket, and notes if that fails.
func (n *notes) bucket(cfg jetstream.KeyValueConfig) jetstream.KeyValue {
	b, err := n.js.CreateKeyValue(n.ctx(), cfg)
	if err != nil {
		n.note("create bucket %q: %s", cfg.Bucket, describe(err))
		panic(stop{})
	}
	return b
}

// stop ends a script.
type stop struct{}

// sentinels are the errors to test for of both packages.
var sentinels = map[string]error{
	"ErrKeyExists": jetstream.ErrKeyExists, "ErrKeyRevisionMismatch": jetstream.ErrKeyRevisionMismatch,
	"ErrKeyValueConfigRequired": jetstream.ErrKeyValueConfigRequired, "ErrInvalidBucketName": jetstream.ErrInvalidBucketName,
	"ErrInvalidKey": jetstream.ErrInvalidKey, "ErrBucketExists": jetstream.ErrBucketExists,
	"ErrBucketNotFound": jetstream.ErrBucketNotFound, "ErrBadBucket": jetstream.ErrBadBucket,
	"ErrKeyNotFound": jetstream.ErrKeyNotFound, "ErrKeyDeleted": jetstream.ErrKeyDeleted,
	"ErrHistoryTooLarge": jetstream.ErrHistoryTooLarge, "ErrNoKeysFound": jetstream.ErrNoKeysFound,
	"ErrTTLOnDeleteNotSupported":    jetstream.ErrTTLOnDeleteNotSupported,
	"ErrLimitMarkerTTLNotSupported": jetstream.ErrLimitMarkerTTLNotSupported,
	"ErrStreamNotFound":             jetstream.ErrStreamNotFound, "ErrStreamNameAlreadyInUse": jetstream.ErrStreamNameAlreadyInUse,
	"ErrStreamMessageExceedsMaximum": jetstream.ErrStreamMessageExceedsMaximum,
	"ErrNoStreamResponse":            jetstream.ErrNoStreamResponse, "ErrInvalidOption": jetstream.ErrInvalidOption,
	"ErrOverlappingFilterSubjects": jetstream.ErrOverlappingFilterSubjects, "ErrMsgNotFound": jetstream.ErrMsgNotFound,

	"nats.ErrKeyExists": nats.ErrKeyExists, "nats.ErrKeyRevisionMismatch": nats.ErrKeyRevisionMismatch,
	"nats.ErrKeyValueConfigRequired": nats.ErrKeyValueConfigRequired, "nats.ErrInvalidBucketName": nats.ErrInvalidBucketName,
	"nats.ErrInvalidKey": nats.ErrInvalidKey, "nats.ErrBucketNotFound": nats.ErrBucketNotFound,
	"nats.ErrBadBucket": nats.ErrBadBucket, "nats.ErrKeyNotFound": nats.ErrKeyNotFound, "nats.ErrKeyDeleted": nats.ErrKeyDeleted,
	"nats.ErrHistoryToLarge": nats.ErrHistoryToLarge, "nats.ErrNoKeysFound": nats.ErrNoKeysFound,
	"nats.ErrStreamNotFound": nats.ErrStreamNotFound, "nats.ErrStreamNameAlreadyInUse": nats.ErrStreamNameAlreadyInUse,
	"nats.ErrNoStreamResponse": nats.ErrNoStreamResponse, "nats.ErrNoResponders": nats.ErrNoResponders,
	"nats.ErrOverlappingFilterSubjects": nats.ErrOverlappingFilterSubjects, "nats.ErrBadSubscription": nats.ErrBadSubscription,
	"nats.ErrConnectionClosed": nats.ErrConnectionClosed, "nats.ErrMaxPayload": nats.ErrMaxPayload,
	"nats.ErrTimeout": nats.ErrTimeout, "nats.ErrInvalidArg": nats.ErrInvalidArg, "nats.ErrMsgNotFound": nats.ErrMsgNotFound,

	"context.Canceled": context.Canceled, "context.DeadlineExceeded": context.DeadlineExceeded,
}

// describe says all that a caller can find out about an error.
func describe(err error) string {
	if err == nil {
		return "ok"
	}
	var is []string
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			if err == sentinel {
				name += " itself"
			}
			is = append(is, name)
		}
	}
	slices.Sort(is)
	text := fmt.Sprintf("%q is [%s]", err, strings.Join(is, ", "))
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		text += fmt.Sprintf(" api %d/%d %q", api.Code, api.ErrorCode, api.Description)
	}
	if js, ok := errors.AsType[jetstream.JetStreamError](err); ok {
		text += fmt.Sprintf(" js %v", js.APIError())
	}
	if api, ok := errors.AsType[*nats.APIError](err); ok {
		text += fmt.Sprintf(" nats.api %d/%d %q", api.Code, api.ErrorCode, api.Description)
	}
	if js, ok := errors.AsType[nats.JetStreamError](err); ok {
		text += fmt.Sprintf(" nats.js %v", js.APIError())
	}
	return text
}

// An anyEntry is a jetstream.KeyValueEntry or a nats.KeyValueEntry.
type anyEntry interface {
	Bucket() string
	Key() string
	Value() []byte
	Revision() uint64
	Created() time.Time
	Delta() uint64
}

// entry writes an entry down, perhaps without Delta. Of its time it says where it is, and what is wrong with it.
func entry(e anyEntry, delta bool) string {
	if v := reflect.ValueOf(e); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return "nil"
	}
	op := reflect.ValueOf(e).MethodByName("Operation").Call(nil)[0].Interface()
	text := fmt.Sprintf("%s/%s@%d %v %q", e.Bucket(), e.Key(), e.Revision(), op, shorten(e.Value()))
	if e.Value() == nil {
		text += " (nil)"
	}
	if delta && e.Delta() != 0 {
		text += fmt.Sprintf(" delta %d", e.Delta())
	}
	if age := time.Since(e.Created()); age < 0 || age > time.Minute {
		text += fmt.Sprintf(" age %v", age)
	}
	return text + " " + e.Created().Location().String()
}

func shorten(value []byte) string {
	if len(value) > 20 {
		return fmt.Sprintf("%s... (%d)", value[:10], len(value))
	}
	return string(value)
}

// get, put and so on make a call and note it with what it returns.
func (n *notes) get(b jetstream.KeyValue, key string) {
	e, err := b.Get(n.ctx(), key)
	n.note("get %s: %s %s", short(key), entry(e, true), describe(err))
}

func (n *notes) getRevision(b jetstream.KeyValue, key string, revision uint64) {
	e, err := b.GetRevision(n.ctx(), key, revision)
	n.note("get %s at %d: %s %s", short(key), revision, entry(e, true), describe(err))
}

func (n *notes) put(b jetstream.KeyValue, key, value string) uint64 {
	revision, err := b.Put(n.ctx(), key, []byte(value))
	n.note("put %s %s: %d %s", short(key), shorten([]byte(value)), revision, describe(err))
	return revision
}

func (n *notes) create(b jetstream.KeyValue, key, value string, opts ...jetstream.KVCreateOpt) {
	revision, err := b.Create(n.ctx(), key, []byte(value), opts...)
	n.note("create %s %s: %d %s", short(key), shorten([]byte(value)), revision, describe(err))
}

func (n *notes) update(b jetstream.KeyValue, key, value string, revision uint64) {
	newest, err := b.Update(n.ctx(), key, []byte(value), revision)
	n.note("update %s %s at %d: %d %s", short(key), shorten([]byte(value)), revision, newest, describe(err))
}

func (n *notes) delete(b jetstream.KeyValue, key string, opts ...jetstream.KVDeleteOpt) {
	n.note("delete %s: %s", short(key), describe(b.Delete(n.ctx(), key, opts...)))
}

func (n *notes) purge(b jetstream.KeyValue, key string, opts ...jetstream.KVDeleteOpt) {
	n.note("purge %s: %s", short(key), describe(b.Purge(n.ctx(), key, opts...)))
}

func (n *notes) history(b jetstream.KeyValue, key string, opts ...jetstream.WatchOpt) {
	entries, err := b.History(n.ctx(), key, opts...)
	n.note("history %s: %s %v %s", short(key), list(entries), entries == nil, describe(err))
}

func list[E anyEntry](entries []E) string {
	var lines []string
	for _, e := range entries {
		lines = append(lines, entry(e, true))
	}
	return "[" + strings.Join(lines, ", ") + "]"
}

func (n *notes) keys(b jetstream.KeyValue, opts ...jetstream.WatchOpt) {
	keys, err := b.Keys(n.ctx(), opts...)
	n.note("keys: %q %v %s", keys, keys == nil, describe(err))
}

func (n *notes) listKeys(b jetstream.KeyValue, opts ...jetstream.WatchOpt) {
	l, err := b.ListKeys(n.ctx(), opts...)
	n.note("list keys: %s", describe(err))
	n.readLister(l, err)
}

func (n *notes) listFiltered(b jetstream.KeyValue, filters ...string) {
	shown := fmt.Sprintf("%q", filters)
	l, err := b.ListKeysFiltered(n.ctx(), filters...)
	n.note("list keys of %s: %s; now %q", shown, describe(err), filters)
	n.readLister(l, err)
}

func (n *notes) readLister(l jetstream.KeyLister, err error) {
	if err != nil {
		n.note("nil lister: %v", l == nil)
		return
	}
	var keys []string
	for key := range l.Keys() {
		keys = append(keys, key)
	}
	n.note("keys %q, stop: %s", keys, describe(l.Stop()))
}

// status notes the whole status.
func (n *notes) status(b jetstream.KeyValue) {
	s, err := b.Status(n.ctx())
	if err != nil {
		n.note("status: %s", describe(err))
		return
	}
	n.noteStatus(s)
}

func (n *notes) noteStatus(s jetstream.KeyValueStatus) {
	n.note("status %s: values %d history %d ttl %v store %s bytes %d compressed %v limit %v metadata %v", s.Bucket(), s.Values(),
		s.History(), s.TTL(), s.BackingStore(), s.Bytes(), s.IsCompressed(), s.LimitMarkerTTL(), s.Metadata())
	n.note("config %s", config(s.Config()))
}

// config writes a configuration down, pointers included.
func config(c jetstream.KeyValueConfig) string {
	p, r, m := c.Placement, c.RePublish, c.Mirror
	c.Placement, c.RePublish, c.Mirror = nil, nil, nil
	return fmt.Sprintf("%+v placement %+v republish %+v mirror %+v", c, p, r, m)
}

// short is a key or a pattern for the notes.
func short(key string) string {
	if len(key) > 30 {
		return fmt.Sprintf("%q... (%d)", key[:10], len(key))
	}
	return fmt.Sprintf("%q", key)
}

// bytes notes the size of a bucket.
func (n *notes) bytes(b jetstream.KeyValue) {
	s, err := b.Status(n.ctx())
	if err != nil {
		n.note("status: %s", describe(err))
		return
	}
	n.note("values %d bytes %d", s.Values(), s.Bytes())
}

// An option of a watch with its name. Wrapping it is what users do too.
type option struct {
	jetstream.WatchOpt
	name string
}

var (
	includeHistory = option{jetstream.IncludeHistory(), "IncludeHistory"}
	ignoreDeletes  = option{jetstream.IgnoreDeletes(), "IgnoreDeletes"}
	updatesOnly    = option{jetstream.UpdatesOnly(), "UpdatesOnly"}
	metaOnly       = option{jetstream.MetaOnly(), "MetaOnly"}
)

func resumeFrom(revision uint64) jetstream.WatchOpt {
	return &option{jetstream.ResumeFromRevision(revision), fmt.Sprint("ResumeFromRevision ", revision)}
}

// A watcher under test.
type watcher struct {
	jetstream.KeyWatcher
	initial bool // the nil entry is still to come
}

// watch notes what a watcher delivers before the nil entry, or until nothing comes for a while, and what it does when it is
// stopped.
func (n *notes) watch(b jetstream.KeyValue, patterns []string, opts ...jetstream.WatchOpt) {
	w := n.startWatch(b, patterns, opts...)
	if w == nil {
		return
	}
	n.readInitial(w)
	n.note("stop: %s; again: %s", describe(w.Stop()), describe(w.Stop()))
	n.readRest(w)
}

// startWatch starts a watch and notes how that went.
func (n *notes) startWatch(b jetstream.KeyValue, patterns []string, opts ...jetstream.WatchOpt) *watcher {
	shown := fmt.Sprintf("%q", patterns)
	var w jetstream.KeyWatcher
	var err error
	if len(patterns) == 1 {
		w, err = b.Watch(context.Background(), patterns[0], opts...)
	} else {
		w, err = b.WatchFiltered(context.Background(), patterns, opts...)
	}
	n.note("watch %s: %s; now %q; cap %d", shown, describe(err), patterns, capOf(w, err))
	if err != nil {
		n.note("nil watcher: %v", w == nil)
		return nil
	}
	initial := !slices.ContainsFunc(opts, func(o jetstream.WatchOpt) bool {
		named, ok := o.(option)
		return ok && named.name == updatesOnly.name
	})
	return &watcher{w, initial}
}

func capOf(w jetstream.KeyWatcher, err error) int {
	if err != nil {
		return 0
	}
	return cap(w.Updates())
}

// quiet is how long nothing comes before a script goes on.
const quiet = 150 * time.Millisecond

// patience is how long a script waits for what has to come.
const patience = 10 * time.Second

// read notes what is delivered until nothing comes for a while; the nil entry is waited for.
func (n *notes) read(w *watcher) {
	n.readWhile(w, func() time.Duration {
		if w.initial {
			return patience
		}
		return quiet
	})
}

// readInitial notes what is delivered up to the nil entry.
func (n *notes) readInitial(w *watcher) {
	if !w.initial {
		n.read(w)
		return
	}
	n.readWhile(w, func() time.Duration {
		if w.initial {
			return patience
		}
		return 0
	})
}

// readRest notes what is delivered until the channel is closed.
func (n *notes) readRest(w *watcher) {
	n.readWhile(w, func() time.Duration { return patience })
}

// readWhile notes what is delivered until nothing comes for a while. What Delta is of live updates depends on how busy a server
// is.
func (n *notes) readWhile(w *watcher, wait func() time.Duration) {
	var lines []string
	defer func() { n.note("delivered: %s", strings.Join(lines, ", ")) }()
	for d := wait(); d > 0; d = wait() {
		select {
		case e, open := <-w.Updates():
			switch {
			case !open:
				lines = append(lines, "closed")
				return
			case e == nil:
				lines = append(lines, "nil")
				w.initial = false
			default:
				lines = append(lines, entry(e, w.initial))
			}
		case <-time.After(d):
			return
		}
	}
}

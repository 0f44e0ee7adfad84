package natskv

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// An entry is a jetstream.KeyValueEntry. It belongs to whoever got it, its value included. It is small because there is one for
// every read.
type entry struct {
	bucket   *handle
	key      string
	value    []byte
	revision uint64
	delta    uint64
	created  int64 // nanoseconds since 1970
	op       jetstream.KeyValueOp
	local    bool // Created is in local time
}

var _ jetstream.KeyValueEntry = (*entry)(nil)

func (e *entry) Bucket() string                  { return e.bucket.name }
func (e *entry) Key() string                     { return e.key }
func (e *entry) Value() []byte                   { return e.value }
func (e *entry) Revision() uint64                { return e.revision }
func (e *entry) Delta() uint64                   { return e.delta }
func (e *entry) Operation() jetstream.KeyValueOp { return e.op }

func (e *entry) Created() time.Time {
	created := time.Unix(0, e.created)
	if e.local {
		return created
	}
	return created.UTC()
}

// read returns an entry as Get and GetRevision do: in UTC, without a delta.
func (h *handle) read(e *kv.Entry) *entry {
	return &entry{bucket: h, key: e.Key, value: e.Value, revision: e.Revision, created: e.Created.UnixNano()}
}

// delivered returns an entry as watchers and History do: in local time.
func (h *handle) delivered(e *kv.Entry) *entry {
	d := new(entry)
	h.deliver(d, e)
	return d
}

// deliver is delivered to a place that the caller has.
func (h *handle) deliver(d *entry, e *kv.Entry) {
	*d = entry{
		bucket: h, key: e.Key, value: e.Value, revision: e.Revision, delta: e.Delta, created: e.Created.UnixNano(), local: true,
	}
	switch e.Operation {
	case kv.Delete:
		d.op = jetstream.KeyValueDelete
	case kv.Purge:
		d.op = jetstream.KeyValuePurge
	}
}

package kv

import (
	"context"
	"slices"
	"time"
)

// opKind is what an Op asks for.
type opKind uint8

const (
	opPut opKind = iota + 1
	opCreate
	opUpdate
	opDelete
	opPurge
	opRevert
)

func (k opKind) String() string {
	return [...]string{"no operation", "put", "create", "update", "delete", "purge", "revert"}[k]
}

// An Op is one write of a batch. Make one with PutOp, CreateOp, UpdateOp, DeleteOp, PurgeOp or RevertOp; each does what the
// Bucket's method of that name does.
type Op struct {
	kind        opKind
	conditional bool // revision is to be the newest
	key         string
	value       []byte
	revision    uint64
	ttl         time.Duration
	fault       *OptionError // what is wrong with the options

	hash    uint32   // of key
	missing bool     // the value that a revert wants is not there
	copied  string   // of value, where the engine keeps it
	history *history // of key, found by decide; nil if there is none
	growth  weight   // what the write adds to the bucket
	leaving int      // how many of the oldest revisions of history leave

	byWire bool  // NATS's rules are to be kept, see wire.go
	header uint8 // bytes of the headers that the revision would have on a NATS server
}

// PutOp writes value under key.
func PutOp(key string, value []byte, opts ...PutOption) (op Op) {
	op.put(key, value, opts)
	return op
}

// CreateOp writes value under key if the key has none.
func CreateOp(key string, value []byte, opts ...PutOption) (op Op) {
	op.create(key, value, opts)
	return op
}

// UpdateOp writes value under key if revision is the key's newest, 0 meaning that it has none.
func UpdateOp(key string, value []byte, revision uint64, opts ...PutOption) (op Op) {
	op.update(key, value, revision, opts)
	return op
}

// DeleteOp writes a delete marker.
func DeleteOp(key string, opts ...DeleteOption) Op {
	op := Op{kind: opDelete, key: key}
	for _, o := range opts {
		if o != nil {
			op.add(o.deleteOption())
		}
	}
	return op
}

// PurgeOp writes a purge marker and drops the key's history.
func PurgeOp(key string, opts ...PurgeOption) Op {
	op := Op{kind: opPurge, key: key}
	for _, o := range opts {
		if o != nil {
			op.add(o.purgeOption())
		}
	}
	return op
}

// RevertOp writes the value that key had at a revision that is still kept.
func RevertOp(key string, revision uint64, opts ...PutOption) Op {
	op := Op{kind: opRevert, key: key, revision: revision}
	op.putOptions(opts)
	return op
}

// put, create and update make op, which is zero, what PutOp, CreateOp and UpdateOp return. An Op is large: where time counts it is
// made where it stays.

func (op *Op) put(key string, value []byte, opts []PutOption) {
	op.kind, op.key, op.value = opPut, key, value
	op.putOptions(opts)
}

func (op *Op) create(key string, value []byte, opts []PutOption) {
	op.kind, op.key, op.value = opCreate, key, value
	op.putOptions(opts)
}

func (op *Op) update(key string, value []byte, revision uint64, opts []PutOption) {
	op.kind, op.key, op.value, op.conditional, op.revision = opUpdate, key, value, true, revision
	op.putOptions(opts)
}

func (op *Op) putOptions(opts []PutOption) {
	for _, o := range opts {
		if o != nil {
			op.add(o.putOption())
		}
	}
}

// add takes an option in.
func (op *Op) add(o option) {
	wrong := func(reason string) { op.fault = &OptionError{Op: op.kind.String(), Option: o.name, Reason: reason} }
	if o.name == "LastRevision" {
		op.conditional, op.revision = true, o.revision
		if o.revision == 0 {
			wrong("is 0, the first revision is 1")
		}
		return
	}
	op.ttl = o.ttl
	if o.ttl <= 0 {
		wrong("is " + o.ttl.String() + ", it must be positive")
	}
}

// Apply writes several operations as one: all of them, with consecutive revisions in the order given, or none. It returns
// their revisions.
//
// Every operation's condition is checked against the bucket as it was before the batch; the keys must be different.
// If one is refused nothing is written and the error is a *BatchError, which names the operation and wraps the error that
// it alone would have returned. Two faults are of the batch as a whole: a key that comes twice (ErrDuplicateKey; its second
// operation is named), and a bucket that would be too large after all of the batch (ErrBucketFull; the last operation that
// writes a value and makes the bucket larger is named).
//
// No reader and no watcher sees the bucket between two operations of a batch, and a crash leaves all or nothing of it.
// Apply copies the values. An empty batch does nothing, unless the bucket takes no calls any more, which is an error.
//
//	revs, err := b.Apply(ctx,
//		kv.UpdateOp("account.1", lower, rev1),
//		kv.UpdateOp("account.2", higher, rev2),
//		kv.CreateOp("transfer.77", record))
func (b *Bucket) Apply(ctx context.Context, ops ...Op) ([]uint64, error) {
	if err := differentKeys(b.name, ops); err != nil {
		return nil, err
	}
	first, at, err := b.write(ctx, slices.Clone(ops))
	if err != nil {
		if at >= 0 {
			err = &BatchError{Index: at, Key: ops[at].key, Err: err}
		}
		return nil, err
	}
	revisions := make([]uint64, len(ops))
	for i := range revisions {
		revisions[i] = first + uint64(i)
	}
	return revisions, nil
}

// differentKeys checks that no two operations have the same key.
func differentKeys(bucket string, ops []Op) error {
	seen := make(map[string]struct{}, len(ops))
	for i := range ops {
		seen[ops[i].key] = struct{}{}
		if len(seen) == i {
			err := &KeyError{Op: ops[i].kind.String(), Bucket: bucket, Key: ops[i].key, Err: ErrDuplicateKey}
			return &BatchError{Index: i, Key: ops[i].key, Err: err}
		}
	}
	return nil
}

package kv

import (
	"context"
	"time"

	"github.com/revkv/kv/store"
)

// Put writes value under key, whatever is there, and returns the new revision.
//
// A key or option that is not valid, a value above the bucket's MaxValueSize (ErrValueTooLarge) and a bucket that would
// be too large after the write (ErrBucketFull) are refused, and nothing is written. If the store fails the error matches
// ErrReadOnly: the value is not visible, and the database takes no more writes.
//
// Put copies value. Of several concurrent Puts of one key the one with the highest revision stays.
func (b *Bucket) Put(ctx context.Context, key string, value []byte, opts ...PutOption) (uint64, error) {
	var ops [1]Op
	ops[0].put(key, value, opts)
	return b.writeOne(ctx, &ops)
}

// PutString is Put of the bytes of value.
func (b *Bucket) PutString(ctx context.Context, key, value string, opts ...PutOption) (uint64, error) {
	return b.Put(ctx, key, []byte(value), opts...)
}

// Create writes value under key if the key has no value: it was never written, or its newest revision is a marker or
// has expired. It returns the new revision. If there is a value the error matches ErrKeyExists and is a *RevisionError
// with the newest revision.
//
//	state of the key           Create
//	never written              writes
//	newest is a put            ErrKeyExists
//	newest is a marker         writes; the marker becomes history
//	expired, or all removed    writes
//
// Of several concurrent Creates exactly one succeeds. Otherwise it is like Put.
func (b *Bucket) Create(ctx context.Context, key string, value []byte, opts ...PutOption) (uint64, error) {
	var ops [1]Op
	ops[0].create(key, value, opts)
	return b.writeOne(ctx, &ops)
}

// Update writes value under key if revision is the newest revision of the key, and returns the new one. A marker is a
// revision like any other; 0 means that the key has none. If it is not, nothing is written and the error is a
// *RevisionError that matches ErrRevisionMismatch and holds the newest revision.
//
//	state of the key           Update(…, r)
//	never written              r = 0 writes
//	newest is 7, put or not    r = 7 writes; 0 and all others ErrRevisionMismatch
//	expired without a marker   r = 0 writes
//
// So Update with 0 is not Create: it refuses a key with a marker. Of several concurrent Updates with the same revision
// exactly one succeeds. Otherwise it is like Put.
func (b *Bucket) Update(ctx context.Context, key string, value []byte, revision uint64, opts ...PutOption) (uint64, error) {
	var ops [1]Op
	ops[0].update(key, value, revision, opts)
	return b.writeOne(ctx, &ops)
}

// Delete writes a delete marker, also for a key that has no value. Older revisions stay as far as the depth allows, and
// GetRevision and History still find them. Delete fits into a full bucket.
//
// With LastRevision it is refused with ErrRevisionMismatch unless that is the newest revision. With KeyTTL the marker
// expires, and the rest of the key's history with it; like every key that expires, it leaves a limit marker for a while if
// the bucket has them.
func (b *Bucket) Delete(ctx context.Context, key string, opts ...DeleteOption) error {
	_, err := b.writeOne(ctx, &[1]Op{DeleteOp(key, opts...)})
	return err
}

// Purge writes a purge marker and drops all older revisions of the key, which nobody finds any more. It fits into a full
// bucket. LastRevision is as for Delete; with PurgeTTL the marker goes by itself.
func (b *Bucket) Purge(ctx context.Context, key string, opts ...PurgeOption) error {
	_, err := b.writeOne(ctx, &[1]Op{PurgeOp(key, opts...)})
	return err
}

// Revert puts the value that key had at a revision again, as a new revision, and returns that. Nothing can come between
// reading the old value and writing it. The revision must be one of the key's kept values, else the error matches
// ErrKeyNotFound; the key may be deleted now. Revision 0 is an ErrInvalidOption. Otherwise it is like Put.
func (b *Bucket) Revert(ctx context.Context, key string, revision uint64, opts ...PutOption) (uint64, error) {
	return b.writeOne(ctx, &[1]Op{RevertOp(key, revision, opts...)})
}

// writeOne is write for one operation.
func (b *Bucket) writeOne(ctx context.Context, ops *[1]Op) (uint64, error) {
	revision, _, err := b.write(ctx, ops[:])
	return revision, err
}

// write decides on operations on different keys and writes all or none. It returns the first of their revisions, or which
// of them is refused, -1 if it is none of them in particular.
func (b *Bucket) write(ctx context.Context, ops []Op) (first uint64, at int, err error) {
	at = -1
	for i := range ops {
		ops[i].hash = hashOf(ops[i].key)
		if err = ops[i].check(b.name); err != nil {
			at = i
			break
		}
	}
	if err == nil {
		if at = tooLong(ops); at >= 0 {
			err = ops[at].tooLarge(b.name, MaxValueLength)
		}
	}
	if err == nil {
		err = checkContext(ctx)
	}
	switch {
	case err != nil:
	case len(ops) == 0:
		err = b.usable()
	case b.durable:
		first, at, err = b.writeDurable(ops)
	default:
		first, at, err = b.writeVolatile(ops)
	}
	if err != nil {
		at, err = b.keyFaultFirst(ops, at, err)
	}
	return first, at, err
}

// keyFaultFirst returns what is wrong with a key, before anything else that is wrong. A write that succeeds has not looked at
// its keys twice: the key of a history is good.
func (b *Bucket) keyFaultFirst(ops []Op, at int, err error) (int, error) {
	for i := range ops {
		if bad := ops[i].checkKey(b.name); bad != nil {
			return i, bad
		}
	}
	return at, err
}

// writeVolatile is write for a bucket that lives in memory: what is decided is visible at once.
func (b *Bucket) writeVolatile(ops []Op) (first uint64, at int, err error) {
	clock := time.Now().UnixNano() // the processor waits for all memory that it has asked for: better here than in the middle
	for i := range ops {
		ops[i].copied = string(ops[i].value)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.nowBy(clock)
	if at, err := b.decide(ops, now); err != nil {
		return 0, at, err
	}
	first = b.accepted + 1
	for i := range ops {
		op := &ops[i]
		h := b.historyFor(op)
		for range op.leaving {
			b.drop(h, 0)
		}
		b.inserted(h, b.number(op, now, h.add(&b.room)))
	}
	b.published = b.accepted
	for i := 0; i < len(ops) && len(b.bells.watchers) > 0; i++ {
		h := ops[i].history
		b.bells.ring(&written{history: h, revision: h.newest, deadline: b.ownDeadline(&h.newest)})
	}
	return first, -1, nil
}

// checkKey reports what is wrong with the key.
func (op *Op) checkKey(bucket string) error {
	if reason := keyFault(op.key); reason != "" {
		return &KeyError{Op: op.kind.String(), Bucket: bucket, Key: op.key, Reason: reason, Err: ErrInvalidKey}
	}
	return nil
}

// check reports what is wrong with an operation by itself, but for its key.
func (op *Op) check(bucket string) error {
	if op.fault != nil {
		return op.fault
	}
	if op.kind == opRevert && op.revision == 0 {
		return &OptionError{Op: "revert", Option: "the revision", Reason: "is 0, the first revision is 1"}
	}
	return nil
}

// tooLong returns the operation with which the values of a batch are longer than all together may be, -1 if they are not.
func tooLong(ops []Op) int {
	left := MaxValueLength
	for i := range ops {
		if left -= len(ops[i].value); left < 0 {
			return i
		}
	}
	return -1
}

func (op *Op) tooLarge(bucket string, limit int64) error {
	return &SizeError{
		Op: op.kind.String(), Bucket: bucket, Key: op.key, Size: int64(len(op.value)), Limit: limit, Err: ErrValueTooLarge,
	}
}

// operation returns what the operation leaves in the log.
func (op *Op) operation() Operation {
	switch op.kind {
	case opDelete:
		return Delete
	case opPurge:
		return Purge
	}
	return Put
}

// decide says whether all operations can be written, and if not, which one cannot and why. It fills in what writing them
// needs. mu is held, by the one who leads if the bucket is durable.
func (b *Bucket) decide(ops []Op, now int64) (at int, err error) {
	if b.gone != nil {
		return -1, b.gone
	}
	if now >= b.nextDue.Load() {
		b.expire(now)
	}
	var growth int64
	larger := -1
	for i := range ops {
		op := &ops[i]
		if err := b.decideOne(op, now); err != nil {
			return i, err
		}
		growth += op.growth.plain
		if op.growth.plain > 0 && op.operation() == Put {
			larger = i
		}
	}
	if ops[0].byWire { // then it is the only one
		return 0, b.fitsWire(&ops[0], now)
	}
	if after := b.bytes.plain + growth; b.cfg.MaxBytes > 0 && after > b.cfg.MaxBytes && growth > 0 && larger >= 0 {
		op := &ops[larger]
		return larger, &SizeError{
			Op: op.kind.String(), Bucket: b.name, Key: op.key, Size: after, Limit: b.cfg.MaxBytes, Err: ErrBucketFull,
		}
	}
	return -1, nil
}

// decideOne checks the limit on values and the operation's condition.
func (b *Bucket) decideOne(op *Op, now int64) error {
	if op.history = b.index.find(op.hash, op.key); op.history == nil {
		if err := op.checkKey(b.name); err != nil {
			return err
		}
	}
	if err := b.checkSize(op); err != nil {
		return err
	}
	newest := b.newest(op.history, now)
	mismatch := func(err error) error {
		return &RevisionError{
			Op: op.kind.String(), Bucket: b.name, Key: op.key, Wanted: op.revision, Newest: newest.number, Err: err,
		}
	}
	switch {
	case op.conditional:
		if newest.number != op.revision {
			return mismatch(ErrRevisionMismatch)
		}
	case op.kind == opCreate:
		if newest.op == Put {
			return mismatch(ErrKeyExists)
		}
	case op.kind == opRevert:
		old := b.kept(op.history, op.revision, now)
		if old == nil || old.op != Put || old.leaving || op.missing {
			return mismatch(ErrKeyNotFound)
		}
		op.copied = old.value
		if b.values == nil {
			op.value = []byte(old.value)
		}
		if err := b.checkSize(op); err != nil {
			return err
		}
	}
	if op.kind != opPut || op.ttl != 0 {
		if err := b.address(op, newest); err != nil {
			return err
		}
	}
	op.growth, op.leaving = b.weightOf(op.key, len(op.value), op.header), 0
	if h := op.history; h != nil {
		op.leaving = h.displaced(int(b.cfg.History), op.operation())
		for i := range op.leaving {
			if r := h.at(i); !r.leaving {
				op.growth.add(b.weigh(op.key, r), -1)
			}
		}
	}
	return nil
}

// checkSize checks the bucket's limit on values.
func (b *Bucket) checkSize(op *Op) error {
	if op.byWire {
		return b.checkMessage(op, 0) // as if the key had no revision; a Create over a marker is checked again
	}
	if limit := b.cfg.MaxValueSize; limit > 0 && len(op.value) > int(limit) {
		return op.tooLarge(b.name, int64(limit))
	}
	return nil
}

// none is the newest revision of a key that has none.
var none revision

// newest returns the newest accepted revision of a history, none if there is none or the key has expired.
func (b *Bucket) newest(h *history, now int64) *revision {
	if h == nil || b.expired(&h.newest, now) {
		return &none
	}
	return &h.newest
}

// now returns the time for the next revision: that of the system's clock, or of the revision before if that is later.
func (b *Bucket) now() int64 {
	b.clock = max(b.clock, time.Now().UnixNano())
	return b.clock
}

// nowBy is now by a clock that was read before mu was taken, unless something has a deadline, which may have passed since.
func (b *Bucket) nowBy(clock int64) int64 {
	if b.nextDue.Load() != never {
		return b.now()
	}
	b.clock = max(b.clock, clock)
	return b.clock
}

// historyFor returns the history that an operation writes to, a new one if decide has found none.
func (b *Bucket) historyFor(op *Op) *history {
	if op.history == nil {
		op.history = b.newHistory(op.hash, op.key)
	}
	return op.history
}

// historyOf returns the history of key, a new one if there is none.
func (b *Bucket) historyOf(key string) *history {
	hash := hashOf(key)
	if h := b.index.find(hash, key); h != nil {
		return h
	}
	return b.newHistory(hash, key)
}

// newHistory adds a history of a key that has none.
func (b *Bucket) newHistory(hash uint32, key string) *history {
	h := &history{key: key}
	b.index.insert(hash, h)
	return h
}

// number gives an operation its revision, makes r that, and returns its deadline, 0 if it has none of its own.
func (b *Bucket) number(op *Op, now int64, r *revision) (deadline int64) {
	b.accepted++
	b.bytes.add(op.growth, 1)
	if op.ttl > 0 {
		deadline = addTime(now, op.ttl)
	}
	r.number, r.created = b.accepted, now
	r.value, r.size, r.header = op.copied, uint32(len(op.value)), op.header
	r.op, r.timed, r.leaving = op.operation(), deadline != 0, false
	return deadline
}

// insert makes r, with a deadline of its own or 0, the newest revision of h.
func (b *Bucket) insert(h *history, r revision, goes int64) {
	r.timed = goes != 0
	*h.add(&b.room) = r
	b.inserted(h, goes)
}

// inserted notes the newest revision of h, which has a deadline of its own or 0.
func (b *Bucket) inserted(h *history, goes int64) {
	r := &h.newest
	b.revisions.append(r.number, h)
	b.held.add(b.weigh(h.key, r), 1)
	if r.timed {
		b.addDeadline(deadline{goes, r.number, h})
	}
	if at := b.expires(r); at != 0 && at < b.nextDue.Load() {
		b.setDue(at)
	}
}

// drop takes the i-th revision out of h. Bytes are counted by the caller.
func (b *Bucket) drop(h *history, i int) {
	r := h.at(i)
	for _, s := range b.snapshots {
		s.keep(h, i, b.expires(r))
	}
	for _, s := range b.exports {
		s.keep(b, h, i)
	}
	for _, w := range b.starting {
		w.missed(h, i)
	}
	b.revisions.remove()
	b.held.add(b.weigh(h.key, r), -1)
	if r.timed {
		b.removeDeadline(r.number, h)
	}
	h.remove(i, &b.room)
}

// free drops the i-th revision of h and takes its bytes off.
func (b *Bucket) free(h *history, i int) {
	b.bytes.add(b.weigh(h.key, h.at(i)), -1)
	b.drop(h, i)
}

// removeKey drops all of h, and h.
func (b *Bucket) removeKey(h *history) {
	for h.len() > 0 {
		b.free(h, 0)
	}
	b.index.remove(h)
	for _, w := range b.starting {
		delete(w.owed, h.key)
	}
	if b.index.len() == 0 {
		b.setDue(never)
	}
}

// record returns what the store is told of a revision.
func record(key string, r *revision, deadline int64, value []byte) store.Record {
	return store.Record{
		Revision: r.number, Operation: store.Operation(r.op), Key: key, Value: value, Created: r.created, Deadline: deadline,
	}
}

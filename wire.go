package kv

import (
	"context"
	"fmt"
	"time"

	"github.com/revkv/kv/internal/adapter"
	"github.com/revkv/kv/internal/wire"
	"github.com/revkv/kv/store"
)

// On a NATS server a revision is a message with headers. Its limits count them, and a TTL is one of them; see adapter.Write for
// the rules that follow. What comes through module natskv keeps them. The engine's own rules do without, but every revision
// knows the size of its headers, so that natskv can tell a bucket's size whoever wrote to it.

func init() {
	adapter.Apply = applyByWire
	adapter.Bytes = func(bucket any) int64 { return bucket.(*Bucket).wireBytes() }
}

// A weight is what revisions count for limits.
type weight struct {
	plain int64 // the bytes of keys and values
	wire  int64 // the bytes of the messages on a NATS server
}

// add adds what, or takes it off if sign is -1.
func (w *weight) add(what weight, sign int64) {
	w.plain += sign * what.plain
	w.wire += sign * what.wire
}

func (b *Bucket) weigh(key string, r *revision) weight { return b.weightOf(key, int(r.size), r.header) }

func (b *Bucket) weightOf(key string, value int, header uint8) weight {
	return weight{int64(len(key) + value), b.rate.Size(key, value, header)}
}

// wireBytes returns the size of the bucket on a NATS server.
func (b *Bucket) wireBytes() int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.held.wire - b.pending.bytes.wire
}

// setRate goes by the labels of a new configuration. All locks are held, and nothing is pending.
func (b *Bucket) setRate() {
	rate := wire.RateOf(b.name, b.cfg.Labels)
	if rate == b.rate {
		return
	}
	b.rate, b.held = rate, weight{}
	b.index.all(func(h *history) bool {
		for i := range h.len() {
			b.held.add(b.weigh(h.key, h.at(i)), 1)
		}
		return true
	})
	b.bytes = b.held
}

// applyByWire makes a write by NATS's rules.
func applyByWire(ctx context.Context, bucket any, w adapter.Write) (uint64, error) {
	op := Op{kind: opPut, key: w.Key, value: w.Value, conditional: w.Checked, revision: w.Revision, ttl: w.TTL, byWire: true}
	switch {
	case w.Operation == store.Delete:
		op.kind = opDelete
	case w.Operation == store.Purge:
		op.kind = opPurge
	case w.Create:
		op.kind = opCreate
	case w.Checked:
		op.kind = opUpdate
	}
	return bucket.(*Bucket).writeOne(ctx, &[1]Op{op})
}

// message returns what the headers of a write depend on, for Create if newest is the revision that it follows.
func (op *Op) message(newest uint64) wire.Message {
	m := wire.Message{Operation: store.Operation(op.operation()), Checked: op.conditional, Expected: op.revision}
	if op.kind == opCreate {
		m.Checked, m.Expected = true, newest
	}
	if op.ttl > 0 {
		m.TTL = op.ttl.String()
	}
	return m
}

// checkMessage is checkSize by NATS's rules, for Create if newest is the revision that it follows.
func (b *Bucket) checkMessage(op *Op, newest uint64) error {
	if limit := int(b.cfg.MaxValueSize); limit > 0 {
		m := op.message(newest)
		if size := len(op.value) + int(m.Header()); size > limit {
			return &SizeError{
				Op: op.kind.String(), Bucket: b.name, Key: op.key, Size: int64(size), Limit: int64(limit), Err: ErrValueTooLarge,
			}
		}
	}
	if op.ttl >= time.Second && b.cfg.LimitMarkerTTL == 0 {
		return fmt.Errorf("kv: %s %s: %w", op.kind, keyIn(op.key, b.name), adapter.ErrTTLDisabled)
	}
	return nil
}

// address works out the headers of a write that follows newest and, by NATS's rules, what becomes of its TTL. A Put without one
// has no headers.
func (b *Bucket) address(op *Op, newest *revision) error {
	if op.byWire && op.kind == opCreate && newest.number > 0 {
		if err := b.checkMessage(op, newest.number); err != nil {
			return err
		}
	}
	m := op.message(newest.number)
	if op.byWire && op.ttl > 0 {
		if op.ttl < time.Second {
			return fmt.Errorf("kv: %s %s: %w", op.kind, keyIn(op.key, b.name), adapter.ErrTTLInvalid)
		}
		op.ttl = wire.Seconds(op.ttl)
		if least := wire.Seconds(b.cfg.LimitMarkerTTL); b.cfg.History > 1 && op.ttl < least {
			op.ttl = least
			m.TTL = fmt.Sprint(int64(least / time.Second))
		}
	}
	op.header = m.Header()
	return nil
}

// fitsWire refuses a write that does not fit by NATS's rules.
func (b *Bucket) fitsWire(op *Op, now int64) error {
	size := b.weightOf(op.key, len(op.value), op.header).wire
	after := b.bytes.wire + size
	if b.cfg.MaxBytes <= 0 || after <= b.cfg.MaxBytes {
		return nil
	}
	var oldest *revision
	kept := 0
	if h := op.history; h != nil && !b.expired(&h.newest, now) {
		for i := range h.len() {
			if r := h.at(i); !r.leaving {
				if kept++; oldest == nil {
					oldest = r
				}
			}
		}
	}
	if kept >= int(b.cfg.History) && b.weigh(op.key, oldest).wire >= size {
		return nil
	}
	return &SizeError{
		Op: op.kind.String(), Bucket: b.name, Key: op.key, Size: after, Limit: b.cfg.MaxBytes, Err: ErrBucketFull,
	}
}

// limitHeader returns the length of the headers of a limit marker.
func limitHeader(ttl time.Duration) uint8 {
	m := wire.Message{Operation: store.Purge, Limit: true, TTL: wire.Seconds(ttl).String()}
	return m.Header()
}

// replayedHeader returns the length that the headers of a record had, as near as can be told from what a store keeps: a value
// may have been written with Update, and a marker on a condition.
func replayedHeader(rec store.Record) uint8 {
	m := wire.Message{Operation: rec.Operation}
	if rec.Deadline != 0 {
		m.TTL = wire.Seconds(time.Duration(rec.Deadline - rec.Created)).String()
		m.Limit = rec.Operation == store.Purge
		m.Checked = rec.Operation == store.Put
	}
	return m.Header()
}

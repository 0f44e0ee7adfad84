package kv

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/revkv/kv/store"
)

// Get returns the newest revision of key. If that is not a put, because the key was never written, is deleted, purged or
// expired, the error matches ErrKeyNotFound. The entry's Value is a copy for the caller.
//
// Get sees every write that returned before it started. It waits for no disk but the one that it reads from.
func (b *Bucket) Get(ctx context.Context, key string) (e Entry, err error) {
	if err := checkContext(ctx); err != nil {
		return Entry{}, b.keyFirst("get", key, err)
	}
	for {
		b.mu.RLock()
		h, gone := b.index.get(key), b.gone
		r, expires := revision{}, int64(0)
		if h != nil {
			r = *b.visible(h)
			expires = b.expires(&r)
		}
		b.mu.RUnlock()
		if gone != nil {
			return Entry{}, b.keyFirst("get", key, gone)
		}
		if r.op != Put || pastNow(expires) {
			return Entry{}, b.keyFirst("get", key, &KeyError{Op: "get", Bucket: b.name, Key: key, Err: ErrKeyNotFound})
		}
		if err := b.entry(&e, key, &r, expires); err == nil || !errors.Is(err, store.ErrNotFound) {
			return e, err
		}
		// The revision was trimmed between the two reads: there is a newer one, or none.
	}
}

// GetRevision returns the value that key had at a revision which is still kept, also if the key is deleted now. For a
// marker, a revision of another key, one that is trimmed, purged or expired, and one that is not written yet, the error is a
// *RevisionError that matches ErrKeyNotFound. The revision must be 1 or more. (In NATS 0 means the newest.)
func (b *Bucket) GetRevision(ctx context.Context, key string, revision uint64) (Entry, error) {
	const op = "get revision"
	if err := checkContext(ctx); err != nil {
		return Entry{}, b.keyFirst(op, key, err)
	}
	if revision == 0 {
		return Entry{}, b.keyFirst(op, key, &OptionError{Op: op, Option: "the revision", Reason: "is 0, the first revision is 1"})
	}
	for {
		e, err := b.getRevision(op, key, revision)
		if !errors.Is(err, store.ErrNotFound) {
			return e, err
		}
	}
}

func (b *Bucket) getRevision(op, key string, number uint64) (e Entry, err error) {
	b.mu.RLock()
	if b.gone != nil {
		defer b.mu.RUnlock()
		return Entry{}, b.keyFirst(op, key, b.gone)
	}
	h := b.index.get(key)
	var r revision
	var expires int64
	var newest, delta uint64
	if h != nil {
		now := time.Now().UnixNano()
		if newestNow := b.visible(h); !b.expired(newestNow, now) {
			newest = newestNow.number
		}
		if found := b.kept(h, number, now); found != nil {
			r, expires, delta = *found, b.expires(found), b.delta(h, number)
		}
	}
	b.mu.RUnlock()
	if r.op != Put {
		return Entry{}, b.keyFirst(op, key, &RevisionError{
			Op: op, Bucket: b.name, Key: key, Wanted: number, Newest: newest, Err: ErrKeyNotFound,
		})
	}
	err = b.entry(&e, key, &r, expires)
	e.Delta = delta
	return e, err
}

// History returns the kept revisions of key, markers included, oldest first. If there are none the error matches
// ErrKeyNotFound.
//
// With depth 3, after
//
//	1 put k   2 put k   3 delete k   4 put k
//
// it returns {2 PUT, 3 DELETE, 4 PUT}, with deltas 2, 1, 0.
func (b *Bucket) History(ctx context.Context, key string) ([]Entry, error) {
	if err := checkContext(ctx); err != nil {
		return nil, b.keyFirst("history", key, err)
	}
	for {
		entries, err := b.history(key)
		if !errors.Is(err, store.ErrNotFound) {
			return entries, err
		}
	}
}

func (b *Bucket) history(key string) ([]Entry, error) {
	b.settle()
	now := time.Now().UnixNano()
	b.mu.RLock()
	if b.gone != nil {
		defer b.mu.RUnlock()
		return nil, b.keyFirst("history", key, b.gone)
	}
	h := b.index.get(key)
	var kept []listed
	if h != nil && !b.expired(b.visible(h), now) {
		for i := range h.upTo(b.published) {
			if r := h.at(i); !b.expired(r, now) {
				kept = append(kept, listed{h.key, *r, b.expires(r)})
			}
		}
	}
	b.mu.RUnlock()
	if len(kept) == 0 {
		return nil, b.keyFirst("history", key, &KeyError{Op: "history", Bucket: b.name, Key: key, Err: ErrKeyNotFound})
	}
	entries := make([]Entry, len(kept))
	for i := range kept {
		if err := b.entry(&entries[i], key, &kept[i].revision, kept[i].expires); err != nil {
			return nil, err
		}
		entries[i].Delta = uint64(len(kept) - 1 - i)
	}
	return entries, nil
}

// visible returns the newest published revision of a history, none if there is none.
func (b *Bucket) visible(h *history) *revision {
	if h.newest.number <= b.published {
		return &h.newest
	}
	return b.olderVisible(h)
}

// olderVisible is visible if the newest revision is not.
func (b *Bucket) olderVisible(h *history) *revision {
	if i := h.upTo(b.published); i > 0 {
		return h.at(i - 1)
	}
	return &none
}

// kept returns the revision with a number if a read may see it, else nil.
func (b *Bucket) kept(h *history, number uint64, now int64) *revision {
	if h == nil || number > b.published || b.expired(b.visible(h), now) {
		return nil
	}
	i, ok := h.find(number)
	if !ok || b.expired(h.at(i), now) {
		return nil
	}
	return h.at(i)
}

// delta returns how many revisions of a history that a read may see are newer than number.
func (b *Bucket) delta(h *history, number uint64) uint64 {
	first, end := h.upTo(number), h.upTo(b.published)
	if first == end || b.due == nil && b.cfg.TTL == 0 {
		return uint64(end - first)
	}
	newer := uint64(0)
	for now := time.Now().UnixNano(); first < end; first++ {
		if !b.expired(h.at(first), now) {
			newer++
		}
	}
	return newer
}

// entry makes e of r, with a value of its own, read from the store if that keeps the values. An error leaves e as it was.
func (b *Bucket) entry(e *Entry, key string, r *revision, expires int64) error {
	value, err := b.value(key, r)
	if err != nil {
		return err
	}
	b.meta(e, key, r, expires)
	e.Value = value
	return nil
}

// value returns the value of a revision.
func (b *Bucket) value(key string, r *revision) ([]byte, error) {
	if b.values == nil || r.size == 0 {
		return []byte(r.value), nil
	}
	value, err := b.values.Value(r.number)
	if err != nil {
		return nil, b.valueError(key, r.number, err)
	}
	return value, nil
}

// valueError says why the store did not give a value. It matches store.ErrNotFound if the revision was trimmed meanwhile, so
// that the caller looks again.
func (b *Bucket) valueError(key string, number uint64, err error) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.gone != nil {
		return b.gone
	}
	if errors.Is(err, store.ErrNotFound) && b.revisions.find(number) != nil {
		err = errors.New("the store has lost it")
	}
	return fmt.Errorf("kv: value of %s at revision %d: %w", keyIn(key, b.name), number, err)
}

// meta makes e, which is zero, an entry of r with an empty value. It writes where the caller wants the entry: copies of something
// so large are a good part of what a read takes.
func (b *Bucket) meta(e *Entry, key string, r *revision, expires int64) {
	e.Bucket, e.Key, e.Value, e.Revision, e.Operation = b.name, key, []byte{}, r.number, r.op
	e.Created = time.Unix(0, r.created).UTC()
	if expires != 0 {
		e.Expires = time.Unix(0, expires).UTC()
	}
}

// keyFirst returns what is wrong with key, or err: a bad key is reported before anything else. Reads look at the key only
// when they have failed, since a bad key is never found.
func (b *Bucket) keyFirst(op, key string, err error) error {
	if reason := keyFault(key); reason != "" {
		return &KeyError{Op: op, Bucket: b.name, Key: key, Reason: reason, Err: ErrInvalidKey}
	}
	return err
}

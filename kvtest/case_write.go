package kvtest

import (
	"context"
	"math"
	"strings"

	"github.com/revkv/kv"
)

// What Create accepts.
var createCases = []Case{
	{
		Name:    "create/new-key",
		Promise: "Create writes a key that was never written.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("other", "x")
			equal(t, b.create("k", "new", 0), 2, "revision")
			b.want("k", "2 k=new")
		},
	},
	{
		Name:    "create/live-key-refused",
		Promise: "Create of a key that has a value fails with ErrKeyExists and changes nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "old")
			b.refusesCreate(kv.ErrKeyExists, "k")
			b.put("empty", "")
			b.refusesCreate(kv.ErrKeyExists, "empty")
		},
	},
	{
		Name:    "create/over-delete-marker",
		Promise: "Create writes a key whose newest revision is a delete marker; the marker becomes history.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "old")
			b.delete("k")
			equal(t, b.create("k", "new", 0), 3, "revision")
			b.wantHistory("k", "1 k=old", "2 k DELETE", "3 k=new")
		},
	},
	{
		Name:    "create/over-purge-marker",
		Promise: "Create writes a key whose newest revision is a purge marker; the marker becomes history.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "old")
			b.purge("k")
			equal(t, b.create("k", "new", 0), 3, "revision")
			b.wantHistory("k", "2 k PURGE", "3 k=new")
		},
	},
}

// What Update compares.
var updateCases = []Case{
	{
		Name:    "update/newest",
		Promise: "Update writes a key if the revision named is its newest one, also if other keys were written since.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			r := b.put("k", "1")
			b.put("other", "x")
			equal(t, b.update("k", "2", r), 3, "revision")
			equal(t, b.update("k", "3", 3), 4, "revision")
			b.wantHistory("k", "1 k=1", "3 k=2", "4 k=3")
		},
	},
	{
		Name:    "update/stale",
		Promise: "Update with a revision that is no longer the newest fails with ErrRevisionMismatch and changes nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			r := b.put("color", "red")
			b.put("color", "blue")
			b.refusesUpdate(kv.ErrRevisionMismatch, "color", r)
			b.want("color", "2 color=blue")
		},
	},
	{
		Name:    "update/foreign-revision",
		Promise: "Update with a revision of another key, or one that is not written yet, fails and changes nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("other", "x", "k", "x", "other", "y")
			b.refusesUpdate(kv.ErrRevisionMismatch, "k", 1, 3, 4, math.MaxUint64)
		},
	},
	{
		Name:    "update/mismatch-is-not-exists",
		Promise: "A stale revision and an existing key are two errors: neither matches the other's sentinel.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "x")
			err := t.try(func(ctx context.Context) error { return noRevision(b.Update(ctx, "k", nil, 7)) })
			t.isNot(err, kv.ErrKeyExists, "update with a stale revision")
			err = t.try(func(ctx context.Context) error { return noRevision(b.Create(ctx, "k", nil, WriteOptions{})) })
			t.isNot(err, kv.ErrRevisionMismatch, "create of a live key")
		},
	},
	{
		Name:    "update/zero-means-no-revision",
		Promise: "Update with revision 0 writes a key without revisions, and no other.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			equal(t, b.update("k", "new", 0), 1, "revision")
			b.want("k", "1 k=new")
			b.refusesUpdate(kv.ErrRevisionMismatch, "k", 0)
			b.delete("k")
			b.refusesUpdate(kv.ErrRevisionMismatch, "k", 0)
		},
	},
	{
		Name:    "update/missing-key",
		Promise: "Update of a key without revisions fails for every revision but 0.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("other", "x")
			b.refusesUpdate(kv.ErrRevisionMismatch, "k", 1, 2, math.MaxUint64)
		},
	},
	{
		Name:    "update/over-marker",
		Promise: "For Update a marker is a revision like any other: naming it brings the key back, naming an older one fails.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("d", "old")
			b.delete("d")
			b.refusesUpdate(kv.ErrRevisionMismatch, "d", 1)
			b.update("d", "new", 2)
			b.wantHistory("d", "1 d=old", "2 d DELETE", "3 d=new")
			b.purge("d")
			b.refusesUpdate(kv.ErrRevisionMismatch, "d", 3)
			b.update("d", "newer", 4)
			b.wantHistory("d", "4 d PURGE", "5 d=newer")
		},
	},
}

// What Delete leaves.
var deleteCases = []Case{
	{
		Name:    "delete/hides-value-keeps-history",
		Promise: "Delete writes a marker: the key has no value, its older revisions stay.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("k", "1", "k", "2")
			b.delete("k")
			b.wantNone("k")
			b.wantHistory("k", "1 k=1", "2 k=2", "3 k DELETE")
			b.wantRevision("k", 2, "2 k=2")
		},
	},
	{
		Name:    "delete/missing-key",
		Promise: "Delete of a key without a value, never written or deleted already, writes a marker too.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.delete("k")
			b.delete("k")
			b.wantHistory("k", "1 k DELETE", "2 k DELETE")
			b.wantNone("k")
		},
	},
	{
		Name:    "delete/last-revision",
		Promise: "Delete with LastRevision writes only if that is the key's newest revision, value or marker.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1", "k", "2")
			refused := func(key string, last uint64) {
				t.Helper()
				b.refuses(kv.ErrRevisionMismatch, "delete", func(ctx context.Context) error {
					return b.Delete(ctx, key, WriteOptions{LastRevision: last})
				})
			}
			accepted := func(last uint64) {
				t.Helper()
				t.ok(t.try(func(ctx context.Context) error {
					return b.Delete(ctx, "k", WriteOptions{LastRevision: last})
				}), "delete with the newest revision %d", last)
			}
			refused("k", 1)
			refused("k", 3)
			refused("never", 1)
			accepted(2)
			refused("k", 2)
			accepted(3)
			b.wantHistory("k", "1 k=1", "2 k=2", "3 k DELETE", "4 k DELETE")
		},
	},
}

// What Purge leaves.
var purgeCases = []Case{
	{
		Name:    "purge/drops-history",
		Promise: "Purge leaves one revision of the key, its marker, and nobody finds an older one.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1", "other", "x", "k", "2")
			b.delete("k")
			b.put("k", "3")
			b.purge("k")
			b.wantNone("k")
			b.wantHistory("k", "6 k PURGE")
			b.wantNoRevision("k", 1, 3, 4, 5)
			b.wantAll("2 other=x", "6 k PURGE")
		},
	},
	{
		Name:    "purge/missing-key",
		Promise: "Purge of a key without a value, never written or purged already, writes a marker too.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.purge("k")
			b.wantHistory("k", "1 k PURGE")
			b.purge("k")
			b.wantHistory("k", "2 k PURGE")
		},
	},
	{
		Name:    "purge/marker-becomes-history",
		Promise: "A purge marker is a revision like any other once something follows it.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "1")
			b.purge("k")
			b.delete("k")
			b.put("k", "2")
			b.wantHistory("k", "2 k PURGE", "3 k DELETE", "4 k=2")
		},
	},
	{
		Name:    "purge/last-revision",
		Promise: "Purge with LastRevision purges only if that is the key's newest revision, value or marker.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1", "k", "2")
			refused := func(key string, last uint64) {
				t.Helper()
				b.refuses(kv.ErrRevisionMismatch, "purge", func(ctx context.Context) error {
					return b.Purge(ctx, key, WriteOptions{LastRevision: last})
				})
			}
			refused("k", 1)
			refused("k", 3)
			refused("never", 1)
			for last := uint64(2); last <= 3; last++ {
				t.ok(t.try(func(ctx context.Context) error {
					return b.Purge(ctx, "k", WriteOptions{LastRevision: last})
				}), "purge with the newest revision %d", last)
			}
			b.wantHistory("k", "4 k PURGE")
		},
	},
}

// What Revert finds.
var revertCases = []Case{
	{
		Name:    "revert/writes-old-value-again",
		Promise: "Revert writes the value of a kept revision as a new revision, also over a marker.",
		Needs:   []Need{Reverts},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 5})
			b.puts("k", "1", "k", "2")
			b.delete("k")
			t.ok(t.try(func(ctx context.Context) error {
				rev, err := b.Bucket.(Reverter).Revert(ctx, "k", 1)
				equal(t, rev, 4, "revision of revert")
				return err
			}), "revert to revision 1")
			b.wantHistory("k", "1 k=1", "2 k=2", "3 k DELETE", "4 k=1")
		},
	},
	{
		Name:    "revert/only-to-own-kept-values",
		Promise: "Revert to a marker, to another key's revision, or to one that is not kept fails and changes nothing.",
		Needs:   []Need{Reverts},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("k", "1", "other", "x", "k", "2")
			b.delete("k")
			for _, rev := range []uint64{1, 2, 4, 5, math.MaxUint64} {
				b.refuses(kv.ErrKeyNotFound, "revert", func(ctx context.Context) error {
					return noRevision(b.Bucket.(Reverter).Revert(ctx, "k", rev))
				})
			}
		},
	},
	{
		Name:    "revert/obeys-limits",
		Promise: "Revert is refused like Put where the value would be.",
		Needs:   []Need{Reverts},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("k", strings.Repeat("x", 100), "k", "2")
			t.reconfigure(kv.Config{History: 2, MaxValueSize: 99})
			b.refuses(kv.ErrValueTooLarge, "revert to a value above the limit", func(ctx context.Context) error {
				return noRevision(b.Bucket.(Reverter).Revert(ctx, "k", 1))
			})
		},
	},
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// How buckets are made, changed and removed.
var bucketCases = []Case{
	{
		Name:    "bucket/create-again",
		Promise: "Creating a bucket with the configuration that it has returns that bucket, with its data.",
		run: func(t *tester) {
			cfg := kv.Config{Description: "colors", Metadata: map[string]string{"team": "blue"}}
			t.bucket(cfg).put("k", "1")
			cfg.History, cfg.MaxBytes, cfg.MaxValueSize = 1, -1, -1 // the defaults, written out
			b := t.bucket(cfg)
			b.want("k", "1 k=1")
			equal(t, b.put("k", "2"), 2, "next revision")
		},
	},
	{
		Name:    "bucket/create-different",
		Promise: "Creating a bucket that exists with another configuration fails with ErrBucketExists and changes nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			b.puts("k", "1", "k", "2")
			for _, cfg := range []kv.Config{
				{}, {History: 3}, {History: 2, Description: "x"}, {History: 2, TTL: time.Hour}, {History: 2, MaxBytes: 1 << 20},
				{History: 2, Metadata: map[string]string{"a": "b"}},
			} {
				cfg.Bucket = b.name
				b.refuses(kv.ErrBucketExists, fmt.Sprintf("creation with %+v", cfg), func(ctx context.Context) error {
					_, err := t.place.CreateBucket(ctx, cfg)
					return err
				})
			}
		},
	},
	{
		Name:    "bucket/create-or-update",
		Promise: "CreateOrUpdateBucket makes a bucket, or gives the one that is there its new configuration.",
		run: func(t *tester) {
			for depth := uint8(1); depth <= 2; depth++ {
				t.ok(t.try(func(ctx context.Context) error {
					_, err := t.place.CreateOrUpdateBucket(ctx, kv.Config{Bucket: "B", History: depth})
					return err
				}), "create or update with depth %d", depth)
				t.open("B").put("k", fmt.Sprint(depth))
			}
			t.open("B").wantHistory("k", "1 k=1", "2 k=2")
		},
	},
	{
		Name:    "bucket/missing",
		Promise: "Opening, updating or deleting a bucket that is not there fails with ErrBucketNotFound, and makes none.",
		run: func(t *tester) {
			t.is(t.try(func(ctx context.Context) error {
				_, err := t.place.Bucket(ctx, "none")
				return err
			}), kv.ErrBucketNotFound, "open")
			t.is(t.try(func(ctx context.Context) error {
				_, err := t.place.UpdateBucket(ctx, kv.Config{Bucket: "none"})
				return err
			}), kv.ErrBucketNotFound, "update")
			t.is(t.try(func(ctx context.Context) error {
				return t.place.DeleteBucket(ctx, "none")
			}), kv.ErrBucketNotFound, "delete")
			t.wantBuckets()
		},
	},
	{
		Name:    "bucket/names-in-order",
		Promise: "Buckets are listed by name in rising order of bytes, and every one that exists is there.",
		run: func(t *tester) {
			t.wantBuckets()
			for _, name := range []string{"b", "_x", "C", "9", "10", "a", "gone"} {
				t.bucket(kv.Config{Bucket: name})
			}
			t.deleteBucket("gone")
			t.wantBuckets("10", "9", "C", "_x", "a", "b")
		},
	},
	{
		Name:    "bucket/names-with-case",
		Promise: "Every name of the characters a-z A-Z 0-9 _ - of 1 to 252 bytes works, and case makes a difference.",
		run: func(t *tester) {
			names := []string{"-", "0", "KV_x", "X", "_", "x", strings.Repeat("z", kv.MaxBucketNameLength)}
			for _, name := range names {
				b := t.bucket(kv.Config{Bucket: name})
				b.put("k", name[:1])
				equal(t, b.get("k").Bucket, name, "bucket of the entry")
			}
			t.wantBuckets(names...)
			t.open("X").want("k", "1 k=X")
			t.open("x").want("k", "1 k=x")
		},
	},
	{
		Name:    "bucket/one-bucket-many-handles",
		Promise: "All handles to a bucket show the same bucket, and buckets do not see each other's keys.",
		run: func(t *tester) {
			a, b := t.bucket(kv.Config{Bucket: "A"}), t.bucket(kv.Config{Bucket: "B"})
			a.put("k", "1")
			other := t.open("A")
			other.want("k", "1 k=1")
			other.put("k", "2")
			a.want("k", "2 k=2")
			b.wantNone("k")
			b.wantAll()
		},
	},
	{
		Name:    "bucket/deleted-is-gone",
		Promise: "A deleted bucket is gone with all that was in it; a new one of its name begins empty, at revision 1.",
		run: func(t *tester) {
			t.bucket(kv.Config{History: 3}).puts("k", "1", "k", "2")
			t.deleteBucket("B")
			t.wantBuckets()
			t.is(t.try(func(ctx context.Context) error {
				_, err := t.place.Bucket(ctx, "B")
				return err
			}), kv.ErrBucketNotFound, "open a deleted bucket")
			b := t.bucket(kv.Config{})
			b.wantAll()
			equal(t, b.put("k", "new"), 1, "first revision of the new bucket")
		},
	},
	{
		Name:    "bucket/dead-handle",
		Promise: "A handle of a deleted bucket returns ErrBucketDeleted from every call, also when a new bucket has its name.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("k", "1")
			t.deleteBucket("B")
			wantDead(t, b, kv.ErrBucketDeleted)
			fresh := t.bucket(kv.Config{})
			wantDead(t, b, kv.ErrBucketDeleted)
			fresh.wantAll()
		},
	},
	{
		Name:    "bucket/watcher-of-deleted",
		Promise: "The watchers of a deleted bucket end with ErrBucketDeleted, also those that wait.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			waits, idle := b.watch(WatchOptions{}), b.watch(WatchOptions{})
			waits.want(caughtUp)
			waiting := t.start(1, func(int) error {
				if _, err := waits.next(); !errors.Is(err, kv.ErrBucketDeleted) {
					return fmt.Errorf("Next returned %v, want an error that matches %q", err, kv.ErrBucketDeleted)
				}
				return nil
			})
			t.place.Pass(t.quarter())
			t.deleteBucket("B")
			t.wait(waiting)
			t.bucket(kv.Config{}).put("k", "new")
			idle.wantEnd(kv.ErrBucketDeleted)
		},
	},
	{
		Name:    "bucket/status",
		Promise: "The status has the configuration with its defaults, and counts every kept revision, markers included.",
		Needs:   []Need{Statuses},
		run: func(t *tester) {
			b := t.bucket(kv.Config{Description: "colors"})
			cfg := b.status().Config
			equal(t, fmt.Sprintf("%s %s %d %d %d %v", cfg.Bucket, cfg.Description, cfg.History, cfg.MaxBytes, cfg.MaxValueSize, cfg.TTL),
				"B colors 1 -1 -1 0s", "bucket, description, depth, limits and TTL")
			b.puts("a", "1", "a", "2", "b", "1", "c", "1")
			b.delete("b")
			equal(t, b.status().Values, 3, "kept revisions")
		},
	},
	{
		Name:    "bucket/status-counts",
		Promise: "The status counts keys, bytes of keys and values, watchers, and knows the oldest and newest revision.",
		Needs:   []Need{Statuses, PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 2})
			check := func(keys, values, bytes, oldest, newest, watchers int) {
				t.Helper()
				st := b.status()
				equal(t, fmt.Sprint(st.Keys, st.Values, st.Bytes, st.Oldest, st.Newest, st.Watchers),
					fmt.Sprint(keys, values, bytes, oldest, newest, watchers), "keys, values, bytes, oldest, newest, watchers")
			}
			check(0, 0, 0, 0, 0, 0)
			b.puts("k", "12345", "k", "67", "other", "")
			check(2, 3, 6+3+5, 1, 3, 0)
			w := b.watch(WatchOptions{})
			b.delete("k")
			check(2, 3, 3+5+1, 2, 4, 1)
			w.Stop()
			b.purge("k")
			check(2, 2, 5+1, 3, 5, 0)
			b.purgeDeletes(-1)
			check(1, 1, 5, 3, 5, 0)
			b.purge("other")
			b.purgeDeletes(-1)
			check(0, 0, 0, 0, 6, 0)
		},
	},
	{
		Name:    "bucket/update-replaces",
		Promise: "UpdateBucket replaces the whole configuration: a field left zero goes back to its default.",
		Needs:   []Need{Statuses},
		run: func(t *tester) {
			b := t.bucket(kv.Config{
				Description: "colors", History: 3, TTL: time.Hour, MaxBytes: 1 << 20, MaxValueSize: 1 << 10,
				Metadata: map[string]string{"team": "blue"},
			})
			t.reconfigure(kv.Config{History: 2})
			cfg := b.status().Config
			got := fmt.Sprintf("%q %d %v %d %d %q",
				cfg.Description, cfg.History, cfg.TTL, cfg.MaxBytes, cfg.MaxValueSize, cfg.Metadata["team"])
			equal(t, got, `"" 2 0s -1 -1 ""`, "description, depth, TTL, limits and metadata")
		},
	},
}

// wantBuckets checks the names of all buckets.
func (t *tester) wantBuckets(names ...string) {
	t.Helper()
	var got []string
	t.ok(t.try(func(ctx context.Context) (err error) {
		got, err = t.place.BucketNames(ctx)
		return err
	}), "bucket names")
	t.same(got, names, "bucket names")
}

// bucketCalls returns every call that a bucket has to have, on a key and a pattern.
func bucketCalls(b Bucket, key, pattern string) map[string]func(ctx context.Context) error {
	calls := map[string]func(ctx context.Context) error{
		"keys": func(ctx context.Context) error {
			_, err := b.Keys(ctx, pattern)
			return err
		},
		"watch": func(ctx context.Context) error {
			w, err := b.Watch(ctx, []string{pattern}, WatchOptions{})
			if err == nil {
				w.Stop()
			}
			return err
		},
		"purge deletes": func(ctx context.Context) error { return b.PurgeDeletes(ctx, -1) },
		"history": func(ctx context.Context) error {
			_, err := b.History(ctx, key)
			return err
		},
	}
	for name, call := range keyCalls(b, key) {
		calls[name] = call
	}
	return calls
}

// keyCalls returns the calls that take a key.
func keyCalls(b Bucket, key string) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"put":    func(ctx context.Context) error { return noRevision(b.Put(ctx, key, nil)) },
		"create": func(ctx context.Context) error { return noRevision(b.Create(ctx, key, nil, WriteOptions{})) },
		"update": func(ctx context.Context) error { return noRevision(b.Update(ctx, key, nil, 1)) },
		"delete": func(ctx context.Context) error { return b.Delete(ctx, key, WriteOptions{}) },
		"purge":  func(ctx context.Context) error { return b.Purge(ctx, key, WriteOptions{}) },
		"get": func(ctx context.Context) error {
			_, err := b.Get(ctx, key)
			return err
		},
		"get revision": func(ctx context.Context) error {
			_, err := b.GetRevision(ctx, key, 1)
			return err
		},
	}
}

// wantDead checks that every call on a bucket fails with an error.
func wantDead(t *tester, b *bucket, want error) {
	t.Helper()
	for name, call := range bucketCalls(b.Bucket, "k", ">") {
		t.is(t.try(call), want, "%s", name)
	}
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// badKeys are not keys.
var badKeys = []string{
	"", ".", ".a", "a.", "a..b", " a", "a b", "a\t", "a\n", "a\x00", "é", "a*", "*", "a.>", ">", "$a", "a:b", "a,b", "a;b",
	"a+b", "a@b", "a#b", "a%b", "a&b", `a\b`, "a|b", "a~b", "a!b", "a?b", "a(b", "a)b", "a[b", "a]b", "a{b", "a}b", `a"b`,
	"a'b", "a`b",
}

// badPatterns are not patterns.
var badPatterns = []string{"", ".", ".a", "a.", "a..b", "a.>.b", ">.a", ">>", "a b", "a,b", "$KV", "é"}

// That bad input gets an error and changes nothing.
var badInputCases = []Case{
	{
		Name:    "bad-input/key",
		Promise: "A call with a key that is none fails with ErrInvalidKey and changes nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("a", "1", "a", "2")
			for _, key := range badKeys {
				for name, call := range keyCalls(b.Bucket, key) {
					t.is(t.try(call), kv.ErrInvalidKey, "%s of %q", name, key)
				}
			}
			b.wantAll("1 a=1", "2 a=2")
			equal(t, b.put("a", "3"), 3, "next revision")
		},
	},
	{
		Name:    "bad-input/key-before-context",
		Promise: "A bad key is reported before anything else, also when the context has ended.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for name, call := range keyCalls(b.Bucket, "a b") {
				t.is(call(ended(t)), kv.ErrInvalidKey, "%s of a bad key with a context that has ended", name)
			}
		},
	},
	{
		Name:    "bad-input/key-named",
		Promise: "The error about a bad key names the key, the bucket and what is wrong with it.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			calls := keyCalls(b.Bucket, "a b")
			calls["history"] = func(ctx context.Context) error {
				_, err := b.History(ctx, "a b")
				return err
			}
			for name, call := range calls {
				err := t.try(call)
				t.is(err, kv.ErrInvalidKey, "%s of a bad key", name)
				var e *kv.KeyError
				equal(t, errors.As(err, &e), true, "the error of %s, %v, has a KeyError", name, err)
				equal(t, fmt.Sprintf("%q %q %v", e.Bucket, e.Key, e.Reason != ""), `"B" "a b" true`,
					"bucket, key and whether there is a reason")
				equal(t, strings.Contains(err.Error(), "a b"), true, "the error's text, %q, has the key", err)
			}
		},
	},
	{
		Name:    "bad-input/refused-revision-named",
		Promise: "The error about a stale revision names the key, the newest revision and the one that was given.",
		Needs:   []Need{PlainRules},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("k", "1", "k", "2")
			err := t.try(func(ctx context.Context) error { return noRevision(b.Update(ctx, "k", nil, 1)) })
			var e *kv.RevisionError
			equal(t, errors.As(err, &e), true, "the error %v has a RevisionError", err)
			equal(t, fmt.Sprintf("%q %q %d %d", e.Bucket, e.Key, e.Wanted, e.Newest), `"B" "k" 1 2`,
				"bucket, key, wanted and newest revision")
			equal(t, strings.Contains(err.Error(), "wrong last sequence: 2"), true,
				"the error's text, %q, has the words of a NATS server", err)
		},
	},
	{
		Name:    "bad-input/pattern",
		Promise: "A watch of a pattern that is none fails with ErrInvalidPattern.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("a", "1")
			for _, p := range badPatterns {
				t.is(watchError(b, WatchOptions{}, p), kv.ErrInvalidPattern, "watch of %q", p)
				t.is(watchError(b, WatchOptions{}, "a", p), kv.ErrInvalidPattern, "watch of %q beside a good one", p)
			}
		},
	},
	{
		Name:    "bad-input/overlapping-patterns",
		Promise: "A watch of patterns one of which contains another fails with ErrOverlappingPatterns; a partial overlap is fine.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for _, p := range [][]string{{"a", "a"}, {"a.*", "a.b"}, {"a.b", "a.*"}, {"a.>", "a.*"}, {"a", ">"}} {
				t.is(watchError(b, WatchOptions{}, p...), kv.ErrOverlappingPatterns, "watch of %q", p)
			}
			for _, p := range [][]string{{"a.*", "*.b"}, {"a.b", "a.b.c"}, {"a", "b.>"}} {
				t.ok(watchError(b, WatchOptions{}, p...), "watch of %q", p)
			}
		},
	},
	{
		Name:    "bad-input/watch-options",
		Promise: "A watch with both IncludeHistory and UpdatesOnly fails with ErrInvalidOption.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			t.is(watchError(b, WatchOptions{IncludeHistory: true, UpdatesOnly: true}, ">"), kv.ErrInvalidOption, "watch with both")
		},
	},
	{
		Name:    "bad-input/list-options",
		Promise: "A listing with a pattern, a Limit or an After that makes no sense is one error and no entries.",
		Needs:   []Need{Listings},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.put("a", "1")
			for _, l := range []struct {
				pattern string
				opt     kv.ListOption
				want    error
			}{
				{"a b", nil, kv.ErrInvalidPattern},
				{">", kv.Limit(0), kv.ErrInvalidOption},
				{">", kv.Limit(-1), kv.ErrInvalidOption},
				{">", kv.After("a b"), kv.ErrInvalidOption},
			} {
				seen := 0
				for _, err := range b.Bucket.(Lister).Entries(t.ctx, l.pattern, l.opt) {
					t.is(err, l.want, "listing of %q", l.pattern)
					seen++
				}
				equal(t, seen, 1, "pairs of the loop")
			}
		},
	},
	{
		Name:    "bad-input/ttl",
		Promise: "A TTL that is not positive is refused with ErrInvalidOption, and nothing is written.",
		Needs:   []Need{AnyTTL},
		run: func(t *tester) {
			b := t.bucket(kv.Config{LimitMarkerTTL: time.Hour})
			b.put("k", "1")
			w := b.Bucket.(TTLWriter)
			for _, ttl := range []time.Duration{0, -1, -time.Hour} {
				b.refuses(kv.ErrInvalidOption, "put", func(ctx context.Context) error {
					return noRevision(w.PutTTL(ctx, "k", nil, ttl))
				})
				b.refuses(kv.ErrInvalidOption, "update", func(ctx context.Context) error {
					return noRevision(w.UpdateTTL(ctx, "k", nil, 1, ttl))
				})
				b.refuses(kv.ErrInvalidOption, "delete", func(ctx context.Context) error {
					return w.DeleteTTL(ctx, "k", ttl)
				})
			}
			equal(t, b.put("k", "2"), 2, "next revision")
		},
	},
	{
		Name:    "bad-input/bucket-name",
		Promise: "A call with a bucket name that is none fails with ErrInvalidBucketName and makes no bucket.",
		run: func(t *tester) {
			for _, name := range []string{"", "a.b", "a b", "a*", ">", "é", "$a", "a/b", "a=b", "a\n"} {
				for what, call := range placeCalls(t.place, name) {
					t.is(t.try(call), kv.ErrInvalidBucketName, "%s %q", what, name)
				}
			}
			t.wantBuckets()
		},
	},
	{
		Name:    "bad-input/configuration",
		Promise: "A configuration out of range is refused, by creation and update, and leaves bucket and configuration as they were.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.puts("k", "1", "k", "2", "k", "3")
			for _, bad := range []struct {
				cfg  kv.Config
				want error
			}{
				{kv.Config{History: kv.MaxHistory + 1}, kv.ErrHistoryTooLarge},
				{kv.Config{History: 255}, kv.ErrHistoryTooLarge},
				{kv.Config{TTL: -1}, kv.ErrInvalidConfig},
				{kv.Config{LimitMarkerTTL: -1}, kv.ErrInvalidConfig},
				{kv.Config{Description: strings.Repeat("x", kv.MaxDescriptionLength+1)}, kv.ErrInvalidConfig},
				{kv.Config{Metadata: map[string]string{"k": strings.Repeat("x", kv.MaxMetadataLength)}}, kv.ErrInvalidConfig},
			} {
				bad.cfg.Bucket = "new"
				t.is(t.try(func(ctx context.Context) error {
					_, err := t.place.CreateBucket(ctx, bad.cfg)
					return err
				}), bad.want, "create bucket")
				bad.cfg.Bucket = b.name
				b.refuses(bad.want, "update bucket", func(ctx context.Context) error {
					_, err := t.place.UpdateBucket(ctx, bad.cfg)
					return err
				})
			}
			t.wantBuckets(b.name)
			b.put("k", "4")
			b.wantHistory("k", "2 k=2", "3 k=3", "4 k=4")
		},
	},
	{
		Name:    "bad-input/ended-context",
		Promise: "With a context that has ended every call returns its error and does nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.put("k", "1")
			for name, call := range bucketCalls(b.Bucket, "k", ">") {
				t.is(call(ended(t)), context.Canceled, "%s", name)
			}
			b.wantAll("1 k=1")
			for name, call := range placeCalls(t.place, "B") {
				t.is(call(ended(t)), context.Canceled, "%s", name)
			}
			t.wantBuckets("B")
			b.wantAll("1 k=1")
		},
	},
}

// ended returns a context that has ended.
func ended(t *tester) context.Context {
	ctx, cancel := context.WithCancel(t.ctx)
	cancel()
	return ctx
}

// watchError returns the error of a watch, which is stopped if there is none.
func watchError(b *bucket, opts WatchOptions, patterns ...string) error {
	w, err := b.Watch(b.t.ctx, patterns, opts)
	if err == nil {
		w.Stop()
	}
	return err
}

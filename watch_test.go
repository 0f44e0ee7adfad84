package kv_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// At depth 3: z=1 is trimmed, q=7 is purged.
const watchScript = "z a m z a -m q z z !q a"

// What a watcher delivers at once, and of a put of z, a delete of a and a purge of m after that.
func TestWatchStart(t *testing.T) {
	type options = []kv.WatchOption
	const later = "z12 a13D m14P"
	for _, row := range []struct {
		name    string
		options options
		want    string
		later   string
	}{
		{"none", nil, "m6D z9 q10P a11 CaughtUp", later},
		{"nil option", options{nil, nil}, "m6D z9 q10P a11 CaughtUp", later},
		{"IncludeHistory", options{kv.IncludeHistory()}, "a2 m3 z4 a5 m6D z8 z9 q10P a11 CaughtUp", later},
		{"IgnoreDeletes", options{kv.IgnoreDeletes()}, "z9 a11 CaughtUp", "z12"},
		{"IgnoreDeletes+IncludeHistory", options{kv.IgnoreDeletes(), kv.IncludeHistory()}, "a2 m3 z4 a5 z8 z9 a11 CaughtUp", "z12"},
		{"MetaOnly", options{kv.MetaOnly()}, "m6D z9 q10P a11 CaughtUp", later},
		{"UpdatesOnly", options{kv.UpdatesOnly()}, "", later},
		{"UpdatesOnly+IgnoreDeletes", options{kv.UpdatesOnly(), kv.IgnoreDeletes()}, "", "z12"},
		{"ResumeFromRevision(1)", options{kv.ResumeFromRevision(1)}, "a2 m3 z4 a5 m6D z8 z9 q10P a11 CaughtUp", later},
		{"ResumeFromRevision(5)", options{kv.ResumeFromRevision(5)}, "a5 m6D z8 z9 q10P a11 CaughtUp", later},
		{"ResumeFromRevision(7), not kept", options{kv.ResumeFromRevision(7)}, "z8 z9 q10P a11 CaughtUp", later},
		{"ResumeFromRevision(11)", options{kv.ResumeFromRevision(11)}, "a11 CaughtUp", later},
		{"ResumeFromRevision(12)", options{kv.ResumeFromRevision(12)}, "CaughtUp", later},
		{"ResumeFromRevision(13)", options{kv.ResumeFromRevision(13)}, "CaughtUp", "a13D m14P"},
		{"ResumeFromRevision(100)", options{kv.ResumeFromRevision(100)}, "CaughtUp", ""},
		{"ResumeFromRevision of the largest", options{kv.ResumeFromRevision(math.MaxUint64)}, "CaughtUp", ""},
		{"ResumeFromRevision(5)+IncludeHistory", options{kv.ResumeFromRevision(5), kv.IncludeHistory()},
			"a5 m6D z8 z9 q10P a11 CaughtUp", later},
		{"ResumeFromRevision(5)+UpdatesOnly", options{kv.ResumeFromRevision(5), kv.UpdatesOnly()}, "a5 m6D z8 z9 q10P a11", later},
		{"ResumeFromRevision(5)+IgnoreDeletes", options{kv.ResumeFromRevision(5), kv.IgnoreDeletes()}, "a5 z8 z9 a11 CaughtUp", "z12"},
		{"ResumeFromRevision(12)+UpdatesOnly", options{kv.ResumeFromRevision(12), kv.UpdatesOnly()}, "", later},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, watchScript)
				w, err := b.Watch(t.Context(), ">", row.options...)
				require.NoError(t, err)
				defer w.Stop()
				// The same through patterns that make the engine look keys up, one by one and by their prefix.
				byKey, err := b.WatchFiltered(t.Context(), []string{"a", "m", "q", "z", "none.>"}, row.options...)
				require.NoError(t, err)
				defer byKey.Stop()
				assert.Equal(t, row.want, drain(t, w))
				assert.Equal(t, row.want, drain(t, byKey))
				play(t, b, "z -a !m")
				assert.Equal(t, row.later, drain(t, w))
				assert.Equal(t, row.later, drain(t, byKey))
			})
		})
	}
}

func TestWatchStartOnSomeKeys(t *testing.T) {
	type options = []kv.WatchOption
	for _, row := range []struct {
		name    string
		script  string
		pattern string
		options options
		want    string
	}{
		{"only markers, IgnoreDeletes", "a -a !b", ">", options{kv.IgnoreDeletes()}, "CaughtUp"},
		{"resume behind the key's newest", watchScript, "z", options{kv.ResumeFromRevision(10)}, "CaughtUp"},
		{"resume on one key", watchScript, "a", options{kv.ResumeFromRevision(5)}, "a5 a11 CaughtUp"},
		{"history of one key", watchScript, "z", options{kv.IncludeHistory()}, "z4 z8 z9 CaughtUp"},
		{"one key", watchScript, "a", nil, "a11 CaughtUp"},
		{"a key that is not there", watchScript, "x", nil, "CaughtUp"},
		{"nothing matches", watchScript, "x.>", options{kv.IncludeHistory()}, "CaughtUp"},
		{"a pattern that matches nothing", watchScript, "a*", nil, "CaughtUp"},
		{"empty bucket", "", ">", nil, "CaughtUp"},
		{"empty bucket, IncludeHistory", "", ">", options{kv.IncludeHistory()}, "CaughtUp"},
		{"empty bucket, IgnoreDeletes", "", ">", options{kv.IgnoreDeletes()}, "CaughtUp"},
		{"empty bucket, MetaOnly", "", ">", options{kv.MetaOnly()}, "CaughtUp"},
		{"empty bucket, ResumeFromRevision", "", ">", options{kv.ResumeFromRevision(1)}, "CaughtUp"},
		{"empty bucket, UpdatesOnly", "", ">", options{kv.UpdatesOnly()}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, row.script)
				w, err := b.Watch(t.Context(), row.pattern, row.options...)
				require.NoError(t, err)
				defer w.Stop()
				assert.Equal(t, row.want, drain(t, w))
				assert.Empty(t, drain(t, w), "CaughtUp comes once")
			})
		})
	}
}

func TestWatchErrors(t *testing.T) {
	type options = []kv.WatchOption
	for _, row := range []struct {
		name     string
		patterns []string
		options  options
		want     error
		text     string
	}{
		{"IncludeHistory, UpdatesOnly", []string{">"}, options{kv.IncludeHistory(), kv.UpdatesOnly()}, kv.ErrInvalidOption,
			"kv: watch: invalid option: UpdatesOnly cannot be used with IncludeHistory"},
		{"UpdatesOnly, IncludeHistory", []string{">"}, options{kv.UpdatesOnly(), nil, kv.IncludeHistory()}, kv.ErrInvalidOption,
			"kv: watch: invalid option: UpdatesOnly cannot be used with IncludeHistory"},
		{"both, and ResumeFromRevision", []string{">"}, options{kv.UpdatesOnly(), kv.IncludeHistory(), kv.ResumeFromRevision(1)},
			kv.ErrInvalidOption, "kv: watch: invalid option: UpdatesOnly cannot be used with IncludeHistory"},
		{"ResumeFromRevision(0)", []string{">"}, options{kv.ResumeFromRevision(0)}, kv.ErrInvalidOption,
			"kv: watch: invalid option: ResumeFromRevision is 0, the first revision is 1"},
		{"pattern before option", []string{"a..b"}, options{kv.ResumeFromRevision(0)}, kv.ErrInvalidPattern,
			`kv: watch "a..b"`},
		{"overlap before option", []string{"a", "*"}, options{kv.ResumeFromRevision(0)}, kv.ErrOverlappingPatterns,
			`overlapping patterns: all that it matches is matched by *`},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				w, err := b.WatchFiltered(t.Context(), row.patterns, row.options...)
				requireErr(t, err, row.want)
				assert.ErrorContains(t, err, row.text)
				assert.Nil(t, w)
				if len(row.patterns) == 1 {
					assert.Equal(t, err, errOf(b.Watch(t.Context(), row.patterns[0], row.options...)))
				}
				assert.Zero(t, statusOf(t, b).Watchers)
			})
		})
	}
}

// MetaOnly leaves out the values, and only them.
func TestWatchMetaOnly(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 3})
		play(t, b, watchScript)
		with, err := b.Watch(t.Context(), ">", kv.IncludeHistory())
		require.NoError(t, err)
		defer with.Stop()
		without, err := b.Watch(t.Context(), ">", kv.IncludeHistory(), kv.MetaOnly())
		require.NoError(t, err)
		defer without.Stop()
		for i := range 13 {
			if i == 10 { // behind CaughtUp
				play(t, b, "a -a !z")
			}
			e, err := with.Next(t.Context())
			require.NoError(t, err)
			bare, err := without.Next(t.Context())
			require.NoError(t, err)
			if e.Kind == kv.Changed {
				require.Equal(t, e.Entry.Operation == kv.Put, len(e.Entry.Value) > 0)
				e.Entry.Value = []byte{}
			}
			require.Equal(t, e, bare)
		}
	})
}

// Each kind of write is one event, and what leaves the log is none.
func TestWatchLive(t *testing.T) {
	for _, row := range []struct {
		name  string
		do    func(t *testing.T, db *kv.DB, b *kv.Bucket) error
		want  string
		value string
	}{
		{"put", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error { return errOf(b.PutString(t.Context(), "k", "put")) }, "k3", "put"},
		{"create", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			return errOf(b.Create(t.Context(), "n", []byte("create")))
		}, "n3", "create"},
		{"update", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			return errOf(b.Update(t.Context(), "k", []byte("update"), 1))
		}, "k3", "update"},
		{"revert", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error { return errOf(b.Revert(t.Context(), "k", 1)) }, "k3", "v1"},
		{"delete", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error { return b.Delete(t.Context(), "k") }, "k3D", ""},
		{"delete of a missing key", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error { return b.Delete(t.Context(), "n") }, "n3D", ""},
		{"purge", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error { return b.Purge(t.Context(), "k") }, "k3P", ""},
		{"batch", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			return applyOps(t.Context(), b, kv.PutOp("n", nil), kv.DeleteOp("k"), kv.PurgeOp("d"))
		}, "n3 k4D d5P", ""},
		{"refused write", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			requireErr(t, errOf(b.Create(t.Context(), "k", nil)), kv.ErrKeyExists)
			return nil
		}, "", ""},
		{"refused batch", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			requireErr(t, applyOps(t.Context(), b, kv.PutOp("n", nil), kv.CreateOp("k", nil)), kv.ErrKeyExists)
			return nil
		}, "", ""},
		{"PurgeDeletes", func(t *testing.T, _ *kv.DB, b *kv.Bucket) error {
			return b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1))
		}, "", ""},
		{"update of the bucket", func(t *testing.T, db *kv.DB, b *kv.Bucket) error {
			return errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", Description: "new"}))
		}, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 2})
				play(t, b, "k -d")
				w, err := b.Watch(t.Context(), ">")
				require.NoError(t, err)
				defer w.Stop()
				values, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
				require.NoError(t, err)
				defer values.Stop()
				require.Equal(t, "k1 d2D CaughtUp", drain(t, w))

				require.NoError(t, row.do(t, db, b))
				assert.Equal(t, row.want, drain(t, w))
				if row.want != "" {
					e, err := values.Next(t.Context())
					require.NoError(t, err)
					assert.Equal(t, row.value, string(e.Entry.Value))
					assert.Equal(t, "B", e.Entry.Bucket)
					assert.Zero(t, e.Entry.Delta)
				}
				play(t, b, "k")
				assert.Equal(t, fmt.Sprintf("k%d", 3+len(strings.Fields(row.want))), drain(t, w), "the watcher goes on")
			})
		})
	}
}

// Delta counts the newer revisions of the same key that were kept when the entry was read.
func TestWatchDelta(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 3})
		play(t, b, "a b a b a -b")
		var deltas []uint64
		for _, e := range contentsOf(t, b).Entries {
			deltas = append(deltas, e.Delta)
		}
		assert.Equal(t, []uint64{2, 2, 1, 1, 0, 0}, deltas)
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		for range 2 {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			assert.Zero(t, e.Entry.Delta)
		}
	})
}

// Whoever learns of a revision from a watcher finds it.
func TestWatchedIsReadable(t *testing.T) {
	const writes = 500
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		w, err := b.Watch(t.Context(), ">", kv.UpdatesOnly())
		require.NoError(t, err)
		defer w.Stop()
		go func() {
			for range writes {
				_, _ = b.Put(context.Background(), "k", nil)
			}
		}()
		for seen := uint64(0); seen < writes; {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			require.Greater(t, e.Entry.Revision, seen, "in rising order")
			seen = e.Entry.Revision
			got, err := b.Get(t.Context(), "k")
			require.NoError(t, err)
			require.GreaterOrEqual(t, got.Revision, seen)
		}
	})
}

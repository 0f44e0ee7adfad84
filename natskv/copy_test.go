package natskv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// contents shows all entries of a bucket in order, without revisions: that is what a copy keeps.
func contents(t testing.TB, b jetstream.KeyValue) (all []string) {
	t.Helper()
	w, err := b.WatchAll(t.Context(), jetstream.IncludeHistory())
	require.NoError(t, err)
	for e := range w.Updates() {
		if e == nil {
			break
		}
		all = append(all, fmt.Sprintf("%s %s=%s", e.Operation(), e.Key(), e.Value()))
	}
	require.NoError(t, w.Stop())
	return all
}

// fill makes a bucket with n random entries of few keys and few values, so that many entries are alike.
func fill(t testing.TB, db *kv.DB, name string, depth uint8, seed uint64, n int) jetstream.KeyValue {
	t.Helper()
	b := newBucket(t, db, jetstream.KeyValueConfig{Bucket: name, History: depth})
	random := rand.New(rand.NewPCG(seed, 0))
	for range n {
		key := string('a' + rune(random.IntN(4)))
		switch random.IntN(8) {
		case 0:
			require.NoError(t, b.Delete(t.Context(), key))
		case 1:
			require.NoError(t, b.Purge(t.Context(), key))
		default:
			_, err := b.Put(t.Context(), key, []byte{'x' + byte(random.IntN(2))})
			require.NoError(t, err)
		}
	}
	return b
}

// Copies between buckets of all depths are as if the source's entries had been written to the target in the first place.
func TestCopy(t *testing.T) {
	for _, depths := range [][2]uint8{{1, 1}, {3, 3}, {5, 64}, {64, 1}, {64, 3}} {
		t.Run(fmt.Sprint(depths[0], " to ", depths[1]), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				for seed := range uint64(10) {
					source := fill(t, db, fmt.Sprint("S", seed), depths[0], seed, 60)
					target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: fmt.Sprint("T", seed), History: depths[1]})
					all := contents(t, source)
					p, err := natskv.Copy(t.Context(), target, source)
					require.NoError(t, err)

					assert.Equal(t, all, contents(t, source))
					assert.Equal(t, trimmed(all, int(depths[1])), contents(t, target))
					assert.Equal(t, natskv.CopyProgress{
						Source: newest(t, source), Target: uint64(len(all)), Entries: len(all), Bytes: int64(puts(all)), Complete: true,
					}, p)
				}
			})
		})
	}
}

// trimmed drops what a depth does not allow. (What a purge drops is not in the source either.)
func trimmed(all []string, depth int) (kept []string) {
	newer := map[byte]int{}
	for i := len(all) - 1; i >= 0; i-- {
		key := all[i][strings.Index(all[i], "=")-1]
		if newer[key]++; newer[key] <= depth {
			kept = append([]string{all[i]}, kept...)
		}
	}
	return kept
}

// puts counts what has a value, which is one byte.
func puts(all []string) (n int) {
	for _, line := range all {
		if !strings.HasSuffix(line, "=") {
			n++
		}
	}
	return n
}

// newest returns the revision of the newest entry.
func newest(t testing.TB, b jetstream.KeyValue) (revision uint64) {
	t.Helper()
	entries, err := b.History(t.Context(), ">")
	require.NoError(t, err)
	for _, e := range entries {
		revision = max(revision, e.Revision())
	}
	return revision
}

// Numbers in the target are its own, and the order is that of the source.
func TestCopyNumbers(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 2})
		play(t, source, "z a a a b -b !c z c")
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: 2})
		_, err := natskv.Copy(t.Context(), target, source)
		require.NoError(t, err)
		assert.Equal(t, "z1 a3 a4 b5 b6D c7P z8 c9", history(t, source, ">"))
		assert.Equal(t, "z1 a2 a3 b4 b5D c6P z7 c8", history(t, target, ">"))
	})
}

func TestCopyNothing(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
		p, err := natskv.Copy(t.Context(), target, source, nil)
		require.NoError(t, err)
		assert.Equal(t, natskv.CopyProgress{Complete: true}, p)
	})
}

// A limit marker arrives as a purge, and a key that would have expired stays.
func TestCopyForgetsTTLs(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", LimitMarkerTTL: time.Hour})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", LimitMarkerTTL: time.Hour})
		for key, ttl := range map[string]time.Duration{"gone": time.Minute, "going": 2 * time.Minute} {
			_, err := source.Create(t.Context(), key, nil, jetstream.KeyTTL(ttl))
			require.NoError(t, err)
		}
		time.Sleep(time.Minute + step)
		_, err := natskv.Copy(t.Context(), target, source)
		require.NoError(t, err)
		time.Sleep(24 * time.Hour)
		assert.Equal(t, []string{"KeyValuePutOp going=", "KeyValuePurgeOp gone="}, contents(t, target))
	})
}

// Nothing is written to a target that holds anything, a marker included.
func TestCopyRefusesTarget(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
		play(t, source, "a b")
		play(t, target, "!c")
		p, err := natskv.Copy(t.Context(), target, source)
		require.ErrorIs(t, err, natskv.ErrTargetNotEmpty)
		assert.EqualError(t, err, `natskv: copy bucket "S" to bucket "T": target is not empty (copied 0 entries, to revision 0)`)
		assert.Zero(t, p)
		assert.Equal(t, "c1P", history(t, target, ">"))
	})
}

func TestCopyAppend(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 3})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: 3})
		play(t, source, "-d a a !b")
		play(t, target, "a b c")
		p, err := natskv.Copy(t.Context(), target, source, natskv.Append())
		require.NoError(t, err)
		assert.Equal(t, uint64(7), p.Target)
		assert.Equal(t, "a1 c3 d4D a5 a6 b7P", history(t, target, ">"))
	})
}

// A copy tells of every entry, in order, and counts down what remains.
func TestCopyTells(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := fill(t, db, "S", 3, 1, 50)
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: 3})
		n := len(contents(t, source))
		var told []natskv.CopyProgress
		p, err := natskv.Copy(t.Context(), target, source, natskv.OnCopied(func(p natskv.CopyProgress) {
			told = append(told, p)
			assert.Equal(t, uint64(len(told)), newest(t, target), "told when it is in the target")
			assert.Equal(t, uint64(n-len(told)), p.Remaining)
			assert.Equal(t, uint64(len(told)), p.Target)
			assert.Equal(t, len(told), p.Entries)
		}))
		require.NoError(t, err)
		require.Len(t, told, n)
		for i := range n - 1 {
			assert.Less(t, told[i].Source, told[i+1].Source)
		}
		last := told[n-1]
		last.Complete = true
		assert.Equal(t, last, p)
	})
}

// What is written to the source meanwhile does not keep a copy from ending, and a second one brings it. Markers that the target
// makes of what it has got are no obstacle.
func TestCopyCatchesUp(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", TTL: time.Hour, LimitMarkerTTL: time.Minute})
		play(t, source, "a b c -d")
		p, err := natskv.Copy(t.Context(), target, source, natskv.OnCopied(func(p natskv.CopyProgress) {
			_, err := source.PutString(t.Context(), fmt.Sprint("more", p.Entries), "v")
			require.NoError(t, err)
		}))
		require.NoError(t, err)
		assert.LessOrEqual(t, p.Entries, 4)

		time.Sleep(time.Hour + step) // everything in the target expires
		play(t, source, "d !c")
		stored, err := json.Marshal(p)
		require.NoError(t, err)
		var read natskv.CopyProgress
		require.NoError(t, json.Unmarshal(stored, &read))
		p, err = natskv.Copy(t.Context(), target, source, natskv.Resume(read))
		require.NoError(t, err)
		assert.Equal(t, newest(t, source), p.Source)
		assert.Equal(t, newest(t, target), p.Target)
		keys, err := target.Keys(t.Context())
		require.NoError(t, err)
		assert.Contains(t, keys, "d")
		assert.Contains(t, keys, "more4")
		assert.NotContains(t, keys, "c")
	})
}

// An entry that the target refuses ends the copy, which says which one it was and keeps what it has done.
func TestCopyRefusedEntry(t *testing.T) {
	for name, row := range map[string]struct {
		cfg  jetstream.KeyValueConfig
		code jetstream.ErrorCode
	}{
		"too large": {jetstream.KeyValueConfig{MaxValueSize: 40}, 10054},
		"full":      {jetstream.KeyValueConfig{MaxBytes: 150}, 10077},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 3})
				play(t, source, "a a -b")
				_, err := source.Put(t.Context(), "large", make([]byte, 100))
				require.NoError(t, err)
				play(t, source, "c")
				cfg := row.cfg
				cfg.Bucket, cfg.History = "T", 3
				target := newBucket(t, db, cfg)

				p, err := natskv.Copy(t.Context(), target, source)
				var copyError *natskv.CopyError
				require.ErrorAs(t, err, &copyError)
				assert.Equal(t, natskv.CopyProgress{Source: 3, Target: 3, Entries: 3, Bytes: 2, Remaining: 2}, p)
				assert.Equal(t, natskv.CopyError{
					Source: "S", Target: "T", Progress: p, Key: "large", Revision: 4, Err: copyError.Err,
				}, *copyError)
				assert.Contains(t, err.Error(), `key "large" at revision 4`)
				var api *jetstream.APIError
				require.ErrorAs(t, err, &api)
				assert.Equal(t, row.code, api.ErrorCode)
				assert.Equal(t, "a1 a2 b3D", history(t, target, ">"))

				_, err = natskv.New(db).UpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "T", History: 3})
				require.NoError(t, err)
				_, err = natskv.Copy(t.Context(), target, source, natskv.Resume(p))
				require.NoError(t, err)
				assert.Equal(t, contents(t, source), contents(t, target))
			})
		})
	}
}

// What ends under a copy is named.
func TestCopyBucketGone(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(t *testing.T, db *kv.DB)
		want error
	}{
		"source": {func(t *testing.T, db *kv.DB) {
			require.NoError(t, natskv.New(db).DeleteKeyValue(t.Context(), "S"))
		}, jetstream.ErrStreamNotFound},
		"target": {func(t *testing.T, db *kv.DB) {
			require.NoError(t, natskv.New(db).DeleteKeyValue(t.Context(), "T"))
		}, jetstream.ErrNoStreamResponse},
		"database": {func(t *testing.T, db *kv.DB) { require.NoError(t, db.Close()) }, nats.ErrConnectionClosed},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"})
				target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
				for i := range 1000 { // more than a watch delivers ahead
					play(t, source, fmt.Sprint("k", i))
				}
				p, err := natskv.Copy(t.Context(), target, source, natskv.OnCopied(func(p natskv.CopyProgress) {
					if p.Entries == 10 {
						row.end(t, db)
					}
				}))
				require.ErrorIs(t, err, row.want)
				assert.False(t, p.Complete)
				assert.Less(t, p.Entries, 1000)
				if name == "source" {
					var copyError *natskv.CopyError
					require.ErrorAs(t, err, &copyError)
					assert.Empty(t, copyError.Key, "no entry is to blame")
				}
			})
		})
	}
	t.Run("before", func(t *testing.T) {
		db := kv.New()
		source, target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"}), newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
		require.NoError(t, db.Close())
		for _, opt := range []natskv.CopyOption{nil, natskv.Append(), natskv.Resume(natskv.CopyProgress{})} {
			_, err := natskv.Copy(t.Context(), target, source, opt)
			require.ErrorIs(t, err, nats.ErrConnectionClosed)
		}
	})
}

// An operation that is not known is not copied as something else.
func TestCopyUnknownOperation(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
		play(t, source, "a")
		_, err := natskv.Copy(t.Context(), target, strange{source})
		require.ErrorIs(t, err, errors.ErrUnsupported)
		assert.Empty(t, history(t, target, ">"))
	})
}

// A strange bucket delivers one entry of an operation that does not exist yet.
type strange struct{ jetstream.KeyValue }

type strangeEntry struct{ jetstream.KeyValueEntry }

func (strangeEntry) Operation() jetstream.KeyValueOp { return 3 }

type strangeWatcher chan jetstream.KeyValueEntry

func (w strangeWatcher) Updates() <-chan jetstream.KeyValueEntry { return w }
func (w strangeWatcher) Stop() error                             { close(w); return nil }

func (s strange) WatchAll(ctx context.Context, _ ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	e, err := s.Get(ctx, "a")
	w := make(strangeWatcher, 1)
	w <- strangeEntry{e}
	return w, err
}

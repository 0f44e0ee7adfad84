package kv_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// race calls f in several goroutines that start together, and returns what they return.
func race[T any](goroutines int, f func(n int) T) []T {
	results := make([]T, goroutines)
	start := make(chan struct{})
	var running sync.WaitGroup
	for n := range goroutines {
		running.Go(func() {
			<-start
			results[n] = f(n)
		})
	}
	close(start)
	running.Wait()
	return results
}

// Of several conditional writes that can only happen once, exactly one does. The others are told the winner's revision.
func TestOneWinner(t *testing.T) {
	const goroutines, rounds = 8, 40
	for _, row := range []struct {
		name   string
		script string // makes %s ready
		write  func(ctx context.Context, b *kv.Bucket, key string, newest uint64) error
		err    error
	}{
		{"create a new key", "other", func(ctx context.Context, b *kv.Bucket, key string, _ uint64) error {
			return errOf(b.Create(ctx, key, nil))
		}, kv.ErrKeyExists},
		{"create a deleted key", "%[1]s -%[1]s", func(ctx context.Context, b *kv.Bucket, key string, _ uint64) error {
			return errOf(b.Create(ctx, key, nil))
		}, kv.ErrKeyExists},
		{"update", "%s", func(ctx context.Context, b *kv.Bucket, key string, newest uint64) error {
			return errOf(b.Update(ctx, key, nil, newest))
		}, kv.ErrRevisionMismatch},
		{"update of a deleted key", "%[1]s -%[1]s", func(ctx context.Context, b *kv.Bucket, key string, newest uint64) error {
			return errOf(b.Update(ctx, key, nil, newest))
		}, kv.ErrRevisionMismatch},
		{"delete", "%s", func(ctx context.Context, b *kv.Bucket, key string, newest uint64) error {
			return b.Delete(ctx, key, kv.LastRevision(newest))
		}, kv.ErrRevisionMismatch},
		{"batch", "%s", func(ctx context.Context, b *kv.Bucket, key string, newest uint64) error {
			return applyOps(ctx, b, kv.UpdateOp(key, nil, newest), kv.PutOp("beside", nil))
		}, kv.ErrRevisionMismatch},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				for round := range rounds {
					key := fmt.Sprint("key-", round)
					script := row.script
					if script != "other" {
						script = fmt.Sprintf(script, key)
					}
					play(t, b, script)
					newest := statusOf(t, b).Newest
					winners := 0
					for _, err := range race(goroutines, func(int) error { return row.write(t.Context(), b, key, newest) }) {
						if err == nil {
							winners++
							continue
						}
						requireErr(t, err, row.err)
						assert.Equal(t, newest+1, asError[*kv.RevisionError](t, err).Newest)
					}
					require.Equal(t, 1, winners)
				}
			})
		})
	}
}

// Writes of many goroutines get the revisions from 1 on, each once, and one watcher gets them all in order.
func TestRevisionsAreDense(t *testing.T) {
	const goroutines, writes = 8, 100
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		w, err := b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		var got []uint64
		for _, revisions := range race(goroutines, func(n int) []uint64 {
			var revisions []uint64
			for i := range writes {
				r, err := b.PutString(t.Context(), fmt.Sprintf("k.%d.%d", n, i), "")
				assert.NoError(t, err)
				revisions = append(revisions, r)
			}
			assert.IsIncreasing(t, revisions)
			return revisions
		}) {
			got = append(got, revisions...)
		}
		slices.Sort(got)
		created := time.Time{}
		for i := range goroutines * writes {
			require.Equal(t, uint64(i+1), got[i])
		}
		for want := uint64(1); want <= goroutines*writes; {
			e, err := w.Next(t.Context())
			require.NoError(t, err)
			if e.Kind == kv.CaughtUp {
				continue
			}
			require.Equal(t, want, e.Entry.Revision)
			require.False(t, e.Entry.Created.Before(created), "time does not go back")
			created = e.Entry.Created
			want++
		}
	})
}

// Every read that starts after a write has returned sees it, or something newer.
func TestReadYourWrites(t *testing.T) {
	const goroutines, writes = 4, 300
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		for _, err := range race(goroutines, func(n int) error {
			for i := range writes {
				key := fmt.Sprint("k", i%5)
				r, err := b.PutString(t.Context(), key, fmt.Sprint(n, i))
				if err != nil {
					return err
				}
				e, err := b.Get(t.Context(), key)
				if err != nil || e.Revision < r {
					return fmt.Errorf("put %d, got %d, %v", r, e.Revision, err)
				}
				entries, err := b.History(t.Context(), key)
				if err != nil || entries[len(entries)-1].Revision < r {
					return fmt.Errorf("put %d, history %v, %v", r, draw(entries...), err)
				}
				listed := uint64(0)
				for e, err := range b.Entries(t.Context(), key, kv.MetaOnly()) {
					listed = e.Revision
					if err != nil {
						return err
					}
				}
				if listed < r {
					return fmt.Errorf("put %d, listed %d", r, listed)
				}
				if st, err := b.Status(t.Context()); err != nil || st.Newest < r {
					return fmt.Errorf("put %d, status %d, %v", r, st.Newest, err)
				}
			}
			return nil
		}) {
			require.NoError(t, err)
		}
	})
}

// Counting with compare-and-set loses nothing.
func TestCounter(t *testing.T) {
	const goroutines, steps = 6, 50
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, err := range race(goroutines, func(int) error {
			for done := 0; done < steps; {
				e, err := b.Get(t.Context(), "n")
				if err != nil && !errors.Is(err, kv.ErrKeyNotFound) {
					return err
				}
				n := 0
				_, _ = fmt.Sscan(string(e.Value), &n)
				_, err = b.Update(t.Context(), "n", fmt.Append(nil, n+1), e.Revision)
				switch {
				case err == nil:
					done++
				case !errors.Is(err, kv.ErrRevisionMismatch):
					return err
				}
			}
			return nil
		}) {
			require.NoError(t, err)
		}
		e, err := b.Get(t.Context(), "n")
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(goroutines*steps), string(e.Value))
		assert.Equal(t, uint64(goroutines*steps), e.Revision)
	})
}

// Everything at once, for the race detector. Each watcher ends with the newest state of every key.
func TestEverythingAtOnce(t *testing.T) {
	const goroutines, calls = 6, 200
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 3})
		keys := []string{"a", "b", "c.a", "c.b", "d.e.f"}
		watchers := make([]*kv.Watcher, 3)
		for i, pattern := range []string{">", "c.*", "*"} {
			var err error
			watchers[i], err = b.Watch(t.Context(), pattern)
			require.NoError(t, err)
			defer watchers[i].Stop()
		}
		var unexpected atomic.Pointer[error]
		race(goroutines, func(n int) struct{} {
			random := rand.New(rand.NewPCG(uint64(n), 0))
			for range calls {
				key := keys[random.IntN(len(keys))]
				if err := anyCall(t.Context(), db, b, random, key); err != nil {
					unexpected.Store(&err)
				}
			}
			return struct{}{}
		})
		if err := unexpected.Load(); err != nil {
			require.NoError(t, *err)
		}
		newest := map[string]uint64{}
		for _, key := range keys {
			newest[key] = mustPut(t, b, key, "end")
		}
		for i, w := range watchers {
			for _, key := range keys {
				if plainMatch([]string{">", "c.*", "*"}[i], key) {
					waitFor(t, w, key, newest[key])
				}
			}
		}
	})
}

// anyCall makes a call at random, and returns its error if it should not have one.
func anyCall(ctx context.Context, db *kv.DB, b *kv.Bucket, random *rand.Rand, key string) error {
	var err error
	switch random.IntN(14) {
	case 0:
		err = errOf(b.PutString(ctx, key, key))
	case 1:
		err = errOf(b.PutString(ctx, key, key, kv.KeyTTL(time.Duration(random.IntN(1000000)+1))))
	case 2:
		err = errOf(b.Create(ctx, key, nil))
	case 3:
		e, _ := b.Get(ctx, key)
		err = errOf(b.Update(ctx, key, nil, e.Revision))
	case 4:
		err = b.Delete(ctx, key)
	case 5:
		err = b.Purge(ctx, key)
	case 6:
		err = applyOps(ctx, b, kv.PutOp("a", nil), kv.DeleteOp("b"), kv.PutOp("c.a", nil))
	case 7:
		err = b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1))
	case 8:
		err = errOf(b.History(ctx, key))
	case 9:
		err = lastError(b.Entries(ctx, ">", kv.MetaOnly()))
	case 10:
		err = watchOnce(b.Watch(ctx, key, kv.IncludeHistory()))
	case 11:
		err = errOf(b.Revert(ctx, key, uint64(random.IntN(500)+1)))
	case 12:
		err = errOf(db.UpdateBucket(ctx, kv.Config{Bucket: "B", History: uint8(random.IntN(4) + 1), LimitMarkerTTL: 1000}))
	case 13:
		err = errOf(b.Status(ctx))
	}
	for _, expected := range []error{kv.ErrKeyNotFound, kv.ErrKeyExists, kv.ErrRevisionMismatch} {
		if errors.Is(err, expected) {
			return nil
		}
	}
	return err
}

// waitFor takes events until a revision of a key comes, which must not be missing.
func waitFor(t *testing.T, w *kv.Watcher, key string, revision uint64) {
	t.Helper()
	for {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		if e.Entry.Revision >= revision {
			require.Equal(t, key, e.Entry.Key)
			require.Equal(t, revision, e.Entry.Revision)
			return
		}
	}
}

// Buckets come and go while others use them: a call works, or says that its bucket is deleted.
func TestBucketsComeAndGo(t *testing.T) {
	const goroutines, rounds = 6, 100
	everywhere(t, func(t *testing.T, db *kv.DB) {
		for _, err := range race(goroutines, func(n int) error {
			for i := range rounds {
				b, err := db.CreateBucket(t.Context(), kv.Config{Bucket: fmt.Sprint("b", i%3)})
				if err != nil {
					return err
				}
				for _, c := range everyCall {
					err := c.call(t.Context(), b, "k")
					for _, expected := range []error{
						kv.ErrBucketDeleted, kv.ErrKeyNotFound, kv.ErrKeyExists, kv.ErrRevisionMismatch,
					} {
						if errors.Is(err, expected) {
							err = nil
						}
					}
					if err != nil {
						return fmt.Errorf("%s: %w", c.op, err)
					}
				}
				err = db.DeleteBucket(t.Context(), fmt.Sprint("b", (i+n)%3))
				if err != nil && !errors.Is(err, kv.ErrBucketNotFound) {
					return err
				}
				if _, err := db.Buckets(t.Context()); err != nil {
					return err
				}
			}
			return nil
		}) {
			require.NoError(t, err)
		}
	})
}

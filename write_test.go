package kv_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// A keyState is a state that the key k can be in before a write.
type keyState struct {
	name   string
	newest uint64 // revision of k that counts for conditions; 0 if there is none
	live   bool   // k has a value
	put    uint64 // k's newest put, kept or not; 0 if there was none
	set    func(t *testing.T, db *kv.DB, b *kv.Bucket)
}

func played(script string) func(*testing.T, *kv.DB, *kv.Bucket) {
	return func(t *testing.T, _ *kv.DB, b *kv.Bucket) { play(t, b, script) }
}

// expired puts k with a TTL and lets that pass. If marker is positive a limit marker of that life follows.
func expired(marker time.Duration) func(*testing.T, *kv.DB, *kv.Bucket) {
	return func(t *testing.T, db *kv.DB, b *kv.Bucket) {
		cfg := statusOf(t, b).Config
		cfg.LimitMarkerTTL = marker
		require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
		require.NoError(t, errOf(b.PutString(t.Context(), "k", "v1", kv.KeyTTL(time.Minute))))
		time.Sleep(time.Minute)
		synctest.Wait()
	}
}

func markersPurged(t *testing.T, _ *kv.DB, b *kv.Bucket) {
	play(t, b, "k k -k")
	require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
}

var keyStates = []keyState{
	{"never written", 0, false, 0, played("x")},
	{"live", 2, true, 2, played("x k")},
	{"overwritten", 3, true, 3, played("k x k")},
	{"brought back", 3, true, 3, played("k -k k")},
	{"deleted", 3, false, 2, played("x k -k")},
	{"deleted twice", 3, false, 1, played("k -k -k")},
	{"deleted, never put", 1, false, 0, played("-k")},
	{"purged", 3, false, 2, played("k k !k")},
	{"purged, never put", 1, false, 0, played("!k")},
	{"purged, then deleted", 3, false, 1, played("k !k -k")},
	{"expired with a limit marker", 2, false, 1, expired(time.Hour)},
	{"expired without one", 0, false, 1, expired(0)},
	{"all removed", 0, false, 2, markersPurged},
}

// A condition says what becomes of a write in some states.
type condition struct {
	write    string
	named    string                // which revision, for the name of the test
	revision func(keyState) uint64 // nil if the write names none
	in       func(keyState) bool
	err      error
}

func conditions() []condition {
	always := func(keyState) bool { return true }
	hasValue := func(s keyState) bool { return s.live }
	noValue := func(s keyState) bool { return !s.live }
	known := func(s keyState) bool { return s.newest > 0 }
	unknown := func(s keyState) bool { return s.newest == 0 }
	wasPut := func(s keyState) bool { return s.put > 0 && s.put != s.newest }
	hasLower := func(s keyState) bool { return s.newest > 1 }

	newest := func(s keyState) uint64 { return s.newest }
	lower := func(s keyState) uint64 { return s.newest - 1 }
	higher := func(s keyState) uint64 { return s.newest + 1 }
	largest := func(keyState) uint64 { return math.MaxUint64 }
	lastPut := func(s keyState) uint64 { return s.put }
	zero := func(keyState) uint64 { return 0 }

	return []condition{
		{"put", "", nil, always, nil},

		{"create", "", nil, noValue, nil},
		{"create", "", nil, hasValue, kv.ErrKeyExists},

		{"update", "newest", newest, known, nil},
		{"update", "0", zero, unknown, nil},
		{"update", "0", zero, known, kv.ErrRevisionMismatch},
		{"update", "lower", lower, hasLower, kv.ErrRevisionMismatch},
		{"update", "higher", higher, always, kv.ErrRevisionMismatch},
		{"update", "the largest", largest, always, kv.ErrRevisionMismatch},
		{"update", "the put before", lastPut, wasPut, kv.ErrRevisionMismatch},

		{"delete", "", nil, always, nil},
		{"delete", "newest", newest, known, nil},
		{"delete", "lower", lower, hasLower, kv.ErrRevisionMismatch},
		{"delete", "higher", higher, always, kv.ErrRevisionMismatch},
		{"delete", "the largest", largest, always, kv.ErrRevisionMismatch},
		{"delete", "the put before", lastPut, wasPut, kv.ErrRevisionMismatch},

		{"purge", "", nil, always, nil},
		{"purge", "newest", newest, known, nil},
		{"purge", "lower", lower, hasLower, kv.ErrRevisionMismatch},
		{"purge", "higher", higher, always, kv.ErrRevisionMismatch},
		{"purge", "the largest", largest, always, kv.ErrRevisionMismatch},
		{"purge", "the put before", lastPut, wasPut, kv.ErrRevisionMismatch},
	}
}

// A write has the same conditions alone and in a batch, and at every depth.
func TestConditions(t *testing.T) {
	for _, row := range conditions() {
		for _, s := range keyStates {
			if !row.in(s) {
				continue
			}
			t.Run(fmt.Sprintf("%s %s/%s", row.write, row.named, s.name), func(t *testing.T) {
				inBubbles(t, func(t *testing.T, db *kv.DB) {
					for _, depth := range []uint8{1, 5} {
						for _, inBatch := range []bool{false, true} {
							b := newBucket(t, db, kv.Config{Bucket: fmt.Sprintf("%d-%t", depth, inBatch), History: depth})
							s.set(t, db, b)
							w := aWrite{row.write, "k", nil, inBatch}
							if row.revision != nil {
								r := row.revision(s)
								w.revision = &r
							}
							w.check(t, b, s, row.err)
						}
					}
				})
			})
		}
	}
}

// aWrite is a write by its name. It writes the value "new".
type aWrite struct {
	name     string
	key      string
	revision *uint64
	inBatch  bool
}

func (w aWrite) do(ctx context.Context, b *kv.Bucket) (uint64, error) {
	value := []byte("new")
	var op kv.Op
	var deletes []kv.DeleteOption
	var purges []kv.PurgeOption
	if w.revision != nil {
		deletes, purges = append(deletes, kv.LastRevision(*w.revision)), append(purges, kv.LastRevision(*w.revision))
	}
	var alone func() (uint64, error)
	switch w.name {
	case "put":
		op, alone = kv.PutOp(w.key, value), func() (uint64, error) { return b.Put(ctx, w.key, value) }
	case "create":
		op, alone = kv.CreateOp(w.key, value), func() (uint64, error) { return b.Create(ctx, w.key, value) }
	case "update":
		op = kv.UpdateOp(w.key, value, *w.revision)
		alone = func() (uint64, error) { return b.Update(ctx, w.key, value, *w.revision) }
	case "revert":
		op = kv.RevertOp(w.key, *w.revision)
		alone = func() (uint64, error) { return b.Revert(ctx, w.key, *w.revision) }
	case "delete":
		op, alone = kv.DeleteOp(w.key, deletes...), func() (uint64, error) { return 0, b.Delete(ctx, w.key, deletes...) }
	case "purge":
		op, alone = kv.PurgeOp(w.key, purges...), func() (uint64, error) { return 0, b.Purge(ctx, w.key, purges...) }
	}
	if !w.inBatch {
		return alone()
	}
	revisions, err := b.Apply(ctx, op)
	if err != nil {
		return 0, err
	}
	return revisions[0], nil
}

// check does the write and looks at what it leaves behind.
func (w aWrite) check(t *testing.T, b *kv.Bucket, s keyState, want error) {
	t.Helper()
	before := contentsOf(t, b)
	history, _ := b.History(t.Context(), "k")
	r, err := w.do(t.Context(), b)
	requireErr(t, err, want)
	if want != nil {
		assert.Zero(t, r)
		w.checkRefusal(t, b, s, err, want)
		assert.Equal(t, before, contentsOf(t, b), "a refused write changes nothing")
		assert.Equal(t, before.Status.Newest+1, mustPut(t, b, "other", "x"), "and takes no revision")
		return
	}
	after, err := b.History(t.Context(), "k")
	require.NoError(t, err)
	e := after[len(after)-1]
	assert.Equal(t, before.Status.Newest+1, e.Revision)
	wantOperation, wantValue := kv.Put, "new"
	switch w.name {
	case "delete":
		wantOperation, wantValue = kv.Delete, ""
	case "purge":
		wantOperation, wantValue, history = kv.Purge, "", nil
	}
	assert.Equal(t, wantOperation, e.Operation)
	assert.Equal(t, wantValue, string(e.Value))
	if len(history) == int(before.Status.Config.History) {
		history = history[1:]
	}
	assert.Equal(t, draw(append(history, e)...), draw(after...))
	got, err := b.Get(t.Context(), "k")
	if wantOperation == kv.Put {
		require.NoError(t, err)
		assert.Equal(t, e, got)
		assert.Equal(t, e.Revision, r)
	} else {
		requireErr(t, err, kv.ErrKeyNotFound)
	}
}

func (w aWrite) checkRefusal(t *testing.T, b *kv.Bucket, s keyState, err, want error) {
	t.Helper()
	e := asError[*kv.RevisionError](t, err)
	wanted := uint64(0)
	text := fmt.Sprintf("%s \"k\" in bucket %q: wrong last sequence: %d: %v", w.name, b.Name(), s.newest, want)
	if w.revision != nil {
		wanted = *w.revision
		text += fmt.Sprintf(": %d was named", wanted)
	}
	assert.Equal(t, &kv.RevisionError{Op: w.name, Bucket: b.Name(), Key: "k", Wanted: wanted, Newest: s.newest, Err: want}, e)
	assert.Equal(t, "kv: "+text, e.Error())
	if w.inBatch {
		assert.Equal(t, &kv.BatchError{Index: 0, Key: "k", Err: e}, err)
		assert.Equal(t, "kv: batch operation 0: "+text, err.Error())
	}
}

func mustPut(t testing.TB, b *kv.Bucket, key, value string, opts ...kv.PutOption) uint64 {
	t.Helper()
	r, err := b.PutString(t.Context(), key, value, opts...)
	require.NoError(t, err)
	return r
}

// Of several things that are wrong with a write, the first of this list is reported.
func TestOrderOfChecks(t *testing.T) {
	big := make([]byte, 11)
	var negative kv.TTLOption = kv.KeyTTL(-1)
	for _, row := range []struct {
		name  string
		write func(ctx context.Context, b *kv.Bucket) error
		want  error
	}{
		{"key before option", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Update(ctx, "a b", big, 7, negative))
		}, kv.ErrInvalidKey},
		{"option before value", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Update(ctx, "a", big, 7, negative))
		}, kv.ErrInvalidOption},
		{"value before revision", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Update(ctx, "a", big, 7))
		}, kv.ErrValueTooLarge},
		{"value before existence", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Create(ctx, "a", big))
		}, kv.ErrValueTooLarge},
		{"revision before room", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Update(ctx, "a", big[:10], 7))
		}, kv.ErrRevisionMismatch},
		{"existence before room", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Create(ctx, "a", big[:10]))
		}, kv.ErrKeyExists},
		{"room", func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.Update(ctx, "a", big[:10], 1))
		}, kv.ErrBucketFull},
		{"option before revision of a delete", func(ctx context.Context, b *kv.Bucket) error {
			return b.Delete(ctx, "a", kv.LastRevision(7), negative)
		}, kv.ErrInvalidOption},
		{"option before revision of a purge", func(ctx context.Context, b *kv.Bucket) error {
			return b.Purge(ctx, "a", kv.LastRevision(7), kv.PurgeTTL(0))
		}, kv.ErrInvalidOption},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{MaxBytes: 10, MaxValueSize: 10})
				mustPut(t, b, "a", "123456789")
				before := contentsOf(t, b)
				requireErr(t, row.write(t.Context(), b), row.want)

				ended, cancel := context.WithCancel(t.Context())
				cancel()
				want := context.Canceled
				if row.want == kv.ErrInvalidKey || row.want == kv.ErrInvalidOption {
					want = row.want
				}
				requireErr(t, row.write(ended, b), want, "what can be told without the bucket comes before the context")
				assert.Equal(t, before, contentsOf(t, b))
			})
		})
	}
}

// The engine copies what it is given, and what it hands out belongs to whoever asked.
func TestPutCopies(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		value := []byte("value")
		for i, write := range []func() (uint64, error){
			func() (uint64, error) { return b.Put(t.Context(), "k", value) },
			func() (uint64, error) { return b.Update(t.Context(), "k", value, 1) },
			func() (uint64, error) { return b.Create(t.Context(), "l", value) },
			func() (uint64, error) { return 4, applyOps(t.Context(), b, kv.PutOp("k", value)) },
		} {
			copy(value, "value")
			require.NoError(t, errOf(write()))
			copy(value, "XXXXX")
			for range 2 {
				key := []string{"k", "k", "l", "k"}[i]
				e, err := b.Get(t.Context(), key)
				require.NoError(t, err)
				require.Equal(t, "value", string(e.Value))
				copy(e.Value, "YYYYY")
				e, err = b.GetRevision(t.Context(), key, uint64(i+1))
				require.NoError(t, err)
				require.Equal(t, "value", string(e.Value))
				copy(e.Value, "ZZZZZ")
			}
		}
	})
}

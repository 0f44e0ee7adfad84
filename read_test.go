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

// A bucket of depth 3: k was put five times, o once, then k was deleted; q was purged after two puts.
const readScript = "k k k k k o -k q q !q"

func TestGet(t *testing.T) {
	for _, row := range []struct {
		key  string
		want uint64 // 0 if it has no value
	}{
		{"o", 6},
		{"k", 0},     // deleted
		{"q", 0},     // purged
		{"never", 0}, // never written
	} {
		t.Run(row.key, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, readScript)
				e, err := b.Get(t.Context(), row.key)
				if row.want == 0 {
					requireErr(t, err, kv.ErrKeyNotFound)
					assert.Equal(t, &kv.KeyError{Op: "get", Bucket: "B", Key: row.key, Err: kv.ErrKeyNotFound}, err)
					assert.Zero(t, e)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, row.want, e.Revision)
			})
		})
	}
}

func TestGetRevision(t *testing.T) {
	for _, row := range []struct {
		name     string
		key      string
		revision uint64
		want     string // the value, "" if there is none
		delta    uint64
		newest   uint64 // as the error tells
	}{
		{"an old value of a deleted key", "k", 4, "v4", 2, 0},
		{"a newer one", "k", 5, "v5", 1, 0},
		{"the newest", "o", 6, "v6", 0, 0},
		{"trimmed by puts", "k", 1, "", 0, 7},
		{"trimmed by the marker", "k", 3, "", 0, 7},
		{"revision of another key", "k", 6, "", 0, 7},
		{"delete marker", "k", 7, "", 0, 7},
		{"purged", "q", 9, "", 0, 10},
		{"purge marker", "q", 10, "", 0, 10},
		{"not written yet", "k", 11, "", 0, 7},
		{"the largest", "k", math.MaxUint64, "", 0, 7},
		{"key never written", "never", 6, "", 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, readScript)
				e, err := b.GetRevision(t.Context(), row.key, row.revision)
				if row.want == "" {
					requireErr(t, err, kv.ErrKeyNotFound)
					assert.Equal(t, &kv.RevisionError{
						Op: "get revision", Bucket: "B", Key: row.key, Wanted: row.revision, Newest: row.newest, Err: kv.ErrKeyNotFound,
					}, err)
					assert.Zero(t, e)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, row.want, string(e.Value))
				assert.Equal(t, row.revision, e.Revision)
				assert.Equal(t, row.delta, e.Delta)
				assert.Equal(t, kv.Put, e.Operation)
			})
		})
	}
}

func TestRevisionErrorText(t *testing.T) {
	b := newBucket(t, kv.New(), kv.Config{})
	play(t, b, "k k")
	_, err := b.GetRevision(t.Context(), "k", 1)
	require.EqualError(t, err,
		`kv: get revision "k" in bucket "B": key not found: no value at revision 1 is kept, the newest revision is 2`)
}

func TestHistory(t *testing.T) {
	for _, row := range []struct {
		name   string
		depth  uint8
		script string
		key    string
		want   string // "" if there is none
	}{
		{"never written", 3, "o", "k", ""},
		{"one put", 3, "k", "k", "k1"},
		{"oldest first", 3, "k o k", "k", "k1 k3"},
		{"trimmed to the depth", 3, "k k k k k", "k", "k3 k4 k5"},
		{"deleted", 3, readScript, "k", "k4 k5 k7D"},
		{"purged", 3, readScript, "q", "q10P"},
		{"put after delete", 3, "k k -k k", "k", "k2 k3D k4"},
		{"markers count", 3, "k -k k -k", "k", "k2D k3 k4D"},
		{"markers push puts out", 3, "k -k -k -k", "k", "k2D k3D k4D"},
		{"a purge marker counts", 3, "k !k k k", "k", "k2P k3 k4"},
		{"and is pushed out", 3, "k !k k k k", "k", "k3 k4 k5"},
		{"depth 1", 1, "k k o -o", "k", "k2"},
		{"depth 1, deleted", 1, "k -k", "k", "k2D"},
		{"default depth", 0, "k k", "k", "k2"},
		{"deleted twice", 5, "k -k -k", "k", "k1 k2D k3D"},
		{"purged twice", 5, "k !k !k", "k", "k3P"},
		{"deleted after a purge", 5, "k !k -k", "k", "k2P k3D"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: row.depth})
				play(t, b, row.script)
				entries, err := b.History(t.Context(), row.key)
				if row.want == "" {
					requireErr(t, err, kv.ErrKeyNotFound)
					assert.Equal(t, &kv.KeyError{Op: "history", Bucket: "B", Key: row.key, Err: kv.ErrKeyNotFound}, err)
					assert.Nil(t, entries)
					return
				}
				require.NoError(t, err)
				assert.Equal(t, row.want, draw(entries...))
				for i, e := range entries {
					assert.Equal(t, uint64(len(entries)-1-i), e.Delta)
				}
			})
		})
	}
}

// Of every key the newest revisions are kept, as many as the depth says.
func TestDepths(t *testing.T) {
	for _, row := range []struct {
		depth uint8
		first uint64 // kept after 70 puts
	}{
		{0, 70}, {1, 70}, {2, 69}, {3, 68}, {63, 8}, {64, 7},
	} {
		t.Run(fmt.Sprint(row.depth), func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: row.depth})
				for range 70 {
					mustPut(t, b, "k", "v")
				}
				entries, err := b.History(t.Context(), "k")
				require.NoError(t, err)
				require.Len(t, entries, int(70-row.first)+1)
				for i, e := range entries {
					assert.Equal(t, row.first+uint64(i), e.Revision)
				}
				assert.Equal(t, row.first, statusOf(t, b).Oldest)
				requireErr(t, errOf(b.GetRevision(t.Context(), "k", row.first-1)), kv.ErrKeyNotFound)
				require.NoError(t, errOf(b.GetRevision(t.Context(), "k", row.first)))
			})
		})
	}
}

// Removing revisions never lowers the newest revision of the bucket.
func TestRevisionsGoOn(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b -a -b")
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		assert.Equal(t, uint64(5), mustPut(t, b, "a", "", kv.KeyTTL(time.Minute)))
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Zero(t, statusOf(t, b).Values)
		assert.Equal(t, uint64(6), mustPut(t, b, "a", ""))
	})
}

// Created never goes back, even if the system's clock does: here by an hour, while the database was closed.
func TestTimeNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := newShelf()
		db := openBackend(t, shelf)
		play(t, newBucket(t, db, kv.Config{}), "a b")
		require.NoError(t, db.Close())
		ahead := time.Now().Add(time.Hour).UTC()
		record := shelf.logs["B"].records[2]
		record.Created = ahead.UnixNano()
		shelf.logs["B"].records[2] = record

		db = openBackend(t, shelf)
		b := newBucket(t, db, kv.Config{})
		mustPut(t, b, "c", "", kv.KeyTTL(time.Minute))
		e, err := b.Get(t.Context(), "c")
		require.NoError(t, err)
		assert.Equal(t, ahead, e.Created)
		assert.Equal(t, ahead.Add(time.Minute), e.Expires)
		time.Sleep(2 * time.Hour)
		mustPut(t, b, "d", "")
		e, err = b.Get(t.Context(), "d")
		require.NoError(t, err)
		assert.Equal(t, time.Now().UTC(), e.Created)
		require.NoError(t, db.Close())
	})
}

// An entry is the same from wherever it comes.
func TestEntryFields(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{Bucket: "Bucket1", History: 5})
		time.Sleep(1234567891)
		put := time.Now().UTC()
		mustPut(t, b, "k", "value")
		time.Sleep(time.Hour)
		withTTL := time.Now().UTC()
		mustPut(t, b, "k", "", kv.KeyTTL(time.Minute))
		require.NoError(t, b.Delete(t.Context(), "gone"))
		require.NoError(t, b.Purge(t.Context(), "purged"))

		want := []kv.Entry{
			{Bucket: "Bucket1", Key: "k", Value: []byte("value"), Revision: 1, Created: put, Delta: 1, Operation: kv.Put},
			{Bucket: "Bucket1", Key: "k", Value: []byte{}, Revision: 2, Created: withTTL, Expires: withTTL.Add(time.Minute), Operation: kv.Put},
			{Bucket: "Bucket1", Key: "gone", Value: []byte{}, Revision: 3, Created: withTTL, Operation: kv.Delete},
			{Bucket: "Bucket1", Key: "purged", Value: []byte{}, Revision: 4, Created: withTTL, Operation: kv.Purge},
		}
		assert.Equal(t, want, contentsOf(t, b).Entries, "watch")
		entries, err := b.History(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, want[:2], entries, "history")
		e, err := b.Get(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, want[1], e, "get")
		e, err = b.GetRevision(t.Context(), "k", 1)
		require.NoError(t, err)
		assert.Equal(t, want[0], e, "get revision")
		assert.Equal(t, want[1:2], collect(t, b.Entries(t.Context(), ">")), "listing")
		for _, e := range append(entries, e) {
			assert.Equal(t, time.UTC, e.Created.Location())
		}
		assert.Equal(t, time.UTC, entries[1].Expires.Location())
	})
}

// Value is never nil, whatever was put.
func TestEmptyValues(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 3})
		require.NoError(t, errOf(b.Put(t.Context(), "nil", nil)))
		require.NoError(t, errOf(b.Put(t.Context(), "empty", []byte{})))
		mustPut(t, b, "string", "")
		play(t, b, "-string")
		for key, revision := range map[string]uint64{"nil": 1, "empty": 2} {
			e, err := b.Get(t.Context(), key)
			require.NoError(t, err)
			assert.Equal(t, []byte{}, e.Value)
			e, err = b.GetRevision(t.Context(), key, revision)
			require.NoError(t, err)
			assert.Equal(t, []byte{}, e.Value)
		}
		all := append(contentsOf(t, b).Entries, collect(t, b.Entries(t.Context(), ">"))...)
		all = append(all, collect(t, b.Entries(t.Context(), ">", kv.MetaOnly()))...)
		history, err := b.History(t.Context(), "string")
		require.NoError(t, err)
		for _, e := range append(all, history...) {
			assert.Equal(t, []byte{}, e.Value)
		}
	})
}

// What a read hands out is the caller's: changing it changes nothing for anybody else.
func TestValuesArePrivate(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		mustPut(t, b, "k", "one")
		mustPut(t, b, "k", "two")
		read := func() [][]byte {
			var values [][]byte
			e, err := b.Get(t.Context(), "k")
			require.NoError(t, err)
			values = append(values, e.Value)
			e, err = b.GetRevision(t.Context(), "k", 2)
			require.NoError(t, err)
			values = append(values, e.Value)
			entries, err := b.History(t.Context(), "k")
			require.NoError(t, err)
			for _, e := range append(entries[1:], collect(t, b.Entries(t.Context(), ">"))...) {
				values = append(values, e.Value)
			}
			for range 2 {
				values = append(values, contentsOf(t, b).Entries[1].Value)
			}
			return values
		}
		for range 2 {
			for _, v := range read() {
				require.Equal(t, "two", string(v))
				copy(v, "XXX")
				_ = append(v, 'Y')
			}
		}
	})
}

// A value that leaves the store between the look at the index and the look at the store is read again: a read sees what is
// there then.
func TestReadsOfValuesThatLeave(t *testing.T) {
	for _, row := range []struct {
		name string
		read func(ctx context.Context, b *kv.Bucket) (string, error)
		want string
	}{
		{"get", func(ctx context.Context, b *kv.Bucket) (string, error) {
			e, err := b.Get(ctx, "k")
			return draw(e) + string(e.Value), err
		}, "k2new"},
		{"history", func(ctx context.Context, b *kv.Bucket) (string, error) {
			entries, err := b.History(ctx, "k")
			return draw(entries...), err
		}, "k2"},
		{"get revision", func(ctx context.Context, b *kv.Bucket) (string, error) {
			e, err := b.GetRevision(ctx, "k", 1)
			return draw(e), err
		}, ""},
		{"revert", func(ctx context.Context, b *kv.Bucket) (string, error) {
			r, err := b.Revert(ctx, "k", 1)
			return fmt.Sprint(r), err
		}, ""},
		{"watch", func(ctx context.Context, b *kv.Bucket) (string, error) {
			w, err := b.Watch(ctx, ">")
			if err != nil {
				return "", err
			}
			defer w.Stop()
			e, err := w.Next(ctx)
			return draw(e.Entry) + string(e.Entry.Value), err
		}, "k2new"},
	} {
		t.Run(row.name, func(t *testing.T) {
			shelf := newValueShelf()
			db := openBackend(t, shelf)
			b := newBucket(t, db, kv.Config{})
			mustPut(t, b, "k", "old")
			log := shelf.logs["B"]
			log.reading = func() {
				log.reading = nil
				mustPut(t, b, "k", "new")
			}
			got, err := row.read(t.Context(), b)
			if row.want == "" {
				requireErr(t, err, kv.ErrKeyNotFound)
			} else {
				require.NoError(t, err)
				assert.Equal(t, row.want, got)
			}
			require.NoError(t, db.Close())
		})
	}
}

func TestOperationString(t *testing.T) {
	for op, want := range map[kv.Operation]string{
		kv.Put: "PUT", kv.Delete: "DELETE", kv.Purge: "PURGE", 0: "Operation(0)", 200: "Operation(200)",
	} {
		assert.Equal(t, want, op.String())
	}
	for kind, want := range map[kv.EventKind]string{kv.Changed: "changed", kv.CaughtUp: "caught up", 0: "EventKind(0)"} {
		assert.Equal(t, want, kind.String())
	}
}

package kv_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// meddling is what a loop body does to the bucket that it ranges over.
var meddling = []struct {
	name string
	do   func(t *testing.T, db *kv.DB, b *kv.Bucket, keys []string)
}{
	{"overwrite", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			mustPut(t, b, key, "new")
		}
	}},
	{"overwrite more often than the depth", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for range 4 {
			for _, key := range keys {
				mustPut(t, b, key, "new")
			}
		}
	}},
	{"overwrite in batches", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		var ops []kv.Op
		for _, key := range keys {
			ops = append(ops, kv.PutOp(key, []byte("new")))
		}
		for range 4 {
			require.NoError(t, applyOps(t.Context(), b, ops...))
		}
	}},
	{"delete", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) { deleteAll(t, b, keys) }},
	{"purge", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			require.NoError(t, b.Purge(t.Context(), key))
		}
	}},
	{"purge and put", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			require.NoError(t, b.Purge(t.Context(), key))
			mustPut(t, b, key, "new")
		}
	}},
	{"remove", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) { removeAll(t, b, keys) }},
	{"remove and create again", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		removeAll(t, b, keys)
		for _, key := range keys {
			require.NoError(t, errOf(b.Create(t.Context(), key, []byte("new"))))
		}
	}},
	{"create between", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			require.NoError(t, errOf(b.Create(t.Context(), key+"0", []byte("new"))))
		}
	}},
	{"delete and create between", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for i, key := range keys {
			if i%3 == 0 {
				require.NoError(t, b.Delete(t.Context(), key))
			}
			mustPut(t, b, key+"0", "new")
		}
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	}},
	{"lower the depth", func(t *testing.T, db *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			mustPut(t, b, key, "new")
		}
		cfg := statusOf(t, b).Config
		cfg.History = 1
		require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
	}},
	{"write a TTL that is over at once", func(t *testing.T, _ *kv.DB, b *kv.Bucket, keys []string) {
		for _, key := range keys {
			mustPut(t, b, key, "new", kv.KeyTTL(1))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
	}},
}

func removeAll(t *testing.T, b *kv.Bucket, keys []string) {
	deleteAll(t, b, keys)
	require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	require.Zero(t, statusOf(t, b).Keys)
}

// A loop sees the bucket as it was when the loop began, whatever its body does and when.
func TestListingSeesOneState(t *testing.T) {
	keys := listKeys()[:310] // more than a listing looks at in one go
	for _, m := range meddling {
		t.Run(m.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				for _, depth := range []uint8{1, 3} {
					for _, reverse := range []bool{false, true} {
						for _, at := range []int{1, 300} {
							b := newBucket(t, db, kv.Config{Bucket: fmt.Sprintf("%d-%t-%d", depth, reverse, at), History: depth})
							for _, key := range keys {
								mustPut(t, b, key, "old")
							}
							checkListing(t, b, reverse, at, func() { m.do(t, db, b, keys) })
						}
					}
				}
			})
		})
	}
}

// checkListing ranges over b, calls meddle at one key, and compares with a listing that was not disturbed.
func checkListing(t *testing.T, b *kv.Bucket, reverse bool, at int, meddle func()) {
	t.Helper()
	options := []kv.ListOption{kv.Limit(1 << 20)}
	if reverse {
		options = append(options, kv.Reverse())
	}
	want := collect(t, b.Entries(t.Context(), ">", options...))
	mustPut(t, b, want[len(want)-1].Key, "old") // the newest revision of all is what the loop comes to last
	want = collect(t, b.Entries(t.Context(), ">", options...))
	var got []kv.Entry
	for e, err := range b.Entries(t.Context(), ">", options...) {
		require.NoError(t, err)
		got = append(got, e)
		if len(got) == at {
			meddle()
		}
	}
	require.Equal(t, want, got)
}

// Loops inside of loops each see their own state.
func TestNestedListings(t *testing.T) {
	keys := listKeys()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		write := func(value string) {
			for _, key := range keys {
				mustPut(t, b, key, value)
			}
		}
		values := func(n int) (values []string) {
			for e, err := range b.Entries(t.Context(), ">", kv.Limit(n)) {
				require.NoError(t, err)
				values = append(values, string(e.Value))
				if len(values) == n/2 {
					write("inner")
				}
			}
			return values
		}
		write("first")
		n := 0
		for e, err := range b.Entries(t.Context(), ">") {
			require.NoError(t, err)
			require.Equal(t, "first", string(e.Value))
			switch n++; n {
			case 100:
				write("second")
			case 200:
				for _, v := range values(600) {
					require.Equal(t, "second", v)
				}
			case 300:
				removeAll(t, b, keys)
			}
		}
		require.Equal(t, len(keys), n)
	})
}

// A random writer beside a loop over a part of the keys.
func TestListingBesideRandomWrites(t *testing.T) {
	keys := listKeys()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		random := rand.New(rand.NewPCG(1, 2))
		b := newBucket(t, db, kv.Config{History: 2})
		write := func(n int) {
			for range n {
				key := keys[random.IntN(len(keys))]
				switch random.IntN(5) {
				case 0:
					require.NoError(t, b.Delete(t.Context(), key))
				case 1:
					require.NoError(t, b.Purge(t.Context(), key))
				default:
					mustPut(t, b, key, fmt.Sprint(random.Uint32()))
				}
			}
			if random.IntN(4) == 0 {
				require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
			}
		}
		write(2000)
		for i := range 20 {
			pattern := []string{">", "orders.>", "orders.*", "*"}[i%4]
			options := []kv.ListOption{kv.After(keys[random.IntN(len(keys))])}
			if i%3 == 0 {
				options = append(options, kv.Reverse())
			}
			want := collect(t, b.Entries(t.Context(), pattern, options...))
			var got []kv.Entry
			for e, err := range b.Entries(t.Context(), pattern, options...) {
				require.NoError(t, err)
				got = append(got, e)
				write(5)
			}
			require.Equal(t, want, got)
			write(100)
		}
	})
}

// While a loop body runs, others write.
func TestLoopBodyHoldsNobodyUp(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b c")
		n := 0
		for range b.Entries(t.Context(), ">") {
			n++
			written := make(chan error)
			go func() {
				if err := errOf(b.Put(t.Context(), "b", nil)); err != nil {
					written <- err
					return
				}
				_, err := db.UpdateBucket(t.Context(), statusOf(t, b).Config)
				written <- err
			}()
			require.NoError(t, <-written)
		}
		assert.Equal(t, 3, n)
		assert.Equal(t, uint64(6), statusOf(t, b).Newest)
	})
}

// What expires while a loop runs is left out from then on, also if it was overwritten meanwhile.
func TestExpiryDuringAListing(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, key := range []string{"a", "b", "c", "d"} {
			mustPut(t, b, key, "", kv.KeyTTL(time.Hour))
		}
		mustPut(t, b, "e", "")
		var got []string
		for key, err := range b.Keys(t.Context(), ">") {
			require.NoError(t, err)
			got = append(got, key)
			if key == "b" {
				play(t, b, "d")
				time.Sleep(time.Hour)
				synctest.Wait()
			}
		}
		assert.Equal(t, []string{"a", "b", "e"}, got)
		assert.Equal(t, []string{"d", "e"}, collect(t, b.Keys(t.Context(), ">")))
	})
}

// A listing that begins while the store has taken a write, and nobody sees that write yet, sees the state before, with its
// values.
func TestListingBesideACommit(t *testing.T) {
	for _, shelf := range []*shelf{newShelf(), newValueShelf()} {
		t.Run(fmt.Sprintf("store keeps values: %t", shelf.values), func(t *testing.T) {
			db := openBackend(t, shelf)
			b := newBucket(t, db, kv.Config{})
			mustPut(t, b, "k", "old")
			log := shelf.logs["B"]
			var seen []kv.Entry
			var failed error
			log.appended = func() {
				for e, err := range b.Entries(t.Context(), ">") {
					seen, failed = append(seen, e), err
				}
			}
			mustPut(t, b, "k", "new")
			log.appended = nil
			require.NoError(t, failed)
			require.Len(t, seen, 1)
			assert.Equal(t, "old", string(seen[0].Value))
			require.NoError(t, db.Close())
		})
	}
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// listKeys are more keys than a listing looks at in one go, of many shapes, in an order that is none.
func listKeys() []string {
	var keys []string
	for i := range 700 {
		i = i * 397 % 700
		switch {
		case i < 300:
			keys = append(keys, fmt.Sprintf("orders.%03d", i))
		case i < 500:
			keys = append(keys, fmt.Sprintf("orders.%03d.lines.%d", i-300, i%7))
		case i < 600:
			keys = append(keys, fmt.Sprintf("users/%d", i))
		default:
			keys = append(keys, strings.Repeat("-", i-599))
		}
	}
	return append(keys, "orders", "A", "_", "0", "zz.zz", "orders=", "orders/1", "orders-1")
}

func TestListingOrder(t *testing.T) {
	for _, row := range []struct {
		name   string
		script string
		want   string
	}{
		{"empty bucket", "", ""},
		{"only markers", "-a b -b c !c", ""},
		{"byte order, not that of revisions", "b a.b a a-b a/b B 1 =", "17 =8 B6 a3 a-b4 a.b2 a/b5 b1"},
		{"each key once", "a b a b a", "a5 b4"},
		{"no deleted keys", "a b c -b !c c", "a1 c6"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 3})
				play(t, b, row.script)
				got := draw(collect(t, b.Entries(t.Context(), ">"))...)
				assert.Equal(t, row.want, got)
			})
		})
	}
}

// A plainListing says what a listing yields in the plainest way: all keys sorted, then what the options leave.
type plainListing struct {
	pattern string
	after   string
	limit   int
	reverse bool
}

func (l plainListing) of(keys []string) []string {
	sorted := slices.Sorted(slices.Values(keys))
	if l.reverse {
		slices.Reverse(sorted)
	}
	want := []string{}
	for _, key := range sorted {
		behind := l.after == "" || key > l.after != l.reverse && key != l.after
		if behind && plainMatch(l.pattern, key) && (l.limit == 0 || len(want) < l.limit) {
			want = append(want, key)
		}
	}
	return want
}

func (l plainListing) options() []kv.ListOption {
	options := []kv.ListOption{nil}
	if l.after != "" {
		options = append(options, kv.After(l.after))
	}
	if l.limit > 0 {
		options = append(options, kv.Limit(l.limit))
	}
	if l.reverse {
		options = append(options, kv.Reverse())
	}
	return options
}

func TestAllListingOptions(t *testing.T) {
	keys := listKeys()
	b := newBucket(t, kv.New(), kv.Config{})
	for _, key := range keys {
		mustPut(t, b, key, "value of "+key)
	}
	for i := range 300 {
		require.NoError(t, b.Delete(t.Context(), fmt.Sprintf("gone.%d", i)))
	}
	for _, pattern := range []string{
		">", "*", "orders", "orders.*", "orders.>", "orders.1*", "*.*.lines.>", "orders.150", "orders.150.>", "nosuch.>", "nosuch",
	} {
		for _, after := range []string{
			"", "-", "orders", "orders.149", "orders.149.lines.0", "orders.150", "orders.1505", "orders/", "zz.zz", "zzz",
		} {
			for _, limit := range []int{0, 2, 256, 257} {
				for _, reverse := range []bool{false, true} {
					l := plainListing{pattern, after, limit, reverse}
					want := l.of(keys)
					got := collect(t, b.Keys(t.Context(), pattern, l.options()...))
					require.Equal(t, want, append([]string{}, got...), "%+v", l)
					if limit < 256 {
						checkEntries(t, b, l, want)
					}
				}
			}
		}
	}
}

// checkEntries compares a listing of entries, with and without values, with the keys it should have.
func checkEntries(t *testing.T, b *kv.Bucket, l plainListing, want []string) {
	t.Helper()
	for _, metaOnly := range []bool{false, true} {
		options := l.options()
		if metaOnly {
			options = append(options, kv.MetaOnly())
		}
		entries := collect(t, b.Entries(t.Context(), l.pattern, options...))
		require.Equal(t, want, keysOf(entries), "%+v", l)
		for _, e := range entries {
			value := "value of " + e.Key
			if metaOnly {
				value = ""
			}
			require.Equal(t, value, string(e.Value))
			require.NotZero(t, e.Revision)
			require.NotZero(t, e.Created)
		}
	}
}

// Limit and After turn pages.
func TestPages(t *testing.T) {
	keys := listKeys()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, key := range keys {
			mustPut(t, b, key, "")
		}
		for _, reverse := range []bool{false, true} {
			options := []kv.ListOption{kv.Limit(100)}
			if reverse {
				options = append(options, kv.Reverse())
			}
			var all []string
			for page := collect(t, b.Keys(t.Context(), ">", options...)); len(page) > 0; {
				all = append(all, page...)
				page = collect(t, b.Keys(t.Context(), ">", append(options, kv.After(page[len(page)-1]))...))
			}
			assert.Equal(t, plainListing{pattern: ">", reverse: reverse}.of(keys), all)
		}
	})
}

func TestListingErrors(t *testing.T) {
	for _, row := range []struct {
		name    string
		pattern string
		options []kv.ListOption
		want    error
		text    string
	}{
		{"Limit 0", ">", []kv.ListOption{kv.Limit(0)}, kv.ErrInvalidOption, "Limit is 0, the least is 1"},
		{"negative Limit", ">", []kv.ListOption{kv.Limit(-1)}, kv.ErrInvalidOption, "Limit is -1, the least is 1"},
		{"After nothing", ">", []kv.ListOption{kv.After("")}, kv.ErrInvalidOption, `After is not a key: "": it is empty`},
		{"After a pattern", ">", []kv.ListOption{kv.After("a.*")}, kv.ErrInvalidOption,
			`After is not a key: "a.*": it has "*" at byte 2`},
		{"a good option before a bad one", ">", []kv.ListOption{kv.Limit(1), nil, kv.Limit(0)}, kv.ErrInvalidOption,
			"Limit is 0, the least is 1"},
		{"the pattern comes first", "a..b", []kv.ListOption{kv.Limit(0)}, kv.ErrInvalidPattern, "it has two '.' side by side"},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				play(t, b, "a")
				for op, err := range map[string]error{
					"list keys":    lastError(b.Keys(t.Context(), row.pattern, row.options...)),
					"list entries": lastError(b.Entries(t.Context(), row.pattern, row.options...)),
				} {
					requireErr(t, err, row.want)
					assert.ErrorContains(t, err, row.text)
					assert.ErrorContains(t, err, "kv: "+op)
				}
			})
		})
	}
}

// When a listing cannot go on its last pair has the error, and no key. An ended context is noticed at once; that the bucket
// is gone when the loop asks for more keys, which is after some hundreds.
func TestListingsThatEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(t *testing.T, db *kv.DB, cancel func())
		want error
		most int // keys that are yielded after the end
	}{
		{"context cancelled", func(_ *testing.T, _ *kv.DB, cancel func()) { cancel() }, context.Canceled, 0},
		{"bucket deleted", func(t *testing.T, db *kv.DB, _ func()) {
			require.NoError(t, db.DeleteBucket(t.Context(), "B"))
		}, kv.ErrBucketDeleted, 300},
		{"database closed", func(t *testing.T, db *kv.DB, _ func()) { require.NoError(t, db.Close()) }, kv.ErrClosed, 300},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, p := range places[:2] { // where values are in memory
				for _, n := range []int{2, 700} {
					db := p.open(t)
					b := newBucket(t, db, kv.Config{})
					for i := range n {
						mustPut(t, b, fmt.Sprintf("k%04d", i), "")
					}
					ctx, cancel := context.WithCancel(t.Context())
					seen := 0
					var last error
					for key, err := range b.Keys(ctx, ">") {
						require.NoError(t, last, "nothing follows the error")
						if last = err; err != nil {
							assert.Empty(t, key)
							continue
						}
						if seen++; seen == 1 {
							row.end(t, db, cancel)
						}
					}
					cancel()
					if n > 300 || row.most == 0 {
						requireErr(t, last, row.want)
					}
					assert.LessOrEqual(t, seen, 1+row.most)
				}
			}
		})
	}
}

// Breaking out of a loop is free, and ranging again begins again, with what is there then.
func TestRangeAgain(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		list := b.Keys(t.Context(), ">", kv.Limit(3))
		play(t, b, "a b c d")
		for key, err := range list {
			require.NoError(t, err)
			require.Equal(t, "a", key)
			break
		}
		assert.Equal(t, []string{"a", "b", "c"}, collect(t, list))
		play(t, b, "-a")
		assert.Equal(t, []string{"b", "c", "d"}, collect(t, list))
		one, stop := iter.Pull2(list)
		key, err, ok := one()
		assert.Equal(t, "b", key)
		require.NoError(t, err)
		assert.True(t, ok)
		play(t, b, "-b -c")
		key, _, _ = one()
		assert.Equal(t, "c", key)
		stop()
	})
}

// A loop body that panics leaves the bucket in order.
func TestPanicInALoopBody(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		play(t, b, "a b")
		assert.PanicsWithError(t, "body", func() {
			for range b.Entries(t.Context(), ">") {
				panic(errors.New("body"))
			}
		})
		play(t, b, "a -b")
		assert.Equal(t, []string{"a"}, collect(t, b.Keys(t.Context(), ">")))
	})
}

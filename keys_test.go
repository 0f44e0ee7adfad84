package kv_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

var validKeys = []string{
	"a", "a.b.c", "/", "/a", "a/b", "=", "a=", "-", "_", "_kv", "_kv.a", "A", "0", "orders.1024.state", "/etc/hosts", "A=b",
	strings.Repeat("a.", 999) + "a",
	strings.Repeat("k", kv.MaxKeyLength),
}

var invalidKeys = []struct {
	name, key, reason string
}{
	{"empty", "", "it is empty"},
	{"only a dot", ".", "it starts with '.'"},
	{"dot first", ".a", "it starts with '.'"},
	{"dot last", "a.", "it ends with '.'"},
	{"two dots", "a..b", "it has two '.' side by side"},
	{"space first", " a", `it has " " at byte 0`},
	{"space", "a b", `it has " " at byte 1`},
	{"tab", "a\t", `it has "\t" at byte 1`},
	{"newline", "a\n", `it has "\n" at byte 1`},
	{"zero", "\x00", `it has "\x00" at byte 0`},
	{"not ASCII", "aü", `it has "ü" at byte 1`},
	{"not UTF-8", "a\xff", `it has "�" at byte 1`},
	{"wildcard for one", "*", `it has "*" at byte 0`},
	{"wildcard for the rest", "a.>", `it has ">" at byte 2`},
	{"too long", strings.Repeat("k", kv.MaxKeyLength+1), "it has 4001 bytes, the most is 4000"},
}

func TestValidKeys(t *testing.T) {
	for _, key := range validKeys {
		t.Run(shortName(key), func(t *testing.T) {
			require.NoError(t, kv.CheckKey(key))
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: 10})
				for i, step := range []func() (uint64, error){
					func() (uint64, error) { return b.Create(t.Context(), key, []byte("1")) },
					func() (uint64, error) { return b.Put(t.Context(), key, []byte("2")) },
					func() (uint64, error) { return b.Update(t.Context(), key, []byte("3"), 2) },
					func() (uint64, error) { return b.Revert(t.Context(), key, 1) },
				} {
					r, err := step()
					require.NoError(t, err)
					require.Equal(t, uint64(i+1), r)
				}
				e, err := b.Get(t.Context(), key)
				require.NoError(t, err)
				assert.Equal(t, key, e.Key)
				assert.Equal(t, "1", string(e.Value))
				e, err = b.GetRevision(t.Context(), key, 3)
				require.NoError(t, err)
				assert.Equal(t, key, e.Key)
				assert.Equal(t, []string{key}, collect(t, b.Keys(t.Context(), ">")))
				assert.Equal(t, []string{key}, collect(t, b.Keys(t.Context(), key)), "a key is a pattern")
				require.NoError(t, b.Delete(t.Context(), key))
				assert.Equal(t, key+"1 "+key+"2 "+key+"3 "+key+"4 "+key+"5D", drawHistory(t, b, key))
				require.NoError(t, b.Purge(t.Context(), key))
				assert.Equal(t, key+"6P", drawHistory(t, b, key))
			})
		})
	}
}

func TestInvalidKeys(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 5})
		play(t, b, "a b -b")
		before := contentsOf(t, b)
		for _, row := range invalidKeys {
			requireErr(t, kv.CheckKey(row.key), kv.ErrInvalidKey, row.name)
			for _, c := range keyCalls {
				err := c.call(t.Context(), b, row.key)
				requireErr(t, err, kv.ErrInvalidKey, row.name)
				assert.Equal(t, &kv.KeyError{Op: c.op, Bucket: "B", Key: row.key, Reason: row.reason, Err: kv.ErrInvalidKey},
					asError[*kv.KeyError](t, err), row.name)
			}
			for _, c := range batchCalls {
				err := c.call(t.Context(), b, row.key)
				requireErr(t, err, kv.ErrInvalidKey, row.name)
				assert.Equal(t, &kv.BatchError{Index: 0, Key: row.key, Err: asError[*kv.KeyError](t, err)}, err, row.name)
				assert.Equal(t, c.op, asError[*kv.KeyError](t, err).Op)
			}
		}
		assert.Equal(t, before, contentsOf(t, b), "bad keys change nothing")
	})
}

// No character but those of the rule is part of a key, wherever it stands.
func TestCharactersOfKeysAndBucketNames(t *testing.T) {
	const inName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	const inKey = inName + "/=."
	db := kv.New()
	for c := range 256 {
		s := string([]byte{byte(c)})
		for _, key := range []string{s + "a", "a" + s, "a" + s + "a"} {
			valid := strings.Contains(inKey, s) && key[0] != '.' && key[len(key)-1] != '.'
			assert.Equal(t, valid, kv.CheckKey(key) == nil, "key %q", key)
		}
		for _, name := range []string{s, s + "a", "a" + s} {
			_, err := db.CreateBucket(t.Context(), kv.Config{Bucket: name})
			assert.Equal(t, strings.Contains(inName, s), err == nil, "bucket %q", name)
		}
	}
}

func TestBucketNames(t *testing.T) {
	calls := []struct {
		op   string
		call func(t *testing.T, db *kv.DB, name string) error
	}{
		{"create bucket", func(t *testing.T, db *kv.DB, name string) error {
			return errOf(db.CreateBucket(t.Context(), kv.Config{Bucket: name}))
		}},
		{"update bucket", func(t *testing.T, db *kv.DB, name string) error {
			return errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: name}))
		}},
		{"create or update bucket", func(t *testing.T, db *kv.DB, name string) error {
			return errOf(db.CreateOrUpdateBucket(t.Context(), kv.Config{Bucket: name}))
		}},
		{"open bucket", func(t *testing.T, db *kv.DB, name string) error { return errOf(db.Bucket(t.Context(), name)) }},
		{"delete bucket", func(t *testing.T, db *kv.DB, name string) error { return db.DeleteBucket(t.Context(), name) }},
	}
	for _, row := range []struct {
		name   string
		reason string // "" if it is valid
	}{
		{"Y", ""}, {"y", ""}, {"-", ""}, {"_", ""}, {"0", ""}, {"KV_x", ""},
		{strings.Repeat("n", kv.MaxBucketNameLength), ""},
		{strings.Repeat("n", kv.MaxBucketNameLength+1), "it has 253 bytes, the most is 252"},
		{"", "it is empty"},
		{"a.b", `it has "." at byte 1`},
		{"a b", `it has " " at byte 1`},
		{"a*", `it has "*" at byte 1`},
		{">", `it has ">" at byte 0`},
		{"é", `it has "é" at byte 0`},
		{"$a", `it has "$" at byte 0`},
		{"a/b", `it has "/" at byte 1`},
		{"a=b", `it has "=" at byte 1`},
		{"a\n", `it has "\n" at byte 1`},
	} {
		t.Run(shortName(row.name), func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				for _, c := range calls {
					err := c.call(t, db, row.name)
					if row.reason == "" {
						require.NoError(t, err, c.op)
						continue
					}
					requireErr(t, err, kv.ErrInvalidBucketName, c.op)
					assert.Equal(t, &kv.BucketError{
						Op: c.op, Bucket: row.name, Reason: row.reason, Err: kv.ErrInvalidBucketName,
					}, err)
				}
			})
		})
	}
}

// Case matters, and one bucket's keys are no other's.
func TestBucketsAreApart(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		upper := newBucket(t, db, kv.Config{Bucket: "Y"})
		lower := newBucket(t, db, kv.Config{Bucket: "y"})
		play(t, upper, "a a a")
		play(t, lower, "b")
		assert.Equal(t, "a3", drawAll(t, upper))
		assert.Equal(t, "b1", drawAll(t, lower))
	})
}

var keyRule = regexp.MustCompile(`\A[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*\z`)

// FuzzKey compares what keys are with the rule as an expression, and puts what should be one.
func FuzzKey(f *testing.F) {
	for _, key := range validKeys {
		f.Add(key)
	}
	for _, row := range invalidKeys {
		f.Add(row.key)
	}
	b, err := kv.New().CreateBucket(f.Context(), kv.Config{Bucket: "B"})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, key string) {
		valid := keyRule.MatchString(key) && len(key) <= 4000
		require.Equal(t, valid, kv.CheckKey(key) == nil, "CheckKey(%q)", key)
		r, err := b.Put(t.Context(), key, []byte(key))
		if !valid {
			requireErr(t, err, kv.ErrInvalidKey)
			return
		}
		require.NoError(t, err)
		e, err := b.Get(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, key, string(e.Value))
		require.Equal(t, r, e.Revision)
		require.Equal(t, []string{key}, collect(t, b.Keys(t.Context(), key)))
		require.NoError(t, b.Purge(t.Context(), key))
		require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
	})
}

// shortName makes a name for a subtest.
func shortName(s string) string {
	if len(s) > 20 {
		return fmt.Sprintf("%q and %d more", s[:20], len(s)-20)
	}
	return fmt.Sprintf("%q", s)
}

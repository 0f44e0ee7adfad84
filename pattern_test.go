package kv_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

var patternRows = []struct {
	pattern string
	matches string // of the keys a a.b a.b.c ab axb b b.b c.b.d
}{
	{"a", "a"},
	{"*", "a ab axb b"},
	{">", "a a.b a.b.c ab axb b b.b c.b.d"},
	{"a.*", "a.b"},
	{"*.b", "a.b b.b"},
	{"*.*", "a.b b.b"},
	{"a.>", "a.b a.b.c"},
	{"*.>", "a.b a.b.c b.b c.b.d"},
	{"*.b.>", "a.b.c c.b.d"},
	{"a.b.c.>", ""},
	{"a.*.c", "a.b.c"},
	{"*.*.*", "a.b.c c.b.d"},
	{"c.*.>", "c.b.d"},
	{"nosuch", ""},
	{"a/b", ""},
	// A wildcard that is not a whole token is none, and no key has that character.
	{"**", ""},
	{"*b", ""},
	{"a*b", ""},
	{"a.**", ""},
	{"*>", ""},
	{"a.*>", ""},
	{"a*", ""},
	{"a>", ""},
	{"a.b*", ""},
	{"a.b>", ""},
	{"*.b*", ""},
	{"a*.>", ""},
}

// Keys, Entries, the first events of a watch and later ones all mean the same by a pattern.
func TestPatterns(t *testing.T) {
	const keys = "a a.b a.b.c ab axb b b.b c.b.d"
	for _, row := range patternRows {
		t.Run(row.pattern, func(t *testing.T) {
			require.NoError(t, kv.CheckPattern(row.pattern))
			want := strings.Fields(row.matches)
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				play(t, b, keys)
				assert.ElementsMatch(t, want, collect(t, b.Keys(t.Context(), row.pattern)))
				assert.ElementsMatch(t, want, keysOf(collect(t, b.Entries(t.Context(), row.pattern))))

				w, err := b.Watch(t.Context(), row.pattern)
				require.NoError(t, err)
				defer w.Stop()
				first, caughtUp, found := strings.Cut(drain(t, w)+" ", "CaughtUp")
				require.True(t, found)
				assert.Equal(t, want, withoutRevisions(first))
				assert.Equal(t, " ", caughtUp)

				play(t, b, keys)
				assert.Equal(t, want, withoutRevisions(drain(t, w)), "live")
			})
		})
	}
}

func keysOf(entries []kv.Entry) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.Key
	}
	return keys
}

// withoutRevisions returns the keys of what draw showed.
func withoutRevisions(drawn string) []string {
	keys := strings.Fields(drawn)
	for i, word := range keys {
		keys[i] = strings.TrimRight(word, "0123456789DP")
	}
	return keys
}

var invalidPatterns = []struct {
	name, pattern, reason string
}{
	{"empty", "", "it is empty"},
	{"only a dot", ".", "it starts with '.'"},
	{"dot first", ".a", "it starts with '.'"},
	{"dot last", "a.", "it ends with '.'"},
	{"two dots", "a..b", "it has two '.' side by side"},
	{"rest in the middle", "a.>.b", `it has ">" at byte 2`},
	{"rest first", ">.a", `it has ">" at byte 0`},
	{"rest twice", ">>", `it has ">" at byte 0`},
	{"space", "a b", `it has " " at byte 1`},
	{"comma", "a,b", `it has "," at byte 1`},
	{"dollar", "$KV", `it has "$" at byte 0`},
	{"not ASCII", "é", `it has "é" at byte 0`},
	{"too long", strings.Repeat("p", kv.MaxKeyLength+1), "it has 4001 bytes, the most is 4000"},
}

func TestInvalidPatterns(t *testing.T) {
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, row := range invalidPatterns {
			requireErr(t, kv.CheckPattern(row.pattern), kv.ErrInvalidPattern, row.name)
			for _, c := range patternCalls {
				err := c.call(t.Context(), b, row.pattern)
				requireErr(t, err, kv.ErrInvalidPattern, row.name)
				e := asError[*kv.KeyError](t, err)
				assert.Equal(t, c.op, e.Op)
				assert.Equal(t, row.pattern, e.Key)
				assert.Equal(t, row.reason, e.Reason, row.name)
			}
			_, err := b.WatchFiltered(t.Context(), []string{"a", row.pattern, "b"})
			requireErr(t, err, kv.ErrInvalidPattern, "in a list: "+row.name)
		}
		assert.Zero(t, statusOf(t, b).Watchers)
	})
}

func TestPatternLists(t *testing.T) {
	for _, row := range []struct {
		patterns []string
		want     string // after a=1 b=2 a.b=3 b.b=4 a.b.c=5; "overlap NAME" names what is covered
	}{
		{nil, "a1 b2 a.b3 b.b4 a.b.c5 CaughtUp"},
		{[]string{}, "a1 b2 a.b3 b.b4 a.b.c5 CaughtUp"},
		{[]string{"a", "b"}, "a1 b2 CaughtUp"},
		{[]string{"b", "a"}, "a1 b2 CaughtUp"},
		{[]string{"a.*", "*.b"}, "a.b3 b.b4 CaughtUp"},
		{[]string{"a.b", "a.b.c"}, "a.b3 a.b.c5 CaughtUp"},
		{[]string{"nosuch", "a"}, "a1 CaughtUp"},
		{[]string{"a.b", "c.>"}, "a.b3 CaughtUp"},
		{[]string{"a.b*", "a"}, "a1 CaughtUp"},
		{[]string{"*", "*.*"}, "a1 b2 a.b3 b.b4 CaughtUp"},
		{[]string{"a", "a"}, "overlap a"},
		{[]string{"a.*", "a.b"}, "overlap a.b"},
		{[]string{"a.b", "a.*"}, "overlap a.b"},
		{[]string{"a.>", "a.*"}, "overlap a.*"},
		{[]string{"a", ">"}, "overlap a"},
		{[]string{"b", "a.b.*", "a.*.*"}, "overlap a.b.*"},
	} {
		t.Run(strings.Join(row.patterns, ","), func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{})
				play(t, b, "a b a.b b.b a.b.c")
				given := slices.Clone(row.patterns)
				w, err := b.WatchFiltered(t.Context(), given)
				assert.Equal(t, row.patterns, given, "the slice stays the caller's")
				if covered, overlap := strings.CutPrefix(row.want, "overlap "); overlap {
					requireErr(t, err, kv.ErrOverlappingPatterns)
					e := asError[*kv.KeyError](t, err)
					assert.Equal(t, "watch", e.Op)
					assert.Equal(t, covered, e.Key)
					assert.Zero(t, statusOf(t, b).Watchers)
					return
				}
				require.NoError(t, err)
				defer w.Stop()
				assert.Equal(t, row.want, drain(t, w))
				play(t, b, "a b a.b b.b a.b.c")
				assert.Len(t, strings.Fields(drain(t, w)), len(strings.Fields(row.want))-1, "live, each once")
			})
		})
	}
}

func TestManyPatterns(t *testing.T) {
	b := newBucket(t, kv.New(), kv.Config{})
	patterns := make([]string, 1000)
	for i := range patterns {
		patterns[i] = fmt.Sprintf("k%d.*", i)
	}
	play(t, b, "k0.a k999.a k1000.a")
	w, err := b.WatchFiltered(t.Context(), patterns)
	require.NoError(t, err)
	defer w.Stop()
	assert.Equal(t, "k0.a1", nextEvent(t, w))
	assert.Equal(t, "k999.a2", nextEvent(t, w))
	assert.Equal(t, "CaughtUp", nextEvent(t, w))
	play(t, b, "k1000.b k500.b")
	assert.Equal(t, "k500.b5", nextEvent(t, w))
}

// Two patterns overlap exactly if one matches every key that the other does. Over patterns of three tokens, keys of up to
// four tokens of which one is in no pattern tell.
func TestOverlapOfAllShortPatterns(t *testing.T) {
	b := newBucket(t, kv.New(), kv.Config{})
	patterns := tokenPaths([]string{"a", "b", "*"}, 3)
	for _, p := range tokenPaths([]string{"a", "b", "*"}, 2) {
		patterns = append(patterns, p+".>")
	}
	patterns = append(patterns, ">")
	keys := tokenPaths([]string{"a", "b", "z"}, 4)
	covers := func(p, q string) bool {
		return !slices.ContainsFunc(keys, func(k string) bool { return plainMatch(q, k) && !plainMatch(p, k) })
	}
	for _, p := range patterns {
		for _, q := range patterns {
			err := watchOnce(b.WatchFiltered(t.Context(), []string{p, q}))
			if covers(p, q) || covers(q, p) {
				requireErr(t, err, kv.ErrOverlappingPatterns, p+" "+q)
			} else {
				require.NoError(t, err, p+" "+q)
			}
		}
	}
}

// tokenPaths returns all sequences of one to n tokens.
func tokenPaths(tokens []string, n int) []string {
	all := slices.Clone(tokens)
	for last := tokens; n > 1; n-- {
		var longer []string
		for _, p := range last {
			for _, token := range tokens {
				longer = append(longer, p+"."+token)
			}
		}
		all = append(all, longer...)
		last = longer
	}
	return all
}

var patternRule = regexp.MustCompile(`\A([-/_=a-zA-Z0-9*]+\.)*([-/_=a-zA-Z0-9*]+>?|>)\z`)

// plainMatch says what a pattern matches in the plainest way there is.
func plainMatch(pattern, key string) bool {
	return matchLists(strings.Split(pattern, "."), strings.Split(key, "."))
}

func matchLists(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case len(key) == 0:
		return false
	case pattern[0] == ">" && len(pattern) == 1:
		return true
	case pattern[0] == "*" || pattern[0] == key[0]:
		return matchLists(pattern[1:], key[1:])
	}
	return false
}

// FuzzPattern compares listings and watches with plainMatch, and what patterns are with the rule as an expression.
func FuzzPattern(f *testing.F) {
	for _, row := range patternRows {
		for _, key := range []string{"a", "a.b", "a.b.c", "ab", "c.b.d"} {
			f.Add(row.pattern, key)
		}
	}
	for _, row := range invalidPatterns {
		f.Add(row.pattern, "a")
	}
	f.Fuzz(func(t *testing.T, pattern, key string) {
		valid := patternRule.MatchString(pattern) && len(pattern) <= 4000
		require.Equal(t, valid, kv.CheckPattern(pattern) == nil, "CheckPattern(%q)", pattern)
		b := newBucket(t, kv.New(), kv.Config{})
		if !valid {
			requireErr(t, lastError(b.Keys(t.Context(), pattern)), kv.ErrInvalidPattern)
			return
		}
		if kv.CheckKey(key) != nil {
			return
		}
		for _, k := range []string{"before", "zzz.zzz", key} {
			require.NoError(t, errOf(b.PutString(t.Context(), k, "")))
		}
		checkPattern(t, b, pattern, key)
	})
}

// checkPattern compares the keys that a bucket lists for a pattern, and what a watcher tells of them and of one that is put
// again, with plainMatch.
func checkPattern(t *testing.T, b *kv.Bucket, pattern, key string) {
	t.Helper()
	matching := []string{}
	for _, k := range collect(t, b.Keys(t.Context(), ">")) {
		if plainMatch(pattern, k) {
			matching = append(matching, k)
		}
	}
	require.Equal(t, matching, append([]string{}, collect(t, b.Keys(t.Context(), pattern))...))

	w, err := b.Watch(t.Context(), pattern)
	require.NoError(t, err)
	defer w.Stop()
	for range matching {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		require.Contains(t, matching, e.Entry.Key)
	}
	require.Equal(t, "CaughtUp", nextEvent(t, w))

	// Something that matches follows, so that a key that does not match would be seen.
	last := strings.NewReplacer("*", "x", ">", "x").Replace(pattern)
	if !plainMatch(pattern, last) {
		return
	}
	want := []string{key, last}
	if !plainMatch(pattern, key) {
		want = want[1:]
	}
	require.NoError(t, errOf(b.PutString(t.Context(), key, "")))
	require.NoError(t, errOf(b.PutString(t.Context(), last, "again")))
	for _, k := range want {
		e, err := w.Next(t.Context())
		require.NoError(t, err)
		if k == key && key == last { // the first of two may be trimmed before it is seen
			require.Equal(t, "again", string(e.Entry.Value))
			return
		}
		require.Equal(t, k, e.Entry.Key)
	}
}

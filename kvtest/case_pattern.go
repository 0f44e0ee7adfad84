package kvtest

import (
	"fmt"

	"github.com/revkv/kv"
)

// What patterns match.
var patternCases = []Case{
	{
		Name:    "pattern/tokens",
		Promise: "A pattern matches token by token: * stands for one, > at the end for one or more, text for itself.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for _, key := range []string{"a", "a.b", "a.b.c", "b", "b.b", "c.b.d", "ab", "axb"} {
				b.put(key, "")
			}
			for _, p := range []struct {
				pattern string
				keys    []string
			}{
				{"a", []string{"a"}},
				{"a.b", []string{"a.b"}},
				{"*", []string{"a", "b", "ab", "axb"}},
				{">", []string{"a", "a.b", "a.b.c", "b", "b.b", "c.b.d", "ab", "axb"}},
				{"a.*", []string{"a.b"}},
				{"*.b", []string{"a.b", "b.b"}},
				{"*.*", []string{"a.b", "b.b"}},
				{"a.>", []string{"a.b", "a.b.c"}},
				{"*.>", []string{"a.b", "a.b.c", "b.b", "c.b.d"}},
				{"*.b.>", []string{"a.b.c", "c.b.d"}},
				{"a.*.c", []string{"a.b.c"}},
				{"a.b.c.>", nil},
				{"nosuch", nil},
				{"a/b", nil},
			} {
				t.same(initialKeys(b, p.pattern), p.keys, "keys that match %q, in order of revision", p.pattern)
			}
		},
	},
	{
		Name:    "pattern/live",
		Promise: "A pattern selects what is written later by the same rule as what is there.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			for _, p := range []struct{ pattern, match, other string }{
				{"a", "a", "a.b"},
				{"*", "b", "a.b"},
				{"a.*", "a.b", "a.b.c"},
				{"*.b", "a.b", "a.b.c"},
				{"*.b.>", "a.b.c", "a.b"},
				{"a.>", "a.b.c.d", "a"},
				{">", "a.b.c.d", ""},
			} {
				w := b.watch(WatchOptions{UpdatesOnly: true}, p.pattern)
				if p.other != "" {
					b.put(p.other, "")
				}
				rev := b.put(p.match, "x")
				w.want(fmt.Sprintf("%d %s=x", rev, p.match))
			}
		},
	},
	{
		Name:    "pattern/glued-wildcard",
		Promise: "A wildcard that is not a whole token is an ordinary character, and no key has it: it matches nothing.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "", "ab", "", "axb", "", "a.b", "", "a.b.c", "")
			for _, p := range []string{"**", "*b", "a*b", "a.**", "*>", "a.*>"} {
				t.same(initialKeys(b, p), nil, "keys that match %q", p)
			}
		},
	},
	{
		Name:    "pattern/glued-wildcard-behind-a-key",
		Promise: "A wildcard glued to the beginning of a key matches nothing either.",
		Needs:   []Need{Sound},
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "", "ab", "", "axb", "", "a.b", "", "a.bc", "")
			for _, p := range []string{"a*", "a>", "a.b*", "a.b>"} {
				t.same(initialKeys(b, p), nil, "keys that match %q", p)
			}
		},
	},
	{
		Name:    "pattern/several",
		Promise: "A watch of several patterns delivers what matches any of them, once, in order of revision.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("b", "1", "a.b", "1", "c", "1", "a.c", "1", "d.b", "1")
			w := b.watch(WatchOptions{}, "b", "a.*", "*.b")
			w.want("1 b=1", "2 a.b=1", "4 a.c=1", "5 d.b=1", caughtUp)
			b.puts("c", "2", "a.b", "2", "b", "2")
			w.want("7 a.b=2", "8 b=2")
		},
	},
	{
		Name:    "pattern/none-is-all",
		Promise: "A watch of an empty list of patterns is a watch of all keys.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{})
			b.puts("a", "1", "a.b", "1")
			w, err := b.Watch(t.ctx, nil, WatchOptions{})
			t.ok(err, "watch without patterns")
			defer w.Stop()
			(&watcher{w, t}).want("1 a=1", "2 a.b=1", caughtUp)
		},
	},
}

// initialKeys returns the keys that a watch of a pattern delivers before it has caught up.
func initialKeys(b *bucket, pattern string) (keys []string) {
	b.t.Helper()
	w := b.watch(WatchOptions{}, pattern)
	defer w.Stop()
	for {
		e, err := w.next()
		b.t.ok(err, "watch of %q", pattern)
		if e.Kind == kv.CaughtUp {
			return keys
		}
		keys = append(keys, e.Entry.Key)
	}
}

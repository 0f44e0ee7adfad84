package natstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// A source makes random operations. What they are is decided here; only revisions are looked up when an operation is played,
// so that conditions are still met in a program from which operations have been left out.
//
// Programs do without what natskv does in another way on purpose (see deviations) and without what a server does only at
// times:
//
//	mirrors, sources, RePublish          deviation                                             no configuration has them
//	UpdatesOnly for a listing of keys    deviation                                             listOpt
//	wildcards glued to text of a key     deviation                                             text and tokens
//	keys near 4000 bytes                 deviation                                             key
//	watchers of a deleted bucket         deviation                                             remove stops them before
//	nil for a context                    the client panics                                     ctx and oldListOpt
//	expiry                               it has tests of its own, which take time              ttl and goodConfig
//	Delta of live updates                a server counts twice what two patterns match         next: only before the nil entry
//	the number of consumers              those of ended contexts go a moment later             noteStream is told
//	a bucket made just after a deletion  a server may fail, or find the old entries            gone waits, created tries again
//	a second write to a missing bucket   each takes the client half a second                   mayWait
type source struct {
	*rand.Rand
	values int
	later  []operation // to be made within a few operations
}

// newProgram makes a program. A seed always makes the same.
func newProgram(seed uint64, operations int) program {
	s := &source{Rand: rand.New(rand.NewPCG(seed, 0))}
	var p program
	for _, name := range bucketNames {
		p = append(p, s.createGood(name))
	}
	for len(p) < operations {
		p = append(p, s.operation())
		if len(s.later) > 0 && s.one(8) {
			p, s.later = append(p, s.later[0]), s.later[1:]
		}
	}
	return p
}

// pick returns one of some things.
func pick[T any](s *source, of ...T) T { return of[s.IntN(len(of))] }

// one reports true once in n times.
func (s *source) one(n int) bool { return s.IntN(n) == 0 }

// operation makes any operation.
func (s *source) operation() operation {
	kinds := []struct {
		share int
		make  func() operation
	}{
		{30, s.write}, {14, s.readKey}, {6, s.list}, {10, s.watch}, {3, s.endWatch}, {3, s.purgeDeletes}, {4, s.status},
		{8, s.manage}, {14, s.oldWrite}, {8, s.oldRead}, {4, s.oldWatch}, {2, s.oldManage},
	}
	all := 0
	for _, k := range kinds {
		all += k.share
	}
	n := s.IntN(all)
	for _, k := range kinds {
		if n -= k.share; n < 0 {
			return k.make()
		}
	}
	panic("unreachable")
}

var (
	bucketNames = []string{"A", "b_2", "a-longer-name-0"}
	goodKeys    = []string{"a", "b", "a.b", "a.c", "x.y.z", "k=/-_", "0", "a.b.c", strings.Repeat("long.", 30) + "x"}
	badKeys     = []string{"", ".", ".a", "a.", "a..b", "a b", "*", "a.*", ">", "é", "a\xff", "$a", "a\n"}
	patterns    = []string{
		">", "*", "a", "b", "a.*", "*.b", "a.>", "*.*", "*.>", "x.y.z", "x.*.z", "0", "nosuch", "a/b", "zz*", "zz.a>", "**", "*b", "a.**",
		"*>",
	}
	badPatterns = []string{"", ".", "a..b", ">.a", "a.", "a b", "$KV", ">>", "é"}
)

func (s *source) bucket() string { return bucketNames[min(s.IntN(5), 2)] }

// key is one of a few, or one that is not valid.
func (s *source) key() string {
	switch s.IntN(60) {
	case 0:
		return pick(s, badKeys...)
	case 1:
		return s.text()
	}
	if s.one(2) {
		return pick(s, goodKeys[:2]...)
	}
	return pick(s, goodKeys...)
}

// text is a few characters, some of which are not allowed. It begins with what no good key begins with, since a wildcard may be
// glued to that.
func (s *source) text() string {
	text := pick(s, "", "q", "w", ".")
	if text == "" {
		return text
	}
	for range s.IntN(6) {
		text += pick(s, "q", "q", "w", ".", ".", "*", ">", "-", "_", "/", "=", " ", ":", "$", "\x00", "\xff", "é")
	}
	return text
}

// tokens is a pattern of a few tokens. If the last one is a wildcard that is glued to text there is no other wildcard.
func (s *source) tokens() string {
	glued := s.one(5)
	wildcard := "*"
	if glued {
		wildcard = "c"
	}
	tokens := []string{pick(s, "a", "x", wildcard)}
	for range s.IntN(3) {
		tokens = append(tokens, pick(s, "b", "y", "c", "z", wildcard, wildcard))
	}
	switch {
	case glued:
		tokens = append(tokens, pick(s, "*q", "**", "*>"))
	case s.one(3):
		tokens = append(tokens, ">")
	}
	return strings.Join(tokens, ".")
}

// patterns is a list of none to three, seldom good if it is long: most overlap.
func (s *source) patterns() []string {
	n := pick(s, 0, 1, 1, 1, 1, 1, 2, 2, 3)
	if n == 0 {
		return pick(s, nil, []string{})
	}
	var list []string
	for range n {
		list = append(list, s.pattern(n > 1))
	}
	return list
}

// pattern is a pattern, perhaps one that does not overlap with many others.
func (s *source) pattern(narrow bool) string {
	switch s.IntN(50) {
	case 0:
		return pick(s, badPatterns...)
	case 1:
		return s.text()
	case 2, 3, 4, 5, 6:
		return s.tokens()
	}
	if narrow && !s.one(3) {
		return pick(s, "a", "b", "x.>", "a.*", "0", "*.b")
	}
	return pick(s, patterns...)
}

// A value is one that is easy to read in a program.
type value struct {
	number, size int
	null         bool
}

func (v value) String() string {
	if v.null {
		return "nil"
	}
	return fmt.Sprintf("v(%d, %d)", v.number, v.size)
}

func (v value) bytes() []byte {
	if v.null {
		return nil
	}
	text := fmt.Sprintf("%d:", v.number)
	return []byte((text + strings.Repeat("v", max(v.size-len(text), 0)))[:v.size])
}

// value has a size that limits may or may not allow.
func (s *source) value() value {
	s.values++
	v := value{number: s.values}
	switch s.IntN(20) {
	case 0:
		v.null = true
	case 1, 2:
	case 3, 4, 5, 6, 7, 8, 9:
		v.size = s.IntN(20)
	case 10, 11, 12, 13, 14:
		v.size = 25 + s.IntN(40)
	case 15, 16, 17, 18:
		v.size = 90 + s.IntN(30)
	case 19:
		v.size = 200 + s.IntN(400)
	}
	if s.one(200) {
		v.size = 1<<20 - 70 + s.IntN(80) // what a client sends has at most 1<<20
	}
	return v
}

// A revision is looked up when an operation is played.
type revision struct {
	text string
	find func(r *run, b jetstream.KeyValue) uint64
}

// revision is mostly the newest one of a key.
func (s *source) revision(key string) revision {
	switch s.IntN(12) {
	case 0:
		return newest(key, -1)
	case 1:
		return newest(key, 1)
	case 2:
		return newest(pick(s, goodKeys...), 0)
	case 3:
		return exactly(pick(s, 0, uint64(s.IntN(40)), uint64(s.IntN(40)), math.MaxInt64, math.MaxUint64))
	case 4:
		return exactly(0)
	}
	return newest(key, 0)
}

// newest is the newest revision of a key, or one near it.
func newest(key string, plus int) revision {
	text := fmt.Sprintf("newest(%s)", short(key))
	if plus != 0 {
		text += fmt.Sprintf("%+d", plus)
	}
	return revision{text, func(r *run, b jetstream.KeyValue) uint64 { return r.newest(b, key) + uint64(plus) }}
}

func exactly(n uint64) revision {
	return revision{fmt.Sprint(n), func(*run, jetstream.KeyValue) uint64 { return n }}
}

// on makes an operation on a bucket that is not a write.
func (s *source) on(name, text string, do func(r *run, b jetstream.KeyValue)) operation {
	return s.ctx(operation{name + "." + text, func(r *run) {
		r.with(name, func(b jetstream.KeyValue) { do(r, b) })
	}})
}

// ctx ends the contexts of an operation, sometimes.
func (s *source) ctx(o operation) operation {
	if !s.one(50) {
		return o
	}
	return operation{strings.Replace(o.text, "(ctx", "(ended", 1), func(r *run) {
		r.ended = true
		defer func() { r.ended = false }()
		o.do(r)
	}}
}

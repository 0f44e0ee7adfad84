package kv_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// A modelOp is one operation of a script: what to do, and with what. Only the fields that the operation needs are set.
//
// What it says is independent of the operations before it, as far as possible: a revision is named by its place in the history
// of a key, a watcher by the slot that it is in. So operations can be left out of a script, and the rest makes sense.
type modelOp struct {
	do       string
	key      string
	value    string
	rev      modelRev
	cond     bool // with LastRevision
	ttl      time.Duration
	hasTTL   bool
	batch    []modelOp
	age      time.Duration
	cfg      kv.Config
	patterns int // one of modelPatterns
	watch    modelWatchOptions
	list     modelListOptions
	slot     int
	canceled bool // with a context that has ended
}

// A modelRev names a revision: the one that is back places before the newest of a key, and plus more. The key is that of the
// operation if none is given. If there is no such revision it is 0.
type modelRev struct {
	key  string
	back int
	plus uint64
}

// modelListOptions are the options of a listing.
type modelListOptions struct {
	after    string
	limit    int
	hasLimit bool
	reverse  bool
	meta     bool
}

// modelKeys are what scripts play with. Some are prefixes of others, and some have characters of all kinds.
var modelKeys = []string{"a", "b", "a.b", "a.c", "a.b.c", "b.a", "b.b", "a-b", "x/y=z", "A", "_k"}

// modelBadKeys are no keys.
var modelBadKeys = []string{"", ".a", "a.", "a..b", "a b", "a*", ">", "ü", "a\x00", strings.Repeat("k", kv.MaxKeyLength+1)}

// modelPatterns are lists of patterns for watchers. The listings use their first.
var modelPatterns = []struct {
	patterns []string
	err      error
}{
	{[]string{">"}, nil},
	{[]string{"a"}, nil},
	{[]string{"*"}, nil},
	{[]string{"a.*"}, nil},
	{[]string{"a.>"}, nil},
	{[]string{"*.b"}, nil},
	{[]string{"*.>"}, nil},
	{[]string{"a.b.c"}, nil},
	{[]string{"a", "b"}, nil},
	{[]string{"a.*", "*.b"}, nil},
	{[]string{"b.a", "a.>", "x/y=z"}, nil},
	{[]string{"nosuch"}, nil},
	{[]string{"a*"}, nil},
	{[]string{"a.b", "**"}, nil},
	{[]string{"n.>"}, nil},
	{[]string{""}, kv.ErrInvalidPattern},
	{[]string{"a..b"}, kv.ErrInvalidPattern},
	{[]string{">.a"}, kv.ErrInvalidPattern},
	{[]string{"a b", "a"}, kv.ErrInvalidPattern},
	{[]string{"a", "a"}, kv.ErrOverlappingPatterns},
	{[]string{"a.b", "a.*"}, kv.ErrOverlappingPatterns},
	{[]string{"a.>", "a.*"}, kv.ErrOverlappingPatterns},
	{[]string{"b", ">"}, kv.ErrOverlappingPatterns},
}

// modelTTLs are all whole milliseconds, but for the last two: see modelRun.wholeTTL.
var modelTTLs = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 7 * time.Millisecond, 50 * time.Millisecond, time.Second, time.Minute, time.Hour,
	math.MaxInt64, 1, 1500 * time.Microsecond,
}

// A modelSource makes the choices of a generator: a number from 0 to below n.
type modelSource func(n int) int

// modelRandom returns a source for a seed.
func modelRandom(seed uint64) modelSource {
	return rand.New(rand.NewPCG(seed, seed)).IntN
}

// modelBytesSource returns a source that takes its choices from bytes, and says when there are no more.
func modelBytesSource(data []byte) (choose modelSource, more func() bool) {
	choose = func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % n
	}
	return choose, func() bool { return len(data) > 0 }
}

// one says yes once in n times.
func (s modelSource) one(n int) bool { return s(n) == n-1 }

func modelPick[T any](s modelSource, of ...T) T { return of[s(len(of))] }

// modelWeights says how often which operation comes.
var modelWeights = []struct {
	weight int
	make   func(modelSource) modelOp
}{
	{24, func(s modelSource) modelOp { return s.write(modelOp{do: "put"}) }},
	{8, func(s modelSource) modelOp { return s.write(modelOp{do: "create"}) }},
	{8, func(s modelSource) modelOp { return s.write(modelOp{do: "update", rev: s.revision()}) }},
	{4, func(s modelSource) modelOp { return s.write(modelOp{do: "revert", rev: s.revision()}) }},
	{7, func(s modelSource) modelOp { return s.remove("delete") }},
	{4, func(s modelSource) modelOp { return s.remove("purge") }},
	{6, modelSource.batch},
	{8, func(s modelSource) modelOp { return s.read(modelOp{do: "get"}) }},
	{6, func(s modelSource) modelOp { return s.read(modelOp{do: "get revision", rev: s.revision()}) }},
	{6, func(s modelSource) modelOp { return s.read(modelOp{do: "history"}) }},
	{4, func(s modelSource) modelOp { return s.list(modelOp{do: modelPick(s, "entries", "keys")}) }},
	{2, func(s modelSource) modelOp { return s.list(modelOp{do: "begin listing", slot: s(2)}) }},
	{6, func(s modelSource) modelOp { return modelOp{do: "go on listing", slot: s(2)} }},
	{4, modelSource.watch},
	{24, func(s modelSource) modelOp { return modelOp{do: "next", slot: s(4)} }},
	{2, func(s modelSource) modelOp { return modelOp{do: modelPick(s, "stop", "cancel"), slot: s(4)} }},
	{10, func(s modelSource) modelOp {
		return modelOp{do: "pass", age: modelPick(s,
			time.Millisecond, 2*time.Millisecond, 5*time.Millisecond, 40*time.Millisecond, time.Second, 20*time.Second,
			time.Minute, 31*time.Minute)}
	}},
	{2, func(s modelSource) modelOp {
		return modelOp{do: "purge deletes", age: modelPick(s, 0, -1, time.Millisecond, time.Minute), canceled: s.one(10)}
	}},
	{2, func(s modelSource) modelOp { return modelOp{do: "configure", cfg: s.config()} }},
	{2, func(s modelSource) modelOp { return modelOp{do: "status"} }},
	{1, modelSource.bucket},
}

var modelWeight = func() (sum int) {
	for _, w := range modelWeights {
		sum += w.weight
	}
	return sum
}()

// op makes the next operation.
func (s modelSource) op() modelOp {
	at := s(modelWeight)
	for _, w := range modelWeights {
		if at -= w.weight; at < 0 {
			return w.make(s)
		}
	}
	panic("not reached")
}

func (s modelSource) key() string {
	if s.one(60) {
		return modelPick(s, modelBadKeys...)
	}
	return modelKeys[min(s(len(modelKeys)), s(len(modelKeys)+4))] // the first ones more often
}

// revision names the newest revision most of the time.
func (s modelSource) revision() modelRev {
	switch s(8) {
	case 0:
		return modelRev{back: 1 + s(3)}
	case 1:
		return modelRev{key: modelPick(s, modelKeys...)}
	case 2:
		return modelRev{plus: uint64(1 + s(3))}
	case 3:
		return modelRev{back: 99} // 0
	}
	return modelRev{}
}

// write fills in an operation that writes a value.
func (s modelSource) write(op modelOp) modelOp {
	op.key = s.key()
	if op.do != "revert" {
		op.value = strings.Repeat(string(rune('a'+s(26))), modelPick(s, 0, 1, 3, 6, 9, 12, 30))
	}
	if s.one(4) {
		op.ttl, op.hasTTL = modelPick(s, modelTTLs...), true
	} else if s.one(40) {
		op.ttl, op.hasTTL = -modelPick(s, 0, 1, time.Hour), true
	}
	op.canceled = s.one(80)
	return op
}

// remove makes an operation that writes a marker.
func (s modelSource) remove(do string) modelOp {
	op := s.write(modelOp{do: do})
	op.value = ""
	if s.one(3) {
		op.cond, op.rev = true, s.revision()
	}
	return op
}

// batch makes a batch. It may have the same key twice.
func (s modelSource) batch() modelOp {
	op := modelOp{do: "batch"}
	for range s(5) {
		var w modelOp
		switch s(6) {
		case 0:
			w = s.write(modelOp{do: "create"})
		case 1:
			w = s.write(modelOp{do: "update", rev: s.revision()})
		case 2:
			w = s.remove(modelPick(s, "delete", "purge"))
		case 3:
			w = s.write(modelOp{do: "revert", rev: s.revision()})
		default:
			w = s.write(modelOp{do: "put"})
		}
		w.canceled = false
		op.batch = append(op.batch, w)
	}
	return op
}

func (s modelSource) read(op modelOp) modelOp {
	op.key, op.canceled = s.key(), s.one(80)
	return op
}

func (s modelSource) list(op modelOp) modelOp {
	op.patterns = s.patterns()
	if s.one(3) {
		op.list.after = s.key()
	}
	if s.one(3) {
		op.list.limit, op.list.hasLimit = s(5), true
	}
	op.list.reverse, op.list.meta, op.canceled = s.one(2), s.one(4), s.one(80)
	return op
}

// patterns chooses the good ones more often.
func (s modelSource) patterns() int {
	const good = 15
	if s.one(20) {
		return s(len(modelPatterns))
	}
	return s(good)
}

func (s modelSource) watch() modelOp {
	op := modelOp{do: "watch", slot: s(4), patterns: s.patterns(), canceled: s.one(80)}
	o := &op.watch
	o.includeHistory, o.updatesOnly, o.ignoreDeletes, o.metaOnly = s.one(3), s.one(6), s.one(3), s.one(4)
	if s.one(3) {
		op.rev = modelRev{key: modelPick(s, modelKeys...), back: s(4), plus: uint64(s(2))}
		o.resume = 1 // rev says which
	}
	return op
}

// config makes a configuration, a bad one at times.
func (s modelSource) config() kv.Config {
	cfg := kv.Config{
		History:      modelPick[uint8](s, 0, 1, 2, 3, 3, 5, 10),
		MaxValueSize: modelPick[int32](s, 0, 0, 0, -1, 10),
		MaxBytes:     modelPick[int64](s, 0, 0, 0, -5, 40, 100, 300),
		TTL:          modelPick(s, 0, 0, 0, 20*time.Millisecond, time.Second, time.Hour),
	}
	cfg.LimitMarkerTTL = modelPick(s, 0, 0, time.Millisecond, 10*time.Millisecond, 10*time.Second)
	switch s(40) {
	case 39:
		cfg.History = 65
	case 38:
		cfg.TTL = -1
	case 37:
		cfg.LimitMarkerTTL = -time.Second
	case 36:
		cfg.History = kv.MaxHistory
	}
	return cfg
}

// bucket makes an operation on the bucket as a whole, or on the database.
func (s modelSource) bucket() modelOp {
	op := modelOp{do: modelPick(s, "create bucket", "create bucket", "delete bucket", "reopen", "reopen", "reopen")}
	switch op.do {
	case "create bucket":
		if s.one(2) {
			op.cfg = s.config()
		} // else the one that it has
	case "delete bucket":
		op.cfg = s.config()
	case "reopen":
		op.age = modelPick(s, 0, 0, time.Millisecond, time.Second, time.Hour)
	}
	return op
}

// modelScript is a list of operations, as a test can keep it.
type modelScript []modelOp

func (script modelScript) String() string {
	var b strings.Builder
	b.WriteString("modelScript{\n")
	for _, op := range script {
		fmt.Fprintf(&b, "\t%s,\n", modelGo(reflect.ValueOf(op)))
	}
	b.WriteString("}")
	return b.String()
}

// modelGo writes a value as Go does, without the types that a literal need not name and without zero fields.
func modelGo(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				fields = append(fields, v.Type().Field(i).Name+": "+modelField(f))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Int64, reflect.Int:
		return fmt.Sprint(v.Int())
	}
	return fmt.Sprint(v)
}

// modelField is modelGo for a field, where a literal has to name the types of structs and slices.
func modelField(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Struct:
		return strings.TrimPrefix(v.Type().String(), "kv_test.") + modelGo(v)
	case reflect.Slice:
		var elements []string
		for i := range v.Len() {
			elements = append(elements, modelGo(v.Index(i)))
		}
		name := strings.ReplaceAll(v.Type().String(), "kv_test.", "")
		return name + "{" + strings.Join(elements, ", ") + "}"
	}
	return modelGo(v)
}

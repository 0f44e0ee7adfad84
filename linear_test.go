package kv_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// These tests record what concurrent callers asked and were answered, and let porcupine look for an order of all calls that
// explains the answers: one in which each call takes place between its beginning and its end, and no revision is left out.

// A linearCall is what a caller asks.
type linearCall struct {
	do       string // put, create, update, delete, purge, get, batch, swap, list
	key      int    // 0 or 1; batch, swap and list are about both
	value    string
	revision [2]uint64 // that update and swap name
}

// A linearAnswer is what it is answered.
type linearAnswer struct {
	err      error // one of those below, or nil
	newest   uint64
	revision [2]uint64
	value    [2]string
}

// A linearState is a bucket of depth 1 with two keys.
type linearState struct {
	last   uint64
	keys   [2]linearKey
	failed bool // the store has failed: no more writes
}

type linearKey struct {
	revision uint64
	live     bool
	value    string
}

var linearKeys = [2]string{"a", "b"}

var linearModel = porcupine.Model{
	Init: func() any { return linearState{} },
	Step: func(state, input, output any) (bool, any) {
		s := state.(linearState)
		return s.step(input.(linearCall), output.(linearAnswer))
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

// step says whether a call can be answered like this, and what the state is then.
func (s linearState) step(c linearCall, a linearAnswer) (bool, linearState) {
	if c.do == "get" || c.do == "list" {
		return s.reads(c, a), s
	}
	if errors.Is(a.err, kv.ErrReadOnly) {
		s.failed = true
		return true, s
	}
	if newest, want := s.refusal(c); want != nil || a.err != nil {
		return want == a.err && newest == a.newest, s
	}
	return s.write(c, a)
}

// reads says whether the state explains what a read returned.
func (s linearState) reads(c linearCall, a linearAnswer) bool {
	for i, k := range s.keys {
		if c.do == "get" && i != c.key {
			continue
		}
		if !k.live {
			k = linearKey{}
		}
		if a.revision[i] != k.revision || a.value[i] != k.value {
			return false
		}
	}
	return true
}

// refusal says why a write is not done, and the newest revision that the error has.
func (s linearState) refusal(c linearCall) (newest uint64, err error) {
	k := s.keys[c.key]
	switch c.do {
	case "create":
		if k.live {
			return k.revision, kv.ErrKeyExists
		}
	case "update":
		if k.revision != c.revision[c.key] {
			return k.revision, kv.ErrRevisionMismatch
		}
	case "swap":
		for i, k := range s.keys {
			if k.revision != c.revision[i] {
				return k.revision, kv.ErrRevisionMismatch
			}
		}
	}
	return 0, nil
}

// write does a write that is not refused.
func (s linearState) write(c linearCall, a linearAnswer) (bool, linearState) {
	if s.failed {
		return false, s
	}
	for i := range s.keys {
		if c.do != "batch" && c.do != "swap" && i != c.key {
			continue
		}
		s.last++
		live := c.do != "delete" && c.do != "purge"
		if live && a.revision[i] != s.last {
			return false, s
		}
		s.keys[i] = linearKey{s.last, live, c.value}
		if !live {
			s.keys[i].value = ""
		}
	}
	return true, s
}

// ask makes a call.
func (c linearCall) ask(b *kv.Bucket) (a linearAnswer) {
	ctx, key, value := context.Background(), linearKeys[c.key], []byte(c.value)
	var err error
	switch c.do {
	case "put":
		a.revision[c.key], err = b.Put(ctx, key, value)
	case "create":
		a.revision[c.key], err = b.Create(ctx, key, value)
	case "update":
		a.revision[c.key], err = b.Update(ctx, key, value, c.revision[c.key])
	case "delete":
		err = b.Delete(ctx, key)
	case "purge":
		err = b.Purge(ctx, key)
	case "batch":
		err = a.take(b.Apply(ctx, kv.PutOp("a", value), kv.PutOp("b", value)))
	case "swap":
		err = a.take(b.Apply(ctx, kv.UpdateOp("a", value, c.revision[0]), kv.UpdateOp("b", value, c.revision[1])))
	case "get":
		var e kv.Entry
		if e, err = b.Get(ctx, key); errors.Is(err, kv.ErrKeyNotFound) {
			return a
		}
		a.revision[c.key], a.value[c.key] = e.Revision, string(e.Value)
	case "list":
		for e, listErr := range b.Entries(ctx, ">") {
			if err = listErr; err == nil {
				i := int(e.Key[0] - 'a')
				a.revision[i], a.value[i] = e.Revision, string(e.Value)
			}
		}
	}
	a.explain(err)
	return a
}

// take takes the revisions of a batch over.
func (a *linearAnswer) take(revisions []uint64, err error) error {
	copy(a.revision[:], revisions)
	return err
}

// explain notes an error.
func (a *linearAnswer) explain(err error) {
	for _, known := range []error{kv.ErrKeyExists, kv.ErrRevisionMismatch, kv.ErrReadOnly} {
		if errors.Is(err, known) {
			a.err = known
			var stale *kv.RevisionError
			if errors.As(err, &stale) {
				a.newest = stale.Newest
			}
			return
		}
	}
	a.err = err
}

// A linearCaller chooses calls. It remembers the revisions that it was told, to name them.
type linearCaller struct {
	id    int
	pad   string // the end of each value
	known [2]uint64
}

func (c *linearCaller) next(calls []string, round, n int) linearCall {
	return linearCall{
		do: calls[rand.IntN(len(calls))], key: rand.IntN(2),
		value: fmt.Sprintf("%d.%d.%d%s", round, c.id, n, c.pad), revision: c.known,
	}
}

func (c *linearCaller) learn(call linearCall, a linearAnswer) {
	for i, r := range a.revision {
		c.known[i] = max(c.known[i], r)
	}
	c.known[call.key] = max(c.known[call.key], a.newest)
}

// linearHistory lets callers call at the same time and returns what they asked and were answered. Values end with pad.
func linearHistory(b *kv.Bucket, calls []string, round int, pad string) []porcupine.Operation {
	const callers, each = 5, 5
	var clock atomic.Int64
	var group sync.WaitGroup
	histories := make([][]porcupine.Operation, callers)
	start := make(chan struct{})
	for id := range callers {
		group.Go(func() {
			caller := linearCaller{id: id, pad: pad}
			<-start
			for n := range each {
				call := caller.next(calls, round, n)
				begin := clock.Add(1)
				answer := call.ask(b)
				histories[id] = append(histories[id], porcupine.Operation{
					ClientId: id, Input: call, Call: begin, Output: answer, Return: clock.Add(1),
				})
				caller.learn(call, answer)
			}
		})
	}
	close(start)
	group.Wait()
	var all []porcupine.Operation
	for _, h := range histories {
		all = append(all, h...)
	}
	return all
}

// checkLinear fails if no order explains a history.
func checkLinear(t *testing.T, history []porcupine.Operation) {
	t.Helper()
	if porcupine.CheckOperationsTimeout(linearModel, history, time.Minute) == porcupine.Ok {
		return
	}
	for _, op := range history {
		t.Logf("%3d to %3d, caller %d: %+v: %+v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
	}
	t.Fatal("no order of these calls explains the answers")
}

// linearMixes are the calls of a test.
var linearMixes = map[string][]string{
	"create races":           {"create", "create", "delete", "get"},
	"update chains":          {"update", "update", "update", "put", "get"},
	"get during put":         {"put", "get", "get"},
	"delete and purge":       {"put", "delete", "purge", "create", "get"},
	"batches over two keys":  {"batch", "swap", "put", "get", "list", "list"},
	"all":                    {"put", "create", "update", "delete", "purge", "get", "batch", "swap", "list"},
	"listings during writes": {"put", "delete", "list", "list"},
}

func TestLinearMemory(t *testing.T) {
	for name, calls := range linearMixes {
		t.Run(name, func(t *testing.T) {
			for round := range linearRounds() {
				checkLinear(t, linearHistory(newBucket(t, kv.New(), kv.Config{}), calls, round, ""))
			}
		})
	}
}

func linearRounds() int {
	if testing.Short() {
		return 10
	}
	return 100
}

// TestLinearDurable lets Appends take a while, so that writes share them.
func TestLinearDurable(t *testing.T) {
	for _, kind := range diskKinds {
		for name, calls := range linearMixes {
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				for round := range linearRounds() {
					disk := kind.new()
					disk.Before(storetest.Append, linearPause)
					db := openBackend(t, disk.MustOpen())
					checkLinear(t, linearHistory(newBucket(t, db, kv.Config{}), calls, round, ""))
					require.NoError(t, db.Close())
				}
			})
		}
	}
}

// linearPause lets others run.
func linearPause() error {
	for range rand.IntN(8) {
		runtime.Gosched()
	}
	return nil
}

// TestLinearFailure lets the disk fail in the middle: writes after that fail, what was answered stays, nothing else is seen.
func TestLinearFailure(t *testing.T) {
	for _, kind := range diskKinds {
		t.Run(kind.name, func(t *testing.T) {
			for round := range linearRounds() {
				disk := kind.new()
				disk.Before(storetest.Append, linearPause)
				disk.Fail(storetest.Append, 1+rand.IntN(10), errDisk)
				db := openBackend(t, disk.MustOpen())
				checkLinear(t, linearHistory(newBucket(t, db, kv.Config{}), linearMixes["all"], round, ""))
				require.NoError(t, db.Close())
			}
		})
	}
}

// TestLinearRefusesBrokenHistories checks the checker, with histories that a broken engine would produce.
func TestLinearRefusesBrokenHistories(t *testing.T) {
	put := func(value string) linearCall { return linearCall{do: "put", value: value} }
	get := linearCall{do: "get"}
	told := func(revision uint64, value string) linearAnswer {
		return linearAnswer{revision: [2]uint64{revision}, value: [2]string{value}}
	}
	type call struct {
		begin, end int64
		call       linearCall
		answer     linearAnswer
	}
	tests := []struct {
		name  string
		ok    bool
		calls []call
	}{
		{"a read after a write", true, []call{{1, 2, put("x"), told(1, "")}, {3, 4, get, told(1, "x")}}},
		{"a stale read", false, []call{{1, 2, put("x"), told(1, "")}, {3, 4, get, told(0, "")}}},
		{"a read during a write", true, []call{{1, 4, put("x"), told(1, "")}, {2, 3, get, told(0, "")}}},
		{"a read before a write", false, []call{{1, 2, get, told(1, "x")}, {3, 4, put("x"), told(1, "")}}},
		{"reads that go back", false, []call{
			{1, 8, put("x"), told(1, "")}, {2, 3, get, told(1, "x")}, {4, 5, get, told(0, "")},
		}},
		{"a revision that is left out", false, []call{{1, 2, put("x"), told(1, "")}, {3, 4, put("y"), told(3, "")}}},
		{"a revision given twice", false, []call{{1, 4, put("x"), told(1, "")}, {2, 3, put("y"), told(1, "")}}},
		{"two creates that both succeed", false, []call{
			{1, 4, linearCall{do: "create", value: "x"}, told(1, "")}, {2, 3, linearCall{do: "create", value: "y"}, told(2, "")},
		}},
		{"two updates with the same revision", false, []call{
			{1, 2, put("x"), told(1, "")},
			{3, 6, linearCall{do: "update", value: "y", revision: [2]uint64{1}}, told(2, "")},
			{4, 5, linearCall{do: "update", value: "z", revision: [2]uint64{1}}, told(3, "")},
		}},
		{"half a batch", false, []call{
			{1, 4, linearCall{do: "batch", value: "x"}, linearAnswer{revision: [2]uint64{1, 2}}},
			{2, 3, linearCall{do: "list"}, told(1, "x")},
		}},
		{"a batch with a gap", false, []call{
			{1, 2, linearCall{do: "batch", value: "x"}, linearAnswer{revision: [2]uint64{1, 3}}},
		}},
		{"a refusal without a reason", false, []call{
			{1, 2, linearCall{do: "create", value: "x"}, linearAnswer{err: kv.ErrKeyExists, newest: 1}},
		}},
		{"a refusal with a wrong revision", false, []call{
			{1, 2, put("x"), told(1, "")},
			{3, 4, linearCall{do: "create", value: "x"}, linearAnswer{err: kv.ErrKeyExists, newest: 2}},
		}},
		{"a failed write that is seen", false, []call{
			{1, 4, put("x"), linearAnswer{err: kv.ErrReadOnly}}, {2, 3, get, told(1, "x")},
		}},
		{"a write after a failed one", false, []call{
			{1, 2, put("x"), linearAnswer{err: kv.ErrReadOnly}}, {3, 4, put("y"), told(1, "")},
		}},
		{"an unknown error", false, []call{{1, 2, put("x"), linearAnswer{err: kv.ErrBucketFull}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var history []porcupine.Operation
			for i, c := range test.calls {
				history = append(history, porcupine.Operation{ClientId: i, Input: c.call, Call: c.begin, Output: c.answer, Return: c.end})
			}
			require.Equal(t, test.ok, porcupine.CheckOperations(linearModel, history))
		})
	}
}

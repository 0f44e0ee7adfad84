package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

func contestantOf(t *testing.T, k kind, keys int) *contestant {
	c := &contestant{kind: k, data: newDataset(keys, 128), version: make([]uint32, keys)}
	if !k.volatile {
		c.dir = t.TempDir()
	}
	return c
}

// forgetful loses every hundredth write, and stale keeps the first value of each key.
type forgetful struct {
	engine
	writes int
}

func (f *forgetful) put(key string, value []byte) error {
	if f.writes++; f.writes%100 == 0 {
		return nil
	}
	return f.engine.put(key, value)
}

type stale struct {
	engine
	seen sync.Map
}

func (s *stale) put(key string, value []byte) error {
	if _, loaded := s.seen.LoadOrStore(key, true); loaded {
		return nil
	}
	return s.engine.put(key, value)
}

// A measure of an engine that does not do the work fails.
func TestMeasureChecksTheEngine(t *testing.T) {
	around := func(wrap func(engine) engine) kind {
		return kind{name: "broken", volatile: true, open: func(o options) (engine, error) {
			e, err := openMap(o)
			return wrap(e), err
		}}
	}
	work := putWorkload{ops: 2000, writers: 4}

	_, err := work.measure(contestantOf(t, around(func(e engine) engine { return e }), 500), 1)
	require.NoError(t, err)
	_, err = work.measure(contestantOf(t, around(func(e engine) engine { return &stale{engine: e} }), 500), 1)
	require.ErrorContains(t, err, "expected version")
	lossy := contestantOf(t, around(func(e engine) engine { return &forgetful{engine: e} }), 500)
	_, err = getWorkload{ops: 2000, readers: 1}.measure(lossy, 1)
	require.ErrorIs(t, err, errNotFound)
}

// A faulty engine is this library in memory with some answers changed.
type faulty struct {
	*kvEngine
	key   func(string) (string, bool) // what a listing says instead of a key, or that it leaves it out
	value func([]byte) []byte         // what older revisions have for a value
	event func(event) (event, bool)   // what watchers deliver, or that they do not
}

func (f *faulty) list(prefix string, visit func(string) error) error {
	return f.kvEngine.list(prefix, func(key string) error {
		if key, ok := f.key(key); ok {
			return visit(key)
		}
		return nil
	})
}

func (f *faulty) getRevision(key string, revision uint64) ([]byte, error) {
	v, err := f.kvEngine.getRevision(key, revision)
	return f.value(v), err
}

func (f *faulty) history(key string) ([][]byte, error) {
	values, err := f.kvEngine.history(key)
	return append(values[:len(values)-1], f.value(values[len(values)-1])), err
}

func (f *faulty) watch(pattern string, updatesOnly bool) (watcher, error) {
	w, err := f.kvEngine.watch(pattern, updatesOnly)
	return &faultyWatcher{w, f}, err
}

type faultyWatcher struct {
	watcher
	of *faulty
}

func (w *faultyWatcher) next() (event, error) {
	for {
		e, err := w.watcher.next()
		if e, ok := w.of.event(e); ok || err != nil {
			return e, err
		}
	}
}

// Measures of what a bucket can do besides reading and writing fail too if an answer is wrong.
func TestMeasureChecksBuckets(t *testing.T) {
	const keys = 130
	right := func() *faulty {
		return &faulty{
			key:   func(key string) (string, bool) { return key, true },
			value: func(v []byte) []byte { return v },
			event: func(e event) (event, bool) { return e, true },
		}
	}
	some := newDataset(keys, 128).keys[keys-1]
	without, cut, lost, other := right(), right(), right(), right()
	without.key = func(key string) (string, bool) { return key, key != some }
	cut.value = func(v []byte) []byte { return v[1:] }
	lost.event = func(e event) (event, bool) { return e, e.key != some }
	other.event = func(e event) (event, bool) {
		if e.key == some {
			e.key += ".a"
		}
		return e, true
	}
	beside := func(what func(*contestant, engine) (func() error, error)) workload {
		return besideWorkload{500, (*contestant).lookTimed, what} // no key is overwritten, so none comes twice
	}
	for name, c := range map[string]struct {
		work   workload
		engine *faulty
		want   string
	}{
		"list":                {listWorkload{2, false}, without, "is not the next"},
		"list of a prefix":    {listWorkload{1000, true}, without, "is missing"},
		"revision":            {historyWorkload{50, false}, cut, "is not version"},
		"history":             {historyWorkload{50, true}, cut, "has another value"},
		"watch":               {watchWorkload{2}, lost, "129 of 130 keys"},
		"fan-out":             {fanoutWorkload{keys, 3}, other, "write 129 is of"},
		"listing beside gets": {beside(listings), without, "is not the next"},
		"watch beside gets":   {beside(watchStarts), lost, "129 of 130 keys"},
	} {
		measure := func(f *faulty) error {
			contestant := contestantOf(t, kind{volatile: true, open: func(o options) (engine, error) {
				e, err := openKV(o)
				f.kvEngine = e.(*kvEngine)
				return f, err
			}}, keys)
			contestant.depth = 3
			_, err := c.work.measure(contestant, 1)
			return err
		}
		require.NoError(t, measure(right()), name)
		require.ErrorContains(t, measure(c.engine), c.want, name)
	}
	_, err := listWorkload{1, false}.measure(contestantOf(t, kindOf("map"), keys), 1)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}

// What goes on beside the timed operations ends the measure if it fails, and is done at least once.
func TestAgain(t *testing.T) {
	rounds, err := again(func() error { return nil })()
	require.NoError(t, err)
	assert.Positive(t, rounds)
	_, err = again(func() error { return errNotFound })()
	require.ErrorIs(t, err, errNotFound)
}

// A slow engine does fewer operations, on keys that the others have too.
func TestSlowEnginesDoLess(t *testing.T) {
	c := contestantOf(t, kind{volatile: true, slow: 10}, 100)
	assert.Equal(t, 50, c.ops(500))
	assert.Equal(t, 1, c.ops(5))
	assert.Equal(t, c.data.keys[:20], c.first(20).data.keys)
	c.first(20).version[3] = 7
	assert.EqualValues(t, 7, c.version[3], "what is written is known to the whole")
}

// Few keys are asked for often, and writes stay with the keys of the worker.
func TestZipfianKeys(t *testing.T) {
	const keys = 1000
	ranks, first := zipfian(keys), 0
	for _, rank := range ranks {
		require.Less(t, rank, uint32(keys))
		if rank < 10 {
			first++
		}
	}
	assert.Greater(t, first, len(ranks)/4)
	w := &worker{number: 5, of: 8}
	for i := range keys {
		near := w.near(i, keys)
		assert.Equal(t, 5, near%8)
		assert.InDelta(t, i, near, 8)
		assert.Less(t, near, keys)
	}
}

// The baseline writes as many bytes for a put as this library.
func TestAppendWritesTheSameBytes(t *testing.T) {
	uncompacted := func(c *contestant) (engine, error) { // or what that writes would count too
		db, err := kv.Open(c.dir, kv.SyncNever(), kv.CompactAt(0.99))
		if err != nil {
			return nil, err
		}
		b, err := db.Bucket(t.Context(), bucketName)
		return &kvEngine{db, b}, err
	}
	plain := func(c *contestant) (engine, error) { return c.open(syncNever, 1) }
	grown := func(name string, open func(*contestant) (engine, error)) float64 {
		c := contestantOf(t, kindOf(name), 2000)
		require.NoError(t, c.prepare(1))
		e, err := open(c)
		require.NoError(t, err)
		before := written(t, c.dir)
		const puts = 200
		for i := range puts {
			require.NoError(t, e.put(c.data.asked[i], c.data.value(i, 1)))
		}
		after := written(t, c.dir)
		require.NoError(t, e.close())
		return float64(after-before) / puts
	}
	assert.InDelta(t, grown(ours, uncompacted), grown("append", plain), 3)
}

// written returns the bytes of the files below dir, without zeros at their ends: those are room.
func written(t *testing.T, dir string) (size int) {
	require.NoError(t, walkFiles(dir, func(path string, _ fs.DirEntry) error {
		data, err := os.ReadFile(path)
		size += len(bytes.TrimRight(data, "\x00"))
		return err
	}))
	return size
}

func TestDataset(t *testing.T) {
	d := newDataset(1000, 128)
	assert.Equal(t, d.keys, newDataset(1000, 16).keys)
	assert.Equal(t, d.keys, d.asked)
	assert.Len(t, d.keys[0], 27)
	assert.Equal(t, 1000*(27+128), d.liveBytes())

	values := map[string]bool{}
	for i := range d.keys {
		for version := range uint32(4) {
			v := d.value(i, version)
			require.Len(t, v, 128)
			values[string(v)] = true
		}
	}
	assert.Greater(t, len(values), 3950, "values that are alike hide a wrong answer")
	assert.Len(t, d.withValues(4096).value(999, 7), 4096)
}

// Each key belongs to one worker, which gets to all of them; and all operations are done.
func TestWorkersShareKeysAndOperations(t *testing.T) {
	const keys, ops, workers = 100, 10_007, 7
	var mu sync.Mutex
	owner := map[int]int{}
	done := 0
	err := share(workers, ops, 1, func(w *worker) error {
		for range w.ops {
			i := w.pick(keys)
			mu.Lock()
			if of, ok := owner[i]; ok {
				assert.Equal(t, of, w.number, "key %d", i)
			}
			owner[i] = w.number
			done++
			mu.Unlock()
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, ops, done)
	assert.Len(t, owner, keys)
}

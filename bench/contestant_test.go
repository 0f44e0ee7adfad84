package main

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// The baseline writes as many bytes for a put as this library.
func TestAppendWritesTheSameBytes(t *testing.T) {
	grown := func(name string) float64 {
		c := contestantOf(t, kindOf(name), 2000)
		require.NoError(t, c.prepare(1))
		e, err := c.open(syncNever, 1)
		require.NoError(t, err)
		before, err := diskSize(c.dir)
		require.NoError(t, err)
		const puts = 200
		for i := range puts {
			require.NoError(t, e.put(c.data.asked[i], c.data.value(i, 1)))
		}
		after, err := diskSize(c.dir)
		require.NoError(t, err)
		require.NoError(t, e.close())
		return float64(after-before) / puts
	}
	assert.InDelta(t, grown(ours), grown("append"), 3)
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

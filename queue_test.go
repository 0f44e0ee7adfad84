package kv

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A queueTest notes who leads, and whose writes he does.
type queueTest struct {
	queue
	writers sync.WaitGroup
	mu      sync.Mutex
	turns   []string
}

// write begins a write of a key, which waits, and checks that its result is its own.
func (q *queueTest) write(t *testing.T, key string, size int) {
	q.writers.Go(func() {
		done, leads := q.queue.write([]Op{PutOp(key, make([]byte, size))})
		if !leads {
			assert.Equal(t, result{at: len(key), err: fmt.Errorf("done: %s", key)}, done)
			return
		}
		defer q.leave()
		keys := []string{key}
		for _, r := range q.take([]Op{PutOp(key, make([]byte, size))}) {
			other := r.ops[0].key
			keys = append(keys, other)
			r.result = result{at: len(other), err: fmt.Errorf("done: %s", other)}
		}
		q.note(keys...)
	})
	synctest.Wait()
}

// leadAlone begins to wait for the lead.
func (q *queueTest) leadAlone() {
	q.writers.Go(func() {
		q.lead()
		defer q.leave()
		q.note("alone")
	})
	synctest.Wait()
}

func (q *queueTest) note(keys ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.turns = append(q.turns, strings.Join(keys, " "))
}

// run has writes and others wait, gives them the lead and returns the turns.
func (q *queueTest) run(wait func()) []string {
	q.turns = nil
	q.lead()
	wait()
	q.leave()
	q.writers.Wait()
	return q.turns
}

// Turns go in the order of coming. A turn has the writes up to the first who wants to lead alone, and not much more than fullTurn
// bytes.
func TestQueueTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queueTest
		for range 2 {
			require.Equal(t, []string{"a bb c", "alone", "d", "alone", "alone", "e ff"}, q.run(func() {
				for _, who := range strings.Fields("a bb c - d - - e ff") {
					if who == "-" {
						q.leadAlone()
					} else {
						q.write(t, who, 1)
					}
				}
			}))
		}
		require.Equal(t, []string{"a", "b c d", "e f"}, q.run(func() {
			q.write(t, "a", fullTurn)
			q.write(t, "b", fullTurn-10)
			q.write(t, "c", 1)
			q.write(t, "d", fullTurn)
			q.write(t, "e", 1)
			q.write(t, "f", 1)
		}))
		require.Empty(t, q.run(func() {}))
	})
}

// Who finds nobody leading leads at once, and nobody is woken for nothing.
func TestQueueAlone(t *testing.T) {
	var q queue
	for range 3 {
		_, leads := q.write([]Op{PutOp("k", nil)})
		require.True(t, leads)
		require.Empty(t, q.take(nil))
		q.leave()
	}
	require.False(t, q.led)
	require.Empty(t, q.waiting)
}

// What one bubble has waited with can be used in the next.
func TestQueueAcrossBubbles(t *testing.T) {
	var q queueTest
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			require.Equal(t, []string{"a b", "alone"}, q.run(func() {
				q.write(t, "a", 1)
				q.write(t, "b", 1)
				q.leadAlone()
			}))
		})
	}
}

// A request that is used again keeps nothing of the write before.
func TestRequestForgets(t *testing.T) {
	for _, operations := range []int{1, spareWrites, 10 * spareWrites} {
		r := request{result: result{first: 1, at: 2, err: ErrClosed, unseen: true}, leads: true}
		for range operations {
			r.ops = append(r.ops, PutOp("k", []byte("value")))
		}
		r.forget()
		require.Empty(t, r.ops)
		require.Zero(t, r.result)
		require.False(t, r.leads)
		require.LessOrEqual(t, cap(r.ops), spareWrites)
		for _, op := range r.ops[:cap(r.ops)] {
			require.Zero(t, op)
		}
	}
}

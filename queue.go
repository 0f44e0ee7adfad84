package kv

import (
	"runtime"
	"sync"
)

// A queue lets one at a time lead: change the bucket, hand that to the store and publish it. A write that comes while somebody leads
// waits, and the next writer who leads does it along with his own. So of many writers one works while the others sleep, and one append
// carries what all of them write; a writer alone finds the lead free. No goroutine of the engine's own is involved.
//
//	w1  |== w1 ==|
//	w2     waits |==== w2 w3 ====|
//	w3       waits               |
type queue struct {
	mu      sync.Mutex
	led     bool       // somebody leads
	waiting []*request // in the order in which they came
	turn    []*request // writes that the one who leads does beside his own; of the one who leads
	crowded bool       // writes have waited lately; of the one who leads
}

// A request is a write that waits, or somebody who waits to lead.
type request struct {
	ops    []Op // none: he wants nothing but to lead
	result result
	leads  bool
	wait   sync.WaitGroup // until who made the request leads, or the write is done
}

// requests are those that nobody uses. None has a channel, which could not leave the synctest bubble that it was made in.
var requests = sync.Pool{New: func() any { return new(request) }}

// lead waits for the lead, which ends with leave.
func (q *queue) lead() { q.write(nil) }

// write waits until its caller leads, and then has to do the write, or until somebody has done it.
func (q *queue) write(ops []Op) (done result, leads bool) {
	r := q.enter(ops)
	if r == nil {
		return result{}, true
	}
	r.wait.Wait()
	done, leads = r.result, r.leads
	r.forget()
	requests.Put(r)
	return done, leads
}

// forget makes the request as new. Room for a few operations stays.
func (r *request) forget() {
	clear(r.ops)
	if cap(r.ops) > spareWrites {
		r.ops = nil
	}
	r.ops, r.result, r.leads = r.ops[:0], result{}, false
}

// enter takes the lead if it is free, or else makes a request.
func (q *queue) enter(ops []Op) *request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.led {
		q.led = true
		return nil
	}
	r := requests.Get().(*request)
	r.ops = append(r.ops, ops...)
	r.wait.Add(1)
	q.waiting = append(q.waiting, r)
	return r
}

// fullTurn is how many bytes a turn has before no other write is taken into it.
const fullTurn = 8 << 20

// take returns writes for the one who leads to do beside his own: those that wait, up to the first who wants to lead.
func (q *queue) take(own []Op) []*request {
	if !q.crowded {
		return nil
	}
	runtime.Gosched() // so that those who were woken a moment ago can come back
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for bytes := bytesOf(own); n < len(q.waiting) && len(q.waiting[n].ops) > 0 && bytes < fullTurn; n++ {
		bytes += bytesOf(q.waiting[n].ops)
	}
	q.turn = append(q.turn, q.waiting[:n]...)
	q.drop(n)
	return q.turn
}

// bytesOf returns about how many bytes of an append operations are.
func bytesOf(ops []Op) (bytes int) {
	for i := range ops {
		bytes += len(ops[i].key) + len(ops[i].value)
	}
	return bytes
}

// drop takes the first n requests out; mu is held.
func (q *queue) drop(n int) {
	left := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
}

// leave wakes those whose writes are done, and gives the lead to the next who waits.
func (q *queue) leave() {
	for i, r := range q.turn {
		q.turn[i] = nil
		r.wait.Done()
	}
	q.crowded = len(q.turn) > 0
	q.turn = q.turn[:0]
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.led = false
		return
	}
	q.crowded = true
	next := q.waiting[0]
	q.drop(1)
	next.leads = true
	next.wait.Done()
}

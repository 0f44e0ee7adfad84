package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// A Call is a kind of call that reaches a Disk.
type Call string

// The calls of a backend, and of its stores.
const (
	Buckets   Call = "Buckets"
	Create    Call = "Create"
	Open      Call = "Open"
	Configure Call = "Configure"
	Delete    Call = "Delete"
	Records   Call = "Records" // when the loop begins
	Append    Call = "Append"
	Value     Call = "Value"
)

// controls are what a test has put in the way of calls.
type controls struct {
	controlMu sync.Mutex
	counts    map[Call]int
	before    map[Call]func() error
	faults    map[Call]map[int]error // by the number of the call
	gates     map[Call]*Gate
	exits     map[Call]*Gate
}

// call counts a call, and does f unless something is in the way.
func (c *controls) call(kind Call, f func() error) error {
	c.controlMu.Lock()
	if c.counts == nil {
		c.counts = map[Call]int{}
	}
	c.counts[kind]++
	fault := c.faults[kind][c.counts[kind]]
	before, gate, exit := c.before[kind], c.gates[kind], c.exits[kind]
	c.controlMu.Unlock()
	gate.pass()
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	if fault != nil {
		return fault
	}
	err := f()
	exit.pass()
	return err
}

// Count returns how many calls of a kind there were, failed and held ones included.
func (c *controls) Count(kind Call) int {
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	return c.counts[kind]
}

// Before calls f at the beginning of each call of a kind from now on. If f returns an error the call returns it, and does
// nothing else. A nil f ends this.
func (c *controls) Before(kind Call, f func() error) {
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	if c.before == nil {
		c.before = map[Call]func() error{}
	}
	c.before[kind] = f
}

// Fail makes the n-th call of a kind from now on, 1 being the next, return err and do nothing else.
func (c *controls) Fail(kind Call, n int, err error) {
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	if c.faults == nil {
		c.faults = map[Call]map[int]error{}
	}
	if c.faults[kind] == nil {
		c.faults[kind] = map[int]error{}
	}
	c.faults[kind][c.counts[kind]+n] = err
}

// Hold makes all calls of a kind from now on wait before they do anything, until the gate is opened.
func (c *controls) Hold(kind Call) *Gate { return c.shut(kind, &c.gates) }

// HoldReturn makes all calls of a kind from now on do their work, and then wait until the gate is opened before they
// return.
func (c *controls) HoldReturn(kind Call) *Gate { return c.shut(kind, &c.exits) }

func (c *controls) shut(kind Call, gates *map[Call]*Gate) *Gate {
	c.controlMu.Lock()
	defer c.controlMu.Unlock()
	if *gates == nil {
		*gates = map[Call]*Gate{}
	}
	if (*gates)[kind] != nil {
		panic(fmt.Sprintf("storetest: calls of %s are held already", kind))
	}
	g := &Gate{opened: make(chan struct{})}
	g.remove = func() {
		c.controlMu.Lock()
		defer c.controlMu.Unlock()
		delete(*gates, kind)
	}
	(*gates)[kind] = g
	return g
}

// A Gate is where calls wait.
type Gate struct {
	remove  func()
	once    sync.Once
	opened  chan struct{}
	waiting atomic.Int64
}

// pass waits until the gate is opened. A nil gate is open.
func (g *Gate) pass() {
	if g == nil {
		return
	}
	g.waiting.Add(1)
	defer g.waiting.Add(-1)
	<-g.opened
}

// Waiting returns how many calls wait at the gate.
func (g *Gate) Waiting() int { return int(g.waiting.Load()) }

// Open lets the calls that wait go on, and takes the gate away. Later calls do nothing.
func (g *Gate) Open() {
	g.once.Do(func() {
		g.remove()
		close(g.opened)
	})
}

// busy finds calls that are made while another one is under way.
type busy struct{ calls atomic.Int32 }

func (b *busy) enter() error {
	if b.calls.Add(1) > 1 {
		b.calls.Add(-1)
		return fmt.Errorf("%w: two calls at once", errMisuse)
	}
	return nil
}

func (b *busy) leave() { b.calls.Add(-1) }

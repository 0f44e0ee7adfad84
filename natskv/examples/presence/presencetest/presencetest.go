// Package presencetest holds the tests of package presence. They run on any place where buckets are.
package presencetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv/natskv/examples/presence"
)

// A Place is where the tests run.
type Place struct {
	Manager jetstream.KeyValueManager // without buckets
	TTL     time.Duration             // how long a node may be silent
	Late    time.Duration             // how late the place may be to find out
}

// Tests are the tests by name. Each wants a place of its own.
var Tests = map[string]func(*testing.T, Place){
	"taken":  testTaken,
	"beats":  testBeats,
	"silent": testSilent,
	"leave":  testLeave,
	"follow": testFollow,
}

func open(t *testing.T, p Place) *presence.Register {
	t.Helper()
	r, err := presence.Open(t.Context(), p.Manager, p.TTL)
	check(t, err, nil)
	return r
}

func join(t *testing.T, r *presence.Register, name string) *presence.Node {
	t.Helper()
	n, err := r.Join(t.Context(), name, name+":4000")
	check(t, err, nil)
	return n
}

// check fails the test unless an error is the one that is wanted.
func check(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

// there fails the test unless exactly these nodes are there.
func there(t *testing.T, r *presence.Register, want ...string) {
	t.Helper()
	names, err := r.Nodes(t.Context())
	check(t, err, nil)
	if !slices.Equal(names, want) {
		t.Fatalf("there are %q, want %q", names, want)
	}
	for _, name := range want {
		address, err := r.Address(t.Context(), name)
		check(t, err, nil)
		if address != name+":4000" {
			t.Fatalf("%s is at %q", name, address)
		}
	}
}

// A name is for one node at a time.
func testTaken(t *testing.T, p Place) {
	r := open(t, p)
	join(t, r, "ann")
	_, err := r.Join(t.Context(), "ann", "elsewhere")
	check(t, err, presence.ErrTaken)
	join(t, r, "bob")
	there(t, r, "ann", "bob")
}

// A node that beats stays, for longer than it may be silent.
func testBeats(t *testing.T, p Place) {
	r := open(t, p)
	n := join(t, r, "ann")
	for range 4 {
		time.Sleep(p.TTL / 2)
		check(t, n.Beat(t.Context()), nil)
	}
	there(t, r, "ann")
}

// A node that is silent loses its name, and does no harm to the one that has it then.
func testSilent(t *testing.T, p Place) {
	r := open(t, p)
	silent := join(t, r, "ann")
	time.Sleep(p.TTL + p.Late)
	there(t, r)
	check(t, silent.Beat(t.Context()), presence.ErrLost)

	join(t, r, "ann")
	check(t, silent.Beat(t.Context()), presence.ErrLost)
	check(t, silent.Leave(t.Context()), presence.ErrLost)
	there(t, r, "ann")
}

func testLeave(t *testing.T, p Place) {
	r := open(t, p)
	n := join(t, r, "ann")
	check(t, n.Leave(t.Context()), nil)
	there(t, r)
	if address, err := r.Address(t.Context(), "ann"); address != "" || err != nil {
		t.Fatal(address, err)
	}
	check(t, n.Beat(t.Context()), presence.ErrLost)
	join(t, r, "ann")
}

// Those who follow are told who is there, who comes, and who goes in either way; not of every beat.
func testFollow(t *testing.T, p Place) {
	r := open(t, p)
	ann := join(t, r, "ann")
	ctx, cancel := context.WithCancel(t.Context())
	told, ended := make(chan string, 10), make(chan error)
	go func() {
		ended <- r.Follow(ctx, func(name string) { told <- name + " came" }, func(name string) { told <- name + " went" })
	}()
	next := func(want string) {
		t.Helper()
		select {
		case have := <-told:
			if have != want {
				t.Errorf("told %q, want %q", have, want)
			}
		case <-time.After(p.TTL + p.Late):
			t.Errorf("not told %q", want)
		}
	}
	next("ann came")
	bob := join(t, r, "bob")
	next("bob came")
	check(t, bob.Beat(t.Context()), nil)
	check(t, bob.Beat(t.Context()), nil)
	check(t, ann.Leave(t.Context()), nil)
	next("ann went")
	next("bob went")
	cancel()
	check(t, <-ended, context.Canceled)
}

// Package presence is a small service as one writes it for NATS: who is there, in a Key-Value bucket. A node joins under a
// name, and tells again and again that it is still there; one that is silent for too long is gone, and everybody who
// follows is told.
//
// The package knows jetstream.KeyValue and nothing of revkv. What runs below it, a server or package natskv, is chosen by who
// opens the register: cmd/presence does it by a flag. The tests in package presencetest run on both: here in a
// testing/synctest bubble, in which half a minute of silence takes no time, and on a server in module natstest.
package presence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrTaken is the error of a node that joins under the name of another.
	ErrTaken = errors.New("the name is taken")

	// ErrLost is the error of a node that was silent for too long. The name may be that of another by now.
	ErrLost = errors.New("the node has lost its name")
)

// A Register knows which nodes are there.
type Register struct{ nodes jetstream.KeyValue }

// Open opens the register, and makes it if there is none. A node is gone when it is silent for ttl.
func Open(ctx context.Context, js jetstream.KeyValueManager, ttl time.Duration) (*Register, error) {
	nodes, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:         "presence",
		Description:    "who is there, and where",
		TTL:            ttl,
		LimitMarkerTTL: time.Minute, // those who follow are told of nodes that expire
	})
	if err != nil {
		return nil, fmt.Errorf("open the register: %w", err)
	}
	return &Register{nodes}, nil
}

// A Node is there as long as it tells so. It is for one goroutine.
type Node struct {
	nodes    jetstream.KeyValue
	name     string
	address  string
	revision uint64 // the newest that it wrote
}

// Join adds a node to the register. Of several that join under one name at the same time one succeeds; the others get
// ErrTaken.
func (r *Register) Join(ctx context.Context, name, address string) (*Node, error) {
	revision, err := r.nodes.Create(ctx, name, []byte(address))
	switch {
	case errors.Is(err, jetstream.ErrKeyExists):
		return nil, ErrTaken
	case err != nil:
		return nil, fmt.Errorf("join as %q: %w", name, err)
	}
	return &Node{nodes: r.nodes, name: name, address: address, revision: revision}, nil
}

// Beat tells that the node is still there. After ErrLost it may join again.
func (n *Node) Beat(ctx context.Context) error {
	revision, err := n.nodes.Update(ctx, n.name, []byte(n.address), n.revision)
	if err != nil {
		return n.lost("beat", err)
	}
	n.revision = revision
	return nil
}

// Leave removes the node. If its name is that of another by now, that one stays.
func (n *Node) Leave(ctx context.Context) error {
	if err := n.nodes.Delete(ctx, n.name, jetstream.LastRevision(n.revision)); err != nil {
		return n.lost("leave", err)
	}
	return nil
}

// lost returns ErrLost if the key is no longer as the node has left it.
func (n *Node) lost(what string, err error) error {
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return ErrLost
	}
	return fmt.Errorf("%s as %q: %w", what, n.name, err)
}

// Nodes returns the names of the nodes that are there, in rising order.
func (r *Register) Nodes(ctx context.Context) ([]string, error) {
	names, err := r.nodes.Keys(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return names, nil
}

// Address returns where a node is, "" if it is not there.
func (r *Register) Address(ctx context.Context, name string) (string, error) {
	e, err := r.nodes.Get(ctx, name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look %q up: %w", name, err)
	}
	return string(e.Value()), nil
}

// Follow calls came for every node that is there or comes, and went for those of them that leave or fall silent, until the
// context ends.
func (r *Register) Follow(ctx context.Context, came, went func(name string)) error {
	w, err := r.nodes.WatchAll(ctx, jetstream.MetaOnly())
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	defer func() { _ = w.Stop() }()
	there := map[string]bool{}
	for e := range w.Updates() {
		switch {
		case e == nil: // all that were there are told
		case e.Operation() != jetstream.KeyValuePut:
			if there[e.Key()] {
				delete(there, e.Key())
				went(e.Key())
			}
		case !there[e.Key()]:
			there[e.Key()] = true
			came(e.Key())
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return errors.New("follow: the register is gone")
}

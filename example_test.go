package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/revkv/kv"
)

// This is the program at the top of the README.
func Example() {
	ctx := context.Background()
	b, err := kv.New().CreateBucket(ctx, kv.Config{Bucket: "settings", History: 3})
	if err != nil {
		log.Fatal(err)
	}
	first, err := b.Create(ctx, "color", []byte("red"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := b.Update(ctx, "color", []byte("blue"), first); err != nil {
		log.Fatal(err)
	}
	_, err = b.Update(ctx, "color", []byte("green"), first) // somebody else was faster
	fmt.Println(errors.Is(err, kv.ErrRevisionMismatch), err)

	history, err := b.History(ctx, "color")
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range history {
		fmt.Printf("%d %s %s=%s\n", e.Revision, e.Operation, e.Key, e.Value)
	}
	// Output:
	// true kv: update "color" in bucket "settings": wrong last sequence: 2: key revision mismatch: 1 was named
	// 1 PUT color=red
	// 2 PUT color=blue
}

// exampleBucket returns an empty bucket in memory.
func exampleBucket(ctx context.Context, cfg kv.Config) *kv.Bucket {
	b, err := kv.New().CreateBucket(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// examplePut writes values, each for the key before it.
func examplePut(ctx context.Context, b *kv.Bucket, keysAndValues ...string) {
	for i := 0; i < len(keysAndValues); i += 2 {
		if _, err := b.PutString(ctx, keysAndValues[i], keysAndValues[i+1]); err != nil {
			log.Fatal(err)
		}
	}
}

// A struct behind the error says what to do about a conflict.
func ExampleRevisionError() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "settings"})
	examplePut(ctx, b, "color", "red", "color", "blue")

	_, err := b.Update(ctx, "color", []byte("green"), 1)
	if conflict, ok := errors.AsType[*kv.RevisionError](err); ok {
		fmt.Printf("%s moved on: wanted revision %d, the newest is %d\n", conflict.Key, conflict.Wanted, conflict.Newest)
	}
	// Output:
	// color moved on: wanted revision 1, the newest is 2
}

// A condition and a write are one step, so of many writers none is lost: who is refused reads again.
func ExampleBucket_Update() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "counters"})
	examplePut(ctx, b, "visits", "#")

	for {
		e, err := b.Get(ctx, "visits")
		if err != nil {
			log.Fatal(err)
		}
		_, err = b.Update(ctx, "visits", append(e.Value, '#'), e.Revision)
		if errors.Is(err, kv.ErrRevisionMismatch) {
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		break
	}
	e, err := b.Get(ctx, "visits")
	fmt.Println(string(e.Value), err)
	// Output:
	// ## <nil>
}

// A revert is a write like any other: the history goes on.
func ExampleBucket_Revert() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "settings", History: 5})
	examplePut(ctx, b, "color", "red", "color", "blue")

	rev, err := b.Revert(ctx, "color", 1)
	if err != nil {
		log.Fatal(err)
	}
	e, err := b.Get(ctx, "color")
	fmt.Println(rev, string(e.Value), err)
	// Output:
	// 3 red <nil>
}

// A deleted key has no value, but its history is there until a purge drops it.
func ExampleBucket_Delete() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "settings", History: 5})
	examplePut(ctx, b, "color", "red")

	if err := b.Delete(ctx, "color", kv.LastRevision(1)); err != nil {
		log.Fatal(err)
	}
	_, err := b.Get(ctx, "color")
	fmt.Println(err)
	old, err := b.GetRevision(ctx, "color", 1)
	fmt.Println(string(old.Value), err)

	if err := b.Purge(ctx, "color"); err != nil {
		log.Fatal(err)
	}
	_, err = b.GetRevision(ctx, "color", 1)
	fmt.Println(errors.Is(err, kv.ErrKeyNotFound))
	// Output:
	// kv: get "color" in bucket "settings": key not found
	// red <nil>
	// true
}

// A watcher gets what is there, then the sign that it has caught up, then what is written.
func ExampleBucket_Watch() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "orders"})
	examplePut(ctx, b, "orders.1", "new", "orders.2", "new", "invoices.1", "open", "orders.1", "paid")

	w, err := b.Watch(ctx, "orders.*")
	if err != nil {
		log.Fatal(err)
	}
	defer w.Stop()
	for event, err := range w.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if event.Kind == kv.CaughtUp {
			fmt.Println("caught up")
			examplePut(ctx, b, "orders.2", "cancelled")
			continue
		}
		e := event.Entry
		fmt.Println(e.Revision, e.Key, string(e.Value))
		if string(e.Value) == "cancelled" {
			break
		}
	}
	// Output:
	// 2 orders.2 new
	// 4 orders.1 paid
	// caught up
	// 5 orders.2 cancelled
}

// Listings are in order of key, and a limit and the last key seen turn pages.
func ExampleBucket_Keys() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "hosts"})
	examplePut(ctx, b, "eu.2", "10.0.1.2", "us.1", "10.0.2.1", "eu.3", "10.0.1.3", "eu.1", "10.0.1.1")

	for page, options := 1, []kv.ListOption{kv.Limit(2)}; ; page++ {
		last := ""
		for key, err := range b.Keys(ctx, "eu.*", options...) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println("page", page, key)
			last = key
		}
		if last == "" {
			break
		}
		options = []kv.ListOption{kv.Limit(2), kv.After(last)}
	}
	// Output:
	// page 1 eu.1
	// page 1 eu.2
	// page 2 eu.3
}

// A batch is written as a whole or not at all, whatever its conditions are.
func ExampleBucket_Apply() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "bank"})
	examplePut(ctx, b, "account.ann", "100", "account.bob", "20")

	revs, err := b.Apply(ctx,
		kv.UpdateOp("account.ann", []byte("70"), 1),
		kv.UpdateOp("account.bob", []byte("50"), 2),
		kv.CreateOp("transfer.1", []byte("ann to bob: 30")))
	fmt.Println(revs, err)

	_, err = b.Apply(ctx,
		kv.UpdateOp("account.ann", []byte("40"), 3),
		kv.CreateOp("transfer.1", []byte("ann to bob: 30")))
	fmt.Println(err)
	ann, err := b.Get(ctx, "account.ann")
	fmt.Println(string(ann.Value), err)
	// Output:
	// [3 4 5] <nil>
	// kv: batch operation 1: create "transfer.1" in bucket "bank": wrong last sequence: 5: key exists
	// 70 <nil>
}

// A key with a TTL goes by itself unless it is written again in time, each time with the TTL.
func ExampleKeyTTL() {
	ctx := context.Background()
	b := exampleBucket(ctx, kv.Config{Bucket: "leases"})

	rev, err := b.Create(ctx, "leader", []byte("node-1"), kv.KeyTTL(10*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := b.Update(ctx, "leader", []byte("node-1"), rev, kv.KeyTTL(30*time.Second)); err != nil {
		log.Fatal(err)
	}
	e, err := b.Get(ctx, "leader")
	fmt.Println(e.Expires.Sub(e.Created), err)
	// Output:
	// 30s <nil>
}

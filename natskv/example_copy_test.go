package natskv_test

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// move copies a bucket, with its configuration, from one place to another.
func move(ctx context.Context, to, from jetstream.KeyValueManager, bucket string) (natskv.CopyProgress, error) {
	source, err := from.KeyValue(ctx, bucket)
	if err != nil {
		return natskv.CopyProgress{}, err
	}
	status, err := source.Status(ctx)
	if err != nil {
		return natskv.CopyProgress{}, err
	}
	cfg := status.Config() // on the way to a cluster: cfg.Replicas = 3; on the way back: cfg.Replicas = 1
	target, err := to.CreateKeyValue(ctx, cfg)
	if err != nil {
		return natskv.CopyProgress{}, err
	}
	return natskv.Copy(ctx, target, source)
}

func ExampleCopy() {
	ctx := context.Background()
	here := natskv.New(kv.New())    // or over kv.Open(folder)
	cluster := natskv.New(kv.New()) // with a cluster: cluster, err := jetstream.New(nc)

	orders, err := here.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "orders", History: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = orders.PutString(ctx, "1024", "open")
	_, _ = orders.PutString(ctx, "1024", "paid")
	_ = orders.Delete(ctx, "1023")

	done, err := move(ctx, cluster, here, "orders")
	fmt.Println(done.Entries, done.Complete, err)

	moved, _ := cluster.KeyValue(ctx, "orders")
	history, _ := moved.History(ctx, ">")
	for _, e := range history {
		fmt.Println(e.Revision(), e.Operation(), e.Key(), string(e.Value()))
	}
	// Output:
	// 3 true <nil>
	// 1 KeyValuePutOp 1024 open
	// 2 KeyValuePutOp 1024 paid
	// 3 KeyValueDeleteOp 1023
}

// A bucket that is in use is copied first, and what was written meanwhile when it is at rest.
func ExampleResume() {
	ctx := context.Background()
	js := natskv.New(kv.New())
	source, _ := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "old"})
	target, _ := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "new"})
	_, _ = source.PutString(ctx, "a", "1")

	done, err := natskv.Copy(ctx, target, source) // while the service runs
	fmt.Println(done.Entries, done.Complete, err)

	_, _ = source.PutString(ctx, "b", "2")
	done, err = natskv.Copy(ctx, target, source, natskv.Resume(done)) // now that it is stopped
	fmt.Println(done.Entries, done.Complete, err)
	// Output:
	// 1 true <nil>
	// 2 true <nil>
}

// OnCopied tells how far a copy is. What it is told can be stored: a copy whose process was killed is resumed from it.
func ExampleOnCopied() {
	ctx := context.Background()
	js := natskv.New(kv.New())
	source, _ := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "old"})
	target, _ := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "new"})
	for i := range 4 {
		_, _ = source.PutString(ctx, fmt.Sprint(i), "value")
	}
	_, err := natskv.Copy(ctx, target, source, natskv.OnCopied(func(p natskv.CopyProgress) {
		fmt.Printf("%d copied, %d to go\n", p.Entries, p.Remaining)
	}))
	fmt.Println(err)
	// Output:
	// 1 copied, 3 to go
	// 2 copied, 2 to go
	// 3 copied, 1 to go
	// 4 copied, 0 to go
	// <nil>
}

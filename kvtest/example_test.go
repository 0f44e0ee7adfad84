package kvtest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

// An implementation of buckets runs the suite in one of its own tests, here the engine in memory.
func Example() {
	TestBuckets := func(t *testing.T) {
		kvtest.Run(t, func(testing.TB) kvtest.Place { return kvtest.Engine(kv.New()) })
	}
	_ = TestBuckets // go test -run TestBuckets/update
}

// The names of the cases of a group are the list of what the suite promises about it.
func ExampleCases() {
	for _, c := range kvtest.Cases() {
		if strings.HasPrefix(c.Name, "update/") {
			fmt.Println(c.Name)
		}
	}
	// Output:
	// update/newest
	// update/stale
	// update/foreign-revision
	// update/mismatch-is-not-exists
	// update/zero-means-no-revision
	// update/missing-key
	// update/over-marker
}

func ExampleDump() {
	ctx := context.Background()
	b, _ := kv.New().CreateBucket(ctx, kv.Config{Bucket: "paint", History: 2})
	rev, _ := b.PutString(ctx, "color", "red")
	_, _ = b.Update(ctx, "color", []byte("dark red"), rev)
	_ = b.Delete(ctx, "size")

	text, _ := kvtest.Dump(ctx, b)
	fmt.Print(text)
	// Output:
	// 1 color=red
	// 2 color="dark red"
	// 3 size DELETE
}

func ExampleDiff() {
	ctx := context.Background()
	b, _ := kv.New().CreateBucket(ctx, kv.Config{Bucket: "paint"})
	_, _ = b.PutString(ctx, "color", "red")
	before, _ := kvtest.Dump(ctx, b)
	_, _ = b.PutString(ctx, "color", "blue")
	after, _ := kvtest.Dump(ctx, b)

	fmt.Print(kvtest.Diff(before, after))
	// Output:
	// -1 color=red
	// +2 color=blue
}

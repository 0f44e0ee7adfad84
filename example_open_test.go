package kv_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/revkv/kv"
)

// exampleDir returns a new folder, and what removes it.
func exampleDir() (dir string, remove func()) {
	dir, err := os.MkdirTemp("", "kv-example-")
	if err != nil {
		log.Fatal(err)
	}
	return dir, func() {
		if err := os.RemoveAll(dir); err != nil {
			log.Fatal(err)
		}
	}
}

// What was written is there when the folder is opened again, whether the program before was closed or killed.
func ExampleOpen() {
	dir, remove := exampleDir()
	defer remove()
	for range 3 {
		exampleProgram(dir)
	}
	// Output:
	// start 1 is revision 1
	// start 2 is revision 2
	// start 3 is revision 3
}

// exampleProgram counts how often it was started.
func exampleProgram(dir string) {
	ctx := context.Background()
	db, err := kv.Open(dir) // makes the folder if there is none
	if err != nil {
		log.Fatal(err) // kv.ErrLocked: another process has it; kv.ErrCorrupt: it is damaged, and where
	}
	defer db.Close()
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "program", History: 10}) // returns the one that is there
	if err != nil {
		log.Fatal(err)
	}
	e, err := b.Get(ctx, "starts")
	if err != nil && !errors.Is(err, kv.ErrKeyNotFound) {
		log.Fatal(err)
	}
	rev, err := b.Update(ctx, "starts", append(e.Value, '#'), e.Revision) // returns when it is on disk
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("start %d is revision %d\n", len(e.Value)+1, rev)
}

// A folder can be read while a process writes to it: as it was when it was opened for that.
func ExampleOpenReadOnly() {
	ctx := context.Background()
	dir, remove := exampleDir()
	defer remove()
	db, err := kv.Open(dir, kv.SyncNever())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "settings"})
	if err != nil {
		log.Fatal(err)
	}
	examplePut(ctx, b, "color", "red")

	reader, err := kv.OpenReadOnly(dir) // mostly by another process
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	examplePut(ctx, b, "color", "blue")
	read, err := reader.Bucket(ctx, "settings")
	if err != nil {
		log.Fatal(err)
	}
	e, err := read.Get(ctx, "color")
	fmt.Println(string(e.Value), err)
	_, err = read.PutString(ctx, "color", "green")
	fmt.Println(errors.Is(err, kv.ErrReadOnly))
	// Output:
	// red <nil>
	// true
}

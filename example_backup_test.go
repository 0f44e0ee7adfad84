package kv_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/revkv/kv"
)

// A backup is made while the database is used, and is a database of its own when it is restored.
func ExampleDB_Backup() {
	ctx := context.Background()
	place, err := os.MkdirTemp("", "backup-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(place)
	db, err := kv.Open(filepath.Join(place, "data"))
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "settings"})
	if err != nil {
		log.Fatal(err)
	}
	examplePut(ctx, b, "color", "red", "color", "blue")

	file, err := os.Create(filepath.Join(place, "backup.tar"))
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	if err := db.Backup(ctx, file); err != nil {
		log.Fatal(err)
	}
	examplePut(ctx, b, "color", "green") // is not in the backup any more

	if _, err := file.Seek(0, 0); err != nil {
		log.Fatal(err)
	}
	if err := kv.Restore(ctx, file, filepath.Join(place, "restored")); err != nil {
		log.Fatal(err)
	}
	restored, err := kv.Open(filepath.Join(place, "restored"))
	if err != nil {
		log.Fatal(err)
	}
	defer restored.Close()
	b, err = restored.Bucket(ctx, "settings")
	if err != nil {
		log.Fatal(err)
	}
	e, err := b.Get(ctx, "color")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %s=%s\n", e.Revision, e.Key, e.Value)
	// Output: 2 color=blue
}

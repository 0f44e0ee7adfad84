// Tour tells the life of a key on a screen: it is created, read, updated, trimmed and reverted, and after each step
// the history of the key is there as a table. The steps are in script.go; run it with
//
//	go run ./examples/tour
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"github.com/revkv/kv"
)

func main() {
	if err := tour(os.Stdout, func() {}); err != nil {
		log.Fatal(err)
	}
}

// tour takes the steps of the script and writes what happens. It calls pause before each.
func tour(out io.Writer, pause func()) error {
	g := &guide{ctx: context.Background(), db: kv.New(), out: bufio.NewWriter(out)}
	for _, take := range script {
		pause()
		if err := take(g); err != nil {
			return errors.Join(err, g.out.Flush())
		}
	}
	return g.out.Flush()
}

// A guide takes steps: it makes calls, and shows them and their results.
type guide struct {
	ctx context.Context
	db  *kv.DB
	out *bufio.Writer // remembers its first error until Flush
}

type step func(*guide) error

// say makes a step that is a remark.
func say(text string) step {
	return func(g *guide) error {
		g.print("\n# %s", text)
		return nil
	}
}

// addBucket makes a step that creates a bucket.
func addBucket(cfg kv.Config) step {
	return func(g *guide) error {
		history := ""
		if cfg.History != 0 {
			history = fmt.Sprintf(", History: %d", cfg.History)
		}
		g.show("db.CreateBucket(kv.Config{Bucket: %q%s})", cfg.Bucket, history)
		b, err := g.db.CreateBucket(g.ctx, cfg)
		if err != nil {
			return err
		}
		status, err := b.Status(g.ctx)
		if err != nil {
			return err
		}
		g.print("%s", describe(status))
		return nil
	}
}

// deleteBuckets makes a step that leaves no bucket.
func deleteBuckets() step {
	return func(g *guide) error {
		names, err := g.db.BucketNames(g.ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			g.show("db.DeleteBucket(%q)", name)
			if err := g.db.DeleteBucket(g.ctx, name); err != nil {
				return err
			}
		}
		return nil
	}
}

func create(bucket, key, value string) step {
	return write(bucket, fmt.Sprintf("Create(%q, %q)", key, value), func(g *guide, b *kv.Bucket) (uint64, error) {
		return b.Create(g.ctx, key, []byte(value))
	})
}

func update(bucket, key, value string, revision uint64) step {
	return write(bucket, fmt.Sprintf("Update(%q, %q, %d)", key, value, revision), func(g *guide, b *kv.Bucket) (uint64, error) {
		return b.Update(g.ctx, key, []byte(value), revision)
	})
}

func put(bucket, key, value string) step {
	return write(bucket, fmt.Sprintf("PutString(%q, %q)", key, value), func(g *guide, b *kv.Bucket) (uint64, error) {
		return b.PutString(g.ctx, key, value)
	})
}

func revert(bucket, key string, revision uint64) step {
	return write(bucket, fmt.Sprintf("Revert(%q, %d)", key, revision), func(g *guide, b *kv.Bucket) (uint64, error) {
		return b.Revert(g.ctx, key, revision)
	})
}

// write makes a step that writes to a bucket. That a write is refused because of a revision is part of the tour.
func write(bucket, call string, do func(*guide, *kv.Bucket) (uint64, error)) step {
	return onBucket(bucket, call, func(g *guide, b *kv.Bucket) error {
		revision, err := do(g, b)
		if conflict, ok := errors.AsType[*kv.RevisionError](err); ok {
			g.print("refused: %v", conflict)
			return nil
		}
		if err != nil {
			return err
		}
		g.print("revision %d", revision)
		return nil
	})
}

func listKeys(bucket string) step {
	return onBucket(bucket, `Keys(">")`, func(g *guide, b *kv.Bucket) error {
		for key, err := range b.Keys(g.ctx, ">") {
			if err != nil {
				return err
			}
			g.print("%s", key)
		}
		return nil
	})
}

func get(bucket, key string) step {
	return onBucket(bucket, fmt.Sprintf("Get(%q)", key), func(g *guide, b *kv.Bucket) error {
		e, err := b.Get(g.ctx, key)
		if err != nil {
			return err
		}
		g.entry(e)
		return nil
	})
}

func getRevision(bucket, key string, revision uint64) step {
	return onBucket(bucket, fmt.Sprintf("GetRevision(%q, %d)", key, revision), func(g *guide, b *kv.Bucket) error {
		e, err := b.GetRevision(g.ctx, key, revision)
		if err != nil {
			return err
		}
		g.entry(e)
		return nil
	})
}

func history(bucket, key string) step {
	return onBucket(bucket, fmt.Sprintf("History(%q)", key), func(g *guide, b *kv.Bucket) error {
		entries, err := b.History(g.ctx, key)
		if err != nil {
			return err
		}
		g.print("%s", historyTable(entries).draw())
		return nil
	})
}

// onBucket makes a step that shows a call on a bucket and does it.
func onBucket(bucket, call string, do func(*guide, *kv.Bucket) error) step {
	return func(g *guide) error {
		g.show("%s.%s", bucket, call)
		b, err := g.db.Bucket(g.ctx, bucket)
		if err != nil {
			return err
		}
		return do(g, b)
	}
}

// show prints a call. Contexts are left out.
func (g *guide) show(format string, args ...any) { g.print("\n> "+format, args...) }

func (g *guide) print(format string, args ...any) { fmt.Fprintf(g.out, format+"\n", args...) }

func (g *guide) entry(e kv.Entry) {
	g.print("%s > %s revision: %d created @ %s", e.Bucket, e.Key, e.Revision, e.Created.Format(time.RFC822))
	g.print("%q, %d bytes", e.Value, len(e.Value))
}

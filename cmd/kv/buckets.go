package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/revkv/kv"
)

// read opens the folder for reading and calls f.
func (a *app) read(f func(*kv.DB) error) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	db, err := openReadOnly(dir)
	if err != nil {
		return err
	}
	return errors.Join(f(db), db.Close())
}

// readBucket opens the folder for reading and calls f with a bucket.
func (a *app) readBucket(ctx context.Context, name string, f func(*kv.Bucket) error) error {
	return a.read(func(db *kv.DB) error {
		b, err := db.Bucket(ctx, name)
		if err != nil {
			return err
		}
		return f(b)
	})
}

// write opens the folder for writing and calls f. The folder must exist, so that a mistyped one is not made.
func (a *app) write(f func(*kv.DB) error, opts ...kv.OpenOption) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if _, err := os.Stat(dir); err != nil {
		return missing(dir, err)
	}
	return writeTo(dir, f, opts...)
}

// writeBucket opens the folder for writing and calls f with a bucket.
func (a *app) writeBucket(ctx context.Context, name string, f func(*kv.Bucket) error, opts ...kv.OpenOption) error {
	return a.write(func(db *kv.DB) error {
		b, err := db.Bucket(ctx, name)
		if err != nil {
			return err
		}
		return f(b)
	}, opts...)
}

// writeNew is write for the commands that begin with a bucket: it makes the folder, and those above it.
func (a *app) writeNew(f func(*kv.DB) error) error {
	dir, err := a.dir()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	return writeTo(dir, f)
}

func writeTo(dir string, f func(*kv.DB) error, opts ...kv.OpenOption) error {
	db, err := kv.Open(dir, opts...)
	if err != nil {
		return err
	}
	err, closing := f(db), db.Close()
	if err == nil && closing != nil {
		return fmt.Errorf("it is done, but closing %s failed: %w", dir, closing)
	}
	return errors.Join(err, closing)
}

func openReadOnly(dir string) (*kv.DB, error) {
	db, err := kv.OpenReadOnly(dir)
	return db, missing(dir, err)
}

// errNoFolder: there is no folder where one is to be.
var errNoFolder = errors.New("there is no folder")

// missing explains the error of a folder that cannot be found, or has nothing in it yet.
func missing(dir string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w %s (\"kv add\" makes it)", errNoFolder, dir)
	}
	if err != nil && isEmpty(dir) {
		return fmt.Errorf("%w of buckets in %s, which is empty (\"kv add\" makes it one)", errNoFolder, dir)
	}
	return err
}

// isEmpty reports whether a folder has nothing in it, but what is there before it has buckets.
func isEmpty(dir string) bool {
	files, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() != "LOCK" && f.Name() != "REVKV.tmp" })
}

// keptFrom returns the oldest kept revision from one on, without its value.
func keptFrom(ctx context.Context, b *kv.Bucket, revision uint64) (e kv.Entry, ok bool, err error) {
	if revision == 0 {
		return kv.Entry{}, false, nil
	}
	w, err := b.Watch(ctx, ">", kv.ResumeFromRevision(revision), kv.MetaOnly())
	if err != nil {
		return kv.Entry{}, false, err
	}
	defer w.Stop()
	ev, err := w.Next(ctx)
	return ev.Entry, ev.Kind == kv.Changed, err
}

package kv

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
)

// Backup writes all buckets to w as a tar archive, which Restore makes a folder of. Unpacked by hand it is one that Open opens.
//
// Each bucket is written in one state: every write that had returned when Backup was called is in it, a batch wholly or not at
// all, and the numbering goes on from there. Meanwhile buckets are written, compacted, created and deleted as
// ever; nobody waits for w, and memory does not grow with what is written. On disk what is compacted or deleted takes its
// space until it has been written.
//
// What is written is checked before: if the folder is damaged the error matches ErrCorrupt and says where. If w fails its
// error is wrapped; ctx is looked at before each write to w. After an error what is in w is not a backup, and neither
// Restore nor Open takes it for one. Close does not wait for w; the backup ends with ErrClosed then.
//
// OnProgress knows the total from the beginning: the length of the archive. A database that was opened for reading can be
// backed up. One in memory cannot: the error matches errors.ErrUnsupported. See Export for that.
func (db *DB) Backup(ctx context.Context, w io.Writer, opts ...ToolOption) error {
	o := toolOptionsOf(opts)
	if err := checkContext(ctx); err != nil {
		return err
	}
	if err := notNil("backup", "w", w); err != nil {
		return err
	}
	backend, err := db.folder()
	if err != nil {
		return err
	}
	m := &meter{tell: o.progress}
	err = backend.Backup(ctx, w, func(bucket string, done, total int64) {
		m.Bucket, m.Total = bucket, total
		m.add(int(done - m.Done))
	})
	switch {
	case errors.Is(err, store.ErrClosed):
		return ErrClosed
	case err != nil:
		return fmt.Errorf("kv: backup: %w", err)
	}
	m.end()
	return nil
}

// folder returns the backend of a database in a folder.
func (db *DB) folder() (*filestore.Backend, error) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	if db.closed {
		return nil, ErrClosed
	}
	backend, ok := db.backend.(*filestore.Backend)
	if !ok {
		return nil, fmt.Errorf("kv: backup: %w: the database is not in a folder; Export writes a bucket", errors.ErrUnsupported)
	}
	return backend, nil
}

// Restore makes a folder of what Backup wrote, for Open to open. The folder must not exist or be empty: if there is anything
// in it the error matches fs.ErrExist, and nothing has been changed.
//
// All is read back from the folder and checked before Restore returns nil. If the archive is damaged or cut short, or is
// none that Backup wrote, the error matches ErrCorrupt and says where; nothing is ever written outside of the folder. After
// an error the folder is empty, but for a file called LOCK. After a crash some of the archive may be left in
// it, but Open does not take that for buckets; remove it and begin again.
//
// If r fails its error is wrapped. ctx is looked at before each read, so it does not end one that waits. Nothing is read
// behind the end of the archive. In memory are keys and revisions of one bucket at a time, and no values.
func Restore(ctx context.Context, r io.Reader, dir string, opts ...ToolOption) error {
	o := toolOptionsOf(opts)
	if err := checkContext(ctx); err != nil {
		return err
	}
	if err := notNil("restore", "r", r); err != nil {
		return err
	}
	if err := checkDir("restore", "dir", dir); err != nil {
		return err
	}
	m := &meter{tell: o.progress}
	err := filestore.Restore(ctx, r, dir, filestore.ToolOptions{Progress: func(bucket string, done, _ int64) {
		m.Bucket = bucket
		m.add(int(done - m.Done))
	}})
	if err != nil {
		return fmt.Errorf("kv: restore: %w", err)
	}
	m.end()
	return nil
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
)

// frameRoom is how many bytes of a log go to a write besides key and value: this library's head of a frame, head of a record, and
// note of the revision that is replaced. Appending the same bytes is the least that a log has to do.
const frameRoom = 50

// appendEngine is the disk's own speed: each write is one write call at the end of a file, and one fsync if writes are to be
// synced. It has no index, so it cannot read, and many writers take turns.
type appendEngine struct {
	sync bool

	mu   sync.Mutex // guards what follows
	file *os.File
	buf  []byte
}

func openAppend(o options) (engine, error) {
	f, err := os.Create(filepath.Join(o.dir, "append.log"))
	if err != nil {
		return nil, err
	}
	return &appendEngine{sync: o.sync == syncAlways, file: f}, nil
}

func (a *appendEngine) put(key string, value []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var frame [frameRoom]byte
	a.buf = append(a.buf[:0], frame[:]...)
	a.buf = append(a.buf, key...)
	a.buf = append(a.buf, value...)
	if _, err := a.file.Write(a.buf); err != nil {
		return err
	}
	if a.sync {
		return a.file.Sync()
	}
	return nil
}

func (a *appendEngine) get(string) ([]byte, error) { return nil, errors.ErrUnsupported }
func (a *appendEngine) close() error               { return a.file.Close() }

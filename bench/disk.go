package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// walkFiles calls visit with every file below dir. Files may come and go meanwhile.
func walkFiles(dir string, visit func(path string, d fs.DirEntry) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = visit(path, d)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// diskSize returns how many bytes of disk the files below dir fill.
func diskSize(dir string) (int64, error) {
	total := int64(0)
	err := walkFiles(dir, func(_ string, d fs.DirEntry) error {
		info, err := d.Info()
		if err == nil {
			total += allocated(info)
		}
		return err
	})
	return total, err
}

// syncFolder makes the files below dir durable.
func syncFolder(dir string) error {
	return walkFiles(dir, func(path string, _ fs.DirEntry) error {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(err, fs.ErrPermission) { // a lock, or a file that is not to be changed any more
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

// A diskWatch looks at the size of a folder again and again.
type diskWatch struct {
	done  chan struct{}
	sizes chan diskSizes
}

// diskSizes is what a diskWatch saw.
type diskSizes struct {
	most, last, sum int64
	samples         int64
	err             error
}

func (s *diskSizes) mean() float64 { return float64(s.sum) / float64(max(s.samples, 1)) }

// look takes a sample.
func (s *diskSizes) look(dir string) {
	size, err := diskSize(dir)
	s.err = errors.Join(s.err, err)
	s.most, s.last = max(s.most, size), size
	s.sum += size
	s.samples++
}

func watchDisk(dir string, every time.Duration) *diskWatch {
	w := &diskWatch{make(chan struct{}), make(chan diskSizes, 1)}
	go func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		var seen diskSizes
		for {
			seen.look(dir)
			select {
			case <-ticker.C:
			case <-w.done:
				seen.look(dir)
				w.sizes <- seen
				return
			}
		}
	}()
	return w
}

// stop takes a last sample and returns what was seen.
func (w *diskWatch) stop() (diskSizes, error) {
	close(w.done)
	seen := <-w.sizes
	return seen, seen.err
}

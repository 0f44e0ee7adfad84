package filestore

import (
	"errors"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// SealText returns the text of a manifest or marker with a body.
func SealText(body string) string { return string(sealText([]byte(body))) }

// WriteExample makes the folder of a bucket with the segment that FORMAT.md shows.
func WriteExample(fsys vfs.FS, dir string, batches [][]store.Record, trims [][]uint64) error {
	opts, err := Options{FS: fsys}.normal()
	if err != nil {
		return err
	}
	m := &manifest{Bucket: "demo", Config: []byte(`{"bucket":"demo"}`), Active: 1}
	seg, err := createSegment(fsys, dir, &header{m.Active, 0x0123456789abcdef, m.Bucket, m.Config})
	if err == nil {
		err = seg.sync()
	}
	if err != nil {
		return err
	}
	l := &log{fsys: fsys, dir: dir, opts: opts, manifest: m, number: m.Active, active: seg, limit: opts.SegmentSize}
	l.stepped.L = &l.mu
	for i := range batches {
		err = errors.Join(err, l.Append(batches[i], trims[i]))
	}
	return errors.Join(err, l.Close())
}

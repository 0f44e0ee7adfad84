package filestore

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/revkv/kv/store/filestore/vfs"
)

// A tool is a Verify or a Repair under way.
type tool struct {
	ctx    context.Context
	fsys   vfs.FS
	dir    string
	opts   ToolOptions
	report *Report

	patient     bool // what cannot be read is damage, and no reason to stop
	bucket      string
	done, total int64 // bytes
}

func newTool(ctx context.Context, dir string, opts ToolOptions) *tool {
	if opts.FS == nil {
		opts.FS = vfs.OS{}
	}
	return &tool{ctx: ctx, fsys: opts.FS, dir: filepath.Clean(dir), opts: opts, report: &Report{}}
}

// finish returns what the tool has found, or the error that stopped it: that of the context bare.
func (t *tool) finish(err error) (*Report, error) {
	if err == nil {
		t.report.sort()
		return t.report, nil
	}
	if t.ctx.Err() != nil {
		err = t.ctx.Err()
	}
	return nil, err
}

// join returns the path of something in the folder.
func (t *tool) join(names ...string) string {
	return filepath.Join(append([]string{t.dir}, names...)...)
}

// damage notes damage of a whole file.
func (t *tool) damage(bucket string, err error) {
	t.report.Damage = append(t.report.Damage, damageOf(bucket, err))
}

// keyFault says what is wrong with a key, "" if nothing is.
func (t *tool) keyFault(key []byte) string {
	if t.opts.CheckKey != nil {
		if err := t.opts.CheckKey(string(key)); err != nil {
			return err.Error()
		}
	}
	return ""
}

// configFault says what is wrong with the configuration of a bucket.
func (t *tool) configFault(bucket string, config []byte) error {
	if t.opts.CheckConfig == nil {
		return nil
	}
	return t.opts.CheckConfig(bucket, config)
}

// isFolder reports whether what is called like the folder of a bucket is no file, which somebody else has put there.
func isFolder(fsys vfs.FS, path string) bool {
	_, err := fsys.List(path)
	return !errors.Is(err, syscall.ENOTDIR)
}

// bucketFolder reports whether a folder is one of a bucket, by its name.
func bucketFolder(name string) (number uint64, ok bool) {
	digits, _, ok := strings.Cut(name, "-")
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, ok && err == nil
}

// advance tells that n more bytes are done.
func (t *tool) advance(n int64) {
	t.done += n
	t.total = max(t.total, t.done)
	if t.opts.Progress != nil {
		t.opts.Progress(t.bucket, t.done, t.total)
	}
}

// reached tells how far a file is read.
func (t *tool) reached(file *source, at int64) {
	if at > file.told {
		t.advance(at - file.told)
		file.told = at
	}
}

// A source is a file that a tool reads. Reading ends with the context. If the tool is patient, what cannot be read is zeros,
// which pass for nothing.
type source struct {
	vfs.File
	tool *tool
	size int64
	told int64           // how far it is read, as was told
	bad  map[int64]error // the blocks that cannot be read, by number
}

// blockSize is how many bytes of a file are given up at once.
const blockSize = 4096

// open opens a file.
func (t *tool) open(name string) (*source, error) {
	f, err := t.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{File: f, tool: t, size: size}, nil
}

// reader returns a reader of the file.
func (f *source) reader(name string) *reader { return &reader{name: name, file: f, size: f.size} }

// ReadAt implements io.ReaderAt.
func (f *source) ReadAt(p []byte, off int64) (int, error) {
	if err := f.tool.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.File.ReadAt(p, off)
	if n == len(p) || !f.tool.patient || errors.Is(err, io.EOF) {
		return n, err
	}
	for n = 0; n < len(p); {
		at := off + int64(n)
		block := p[n:min(n+int(blockSize-at%blockSize), len(p))]
		if got, err := f.File.ReadAt(block, at); got < len(block) {
			clear(block)
			f.giveUp(at/blockSize, err)
		}
		n += len(block)
	}
	return n, nil
}

func (f *source) giveUp(block int64, err error) {
	if f.bad == nil {
		f.bad = map[int64]error{}
	}
	f.bad[block] = err
}

// unreadable returns why some bytes cannot be read, nil if they can.
func (f *source) unreadable(offset, bytes int64) error {
	if f == nil || len(f.bad) == 0 {
		return nil
	}
	for block := offset / blockSize; block*blockSize < offset+max(bytes, 1); block++ {
		if err := f.bad[block]; err != nil {
			return err
		}
	}
	return nil
}

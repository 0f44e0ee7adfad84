package filestore

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// Restore makes a folder of an archive that Backup wrote. The folder must not exist, or be empty: else the error matches
// fs.ErrExist. An archive that was damaged or cut, or that holds anything but what Backup writes, gives an error that matches
// store.ErrCorrupt, with the place in the archive.
//
// All that was written is read back and verified before the folder gets its marker, so neither an error nor a crash leaves a
// folder that Open takes for one of buckets. After an error it is empty, but for the file that locks it; what a crash leaves
// has to be removed before the next try.
//
// Of r nothing is read beyond the end of the archive. Its length is not known, so the total that Progress is told is 0.
func Restore(ctx context.Context, r io.Reader, dir string, opts ToolOptions) error {
	in := &restoreReader{ctx: ctx, r: r, progress: opts.Progress}
	opts.Progress = nil
	x := &restorer{
		tool: newTool(ctx, dir, opts), in: in, archive: tar.NewReader(in), buckets: map[string]string{}, buf: make([]byte, readAhead),
	}
	lock, err := lockEmpty(x.fsys, x.dir, "restore")
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }() // it ends with the process at the latest
	if err := x.restore(); err != nil {
		return errors.Join(err, x.undo())
	}
	return nil
}

// Limits on what is read from an archive before it is known to be a backup.
const (
	mostOfMarker   = 1 << 12
	mostOfManifest = 1 << 30
	mostOfSegment  = 1 << 33 // its frames end before 1 << 32, and its index is smaller than these
)

// A restorer makes a folder of an archive. No name in the archive is ever used as a path: it has to be the one that is
// expected, and that is made of numbers and the names of buckets.
type restorer struct {
	*tool   // that verifies
	in      *restoreReader
	archive *tar.Reader
	buf     []byte

	begun   int64             // where the member that is being read begins in the archive
	made    []string          // paths in order of their making
	buckets map[string]string // their folders
}

// undo removes what was made. If the marker is there already it has to be gone for good before anything else is.
func (x *restorer) undo() error {
	for _, path := range slices.Backward(x.made) {
		err := x.fsys.Remove(path)
		if err == nil && filepath.Base(path) == markerName {
			err = x.fsys.SyncDir(x.dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// restore reads the archive to its end.
func (x *restorer) restore() error {
	for {
		h, err := x.next()
		if err != nil {
			return err
		}
		if h.Name == markerName {
			return x.restoreMarker(h)
		}
		if err := x.restoreBucket(h); err != nil {
			return err
		}
	}
}

// next returns the header of the next member.
func (x *restorer) next() (*tar.Header, error) {
	x.begun = x.in.done
	h, err := x.archive.Next()
	switch {
	case err == io.EOF:
		return nil, x.corrupt("expected more of the backup, found its end")
	case err != nil:
		return nil, x.readError(err)
	case h.Format != tar.FormatUSTAR || h.Typeflag != tar.TypeReg:
		return nil, x.corrupt("expected a plain file, found %.200q of type %q in format %v", h.Name, h.Typeflag, h.Format)
	}
	return h, nil
}

// corrupt is the error of an archive that is not what Backup wrote.
func (x *restorer) corrupt(format string, args ...any) error {
	return &store.CorruptError{File: "backup", Offset: x.begun, Reason: fmt.Sprintf(format, args...)}
}

// readError is the error of reading the archive.
func (x *restorer) readError(err error) error {
	if x.in.err != nil {
		return x.in.err
	}
	return &store.CorruptError{File: "backup", Offset: x.begun, Reason: "expected a backup", Err: err}
}

// restoreBucket restores the bucket whose manifest is the member with this header.
func (x *restorer) restoreBucket(h *tar.Header) error {
	if !strings.HasSuffix(h.Name, "/"+manifestName) {
		return x.corrupt("expected the manifest of a bucket or %s, found %.200q", markerName, h.Name)
	}
	text, err := x.text(h, mostOfManifest)
	if err != nil {
		return err
	}
	body, err := unsealText("backup: "+manifestName, text)
	if err != nil {
		return err
	}
	m, err := decodeManifest("backup: "+manifestName, body)
	if err != nil {
		return err
	}
	folder := folderName(uint64(len(x.buckets)+1), m.Bucket)
	switch {
	case !validName(m.Bucket):
		return x.corrupt("expected the name of a bucket, found %.200q", m.Bucket)
	case h.Name != folder+"/"+manifestName:
		return x.corrupt("expected %s/%s, found %.200q", folder, manifestName, h.Name)
	}
	x.in.bucket = m.Bucket
	if err := x.restoreFolder(folder, m, text); err != nil {
		return err
	}
	return x.check(folder)
}

// restoreFolder makes the folder of a bucket.
func (x *restorer) restoreFolder(folder string, m *manifest, text []byte) error {
	dir := x.join(folder)
	x.made = append(x.made, dir)
	if err := x.fsys.MakeDir(dir); err != nil {
		return err
	}
	if err := x.file(filepath.Join(dir, manifestName), bytes.NewReader(text)); err != nil {
		return err
	}
	for _, s := range m.Segments {
		if err := x.segment(dir, folder, s.Number, s.Size, s.Size); err != nil {
			return err
		}
	}
	if m.Active != 0 {
		if err := x.segment(dir, folder, m.Active, 0, mostOfSegment); err != nil {
			return err
		}
	}
	if err := x.fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// check verifies the folder of a bucket. Its log was not ended by a crash, so it has no torn tail.
func (x *restorer) check(folder string) error {
	report, err := x.finish(x.verifyFolder(folder, x.buckets))
	if err == nil {
		err = report.Err()
	}
	if err == nil && len(report.TornTails) > 0 {
		t := &report.TornTails[0]
		err = &store.CorruptError{File: t.File, Offset: t.Offset, Reason: t.Reason}
	}
	return err
}

// segment restores a segment, which has from least to most bytes.
func (x *restorer) segment(dir, folder string, number uint64, least, most int64) error {
	h, err := x.next()
	if err != nil {
		return err
	}
	if name := folder + "/" + segmentName(number); h.Name != name || h.Size < least || h.Size > most {
		return x.corrupt("expected %s of %d to %d bytes, found %.200q of %d", name, least, most, h.Name, h.Size)
	}
	return x.file(path(dir, number), x.archive)
}

// text returns the member with this header.
func (x *restorer) text(h *tar.Header, most int64) ([]byte, error) {
	if h.Size > most {
		return nil, x.corrupt("expected at most %d bytes of %s, found %d", most, h.Name, h.Size)
	}
	text, err := io.ReadAll(x.archive) // which grows with what is there, whatever the header says
	if err != nil {
		return nil, x.readError(err)
	}
	return text, nil
}

// file makes a file of all that r has, durably.
func (x *restorer) file(name string, r io.Reader) error {
	x.made = append(x.made, name)
	f, err := x.fsys.Create(name)
	if err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	err = x.copy(f, r)
	if err == nil {
		if err = f.Sync(); err != nil {
			err = fmt.Errorf("sync %s: %w", name, err)
		}
	}
	return errors.Join(err, f.Close())
}

func (x *restorer) copy(f vfs.File, r io.Reader) error {
	for at := int64(0); ; {
		n, err := r.Read(x.buf)
		if n > 0 {
			if _, err := f.WriteAt(x.buf[:n], at); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		at += int64(n)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return x.readError(err)
		}
	}
}

// restoreMarker writes the marker, which has to be the last member.
func (x *restorer) restoreMarker(h *tar.Header) error {
	text, err := x.text(h, mostOfMarker)
	if err != nil {
		return err
	}
	body, err := unsealText("backup: "+markerName, text)
	if err != nil {
		return err
	}
	x.begun = x.in.done
	switch h, err := x.archive.Next(); {
	case err == nil:
		return x.corrupt("expected the end of the backup, found %.200q", h.Name)
	case err != io.EOF:
		return x.readError(err)
	}
	if err := x.fsys.SyncDir(x.dir); err != nil { // before the marker says that all is there
		return fmt.Errorf("sync %s: %w", x.dir, err)
	}
	marker := x.join(markerName)
	x.made = append(x.made, marker+tempSuffix, marker)
	return writeSealed(x.fsys, x.dir, markerName, body)
}

// validName reports whether a bucket can have a name. As part of a path such a name leads nowhere else.
func validName(name string) bool {
	return name != "" && len(name) <= mostOfBucketName && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	})
}

const mostOfBucketName = 252

// A restoreReader reads an archive as long as it may, and tells how far it is.
type restoreReader struct {
	ctx      context.Context
	r        io.Reader
	progress func(bucket string, done, total int64)

	bucket string
	done   int64
	err    error // of r, or the context
}

func (i *restoreReader) Read(p []byte) (int, error) {
	if i.err = i.ctx.Err(); i.err != nil {
		return 0, i.err
	}
	n, err := i.r.Read(p)
	i.done += int64(n)
	if i.progress != nil {
		i.progress(i.bucket, i.done, 0)
	}
	if err != nil && err != io.EOF {
		i.err = fmt.Errorf("read: %w", err)
		return n, i.err
	}
	return n, err
}

package filestore

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/revkv/kv/store"
)

// A backup is a tar archive of a folder as Open wants it: for each bucket, in order of name, its manifest and the segments that
// the manifest names, in its order, and in the end the marker.
//
//	1-orders/MANIFEST
//	1-orders/00000017.seg
//	1-orders/00000021.seg
//	2-settings/MANIFEST
//	REVKV
//
// Because the marker is last, no part of an archive that was cut off makes a folder of buckets, whoever unpacks it. Folders are
// numbered anew, so the same state gives the same names. Times are zero, and nothing is said about users.

// Backup writes an archive of all buckets to w, each in the state of one moment: with all appends that were published when
// Backup was called, and none by half. What happens meanwhile is not held up, however slow w is: files that
// are compacted or deleted stay until they are written.
//
// The checksums of all that is written are checked before. After an error, of w too, what is in w is not a whole archive. Close
// does not wait for a Backup, and ends it with store.ErrClosed.
//
// Progress, if it is not nil, is told now and then how many bytes of how many are written, and at which bucket.
func (b *Backend) Backup(ctx context.Context, w io.Writer, progress func(bucket string, done, total int64)) error {
	buckets, err := b.freezeAll()
	defer b.thaw(buckets)
	if err != nil {
		return err
	}
	out := &backupWriter{ctx: ctx, backend: b, w: w, progress: progress, total: archiveSize(buckets)}
	archive := tar.NewWriter(out)
	for _, f := range buckets {
		out.bucket = f.manifest.Bucket
		if err := f.write(archive); err != nil {
			return err
		}
	}
	if err := writeMember(archive, markerName, sealText([]byte(markerText))); err != nil {
		return err
	}
	return archive.Close()
}

// A frozen bucket is a bucket in the state of one moment: a manifest, and the files it names.
type frozen struct {
	folder   string // in the archive
	manifest manifest
	text     []byte // of the manifest's file
	files    []frozenFile
}

// A frozenFile is a segment that is held.
type frozenFile struct {
	seg  *segment
	end  int64 // of the frames
	size int64 // with the index, if it is sealed
}

// freezeAll freezes all buckets. Those that it returns are to be thawed, also if there is an error.
func (b *Backend) freezeAll() (buckets []frozen, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(false); err != nil {
		return nil, err
	}
	for i, name := range slices.Sorted(maps.Keys(b.folders)) {
		f, err := b.freeze(name)
		if err != nil {
			return buckets, err
		}
		buckets = append(buckets, f)
		last := &buckets[i]
		last.folder = folderName(uint64(i+1), name)
		body, err := last.manifest.encode()
		if err != nil {
			return buckets, err
		}
		last.text = sealText(body)
	}
	return buckets, nil
}

// freeze freezes a bucket; mu is held. One whose log is not open, or about to be deleted, is read for it.
func (b *Backend) freeze(name string) (frozen, error) {
	if l := b.logs[name]; l != nil {
		if f, open := l.freeze(); open {
			return f, nil
		}
	}
	opts := b.opts
	opts.ReadOnly = true
	l, err := openLog(b.fsys, b.join(b.folders[name]), opts)
	if err != nil {
		return frozen{}, err
	}
	f, _ := l.freeze()
	_ = l.Close() // it was only read
	return f, nil
}

// freeze returns the state that was published last, or false if the log is closed.
func (l *log) freeze() (f frozen, open bool) {
	l.changing.Lock()
	defer l.changing.Unlock()
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed.Load() {
		return f, false
	}
	f.manifest = *l.manifest
	for _, seg := range l.segments {
		f.hold(seg, seg.size)
	}
	if l.active != nil {
		f.hold(l.active, l.active.end)
	}
	return f, true
}

func (f *frozen) hold(seg *segment, size int64) {
	seg.hold()
	f.files = append(f.files, frozenFile{seg, seg.end, size})
}

// thaw lets the files of frozen buckets go.
func (b *Backend) thaw(buckets []frozen) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range buckets {
		for _, file := range buckets[i].files {
			if b.closed {
				file.seg.gone.Store(false) // there may be a later opening, and another file of this name
			}
			_ = file.seg.drop() // it was only read
		}
	}
}

// write adds the bucket's files to an archive.
func (f *frozen) write(archive *tar.Writer) error {
	if err := writeMember(archive, f.folder+"/"+manifestName, f.text); err != nil {
		return err
	}
	for i := range f.files {
		file := &f.files[i]
		if err := file.check(); err != nil {
			return err
		}
		if err := archive.WriteHeader(memberHeader(f.folder+"/"+segmentName(file.seg.number), file.size)); err != nil {
			return err
		}
		if err := file.copyTo(archive); err != nil {
			return err
		}
	}
	return nil
}

// check checks what is in the file.
func (f *frozenFile) check() error {
	r := &reader{name: f.seg.name, file: f.seg.file, size: f.size}
	if _, _, err := readHeader(r); err != nil {
		return err
	}
	s := scanner{reader: r, salt: f.seg.salt, at: f.seg.start}
	for s.at < f.end {
		ok, reason, err := s.next()
		if err != nil {
			return err
		}
		if !ok {
			return r.corrupt(s.at, "%s", cmp.Or(reason, "expected a frame, found an index"))
		}
	}
	if f.end == f.size {
		return nil
	}
	_, _, err := readIndex(r, f.seg.salt, f.end, nil)
	return err
}

// copyTo writes what is in the file to w.
func (f *frozenFile) copyTo(w io.Writer) error {
	buf := make([]byte, min(f.size, readAhead))
	for at := int64(0); at < f.size; at += int64(len(buf)) {
		buf = buf[:min(f.size-at, int64(len(buf)))]
		if n, err := f.seg.file.ReadAt(buf, at); n < len(buf) {
			return readError(f.seg.name, at+int64(n), err)
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// memberHeader returns the header of a file in an archive.
func memberHeader(name string, size int64) *tar.Header {
	return &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR,
	}
}

// writeMember adds a file to an archive.
func writeMember(archive *tar.Writer, name string, text []byte) error {
	if err := archive.WriteHeader(memberHeader(name, int64(len(text)))); err != nil {
		return err
	}
	_, err := archive.Write(text)
	return err
}

// tarBlock is how many bytes an archive is divided in. A member has one for its header, and its last one is filled up; the
// archive ends with two.
const tarBlock = 512

// archiveSize returns how many bytes the archive of frozen buckets has.
func archiveSize(buckets []frozen) int64 {
	member := func(size int64) int64 { return tarBlock + (size+tarBlock-1)/tarBlock*tarBlock }
	total := member(int64(len(sealText([]byte(markerText))))) + 2*tarBlock
	for i := range buckets {
		total += member(int64(len(buckets[i].text)))
		for _, file := range buckets[i].files {
			total += member(file.size)
		}
	}
	return total
}

// A backupWriter writes an archive as long as it may, and tells how far it is.
type backupWriter struct {
	ctx      context.Context
	backend  *Backend
	w        io.Writer
	progress func(bucket string, done, total int64)

	bucket      string
	done, total int64
}

func (o *backupWriter) Write(p []byte) (int, error) {
	if len(p) == 0 { // padding, where none is needed
		return 0, nil
	}
	if err := o.ctx.Err(); err != nil {
		return 0, err
	}
	if o.backend.isClosed() {
		return 0, store.ErrClosed
	}
	n, err := o.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return n, fmt.Errorf("write: %w", err)
	}
	o.done += int64(n)
	if o.progress != nil {
		o.progress(o.bucket, o.done, o.total)
	}
	return n, nil
}

func (b *Backend) isClosed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.closed
}

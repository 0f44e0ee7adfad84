package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

// Repair writes what is whole in one folder of buckets to another, which must not exist, or be empty: else the error matches
// fs.ErrExist. The first is only read. It must not be open for writing: what happens to it meanwhile would be
// taken for damage.
//
// Every record comes back whose bytes are whole: if the index is damaged as the frames have it, if a frame is
// damaged as the index or the rest of the frame has it, and if the manifest is lost as the segments say whose they
// are. What was trimmed stays so as far as anything that can be read tells. The numbering goes on after the
// greatest revision that is heard of. If Open can open the first folder, the second one holds the same.
//
// The report says what is damaged, as that of Verify does, and what that costs. What cannot be read at all because the file system
// fails is damage too. Other errors are of the file system or of ctx; they leave the second folder empty, but for
// the file that locks it. If there is nothing in the first folder that could be a bucket's, the error says what was
// expected.
func Repair(ctx context.Context, src, dst string, opts ToolOptions) (*Report, error) {
	t := newTool(ctx, src, opts)
	t.patient = true
	return t.finish(t.repair(filepath.Clean(dst)))
}

func (t *tool) repair(dst string) error {
	if within(dst, t.dir) {
		return fmt.Errorf("repair into %s: it is in %s", dst, t.dir)
	}
	x, err := t.takeStock()
	if err != nil {
		return err
	}
	if x.marker != nil && (len(x.buckets) == 0 || errors.Is(x.marker, store.ErrFormatVersion) && !x.knows()) {
		return x.marker
	}
	if x.marker != nil {
		t.damage("", x.marker)
	}
	folders := make([]string, 0, len(x.buckets))
	for _, b := range x.buckets {
		folders = append(folders, b.folder)
	}
	if t.total, err = t.sizes(folders); err != nil {
		return err
	}
	t.total *= 2 // each record is read once more when it is copied
	out, err := t.newFolder(dst)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(x.buckets)) {
		if err = t.repairBucket(x.buckets[name], out); err != nil {
			break
		}
	}
	x.leftOver()
	return out.end(err)
}

// within reports whether a path leads into a directory.
func within(path, dir string) bool {
	a, err := filepath.Abs(path)
	b, err2 := filepath.Abs(dir)
	if err != nil || err2 != nil {
		return false
	}
	rel, err := filepath.Rel(resolve(b), resolve(a))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// resolve follows the links in as much of a path as there is.
func resolve(path string) string {
	real, err := filepath.EvalSymlinks(path)
	parent := filepath.Dir(path)
	if err == nil || parent == path {
		return cmp.Or(real, path)
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}

// knows reports whether there is a file of a version that is known.
func (x *stock) knows() bool {
	return slices.ContainsFunc(slices.Concat(x.manifests, x.segments), func(p *part) bool { return p.damage == nil })
}

// leftOver reports the files that no bucket needed.
func (x *stock) leftOver() {
	files := x.others
	for _, p := range x.segments {
		if !p.used {
			files = append(files, p.path)
		}
	}
	x.tool.report.LeftOver = files
}

// repairBucket brings back one bucket.
func (t *tool) repairBucket(x *bucketStock, out *repaired) error {
	t.bucket = x.name
	if !validName(x.name) {
		t.damage(x.name, &store.CorruptError{File: t.join(x.folder), Reason: fmt.Sprintf("expected a bucket, found the name %q", x.name)})
		return nil
	}
	b := &bucketSurvey{tool: t, folder: x.folder, name: x.name, manifest: x.manifest}
	defer b.close()
	if err := b.openParts(x); err != nil {
		return err
	}
	if err := b.read(); err != nil {
		return err
	}
	spare := &bucketSurvey{tool: t, folder: x.folder, name: x.name}
	defer spare.close()
	if !b.undamaged() {
		if err := spare.openRest(x); err != nil {
			return err
		}
	}
	if err := spare.read(); err != nil {
		return err
	}
	return t.bringBack(x, b, spare, out)
}

// openParts opens the segments that the manifest names, or all if there is no manifest.
func (b *bucketSurvey) openParts(x *bucketStock) error {
	if x.manifest == nil {
		return b.openRest(x)
	}
	for _, sealed := range x.manifest.Segments {
		s, err := b.openPart(x, sealed.Number)
		if err != nil {
			return err
		}
		s.role, s.sealed = roleSealed, sealed
	}
	if n := x.manifest.Active; n != 0 {
		s, err := b.openPart(x, n)
		if err != nil {
			return err
		}
		s.role = roleActive
	}
	return nil
}

// openPart opens a segment that the manifest names, wherever it is.
func (b *bucketSurvey) openPart(x *bucketStock, number uint64) (*survey, error) {
	name := path(b.dir(), number)
	p := x.named(number)
	if p == nil {
		return b.openSegment(name, number)
	}
	p.used = true
	if p.path != name {
		reason := fmt.Sprintf("expected segment %d of bucket %q, which is %s", number, x.name, p.path)
		b.tool.damage(x.name, &store.CorruptError{File: name, Reason: reason})
	}
	return b.openSegment(p.path, number)
}

// openRest opens all segments of a bucket that are not open yet.
func (b *bucketSurvey) openRest(x *bucketStock) error {
	for _, p := range x.segments {
		if p.used {
			continue
		}
		s, err := b.openSegment(p.path, p.header.number)
		if err != nil {
			return err
		}
		s.role = roleUnknown
		p.used = x.manifest == nil
	}
	return nil
}

// bringBack writes what was found of a bucket, and reports what was not. In spare are files that the manifest does not name.
func (t *tool) bringBack(x *bucketStock, b, spare *bucketSurvey, out *repaired) error {
	var records []found
	for _, s := range slices.Concat(b.surveys, spare.surveys) {
		records = append(records, s.kept...)
	}
	slices.SortStableFunc(records, func(f, g found) int { return cmp.Compare(f.revision, g.revision) })
	records = slices.CompactFunc(records, func(f, g found) bool { return f.revision == g.revision })
	known := slices.Concat(b.trims(), spare.trims())
	slices.Sort(known)
	records = slices.DeleteFunc(records, func(f found) bool { return contains(known, f.revision) })
	report := BucketReport{Bucket: x.name, Newest: max(b.newest(), x.newest), ConfigFrom: x.configFrom}
	if err := out.write(x, records, &report); err != nil {
		return err
	}
	for _, f := range records {
		known = append(known, f.revision)
	}
	slices.Sort(known)
	for _, s := range b.surveys {
		for _, r := range s.regions {
			r.Lost = without(r.Lost, known)
			r.Split = r.Split && len(r.Lost) > 0
		}
		s.addTo(t.report)
	}
	t.report.Buckets = append(t.report.Buckets, report)
	return nil
}

// A repaired folder is the one that Repair writes. It gets its marker last, so it is none of buckets before all is there.
type repaired struct {
	tool    *tool
	backend *Backend
	lock    io.Closer
}

// newFolder makes a folder to write to.
func (t *tool) newFolder(dir string) (*repaired, error) {
	opts, err := Options{FS: t.fsys, Sync: SyncNever()}.normal()
	if err != nil {
		return nil, err
	}
	lock, err := lockEmpty(t.fsys, dir, "repair")
	if err != nil {
		return nil, err
	}
	backend := &Backend{fsys: t.fsys, dir: dir, opts: opts, folders: map[string]string{}, logs: map[string]*log{}}
	return &repaired{t, backend, lock}, nil
}

// end makes the folder one of buckets or, if there was an error, empty.
func (o *repaired) end(err error) error {
	b := o.backend
	if err == nil {
		err = writeSealed(b.fsys, b.dir, markerName, []byte(markerText))
	}
	if err != nil {
		err = errors.Join(err, b.Close(), o.undo())
	}
	return errors.Join(err, o.lock.Close())
}

// undo removes what was written.
func (o *repaired) undo() error {
	b := o.backend
	names, err := b.fsys.List(b.dir)
	for _, name := range names {
		if name == markerName || name == markerName+tempSuffix {
			err = errors.Join(err, b.fsys.Remove(b.join(name)))
		} else if name != lockName {
			err = errors.Join(err, removeAll(b.fsys, b.join(name)))
		}
	}
	return err
}

// write writes a bucket, and what it is to a report. Records that cannot be read again are reported as damage.
func (o *repaired) write(x *bucketStock, records []found, report *BucketReport) error {
	st, err := o.backend.Create(x.name, x.config)
	if err != nil {
		return err
	}
	l := st.(*log)
	var frame []store.Record
	size := 0
	for i, f := range records {
		rec, err := f.in.record(f)
		switch {
		case err == nil:
			frame = append(frame, rec)
			size += len(rec.Key) + len(rec.Value)
			report.Records++
			report.Live += int64(f.length)
		case isDamage(err):
			d := damageOf(x.name, err)
			d.Bytes, d.Lost, d.Exact = int64(f.length), addRevision(nil, f.revision), true
			o.tool.report.Damage = append(o.tool.report.Damage, d)
		default:
			return err
		}
		if size >= copyFrame || i == len(records)-1 {
			if err := l.Append(frame, nil); err != nil {
				return err
			}
			frame, size = frame[:0], 0
		}
		o.tool.advance(int64(f.length))
	}
	return o.finish(l, report)
}

// finish closes the log of a bucket and sees to it that its numbering goes on where it was.
func (o *repaired) finish(l *log, report *BucketReport) error {
	if err := l.Close(); err != nil {
		return err
	}
	m := l.manifest
	report.Segments, report.Newest = len(m.Segments), max(report.Newest, m.Newest)
	if m.Newest == report.Newest {
		return nil
	}
	m.Newest = report.Newest
	return m.write(l.fsys, l.dir)
}

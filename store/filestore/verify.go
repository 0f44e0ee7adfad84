package filestore

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"github.com/revkv/kv/store"
)

// Verify reads all that is in a folder of buckets and reports what is not as it was written. It checks the marker, the manifests
// and, in each segment, the header, every frame, every record and the index, and that frames and index tell the same. After
// damage it goes on with what comes next.
//
// It changes no byte, and needs no lock: if another process has the folder open it sees each bucket as it was at some
// moment of the call. An error is one of the file system or of ctx, or matches store.ErrFormatVersion for a folder that is
// of a later version as a whole; damage is in the report.
func Verify(ctx context.Context, dir string, opts ToolOptions) (*Report, error) {
	t := newTool(ctx, dir, opts)
	return t.finish(t.verify())
}

func (t *tool) verify() error {
	names, err := t.fsys.List(t.dir)
	if err != nil {
		return err
	}
	var folders []string
	for _, name := range names {
		if _, ok := bucketFolder(name); ok && isFolder(t.fsys, t.join(name)) {
			folders = append(folders, name)
		} else if name != markerName && name != lockName {
			t.report.LeftOver = append(t.report.LeftOver, t.join(name))
		}
	}
	if err := t.checkMarker(folders); err != nil {
		return err
	}
	if t.total, err = t.sizes(folders); err != nil {
		return err
	}
	seen := map[string]string{}
	for _, folder := range folders {
		if err := t.verifyFolder(folder, seen); err != nil {
			return err
		}
	}
	return nil
}

// checkMarker notes if the marker is damaged. If it says that the folder is of a later version, and nothing in the folder
// says otherwise, that is an error.
func (t *tool) checkMarker(folders []string) error {
	_, err := readSealed(t.fsys, t.join(markerName))
	if errors.Is(err, fs.ErrNotExist) {
		err = noMarker(t.join(markerName))
	}
	known := func(folder string) bool {
		_, err := readManifest(t.fsys, t.join(folder))
		return err == nil
	}
	if !isDamage(err) || errors.Is(err, store.ErrFormatVersion) && !slices.ContainsFunc(folders, known) {
		return err
	}
	t.damage("", err)
	return nil
}

// sizes returns how many bytes the segments in some folders have.
func (t *tool) sizes(folders []string) (total int64, err error) {
	for _, folder := range folders {
		names, err := t.fsys.List(t.join(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		for _, name := range names {
			if _, ok := segmentNumber(name); !ok {
				continue
			}
			f, err := t.open(t.join(folder, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue // a process that writes has removed it
			}
			if err != nil {
				return 0, err
			}
			total += f.size
			_ = f.Close() // it was only read
		}
	}
	return total, nil
}

// verifyFolder checks the folder of a bucket. In seen are the buckets before it and their folders.
func (t *tool) verifyFolder(folder string, seen map[string]string) error {
	b := &bucketSurvey{tool: t, folder: folder}
	defer b.close()
	if err := b.open(); err != nil || b.gone {
		return err
	}
	t.bucket = b.name
	if err := b.read(); err != nil {
		return err
	}
	if b.manifest != nil {
		b.checkManifest(seen)
	}
	if b.undamaged() {
		b.checkTrims()
	}
	b.addTo(t.report)
	return nil
}

// open opens what the manifest names, or all segments if the manifest is damaged. While another process writes, compaction may
// remove a file in between.
func (b *bucketSurvey) open() error {
	for tries := 0; ; tries++ {
		names, err := b.tool.fsys.List(b.dir())
		if b.gone = errors.Is(err, fs.ErrNotExist); b.gone {
			return nil // the bucket was deleted meanwhile
		}
		if err != nil {
			return err
		}
		m, err := readManifest(b.tool.fsys, b.dir())
		if err != nil && !isDamage(err) {
			return err
		}
		if err != nil {
			if _, listErr := b.tool.fsys.List(b.dir()); errors.Is(listErr, fs.ErrNotExist) {
				b.gone = true
				return nil
			}
			b.damage = err
			return b.openAll(names)
		}
		b.manifest, b.name, b.names = m, m.Bucket, names
		missing, err := b.openNamed()
		if err != nil || !missing || tries == 100 {
			return err
		}
		if newer, err := readManifest(b.tool.fsys, b.dir()); err != nil || same(m, newer) {
			return nil
		}
		b.close()
	}
}

// openNamed opens the segments that the manifest names, and reports whether one is missing.
func (b *bucketSurvey) openNamed() (missing bool, err error) {
	add := func(number uint64, role role, sealed sealedEntry) {
		var s *survey
		if s, err = b.openSegment(path(b.dir(), number), number); err != nil {
			return
		}
		s.role, s.sealed = role, sealed
		missing = missing || s.file == nil
	}
	for _, sealed := range b.manifest.Segments {
		if add(sealed.Number, roleSealed, sealed); err != nil {
			return missing, err
		}
	}
	if n := b.manifest.Active; n != 0 {
		add(n, roleActive, sealedEntry{})
	}
	return missing, err
}

// openAll opens all segments among the names in the folder. The bucket is the one that the first readable header names.
func (b *bucketSurvey) openAll(names []string) error {
	b.names = names
	for _, name := range names {
		number, ok := segmentNumber(name)
		if !ok {
			continue
		}
		s, err := b.openSegment(path(b.dir(), number), number)
		if err != nil {
			return err
		}
		s.role = roleUnknown
		if h, _, err := readHeader(s.reader); err == nil && b.name == "" {
			b.name = h.name
		} else if err != nil && !isDamage(err) {
			return err
		}
	}
	return nil
}

// checkManifest checks what the manifest says beside the names of segments.
func (b *bucketSurvey) checkManifest(seen map[string]string) {
	m, t := b.manifest, b.tool
	corrupt := func(err error, reason string) {
		t.damage(b.name, &store.CorruptError{File: t.join(b.folder, manifestName), Reason: reason, Err: err})
	}
	if fault := wrongFolder(b.folder, m.Bucket); fault != "" {
		corrupt(nil, fault)
	}
	if other, twice := seen[m.Bucket]; twice {
		corrupt(nil, "expected another bucket than in "+other)
	}
	seen[m.Bucket] = b.folder
	if err := t.configFault(b.name, m.Config); err != nil {
		corrupt(err, "expected the configuration of a bucket")
	}
	for _, s := range b.surveys {
		if n := len(s.kept); s.role == roleSealed && n > 0 && s.kept[n-1].revision > m.Newest {
			corrupt(nil, "expected no revision above the newest in sealed segments")
			return
		}
	}
}

// checkTrims checks, in a bucket where nothing else is damaged, that indexes leave out what is trimmed and nothing else.
func (b *bucketSurvey) checkTrims() {
	trims := b.trims()
	var forgotten []uint64 // trimmed by frames, and the index does not tell
	for _, s := range b.surveys {
		if !s.whole {
			continue
		}
		slices.Sort(s.frameTrim)
		for _, revision := range s.indexTrim {
			if !contains(s.frameTrim, revision) {
				s.corrupt(s.end, s.file.size-s.end, "expected trimmed revisions as in the frames, found %d", revision)
			}
		}
		for _, revision := range s.frameTrim {
			if !contains(s.indexTrim, revision) {
				forgotten = append(forgotten, revision)
			}
		}
		for _, f := range s.dropped {
			if !contains(trims, f.revision) {
				s.corrupt(int64(f.offset), int64(f.length), "expected revision %d in the index, since nothing trims it", f.revision)
			}
		}
	}
	slices.Sort(forgotten)
	b.checkForgotten(forgotten)
}

// checkForgotten notes if an index has revisions that frames of other segments trim and their indexes do not.
func (b *bucketSurvey) checkForgotten(forgotten []uint64) {
	for _, s := range b.surveys {
		for _, f := range s.kept {
			if s.whole && contains(forgotten, f.revision) {
				s.corrupt(int64(f.offset), int64(f.length), "expected revision %d to be trimmed by an index, as it is by a frame", f.revision)
			}
		}
	}
}

func contains(sorted []uint64, revision uint64) bool {
	_, ok := slices.BinarySearch(sorted, revision)
	return ok
}

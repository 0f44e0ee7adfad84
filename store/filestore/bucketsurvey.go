package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
)

// A bucketSurvey is all that can be learned from the files of a bucket.
type bucketSurvey struct {
	tool   *tool
	folder string // of the tool's folder
	name   string // of the bucket; empty if it is not known
	gone   bool   // there is no such folder any more

	manifest *manifest // nil if it is damaged
	damage   error     // of the manifest
	names    []string  // of the files in the folder
	surveys  []*survey // in rising order of revision, if the manifest says so
}

func (b *bucketSurvey) dir() string { return b.tool.join(b.folder) }

// openSegment adds a survey of a file, which may not exist.
func (b *bucketSurvey) openSegment(name string, number uint64) (*survey, error) {
	s := &survey{tool: b.tool, number: number, name: name, reader: &reader{name: name}}
	f, err := b.tool.open(name)
	if err == nil {
		s.file, s.reader = f, f.reader(name)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	b.surveys = append(b.surveys, s)
	return s, nil
}

// close closes the files.
func (b *bucketSurvey) close() {
	for _, s := range b.surveys {
		if s.file != nil {
			_ = s.file.Close() // it was only read
		}
	}
	b.surveys = nil
}

// read reads the segments.
func (b *bucketSurvey) read() error {
	above := uint64(0)
	for _, s := range b.surveys {
		s.bucket = b.name
		switch s.role {
		case roleActive:
			s.above = max(above, b.manifest.Newest)
		case roleSealed:
			s.above = above
		}
		if err := s.read(); err != nil {
			return err
		}
		if s.file != nil {
			b.tool.reached(s.file, s.file.size)
		}
		if n := len(s.kept); n > 0 {
			above = max(above, s.kept[n-1].revision)
		}
	}
	b.bound()
	return nil
}

// bound says of the damage at the end of segments which revisions it may have cost at most.
func (b *bucketSurvey) bound() {
	limit := uint64(math.MaxUint64)
	for _, s := range slices.Backward(b.surveys) {
		if s.role == roleSealed && b.manifest != nil {
			limit = min(limit, b.manifest.Newest)
		}
		s.closeAll(limit)
		for _, records := range [][]found{s.kept, s.dropped} {
			if len(records) > 0 && b.manifest != nil {
				limit = min(limit, records[0].revision-1)
			}
		}
	}
}

// newest returns the greatest revision that is heard of.
func (b *bucketSurvey) newest() (newest uint64) {
	if b.manifest != nil {
		newest = b.manifest.Newest
	}
	for _, s := range b.surveys {
		newest = max(newest, s.newest)
	}
	return newest
}

// trims returns, in rising order, what the segments trim.
func (b *bucketSurvey) trims() (trims []uint64) {
	for _, s := range b.surveys {
		trims = append(append(trims, s.frameTrim...), s.indexTrim...)
	}
	slices.Sort(trims)
	return slices.Compact(trims)
}

// undamaged reports whether no damage is found so far.
func (b *bucketSurvey) undamaged() bool {
	return b.damage == nil && !slices.ContainsFunc(b.surveys, func(s *survey) bool { return len(s.regions) > 0 })
}

// addTo adds what was found to a report.
func (b *bucketSurvey) addTo(report *Report) {
	trims := b.trims()
	r := BucketReport{Bucket: b.name, Segments: len(b.surveys), Newest: b.newest()}
	if b.damage != nil {
		report.Damage = append(report.Damage, damageOf(b.name, b.damage))
	}
	files := map[string]bool{b.tool.join(b.folder, manifestName): true}
	for _, s := range b.surveys {
		files[s.name] = true
		for _, f := range s.kept {
			if !contains(trims, f.revision) {
				r.Records++
				r.Live += int64(f.length)
			}
		}
		r.Dead += s.bytes
		s.addTo(report)
	}
	r.Dead -= r.Live
	for _, name := range b.names {
		if name := b.tool.join(b.folder, name); !files[name] {
			report.LeftOver = append(report.LeftOver, name)
		}
	}
	report.Buckets = append(report.Buckets, r)
}

// addTo adds what is damaged in the segment to a report.
func (s *survey) addTo(report *Report) {
	for _, r := range s.regions {
		report.Damage = append(report.Damage, r.Damage)
	}
	if s.torn != nil {
		report.TornTails = append(report.TornTails, *s.torn)
	}
}

// wrongFolder says what is wrong with a bucket's being in a folder, "" if nothing is. Were it not looked at, two manifests
// that changed places would hide the segments of both.
func wrongFolder(folder, bucket string) string {
	number, _ := bucketFolder(folder)
	if want := folderName(number, bucket); folder != want {
		return fmt.Sprintf("expected bucket %q to be in folder %s", bucket, want)
	}
	return ""
}

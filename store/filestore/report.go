package filestore

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A Report is what Verify or Repair found.
type Report struct {
	Buckets   []BucketReport // in rising order of name
	Damage    []Damage       // in order of file and offset; empty if everything is as it was written
	TornTails []TornTail     // what a crash has left half written. It is no damage, and the next opening cuts it off
	LeftOver  []string       // files that belong to no bucket's log: what is left of steps that a crash has ended, or strange ones
}

// A BucketReport is about one bucket: of Verify as it is, of Repair as it was written.
type BucketReport struct {
	Bucket   string
	Segments int    // files of its log
	Records  int    // revisions that are kept
	Live     int64  // bytes that these take in the segments
	Dead     int64  // bytes that records take which are not kept any more
	Newest   uint64 // the greatest revision that was ever written, as far as is known

	// ConfigFrom is where Repair has the configuration from if not from the bucket's manifest: a segment, which has the
	// configuration of the time when the segment was begun; a damaged manifest; or "nowhere", if it is made up.
	ConfigFrom string
}

// A Damage is a part of a file that is not as it was written, or a file that is missing.
type Damage struct {
	Bucket string // empty if that is not known
	File   string
	Offset int64 // in bytes, where it begins
	Bytes  int64 // how many are affected; 0 if they are missing

	// Err says what was expected and what was found: a *store.CorruptError, or a *store.VersionError for a file that claims
	// to be of a later version.
	Err error

	// Lost are the revisions that are lost with these bytes. If Exact they were all kept. Else their number is not known,
	// and these are bounds: of the revisions in them some may have been elsewhere, trimmed, or never written.
	Lost  []Revisions
	Exact bool

	// Split tells that other records of the same frame are whole, and used. What was written together as a batch is not
	// all there then.
	Split bool
}

// Revisions are the revisions from First to Last. Last is math.MaxUint64 if nothing tells where they end.
type Revisions struct{ First, Last uint64 }

// OK reports whether nothing is damaged.
func (r *Report) OK() bool { return len(r.Damage) == 0 }

// Err returns the errors of all damage joined, nil if there is none.
func (r *Report) Err() error {
	errs := make([]error, len(r.Damage))
	for i := range r.Damage {
		errs[i] = r.Damage[i].Err
	}
	return errors.Join(errs...)
}

// damageOf returns the damage of a whole file that an error tells of.
func damageOf(bucket string, err error) Damage {
	d := Damage{Bucket: bucket, Err: err}
	var corrupt *store.CorruptError
	var version *store.VersionError
	switch {
	case errors.As(err, &corrupt):
		d.File, d.Offset = corrupt.File, corrupt.Offset
	case errors.As(err, &version):
		d.File = version.File
	}
	return d
}

// sort brings the report into its order.
func (r *Report) sort() {
	slices.SortStableFunc(r.Buckets, func(a, b BucketReport) int { return strings.Compare(a.Bucket, b.Bucket) })
	slices.SortStableFunc(r.Damage, func(a, b Damage) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	slices.Sort(r.LeftOver)
}

// ToolOptions are the options of Verify, Repair and Restore. The zero value is good.
type ToolOptions struct {
	// FS is the file system; nil means that of the operating system.
	FS vfs.FS

	// Progress, if it is set, is told now and then how many bytes of how many are done, and at which bucket. It is called by
	// the goroutine that called Verify or Repair.
	Progress func(bucket string, done, total int64)

	// CheckConfig and CheckKey, if they are set, say what is wrong with the configuration of a bucket and with a key, which
	// this package knows nothing about.
	CheckConfig func(bucket string, config []byte) error
	CheckKey    func(key string) error

	// Config, if it is set, makes up a configuration for a bucket that Repair finds none for.
	Config func(bucket string) []byte
}

// addRevision adds a revision above all before.
func addRevision(list []Revisions, revision uint64) []Revisions {
	if n := len(list); n > 0 && list[n-1].Last+1 == revision {
		list[n-1].Last = revision
		return list
	}
	return append(list, Revisions{revision, revision})
}

// without returns a list less the revisions in others, which rise.
func without(list []Revisions, others []uint64) (left []Revisions) {
	for _, r := range list {
		at, _ := slices.BinarySearch(others, r.First)
		for ; at < len(others) && others[at] <= r.Last; at++ {
			if r.First < others[at] {
				left = append(left, Revisions{r.First, others[at] - 1})
			}
			r.First = others[at] + 1
		}
		if r.First <= r.Last && r.First != 0 { // 0: the last of all revisions was taken out
			left = append(left, r)
		}
	}
	return left
}

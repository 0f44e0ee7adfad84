package filestore

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

// A stock is the files of a damaged folder, by what is in them: a file may have another's name, or not say any more what it is.
type stock struct {
	tool      *tool
	buckets   map[string]*bucketStock
	marker    error // what is wrong with the marker, nil if nothing is
	manifests []*part
	segments  []*part
	others    []string // files of no use
}

// A bucketStock is the files of one bucket.
type bucketStock struct {
	name       string
	folder     string    // where they should be
	manifest   *manifest // nil if it is lost
	newest     uint64    // what a damaged manifest says of the numbering
	config     []byte
	configFrom string
	segments   []*part
}

// A part is a file of a bucket.
type part struct {
	folder string
	path   string
	damage error // of a manifest, or of a segment's header

	manifest *manifest // as far as it can be read; of no more use than a hint if it is not sure
	sure     bool
	header   header // of a segment; without a name if it is damaged
	used     bool   // it is a segment of a bucket's log
}

// takeStock reads the names and the beginnings of all files.
func (t *tool) takeStock() (*stock, error) {
	x := &stock{tool: t, buckets: map[string]*bucketStock{}}
	names, err := t.fsys.List(t.dir)
	if err != nil {
		return nil, err
	}
	x.marker = noMarker(t.join(markerName))
	for _, name := range names {
		if _, ok := bucketFolder(name); ok && isFolder(t.fsys, t.join(name)) {
			err = x.addFolder(name)
		} else {
			err = x.addFile("", name)
		}
		if err != nil {
			return nil, err
		}
	}
	x.sortOut()
	return x, nil
}

// addFolder adds the files in a folder.
func (x *stock) addFolder(folder string) error {
	names, err := x.tool.fsys.List(x.tool.join(folder))
	if err != nil {
		return err
	}
	known := len(x.manifests)
	for _, name := range names {
		if err := x.addFile(folder, name); err != nil {
			return err
		}
	}
	if len(x.manifests) == known {
		path := x.tool.join(folder, manifestName)
		damage := &store.CorruptError{File: path, Reason: "expected a manifest, found no file"}
		x.manifests = append(x.manifests, &part{folder: folder, path: path, damage: damage})
	}
	return nil
}

// addFile looks at how a file begins, and if that tells nothing at its name.
func (x *stock) addFile(folder, name string) error {
	path := x.tool.join(folder, name)
	number, isSegment := segmentNumber(name)
	if !isSegment && name != manifestName && (folder != "" || name != markerName && name != lockName) {
		x.others = append(x.others, path)
		return nil
	}
	f, err := x.tool.open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	r := f.reader(path)
	begin, err := r.bytes(0, min(r.size, int64(len(headerMagic))))
	if err != nil {
		return err
	}
	p := &part{folder: folder, path: path}
	switch text := bytes.HasPrefix(begin, []byte(sealedLine)); {
	case string(begin) == headerMagic, isSegment && !text:
		return x.addSegment(p, r, number)
	case text || name == manifestName:
		known, err := x.addText(p, r, name)
		if err == nil && !known && isSegment {
			err = x.addSegment(p, r, number)
		}
		return err
	case name == markerName:
		x.marker = r.corrupt(0, "expected a line with version and checksum, found %.40q", begin)
	}
	return nil
}

// addSegment adds a segment, which has a number by its name.
func (x *stock) addSegment(p *part, r *reader, number uint64) (err error) {
	p.header, _, p.damage = readHeader(r)
	if p.damage != nil && !isDamage(p.damage) {
		return p.damage
	}
	if p.damage != nil {
		p.header = header{number: number}
	}
	x.segments = append(x.segments, p)
	return nil
}

// addText adds a manifest, or looks at the marker. It reports whether the file is one of these.
func (x *stock) addText(p *part, r *reader, name string) (known bool, err error) {
	data, err := r.bytes(0, r.size)
	if err != nil {
		return false, err
	}
	body, damage := unsealText(p.path, data)
	if damage == nil {
		p.manifest, damage = decodeManifest(p.path, body)
	}
	switch isMarker := p.folder == "" && name == markerName; {
	case damage == nil:
		p.sure = true
		x.manifests = append(x.manifests, p)
	case isMarker && body != nil:
		x.marker = nil
	case isMarker:
		x.marker = damage
	case name == manifestName:
		p.damage = damage
		p.manifest, p.sure = healManifest(p.path, data)
		x.manifests = append(x.manifests, p)
	default:
		return false, nil
	}
	return true, nil
}

// healManifest reads a manifest that does not pass. It is sure if only the line before its text is damaged: then the checksum in
// that line is right but for a digit.
func healManifest(path string, data []byte) (m *manifest, sure bool) {
	line := len(sealText(nil))
	if len(data) < line {
		return nil, false
	}
	body := data[line:]
	sum := fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli))
	wrong := 0
	for i := range sum {
		if sum[i] != data[line-1-len(sum)+i] {
			wrong++
		}
	}
	m, err := decodeManifest(path, body)
	return m, err == nil && wrong <= 1
}

// sortOut gives each file to its bucket.
func (x *stock) sortOut() {
	names := map[string]string{} // of the buckets, by folder
	for _, p := range x.segments {
		if p.damage == nil && names[p.folder] == "" {
			names[p.folder] = p.header.name
		}
	}
	for _, p := range x.manifests {
		x.addManifest(p, names)
	}
	for _, p := range x.segments {
		name := p.header.name
		if p.damage != nil {
			name = names[p.folder]
		}
		if name == "" {
			name = nameOfFolder(p.folder)
			names[p.folder] = name
		}
		b := x.bucket(name, p.folder)
		b.segments = append(b.segments, p)
	}
	for _, b := range x.buckets {
		slices.SortStableFunc(b.segments, compareParts)
		x.configure(b)
	}
}

// compareParts orders segments by number, and of those of the same number first the one that can be read.
func compareParts(p, q *part) int {
	damaged := func(p *part) int {
		if p.damage != nil {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(p.header.number, q.header.number), damaged(p)-damaged(q))
}

// addManifest gives a manifest to the bucket it is about. Names has the buckets that segments tell of, by folder.
func (x *stock) addManifest(p *part, names map[string]string) {
	if p.damage != nil {
		x.tool.damage(names[p.folder], p.damage)
	}
	if p.manifest == nil || !p.sure && names[p.folder] != "" {
		if names[p.folder] == "" {
			names[p.folder] = nameOfFolder(p.folder)
		}
		x.bucket(names[p.folder], p.folder).hint(p.manifest)
		return
	}
	name := p.manifest.Bucket
	if fault := wrongFolder(p.folder, name); fault != "" && !p.sure {
		name = nameOfFolder(p.folder)
	} else if fault != "" {
		x.tool.damage(name, &store.CorruptError{File: p.path, Reason: fault})
	}
	if names[p.folder] == "" {
		names[p.folder] = name
	}
	b := x.bucket(name, p.folder)
	if !p.sure {
		b.config, b.configFrom = p.manifest.Config, p.path
		b.hint(p.manifest)
		return
	}
	if b.manifest == nil || b.manifest.Newest < p.manifest.Newest {
		b.manifest = p.manifest
	}
}

// hint takes from a damaged manifest how far the numbering has come. Too far is better than not far enough: then revisions
// would be given a second time.
func (b *bucketStock) hint(m *manifest) {
	if m != nil && m.Newest <= math.MaxInt64 {
		b.newest = max(b.newest, m.Newest)
	}
}

// nameOfFolder returns the name of a bucket as far as its folder's tells.
func nameOfFolder(folder string) string {
	_, name, _ := strings.Cut(folder, "-")
	return name
}

// bucket returns the stock of a bucket.
func (x *stock) bucket(name, folder string) *bucketStock {
	b := x.buckets[name]
	if b == nil {
		b = &bucketStock{name: name}
		x.buckets[name] = b
	}
	if b.folder == "" || wrongFolder(b.folder, name) != "" {
		b.folder = folder
	}
	return b
}

// configure finds out the configuration of a bucket. That of a segment is older than that of a lost manifest can be, and is
// what it was then; that of a damaged manifest can be anything.
func (x *stock) configure(b *bucketStock) {
	if b.manifest != nil {
		b.config, b.configFrom = b.manifest.Config, ""
		return
	}
	for _, p := range slices.Backward(b.segments) {
		if p.damage == nil {
			b.config, b.configFrom = p.header.config, p.path
			return
		}
	}
	if b.configFrom != "" && x.tool.configFault(b.name, b.config) == nil {
		return
	}
	b.config, b.configFrom = nil, "nowhere"
	if x.tool.opts.Config != nil {
		b.config = x.tool.opts.Config(b.name)
	}
}

// named returns the part that is a segment of the bucket, nil if there is none.
func (b *bucketStock) named(number uint64) *part {
	at, ok := slices.BinarySearchFunc(b.segments, number, func(p *part, number uint64) int {
		return cmp.Compare(p.header.number, number)
	})
	if !ok {
		return nil
	}
	return b.segments[at]
}

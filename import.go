package kv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/revkv/kv/store"
)

// Import makes a bucket of what Export wrote, with the configuration, the revisions, the times and the deadlines that it
// had. The next write gets the revision after the newest that was ever written. Storage becomes that of the database, and
// Compression is left out where the database has none. What has expired since the export is treated as when a database is
// opened: it is gone, with limit markers if the bucket has them.
//
// The bucket gets the name that it had, unless ImportAs gives another. If there is a bucket of that name the error matches
// ErrBucketExists, whatever its configuration. So of several concurrent imports of one name one succeeds.
//
// The bucket is there as a whole when Import returns, and not before; after an error, or a crash, there is none. If r is not
// an export, or is cut short, or has anything in it that Export would not write, such as revisions that do not rise, more of
// a key than the depth, or an unknown field, the error is an *ImportError with the line and the reason. Only white space, blank
// lines, the order of fields, how strings are written, and fields of the configuration that are left out for their defaults
// are up to whoever edits an export.
//
// If r fails its error is wrapped. If the store fails the error matches ErrReadOnly; if it did so at the very end, the next
// opening may find the bucket, whole. Under SyncEvery and SyncNever a power cut can take the end of its log, as of any.
//
// Import reads r to its end, a line at a time, in up to eight times the memory that the longest line takes, and holds other
// calls up for no longer than it takes to make a bucket. ctx is looked at before each line: it does not end a Read of r that
// waits. Close does not wait for r either; the import ends with ErrClosed then.
func (db *DB) Import(ctx context.Context, r io.Reader, opts ...ImportOption) (*Bucket, error) {
	o := toolOptionsOf(opts)
	if o.as != nil {
		if err := checkBucketName(opImport, *o.as); err != nil {
			return nil, err
		}
	}
	if err := checkContext(ctx); err != nil {
		return nil, err
	}
	if err := notNil("import", "r", r); err != nil {
		return nil, err
	}
	if err := db.takesWrites(); err != nil {
		return nil, err
	}
	m := &meter{tell: o.progress}
	in := &importer{db: db, ctx: ctx, lines: newLineReader(meteredReader{m, r})}
	if err := in.run(m, &o); err != nil {
		return nil, err
	}
	m.end()
	return in.b, nil
}

const opImport = "import bucket"

// takesWrites is writable for callers without the lock.
func (db *DB) takesWrites() error {
	db.mu.RLock()
	defer db.mu.RUnlock()
	return db.writable()
}

// An importedConfig is what the store is given as a bucket's configuration until the bucket is whole: it has a mark.
type importedConfig struct {
	Config
	Importing bool `json:"importing"`
}

// halfImported reports whether a bucket's configuration has the mark.
func halfImported(config []byte) bool {
	var mark struct {
		Importing bool `json:"importing"`
	}
	return json.Unmarshal(config, &mark) == nil && mark.Importing
}

// removeHalfImported removes what a crash has left of an import, before the database is used. A read-only one does not show it.
func (db *DB) removeHalfImported(name string) error {
	if db.readOnly() != nil {
		return nil
	}
	if err := db.backend.Delete(name); err != nil {
		return fmt.Errorf("kv: remove half imported bucket %q: %w", name, err)
	}
	return nil
}

// beginImport makes a bucket that nobody sees.
func (db *DB) beginImport(cfg Config) (*Bucket, error) {
	cfg.Storage = db.storage
	if db.storage != DefaultStorage {
		cfg.Compression = false
	}
	marked, err := json.Marshal(importedConfig{cfg, true})
	if err != nil {
		return nil, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.writable(); err != nil {
		return nil, err
	}
	if db.buckets[cfg.Bucket] != nil || db.imports[cfg.Bucket] != nil {
		return nil, &BucketError{Op: opImport, Bucket: cfg.Bucket, Err: ErrBucketExists}
	}
	log, err := db.backend.Create(cfg.Bucket, marked)
	if err != nil {
		return nil, fmt.Errorf("kv: %s %q: %w", opImport, cfg.Bucket, err)
	}
	b := newBucket(db, cfg, log)
	b.nextDue.Store(math.MinInt64) // so that no timer is set, which would expire what newer revisions are yet to come for
	if db.imports == nil {
		db.imports = map[string]*Bucket{}
	}
	db.imports[b.name] = b
	return b, nil
}

// endImport makes a bucket visible that is whole.
func (db *DB) endImport(b *Bucket) error {
	encoded, err := b.cfg.encode()
	if err != nil {
		return err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if err := db.writable(); err != nil {
		return err
	}
	if err := db.backend.Configure(b.name, encoded); err != nil {
		return db.fail(fmt.Errorf("configure bucket %q: %w", b.name, err))
	}
	delete(db.imports, b.name)
	db.buckets[b.name] = b
	return nil
}

// abandonImport removes a bucket that will not be whole. If the store cannot be written to, it is removed when it is opened.
func (db *DB) abandonImport(b *Bucket) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil
	}
	delete(db.imports, b.name)
	err := b.end(ErrClosed)
	if db.readOnly() != nil {
		return err
	}
	if err = errors.Join(err, db.backend.Delete(b.name)); err != nil {
		return db.fail(fmt.Errorf("delete bucket %q: %w", b.name, err))
	}
	return nil
}

const (
	// importChunk is how many bytes of memory are appended to the store at a time at most, unless it is one revision.
	importChunk = 1 << 20
	// maxImported is the greatest revision that an import has: half of those that there can be, so that writes never come to the end.
	maxImported = 1 << 62
	// recordSize is about what a record takes beside its key and its value.
	recordSize = 100
)

// An importer reads one export into a bucket.
type importer struct {
	db      *DB
	ctx     context.Context
	lines   *lineReader
	newest  uint64 // that the first line tells
	b       *Bucket
	last    store.Record   // without the value
	records uint64         // so far
	chunk   []store.Record // to be appended to the store
	size    int            // of chunk, in bytes
}

// run imports a bucket, or leaves nothing behind, also if r panics.
func (in *importer) run(m *meter, o *toolOptions) (err error) {
	cfg, err := in.header()
	if err != nil {
		return err
	}
	if o.as != nil {
		cfg.Bucket = *o.as
	}
	if in.b, err = in.db.beginImport(cfg); err != nil {
		return err
	}
	m.Bucket = in.b.name
	whole := false
	defer func() {
		if whole {
			return
		}
		if also := in.db.abandonImport(in.b); also != nil {
			err = errors.Join(err, also)
		}
	}()
	for end := false; !end; {
		if end, err = in.line(); err != nil {
			return err
		}
	}
	if err := in.finish(); err != nil {
		return err
	}
	if err := in.db.endImport(in.b); err != nil {
		return err
	}
	whole = true
	in.b.startExpiry()
	return nil
}

// startExpiry takes out what has expired before the import and sets the timer.
func (b *Bucket) startExpiry() {
	b.freeze()
	defer b.unfreeze()
	if b.gone == nil {
		b.expire(b.now())
	}
}

// next returns the next line, which there must be.
func (in *importer) next() ([]byte, error) {
	line, err := in.lines.next(in.alive)
	switch {
	case err == io.EOF:
		return nil, in.fault("the input ends without the line that counts the records")
	case err == errLineTooLong:
		return nil, in.fault("it has more than %d bytes, which no line of an export needs", in.lines.limit)
	case err == errNoObject && in.b == nil:
		return nil, in.fault("it is not the first line of an export: %v", err)
	case err == errNoObject:
		return nil, in.fault("%v", err)
	case err != nil && in.ctx.Err() != nil:
		return nil, in.ctx.Err()
	case err != nil:
		return nil, fmt.Errorf("kv: import: line %d: %w", in.lines.number, err)
	}
	return line, nil
}

// alive returns the error of a context that has ended, or a database that is closed.
func (in *importer) alive() error {
	if err := in.ctx.Err(); err != nil {
		return err
	}
	if in.b == nil {
		return nil
	}
	in.b.mu.RLock()
	defer in.b.mu.RUnlock()
	return in.b.gone
}

// fault returns an error about the line that was read last.
func (in *importer) fault(format string, args ...any) error {
	const most = 400 // a reason may have a piece of the line in it
	e := &ImportError{Line: in.lines.number, Reason: fmt.Sprintf(format, args...)}
	if len(e.Reason) > most {
		e.Reason = strings.ToValidUTF8(e.Reason[:most], "") + "..."
	}
	if in.b != nil {
		e.Bucket = in.b.name
	}
	return e
}

// header reads the first line.
func (in *importer) header() (Config, error) {
	line, err := in.next()
	if err != nil {
		return Config{}, err
	}
	in.lines.limit = maxLine
	var first struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	err = json.Unmarshal(line, &first)
	switch {
	case err != nil:
		return Config{}, in.fault("it is not the first line of an export: %v", err)
	case first.Format != exportFormat:
		return Config{}, in.fault("the format is %q, and not %q", first.Format, exportFormat)
	case first.Version != exportVersion:
		return Config{}, in.fault("the version is %d, this program knows %d", first.Version, exportVersion)
	}
	var h headerLine
	err = readObject(line, &h)
	if err == nil {
		err = checkBucketName(opImport, h.Config.Bucket)
	}
	cfg := h.Config
	if err == nil {
		cfg, err = cfg.normal()
	}
	switch {
	case err != nil:
		return Config{}, in.fault("%s", strings.TrimPrefix(err.Error(), "kv: "))
	case h.Newest == nil:
		return Config{}, in.fault("the newest revision is missing")
	case *h.Newest > maxImported:
		return Config{}, in.fault("the newest revision is %d, the most is %d", *h.Newest, int64(maxImported))
	}
	in.newest = *h.Newest
	return cfg, nil
}

// line reads one of the other lines, and says whether it is the last one.
func (in *importer) line() (end bool, err error) {
	text, err := in.next()
	if err != nil {
		return false, err
	}
	var l recordLine
	if err := readObject(text, &l); err != nil {
		return false, in.fault("%v", err)
	}
	if l.Records == nil {
		return false, in.record(&l)
	}
	switch {
	case l != recordLine{Records: l.Records}:
		return false, in.fault("it has a field beside records")
	case *l.Records != in.records:
		return false, in.fault("it counts %d records, and there are %d", *l.Records, in.records)
	}
	_, err = in.next()
	if in.lines.ended {
		return true, nil
	}
	if err == nil {
		err = in.fault("it comes after the line that counts the records")
	}
	return false, err
}

// record takes a revision into the bucket.
func (in *importer) record(l *recordLine) error {
	r, err := l.record()
	if err != nil {
		return in.fault("%v", err)
	}
	switch {
	case r.Revision <= in.last.Revision:
		return in.fault("revision %d does not come after %d", r.Revision, in.last.Revision)
	case r.Revision > in.newest:
		return in.fault("revision %d is greater than the newest, which is %d", r.Revision, in.newest)
	case in.records > 0 && r.Created < in.last.Created:
		return in.fault("it was created before the revision before it")
	}
	if err := in.restore(r); err != nil {
		return err
	}
	in.last = r
	in.last.Value = nil
	in.records++
	if !in.b.durable {
		return nil
	}
	size := len(r.Key) + len(r.Value) + recordSize
	if in.size > 0 && in.size+size > importChunk {
		if err := in.flush(nil); err != nil {
			return err
		}
	}
	in.chunk = append(in.chunk, r)
	in.size += size
	return nil
}

// restore puts a revision into the bucket's histories.
func (in *importer) restore(r store.Record) error {
	b := in.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return b.gone
	}
	if displaced := b.restore(store.Replayed{Record: r, Size: len(r.Value)}, nil); len(displaced) == 0 {
		return nil
	}
	if r.Operation == store.Purge {
		return in.fault("a purge leaves no older revisions, and there are some of key %q", r.Key)
	}
	return in.fault("it is one revision more of key %q than the depth, which is %d", r.Key, b.cfg.History)
}

// flush appends the chunk to the store.
func (in *importer) flush(trim []uint64) error {
	in.b.freeze() // Close waits for it
	defer in.b.unfreeze()
	if in.b.gone != nil {
		return in.b.gone
	}
	if err := in.db.readOnly(); err != nil {
		return err
	}
	err := in.b.append(in.chunk, trim)
	clear(in.chunk)
	in.chunk, in.size = in.chunk[:0], 0
	return err
}

// finish sees to what is left when all lines are read.
func (in *importer) finish() error {
	var trim []uint64
	if in.last.Revision < in.newest {
		key, err := in.number()
		if err != nil {
			return err
		}
		// The store learns of a revision that is not kept by getting one that it is not to keep.
		in.chunk = append(in.chunk, store.Record{Revision: in.newest, Operation: store.Purge, Key: key, Created: in.last.Created})
		trim = []uint64{in.newest}
	}
	if len(in.chunk) == 0 || !in.b.durable {
		return nil
	}
	return in.flush(trim)
}

// number has the bucket go on numbering behind the newest revision, which is not kept, and returns a key that the bucket does not have:
// should a trim of a record of it be damaged, Repair purges nothing.
func (in *importer) number() (key string, err error) {
	b := in.b
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return "", b.gone
	}
	b.accepted, b.published = in.newest, in.newest
	for key = "newest"; b.index.get(key) != nil; {
		key += "_"
	}
	return key, nil
}

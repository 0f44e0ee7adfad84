package kv

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/google/btree"
)

// Export writes the bucket with its history to w as lines of JSON, which Import reads. They are made to be read and edited by
// people and scripts too:
//
//	{"format":"revkv-export","version":1,"config":{"bucket":"settings","history":3,"max_value_size":-1,"max_bytes":-1},"newest":9}
//	{"revision":4,"key":"color","operation":"PUT","created":"2026-01-02T15:04:05.123456789Z","value":"blue"}
//	{"revision":6,"key":"lease","operation":"PUT","created":"2026-01-02T15:04:06Z","deadline":"2099-12-31T00:00:00Z","base64":"/wA="}
//	{"revision":7,"key":"size","operation":"DELETE","created":"2026-01-02T15:04:07.5Z"}
//	{"records":3}
//
// The first line has the configuration with its defaults filled in, durations in nanoseconds, but without Storage, which is
// up to the database; and the newest revision ever written, behind which an import goes on numbering even if it is not
// kept. Then there is a line for each kept revision, in rising order of revision. Its operation is PUT, DELETE or PURGE, and
// its times are RFC 3339 in UTC. A deadline is one of its own, from KeyTTL or of a limit marker; the bucket's TTL is in the
// configuration. A put has its value as a string if that is UTF-8, else in standard base64. The last line counts the
// revisions, so that a cut file is noticed. The same contents give the same bytes.
//
// Export writes one state of the bucket, that of its start: what is written meanwhile is not in it, and is not held up,
// however slow w is. What had expired then is left out; what expires meanwhile is there, and Import sees to it. Until
// Export returns the bucket keeps what is overwritten before the export gets to it, in memory or on disk, wherever values
// are. A read-only database can be exported.
//
// If w fails its error is wrapped; ctx is looked at before each line. After an error what is in w is not an export: its last
// line is missing.
func (b *Bucket) Export(ctx context.Context, w io.Writer, opts ...ToolOption) error {
	o := toolOptionsOf(opts)
	if err := checkContext(ctx); err != nil {
		return err
	}
	if err := notNil("export", "w", w); err != nil {
		return err
	}
	s, err := b.logSnapshot()
	if err != nil {
		return err
	}
	defer b.closeLogSnapshot(s)
	m := &meter{tell: o.progress, Progress: Progress{Bucket: b.name}}
	buffer := bufio.NewWriterSize(meteredWriter{m, w}, exportBuffer)
	lines := json.NewEncoder(buffer)
	lines.SetEscapeHTML(false)
	err = b.exportLines(s, func(line any) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return b.exportError(lines.Encode(line))
	})
	if err == nil {
		err = b.exportError(buffer.Flush())
	}
	if err == nil {
		m.end()
	}
	return err
}

const (
	// exportBuffer is how many bytes are written at a time, at least.
	exportBuffer = 1 << 16
	// exportSlots is how many slots of the log an export looks at under the lock at a time.
	exportSlots = 1024
)

func (b *Bucket) exportError(err error) error {
	if err != nil {
		return fmt.Errorf("kv: export bucket %q: %w", b.name, err)
	}
	return nil
}

// exportLines calls write for each line.
func (b *Bucket) exportLines(s *logSnapshot, write func(line any) error) error {
	cfg := s.cfg
	cfg.Storage = DefaultStorage
	if err := write(headerLine{exportFormat, exportVersion, cfg, &s.at}); err != nil {
		return err
	}
	var records uint64
	for s.position < s.at {
		found, err := b.exportChunk(s)
		if err != nil {
			return err
		}
		for i := range found {
			line, err := b.exportLine(&found[i])
			if err == nil {
				err = write(line)
			}
			if err != nil {
				return err
			}
			records++
		}
	}
	return write(recordLine{Records: &records})
}

// exportLine returns the line of a revision.
func (b *Bucket) exportLine(x *exported) (recordLine, error) {
	var e Entry
	if err := b.entry(&e, x.key, &x.revision, x.deadline); err != nil {
		return recordLine{}, err
	}
	line := recordLine{Revision: &e.Revision, Key: &e.Key, Operation: new(e.Operation.String()), Created: &e.Created}
	if x.deadline != 0 {
		line.Deadline = &e.Expires
	}
	switch {
	case e.Operation != Put:
	case utf8.Valid(e.Value):
		line.Value = new(string(e.Value))
	default:
		line.Base64 = new(base64.StdEncoding.EncodeToString(e.Value))
	}
	return line, nil
}

// A logSnapshot is the log of a bucket at one revision and one moment, for as long as an export needs it. It costs nothing
// but what writers put into it: a revision that the export is still to see is moved here when it leaves its history.
type logSnapshot struct {
	at       uint64 // the revision
	now      int64  // the moment: a key whose newest revision had expired by then was gone
	cfg      Config // of that moment
	position uint64 // everything up to here is read
	saved    *btree.BTreeG[exported]
	hidden   map[*history]struct{} // keys that were gone, and whose newest revision has left its history before older ones
	found    []exported            // reused from chunk to chunk
	unpin    func()
}

// An exported revision is one that an export found.
type exported struct {
	key      string
	revision revision
	deadline int64 // of its own; 0 if it has none
}

// logSnapshot begins an export.
func (b *Bucket) logSnapshot() (*logSnapshot, error) {
	s := &logSnapshot{
		now:    time.Now().UnixNano(), // first, so that settle leaves nothing that had expired then
		saved:  btree.NewG(16, func(a, b exported) bool { return a.revision.number < b.revision.number }),
		hidden: map[*history]struct{}{},
	}
	b.settle()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.gone != nil {
		return nil, b.gone
	}
	s.unpin = b.pin()
	s.at, s.cfg = b.published, b.cfg
	b.exports = append(b.exports, s)
	return s, nil
}

func (b *Bucket) closeLogSnapshot(s *logSnapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.exports = without(b.exports, s)
	s.unpin()
}

// keep saves the i-th revision of h, which is about to leave, if the export still wants it.
func (s *logSnapshot) keep(b *Bucket, h *history, i int) {
	r := h.at(i)
	if r.number > s.at {
		return
	}
	if i == h.upTo(s.at)-1 && s.expired(b, r) {
		s.hidden[h] = struct{}{}
		return
	}
	if r.number > s.position && s.wants(b, h, r) {
		s.saved.ReplaceOrInsert(b.exported(h, r))
	}
}

// wants reports whether a read could see r, which h holds, at the moment of the snapshot.
func (s *logSnapshot) wants(b *Bucket, h *history, r *revision) bool {
	_, hidden := s.hidden[h]
	return !hidden && !s.expired(b, r) && !s.expired(b, h.at(h.upTo(s.at)-1))
}

// expired reports whether r had expired at the moment of the snapshot, by the configuration of then.
func (s *logSnapshot) expired(b *Bucket, r *revision) bool {
	return past(b.ownDeadline(r), s.now) || s.cfg.TTL > 0 && past(addTime(r.created, s.cfg.TTL), s.now)
}

func (b *Bucket) exported(h *history, r *revision) exported {
	return exported{h.key, *r, b.ownDeadline(r)}
}

// exportChunk returns the next revisions of the log, and moves the position behind them.
func (b *Bucket) exportChunk(s *logSnapshot) ([]exported, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.gone != nil {
		return nil, b.gone
	}
	s.found = s.found[:0]
	c := b.revisions.from(s.position + 1)
	number, h, more := c.next()
	for range exportSlots {
		saved, any := s.saved.Min()
		switch more = more && number <= s.at; {
		case any && (!more || saved.revision.number <= number):
			s.saved.DeleteMin()
			s.found = append(s.found, saved)
			s.position = saved.revision.number
		case !more:
			s.position = s.at
			return s.found, nil
		default:
			if h != nil {
				if i, _ := h.find(number); s.wants(b, h, h.at(i)) {
					s.found = append(s.found, b.exported(h, h.at(i)))
				}
			}
			s.position = number
			number, h, more = c.next()
		}
	}
	return s.found, nil
}

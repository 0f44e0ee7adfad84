package filestore

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A log is the store of one bucket: a store.ValueReader over the segments in the bucket's folder.
//
// Of its two locks changing is taken first: it is held while the set of segments changes, in the manifest and in memory, and
// files are written meanwhile. The lock mu guards memory and is held for memory work only, so reads wait for no file but
// their own.
type log struct {
	fsys vfs.FS
	dir  string
	opts Options

	changing sync.Mutex
	manifest *manifest // guarded by changing
	number   uint64    // of the segment made last; guarded by changing
	next     *segment  // made ahead, to be active after the one that is; nil if there is none; guarded by changing

	preparing atomic.Bool // next is being made, or there

	mu         sync.RWMutex // guards what follows
	segments   []*segment   // sealed
	active     *segment     // nil until there is something to append
	newest     uint64
	pins       pins
	trimmed    []uint64 // of sealed segments, and not marked dead yet
	waiting    int64    // the most bytes that the records of these can have
	freed      int64    // bytes of records marked dead since it was last looked whether to compact
	compacting bool
	marked     []uint64    // room for trimmed, of the one who compacts
	steps      int         // of compaction that are done
	stepped    sync.Cond   // one more is, or there is nothing to do
	closed     atomic.Bool // set under mu

	// What follows is of Append and Publish.
	index   indexWriter // of the active segment
	reach   bool        // the active segment trims something in another one
	limit   int64       // how large the active segment may become
	written bool        // the frame is written, and not published
	buf     []byte      // the frame; reused, like the next two
	entries []entry     // of its records
	trims   []uint64    // what it trims

	replay []replayed // until Records has been read
	torn   *TornTail  // what opening has cut
	loaded bool       // it was read, and is not used yet

	fault  atomic.Pointer[error]
	work   sync.WaitGroup // in the background, and reads of values
	timing atomic.Bool    // the timer that syncs is set
	timer  *time.Timer
}

var _ store.ValueReader = (*log)(nil)

// Newest implements store.Store.
func (l *log) Newest() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.newest
}

// Append implements store.Store.
func (l *log) Append(recs []store.Record, trim []uint64) error {
	l.Publish()
	if err := l.writable(); err != nil {
		return err
	}
	size, err := l.check(recs, trim)
	if err != nil || size == 0 {
		return err
	}
	if err := l.makeRoom(size); err != nil {
		return l.fail(err)
	}
	l.trims = append(l.trims[:0], trim...)
	slices.Sort(l.trims)
	l.trims = slices.Compact(l.trims)
	seg := l.active
	l.encode(recs)
	if err := l.write(seg); err != nil {
		return l.fail(fmt.Errorf("append to %s: %w", seg.name, errors.Join(err, l.takeBack(seg))))
	}
	for i := range recs {
		addToIndex(&l.index, l.entries[i], &recs[i], recs[i].Key)
	}
	l.written = true
	return nil
}

// Publish implements store.ValueReader.
func (l *log) Publish() {
	if !l.written {
		return
	}
	l.written = false
	l.note()
	l.syncLater()
	l.prepareLater()
}

// writable reports why nothing can be appended.
func (l *log) writable() error {
	switch fault := l.fault.Load(); {
	case l.closed.Load():
		return store.ErrClosed
	case l.opts.ReadOnly:
		return store.ErrReadOnly
	case fault != nil:
		return *fault
	}
	return nil
}

// fail makes err the error of every write from now on, unless there is one already. After a write or a sync that has failed
// nobody knows what is on the disk, so nothing is tried again.
func (l *log) fail(err error) error {
	l.fault.CompareAndSwap(nil, &err)
	return *l.fault.Load()
}

// check returns about how many bytes the frame will have, 0 if there is nothing to append.
func (l *log) check(recs []store.Record, trim []uint64) (size int64, err error) {
	newest := l.newest
	for i := range recs {
		if recs[i].Revision <= newest {
			return 0, fmt.Errorf("%w: %d after %d", store.ErrOrder, recs[i].Revision, newest)
		}
		newest = recs[i].Revision
		size += int64(len(recs[i].Key)) + int64(len(recs[i].Value)) + recordRoom
	}
	if size += int64(len(trim)) * 10; size > 0 {
		size += headLen + recordRoom
	}
	if size > maxFrame {
		return 0, fmt.Errorf("filestore: %d bytes are too many for one append, the most is %d", size, maxFrame)
	}
	return size, nil
}

// encode writes the frame into l.buf, and into l.entries where in the active segment the records will be.
func (l *log) encode(recs []store.Record) {
	seg := l.active
	h := head{kind: kindFrame, unsynced: seg.unsynced(), revision: l.newest}
	if len(recs) > 0 {
		h.revision, h.created = recs[0].Revision, recs[0].Created
	}
	l.entries = l.entries[:0]
	buf := append(l.buf[:0], make([]byte, headLen)...)
	for i := range recs {
		start := len(buf)
		buf = appendRecord(buf, seg.salt, &h, &recs[i], recs[i].Key)
		l.entries = append(l.entries, entry{recs[i].Revision, uint32(seg.end) + uint32(start), uint32(len(buf) - start)})
	}
	if len(l.trims) > 0 {
		buf = appendTrim(buf, seg.salt, l.trims)
	}
	h.length = uint32(len(buf) - headLen)
	h.put(buf, seg.salt, seg.end)
	l.buf = buf
}

// write writes l.buf to the end of the active segment.
func (l *log) write(seg *segment) error {
	if _, err := seg.file.WriteAt(l.buf, seg.end); err != nil {
		return err
	}
	end := seg.end + int64(len(l.buf))
	seg.fill(end)
	if l.opts.Sync != SyncAlways() {
		return nil
	}
	return seg.syncTo(end)
}

// takeBack removes what a failed write may have left, so that no later opening finds it.
func (l *log) takeBack(seg *segment) error {
	seg.filled = 0
	err := seg.file.Truncate(seg.end)
	if err == nil {
		err = seg.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("and it could not be taken back, so the next opening may find it: %w", err)
	}
	return nil
}

// keepBuffer is the largest buffer that is kept for the next frame.
const keepBuffer = 1 << 20

// note takes into memory what has been written.
func (l *log) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	seg := l.active
	for _, e := range l.entries {
		seg.add(e)
		l.newest = e.revision
	}
	seg.end += int64(len(l.buf))
	seg.size = seg.end
	for _, revision := range l.trims {
		l.forget(revision)
	}
	if cap(l.buf) > keepBuffer {
		l.buf, l.entries, l.trims = nil, nil, nil
	}
	l.compactLater()
}

// Value implements store.ValueReader. Damage is found by the checksum, and its error matches store.ErrCorrupt.
func (l *log) Value(revision uint64) ([]byte, error) {
	l.mu.RLock()
	if l.closed.Load() {
		l.mu.RUnlock()
		return nil, store.ErrClosed
	}
	seg, at, ok := l.find(revision)
	if !ok || seg.entries[at].dead() && !l.pins.holds(revision) {
		l.mu.RUnlock()
		return nil, fmt.Errorf("%w: revision %d", store.ErrNotFound, revision)
	}
	e := seg.entries[at]
	seg.hold()
	l.work.Add(1) // Close waits, so that no file is removed when another opening may have made one of that name
	defer l.work.Done()
	l.mu.RUnlock()
	it, err := seg.read(e)
	_ = seg.drop() // the file was only read
	if err != nil {
		return nil, err
	}
	if it.record.Value == nil {
		return []byte{}, nil
	}
	return it.record.Value, nil
}

// Pin implements store.ValueReader.
func (l *log) Pin() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := l.pins.add(l.newest)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.pins.remove(number)
	}
}

// isPinned reports whether a pin keeps a trimmed revision.
func (l *log) isPinned(revision uint64) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.pins.holds(revision)
}

// Records implements store.Store.
func (l *log) Records() iter.Seq2[store.Replayed, error] {
	return func(yield func(store.Replayed, error) bool) {
		if err := l.writable(); errors.Is(err, store.ErrClosed) {
			yield(store.Replayed{}, err)
			return
		}
		replay := l.replay
		l.replay = nil // what comes from it is what memory holds from now on
		for _, part := range replay {
			if !part.records(yield) {
				return
			}
		}
	}
}

// Close implements store.Store. It seals the active segment, so that the next opening need not look for a torn tail. It
// returns the error that ended writing, if one did; then the segment is left as after a crash.
func (l *log) Close() error {
	l.mu.Lock()
	if l.closed.Load() {
		l.mu.Unlock()
		return nil
	}
	l.closed.Store(true)
	l.mu.Unlock()
	l.Publish()
	if l.timer != nil {
		l.timer.Stop()
	}
	l.work.Wait()
	l.changing.Lock()
	defer l.changing.Unlock()
	l.dropNext()
	var err error
	if fault := l.fault.Load(); fault != nil {
		err = *fault
	} else if l.active != nil && !l.opts.ReadOnly && !l.loaded {
		err = l.seal(nil)
	}
	return errors.Join(err, l.dropAll())
}

// dropAll ends the store's own use of all files.
func (l *log) dropAll() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active != nil {
		l.segments = append(l.segments, l.active)
	}
	var errs []error
	for _, seg := range l.segments {
		errs = append(errs, seg.drop())
	}
	l.segments, l.active, l.replay = nil, nil, nil
	return errors.Join(errs...)
}

// syncLater has the timer sync the active segment, if that is the policy.
func (l *log) syncLater() {
	every := l.opts.Sync.every
	if every <= 0 || l.timing.Swap(true) {
		return
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(every, l.syncNow)
	} else {
		l.timer.Reset(every)
	}
}

// syncNow is what the timer does. If it fails, so does every later write.
func (l *log) syncNow() {
	l.timing.Store(false)
	l.mu.RLock()
	if l.closed.Load() {
		l.mu.RUnlock()
		return
	}
	l.work.Add(1)
	l.mu.RUnlock()
	defer l.work.Done()
	if err := l.syncActive(); err != nil {
		_ = l.fail(err)
	}
}

// syncActive makes durable what has been appended so far.
func (l *log) syncActive() error {
	l.mu.RLock()
	seg := l.active
	if seg == nil || seg.synced.Load() >= seg.end {
		l.mu.RUnlock()
		return nil
	}
	end := seg.end
	seg.hold()
	l.mu.RUnlock()
	err := seg.syncTo(end)
	_ = seg.drop() // its owner closes it with an error
	return err
}

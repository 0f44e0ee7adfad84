package kv_test

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// A killFound is what is in a folder.
type killFound struct {
	at      time.Time // before it was read
	torn    []kv.TornTail
	buckets map[string]contents
}

// readKilled opens a folder and reads everything.
func readKilled(t *testing.T, dir string, open func(string, ...kv.OpenOption) (*kv.DB, error)) killFound {
	t.Helper()
	found := killFound{at: time.Now(), buckets: map[string]contents{}}
	db, err := open(dir)
	require.NoError(t, err)
	found.torn = db.TornTails()
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	for _, name := range names {
		b, err := db.Bucket(t.Context(), name)
		require.NoError(t, err)
		c := contentsOf(t, b)
		c.Entries = atOnce(t, b, c.Entries)
		found.buckets[name] = c
	}
	require.NoError(t, db.Close())
	return found
}

// atOnce reads the keys that expire by themselves again, each at one moment: while a watcher reads, the newest revision of a
// key can expire after an older one was delivered.
func atOnce(t *testing.T, b *kv.Bucket, entries []kv.Entry) []kv.Entry {
	t.Helper()
	timed := map[string]bool{}
	entries = slices.DeleteFunc(entries, func(e kv.Entry) bool {
		if strings.HasPrefix(e.Key, killTimed) {
			timed[e.Key] = true
		}
		return timed[e.Key]
	})
	for key := range timed {
		revisions, err := b.History(t.Context(), key)
		if !errors.Is(err, kv.ErrKeyNotFound) {
			require.NoError(t, err)
		}
		entries = append(entries, revisions...)
	}
	return entries
}

// untimed returns what does not change by itself.
func (f *killFound) untimed() map[string]contents {
	all := maps.Clone(f.buckets)
	if c, ok := all[killShared]; ok {
		c.Status = kv.Status{Config: c.Status.Config}
		c.Entries = slices.DeleteFunc(slices.Clone(c.Entries), func(e kv.Entry) bool { return strings.HasPrefix(e.Key, killTimed) })
		all[killShared] = c
	}
	return all
}

// newest returns the newest revision of a key in the shared bucket, the zero value if there is none.
func (f *killFound) newest(key string) (newest kv.Entry) {
	for _, e := range f.buckets[killShared].Entries {
		if e.Key == key {
			newest = e
		}
	}
	return newest
}

// requireSame compares with what another opening has found.
func (f *killFound) requireSame(t *testing.T, other killFound, what string) {
	t.Helper()
	for name := range f.buckets {
		require.Equal(t, f.draw(name), other.draw(name), "%s: bucket %s", what, name)
	}
	require.True(t, reflect.DeepEqual(f.untimed(), other.untimed()), what) // times, sizes and all else too
}

// draw returns a bucket in lines, for comparing with killState.draw.
func (f *killFound) draw(bucket string) []string {
	c, ok := f.untimed()[bucket]
	if !ok {
		return nil
	}
	return killDraw(c.Status.Config, c.Status.Newest, c.Entries)
}

func killDraw(cfg kv.Config, newest uint64, entries []kv.Entry) []string {
	lines := []string{fmt.Sprintf("depth %d, %q, newest %d", cfg.History, cfg.Description, newest)}
	for _, e := range entries {
		lines = append(lines, killLine(e))
	}
	return lines
}

func killLine(e kv.Entry) string {
	ttl := time.Duration(0)
	if !e.Expires.IsZero() {
		ttl = e.Expires.Sub(e.Created)
	}
	id, _, _ := strings.Cut(string(e.Value), "|")
	if string(e.Value) != killValue(id, len(e.Value)) {
		id = fmt.Sprintf("%q", e.Value)
	}
	return fmt.Sprintf("%d %s %s %s %d bytes %v", e.Revision, e.Operation, e.Key, id, len(e.Value), ttl)
}

// A killState is what has to be in a folder: of each bucket a model, without the keys that expire by themselves, and what was
// written to these.
type killState struct {
	models map[string]*model
	timed  map[string][]killReturned // by key; revision 0 in it: nobody knows whether it was done
}

func newKillState() *killState {
	return &killState{models: map[string]*model{}, timed: map[string][]killReturned{}}
}

// draw returns a bucket in lines, for comparing with killFound.draw.
func (s *killState) draw(bucket string) []string {
	m := s.models[bucket]
	if m == nil {
		return nil
	}
	newest := m.last
	if bucket == killShared {
		newest = 0 // it depends on what has expired
	}
	return killDraw(m.cfg, newest, m.revisionsAfter(0, []string{">"}))
}

// add adds the calls of a process that was killed, and checks that this gives what was found. Whether a call was done that
// has not returned is seen from that.
func (s *killState) add(t *testing.T, calls killCalls, found killFound) {
	t.Helper()
	s.addOwn(t, calls, found)
	s.addShared(t, calls, found)
	for name := range found.buckets {
		require.Equal(t, s.draw(name), found.draw(name), name)
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(s.models)), slices.Collect(maps.Keys(found.buckets)))
	s.checkTimed(t, found)
}

// addOwn adds the calls on buckets that have one writer, so that their order is known.
func (s *killState) addOwn(t *testing.T, calls killCalls, found killFound) {
	t.Helper()
	for _, call := range calls.returned {
		if call.Bucket != killShared {
			s.call(t, call)
		}
	}
	for _, call := range calls.pending {
		if call.Bucket != killShared && !slices.Equal(s.draw(call.Bucket), found.draw(call.Bucket)) {
			s.call(t, killReturned{killCall: call})
		}
	}
}

// addShared adds the calls on the bucket of all writers. Their order is that of their revisions.
func (s *killState) addShared(t *testing.T, calls killCalls, found killFound) {
	t.Helper()
	var writes []killReturned
	for _, call := range calls.returned {
		switch {
		case call.Bucket != killShared:
		case call.Writes == nil:
			s.call(t, call)
		default:
			writes = append(writes, call)
		}
	}
	for _, call := range calls.pending {
		if call.Bucket == killShared {
			writes = append(writes, s.addPending(t, call, writes, found)...)
		}
	}
	slices.SortFunc(writes, func(a, b killReturned) int { return cmp.Compare(a.revision, b.revision) })
	for _, call := range writes {
		m := s.models[killShared]
		require.Greater(t, call.revision, m.last, "a revision was given twice, the second time to %+v", call.killCall)
		m.last = call.revision - 1 // limit markers have some
		s.call(t, call)
	}
	if m := s.models[killShared]; m != nil {
		newest := found.buckets[killShared].Status.Newest
		require.GreaterOrEqual(t, newest, m.last, "where the numbering goes on")
		m.last = newest
	}
	for _, call := range calls.pending {
		if call.timed() {
			s.addTimed(killReturned{killCall: call})
		}
	}
}

// addPending adds a call that has not returned and is no write, if it was done. If it is a write and was done, it returns it
// with its revision.
func (s *killState) addPending(t *testing.T, call *killCall, writes []killReturned, found killFound) (done []killReturned) {
	t.Helper()
	c, exists := found.buckets[killShared]
	switch {
	case call.Writes == nil:
		if exists && c.Status.Config.Description == call.Config.Description {
			s.call(t, killReturned{killCall: call})
		}
	case !call.timed():
		key := call.Writes[0].Key // which nobody else writes
		if newest := found.newest(key).Revision; newest > s.newest(key, writes) {
			return []killReturned{{call, newest}}
		}
	}
	return nil
}

// newest returns the newest revision of a key in the shared bucket after writes.
func (s *killState) newest(key string, writes []killReturned) (newest uint64) {
	if m := s.models[killShared]; m != nil {
		newest = m.newest(key).number
	}
	for _, call := range writes {
		for i := range call.Writes {
			if call.Writes[i].Key == key {
				newest = max(newest, call.revision+uint64(i))
			}
		}
	}
	return newest
}

// call does a call.
func (s *killState) call(t *testing.T, call killReturned) {
	t.Helper()
	m := s.models[call.Bucket]
	switch call.Do {
	case "create bucket":
		s.models[call.Bucket] = newModel(call.Config, time.Time{})
	case "delete bucket":
		delete(s.models, call.Bucket)
	case "configure":
		m.configure(call.Config)
	case "purge deletes":
		m.purgeDeletes(-1)
	default:
		if call.timed() {
			s.addTimed(call)
			m.last++
			return
		}
		var writes []modelWrite
		for i := range call.Writes {
			writes = append(writes, call.Writes[i].model())
		}
		revisions, refusals := m.write(writes)
		require.Empty(t, refusals, "%+v", call.killCall)
		if call.revision != 0 {
			require.Equal(t, call.revision, revisions[0], "%+v", call.killCall)
		}
	}
}

func (s *killState) addTimed(call killReturned) {
	key := call.Writes[0].Key
	s.timed[key] = append(s.timed[key], call)
}

// checkTimed checks the keys that expire by themselves: what is there was written and is not past its deadline, and what is
// missing is past it. In the place of that there may be a limit marker.
func (s *killState) checkTimed(t *testing.T, found killFound) {
	t.Helper()
	for _, e := range found.buckets[killShared].Entries {
		if !strings.HasPrefix(e.Key, killTimed) {
			continue
		}
		require.True(t, e.Expires.IsZero() || e.Expires.After(found.at), "it has expired: %s", killLine(e))
		isLimitMarker := e.Operation == kv.Purge && e.Expires.Sub(e.Created) == killMarkers
		wrote := func(call killReturned) bool { return call.wrote(e) }
		require.True(t, isLimitMarker || slices.ContainsFunc(s.timed[e.Key], wrote), "nobody wrote %s", killLine(e))
	}
	for key, calls := range s.timed {
		last := calls[len(calls)-1]
		newest := found.newest(key)
		if last.revision == 0 || newest.Revision == last.revision {
			continue
		}
		require.True(t, newest.Revision == 0 || newest.Operation == kv.Purge && newest.Revision > last.revision,
			"%+v is lost, found %s", last.killCall, killLine(newest))
		ttl := last.Writes[0].TTL
		require.True(t, ttl > 0 && ttl < time.Hour, "%+v is lost", last.killCall)
	}
}

// wrote reports whether an entry is from the only write of the call.
func (c *killReturned) wrote(e kv.Entry) bool {
	w := c.Writes[0].model()
	if c.revision != 0 && c.revision != e.Revision {
		return false
	}
	if w.kind == "delete" {
		return e.Operation == kv.Delete && e.Expires.IsZero()
	}
	lasts := e.Expires.IsZero() && w.ttl == 0 || e.Expires.Sub(e.Created) == w.ttl
	return e.Operation == kv.Put && string(e.Value) == w.value && lasts
}

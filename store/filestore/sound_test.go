package filestore_test

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A sound folder is one that is damaged in copies, and all that is known about it.
type sound struct {
	disk   *crashfs.FS
	files  []string
	frames []filestore.FramePlace
	states map[string]state        // what is in it
	before map[string][]state      // what was in it before, an append each: of the bucket whose log is not closed
	ever   map[string]store.Record // all that was ever appended, by bucket and revision
}

// everKey is how x.ever names a record.
func everKey(bucket string, revision uint64) string { return fmt.Sprint(bucket, " ", revision) }

// soundFolders are a folder that was closed, and what a crash leaves of one.
func soundFolders(t testing.TB) map[string]*sound {
	t.Helper()
	return map[string]*sound{"closed": soundFolder(t, false), "crashed": soundFolder(t, true)}
}

// soundFolder makes a folder with a bucket of many segments, some of them compacted, one of one segment, one that is empty and
// one in which all is trimmed. If it is as after a crash the second one has an active segment with several frames.
func soundFolder(t testing.TB, crash bool) *sound {
	t.Helper()
	disk := crashfs.New()
	options := filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize}
	x := &sound{before: map[string][]state{}, ever: map[string]store.Record{}}
	for round := range uint64(3) {
		backend, err := filestore.Open("db", options)
		require.NoError(t, err)
		log := createOrOpen(t, backend, "Orders")
		for i := range uint64(5) {
			revision := round*20 + i*2 + 1
			recs := []store.Record{putOf(revision, fmt.Sprint("order.", i%3), 30), putOf(revision+1, "last", int(i)*7)}
			recs[1].Operation = store.Operation(1 + i%3)
			recs[1].Deadline = int64(i%2) * 1e18
			var trim []uint64
			if round > 0 {
				trim = []uint64{revision - 20, revision - 19}[:1+i%2]
			}
			require.NoError(t, appendTo(log, recs, trim))
			for _, r := range recs {
				x.ever[everKey("Orders", r.Revision)] = r
			}
		}
		require.NoError(t, backend.Configure("Orders", fmt.Appendf(nil, "config of Orders %d", round)))
		require.NoError(t, backend.Close()) // and compaction is over
	}
	options.SegmentSize *= 2 // so that all of the last bucket is in its second segment
	options.Garbage = 0.99   // and compaction makes no third one meanwhile
	backend, err := filestore.Open("db", options)
	require.NoError(t, err)
	createStore(t, backend, "empty")
	log := createStore(t, backend, "trimmed")
	require.NoError(t, appendTo(log, []store.Record{putOf(7, "k", 1)}, []uint64{7}))
	require.NoError(t, log.Close())
	x.fillActive(t, backend)
	x.disk = disk.Everything()
	require.NoError(t, backend.Close())
	if !crash {
		x.disk = seal(t, x.disk)
	}
	x.learn(t)
	return x
}

// seal returns what becomes of a folder that is opened, with all its buckets, and closed.
func seal(t testing.TB, disk *crashfs.FS) *crashfs.FS {
	t.Helper()
	disk = disk.Everything()
	statesOf(t, "db", filestore.Options{FS: disk})
	return disk
}

func createOrOpen(t testing.TB, backend *filestore.Backend, bucket string) store.ValueReader {
	t.Helper()
	log, err := backend.Open(bucket)
	if errors.Is(err, store.ErrNotFound) {
		return createStore(t, backend, bucket)
	}
	require.NoError(t, err)
	return log.(store.ValueReader)
}

// fillActive fills a log whose last frames make a segment that is not sealed.
func (x *sound) fillActive(t testing.TB, backend *filestore.Backend) {
	t.Helper()
	log := createStore(t, backend, "active")
	now := state{Config: "config of active"}
	x.before["active"] = []state{now}
	add := func(trim []uint64, recs ...store.Record) {
		require.NoError(t, appendTo(log, recs, trim))
		for _, r := range recs {
			x.ever[everKey("active", r.Revision)] = r
			now.Newest = r.Revision
		}
		now.Records = slices.DeleteFunc(append(slices.Clone(now.Records), recs...), func(r store.Record) bool {
			return slices.Contains(trim, r.Revision)
		})
		x.before["active"] = append(x.before["active"], now)
	}
	add(nil, putOf(1, "first", 30), putOf(2, "first", 30))
	add(nil, putOf(3, "first", 30))
	require.NoError(t, log.Close())
	log = createOrOpen(t, backend, "active")
	batch := []store.Record{putOf(10, "a", 20), putOf(11, "b", 60), putOf(12, "c", 0)}
	batch[2].Operation, batch[2].Deadline = store.Delete, 1e18
	add([]uint64{2, 10}, batch...)
	add([]uint64{3}, putOf(13, "a", 3))
	add([]uint64{13})
	add(nil, putOf(14, "d", 5), putOf(20, "e", 6))
}

// learn finds out what there is to know about the folder.
func (x *sound) learn(t testing.TB) {
	t.Helper()
	for _, info := range x.disk.Files() {
		x.files = append(x.files, info.Name)
	}
	var err error
	x.frames, err = filestore.Frames(x.disk.Everything(), "db")
	require.NoError(t, err)
	require.False(t, slices.IsSortedFunc(x.frames, func(f, g filestore.FramePlace) int { return strings.Compare(f.File, g.File) }),
		"a segment that compaction has made comes before older ones")
	x.states = statesOf(t, "db", filestore.Options{FS: x.disk.Everything(), ReadOnly: true})
	for name, states := range x.before {
		require.Equal(t, states[len(states)-1], x.states[name])
	}
}

// contents returns the contents of all files, by name, but that of locks.
func contents(t testing.TB, disk *crashfs.FS) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, info := range disk.Files() {
		if filepath.Base(info.Name) == "LOCK" {
			continue
		}
		data, err := disk.ReadFile(info.Name)
		require.NoError(t, err)
		all[info.Name] = string(data)
	}
	return all
}

// requireSame is require.Equal for contents, which are long.
func requireSame(t testing.TB, want, got map[string]string, what string) {
	t.Helper()
	if !maps.Equal(want, got) {
		t.Fatalf("%s: the files changed", what)
	}
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// flipIn flips bits of a byte of a file.
func flipIn(t testing.TB, file string, at int64) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	data[at] ^= 0x55
	require.NoError(t, os.WriteFile(file, data, 0o666))
}

// bytesIn returns the contents of the files in a folder, but for the lock, by path.
func bytesIn(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	}))
	return files
}

// fileIn returns the path of the first file with an ending, in a folder of a bucket.
func fileIn(t testing.TB, dir, bucket, ending string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*-"+bucket, "*"+ending))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files[0]
}

// closedFolder returns a folder with what fillForBackup makes, and the database over it opened for reading.
func closedFolder(t testing.TB) (dir string, db *kv.DB) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "db")
	db, err := kv.Open(dir, kv.SegmentSize(4096), kv.SyncNever())
	require.NoError(t, err)
	fillForBackup(t, db)
	require.NoError(t, db.Close())
	return dir, readOnly(t, dir)
}

func readOnly(t testing.TB, dir string) *kv.DB {
	t.Helper()
	db, err := kv.OpenReadOnly(dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestVerify(t *testing.T) {
	dir, db := closedFolder(t)
	before := bytesIn(t, dir)
	report, err := kv.Verify(t.Context(), dir)
	require.NoError(t, err)
	require.NoError(t, report.Err())
	require.True(t, report.OK())
	for _, b := range report.Buckets {
		st := statusOf(t, bucketOf(t, db, b.Bucket))
		require.Equal(t, st.Values, b.Records)
		require.Equal(t, st.Newest, b.Newest)
		require.GreaterOrEqual(t, b.Live, st.Bytes)
	}
	require.Len(t, report.Buckets, 3)

	file := fileIn(t, dir, "settings", ".seg")
	flipIn(t, file, 200)
	report, err = kv.Verify(t.Context(), dir)
	require.NoError(t, err)
	require.False(t, report.OK())
	require.ErrorIs(t, report.Err(), kv.ErrCorrupt)
	require.Len(t, report.Damage, 1)
	d := report.Damage[0]
	require.Equal(t, "Settings", d.Bucket)
	require.Equal(t, file, d.File)
	require.Equal(t, file, asError[*kv.CorruptError](t, d.Err).File)
	require.LessOrEqual(t, d.Offset, int64(200))
	require.Greater(t, d.Offset+d.Bytes, int64(200))
	flipIn(t, file, 200)
	require.Equal(t, before, bytesIn(t, dir))
}

// Repair leaves the damaged folder as it is, and the new one goes on where that had come to.
func TestRepair(t *testing.T) {
	dir, db := closedFolder(t)
	large := bucketOf(t, db, "Settings")
	entry, err := large.Get(t.Context(), "large")
	require.NoError(t, err)
	file := ""
	for path, data := range bytesIn(t, dir) {
		if at := strings.Index(data, "large large"); at >= 0 {
			file = path
			flipIn(t, file, int64(at)+100)
		}
	}
	_, err = large.Get(t.Context(), "large")
	require.ErrorIs(t, err, kv.ErrCorrupt)
	before := bytesIn(t, dir)
	repaired := filepath.Join(t.TempDir(), "repaired")
	report, err := kv.Repair(t.Context(), dir, repaired)
	require.NoError(t, err)
	require.Equal(t, before, bytesIn(t, dir))
	require.Len(t, report.Damage, 1)
	d := report.Damage[0]
	require.Equal(t, file, d.File)
	require.Equal(t, []kv.Revisions{{First: entry.Revision, Last: entry.Revision}}, d.Lost)
	require.True(t, d.Exact)

	again := openDir(t, repaired)
	for _, name := range []string{"Settings", "empty", "trimmed"} {
		require.Equal(t, statusOf(t, bucketOf(t, db, name)).Config, statusOf(t, bucketOf(t, again, name)).Config)
	}
	b := bucketOf(t, again, "Settings")
	require.ErrorIs(t, errOf(b.Get(t.Context(), "large")), kv.ErrKeyNotFound)
	require.Equal(t, drawHistory(t, large, "a"), drawHistory(t, b, "a"))
	lease, err := b.Get(t.Context(), "lease")
	require.NoError(t, err)
	require.False(t, lease.Expires.IsZero())
	for _, name := range []string{"Settings", "trimmed"} {
		revision, err := bucketOf(t, again, name).PutString(t.Context(), "next", "")
		require.NoError(t, err)
		require.Equal(t, statusOf(t, bucketOf(t, db, name)).Newest+1, revision)
	}
}

// A lost configuration is replaced by one that drops nothing.
func TestRepairMakesUpConfigurations(t *testing.T) {
	dir, db := closedFolder(t)
	for _, bucket := range []string{"empty", "settings"} {
		require.NoError(t, os.Remove(fileIn(t, dir, bucket, "MANIFEST")))
	}
	repaired := filepath.Join(t.TempDir(), "repaired")
	report, err := kv.Repair(t.Context(), dir, repaired)
	require.NoError(t, err)
	from := map[string]string{}
	for _, b := range report.Buckets {
		from[b.Bucket] = filepath.Base(b.ConfigFrom)
	}
	require.Equal(t, "nowhere", from["empty"])
	require.Contains(t, from["Settings"], ".seg")
	again := readOnly(t, repaired)
	require.Equal(t, statusOf(t, bucketOf(t, db, "Settings")), statusOf(t, bucketOf(t, again, "Settings")))
	require.EqualValues(t, kv.MaxHistory, statusOf(t, bucketOf(t, again, "empty")).Config.History)
}

// The engine knows of configurations and keys what the store does not.
func TestVerifyWhatOnlyTheEngineKnows(t *testing.T) {
	for name, c := range map[string]struct {
		config, key string
		want        error
	}{
		"good":                         {`{"bucket":"b","history":1}`, "key", nil},
		"half imported":                {`{"bucket":"b","history":1,"importing":true}`, "key", nil},
		"no configuration":             {`no JSON`, "key", kv.ErrCorrupt},
		"a configuration out of range": {`{"bucket":"b","history":65}`, "key", kv.ErrHistoryTooLarge},
		"another's configuration":      {`{"bucket":"c","history":1}`, "key", kv.ErrInvalidConfig},
		"a bad key":                    {`{"bucket":"b","history":1}`, "a key", kv.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			backend, err := filestore.Open(dir, filestore.Options{})
			require.NoError(t, err)
			log, err := backend.Create("b", []byte(c.config))
			require.NoError(t, err)
			require.NoError(t, log.Append([]store.Record{{Revision: 1, Operation: store.Put, Key: c.key}}, nil))
			require.NoError(t, backend.Close())
			report, err := kv.Verify(t.Context(), dir)
			require.NoError(t, err)
			if c.want == nil {
				require.NoError(t, report.Err())
				return
			}
			require.ErrorIs(t, report.Err(), kv.ErrCorrupt)
			require.ErrorIs(t, report.Err(), c.want)
		})
	}
}

func TestToolsProgress(t *testing.T) {
	dir, _ := closedFolder(t)
	for name, run := range map[string]func(opt kv.ToolOption) error{
		"verify": func(opt kv.ToolOption) error { return errOf(kv.Verify(t.Context(), dir, opt, nil)) },
		"repair": func(opt kv.ToolOption) error {
			return errOf(kv.Repair(t.Context(), dir, filepath.Join(t.TempDir(), "new"), opt))
		},
	} {
		var heard []kv.Progress
		require.NoError(t, run(kv.OnProgress(func(p kv.Progress) { heard = append(heard, p) })))
		require.NotEmpty(t, heard)
		last := heard[len(heard)-1]
		require.Equal(t, last.Total, last.Done, name)
		require.Positive(t, last.Done)
		require.NoError(t, run(kv.OnProgress(nil)))
	}
}

func TestToolsThatCannotBegin(t *testing.T) {
	dir, _ := closedFolder(t)
	before := bytesIn(t, dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		err  func() error
		want error
	}{
		//lint:ignore SA1012 what a nil context gives
		"verify without a context": {func() error { return errOf(kv.Verify(nil, dir)) }, kv.ErrInvalidContext},
		"verify, ended":            {func() error { return errOf(kv.Verify(ended, dir)) }, context.Canceled},
		"repair, ended":            {func() error { return errOf(kv.Repair(ended, dir, dir+"2")) }, context.Canceled},
		"verify nothing":           {func() error { return errOf(kv.Verify(t.Context(), dir+"2")) }, fs.ErrNotExist},
		"repair nothing":           {func() error { return errOf(kv.Repair(t.Context(), dir+"2", dir+"3")) }, fs.ErrNotExist},
		"repair into a full folder": {
			func() error { return errOf(kv.Repair(t.Context(), dir, filepath.Dir(dir))) }, fs.ErrExist,
		},
		"repair what is not ours": {func() error { return errOf(kv.Repair(t.Context(), t.TempDir(), dir+"2")) }, kv.ErrCorrupt},
	} {
		require.ErrorIs(t, c.err(), c.want, name)
	}
	require.Equal(t, before, bytesIn(t, dir))
	require.NoDirExists(t, dir+"2")
}

// Whatever byte of a folder is damaged, opening it and reading all of it gives an error that says where, or what was there, or
// tells of a torn tail. The tests of filestore look closer; this one is about the engine above.
func TestDamagedFolder(t *testing.T) {
	disk := crashfs.New()
	db, err := kv.Open("db", kv.FileSystem(disk), kv.SegmentSize(4096))
	require.NoError(t, err)
	b := newBucket(t, db, kv.Config{Bucket: "B", History: 2, LimitMarkerTTL: time.Hour})
	play(t, b, "a b c a -a !b d a b c a -a !b d")
	_, err = b.Apply(t.Context(), kv.PutOp("x", []byte("1")), kv.PutOp("y", []byte("2"), kv.KeyTTL(time.Hour)))
	require.NoError(t, err)
	newBucket(t, db, kv.Config{Bucket: "empty", TTL: time.Hour})
	crashed := disk.Everything()
	require.NoError(t, db.Close())
	for name, disk := range map[string]*crashfs.FS{"closed": disk, "crashed": crashed} {
		want := dumps(t, disk.Everything(), kv.OpenReadOnly)
		require.NoError(t, want.err)
		for _, info := range disk.Files() {
			if filepath.Base(info.Name) == "LOCK" {
				continue
			}
			data, err := disk.ReadFile(info.Name)
			require.NoError(t, err)
			for at := range data {
				damaged := disk.Everything()
				flipped := slices.Clone(data)
				flipped[at] ^= byte(1 + at%255)
				require.NoError(t, damaged.WriteFile(info.Name, flipped))
				what := fmt.Sprint(name, " ", info.Name, " ", at)
				for _, open := range []func(string, ...kv.OpenOption) (*kv.DB, error){kv.OpenReadOnly, kv.Open} {
					got := dumps(t, damaged, open)
					switch {
					case got.err != nil:
						require.True(t, errors.Is(got.err, kv.ErrCorrupt) || errors.Is(got.err, kv.ErrFormatVersion), "%s: %v", what, got.err)
					case len(got.torn) == 0:
						require.Equal(t, want.dumps, got.dumps, what)
					default:
						require.Equal(t, "crashed", name, what)
						require.Equal(t, slices.Sorted(maps.Keys(want.dumps)), slices.Sorted(maps.Keys(got.dumps)), what)
					}
				}
			}
		}
	}
}

// A dumped folder is all that can be read from it.
type dumped struct {
	dumps map[string]string
	torn  []kv.TornTail
	err   error
}

// dumps reads all that is in the folder "db".
func dumps(t testing.TB, disk *crashfs.FS, open func(string, ...kv.OpenOption) (*kv.DB, error)) (d dumped) {
	t.Helper()
	db, err := open("db", kv.FileSystem(disk))
	if err != nil {
		d.err = err
		return d
	}
	defer func() { require.NoError(t, db.Close()) }()
	d.torn, d.dumps = db.TornTails(), map[string]string{}
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	for _, name := range names {
		if d.dumps[name], err = kvtest.Dump(t.Context(), bucketOf(t, db, name)); err != nil {
			d.err = err
			return d
		}
	}
	return d
}

// The folders of format version 1 are good ones for the engine too.
func TestGoldenFolders(t *testing.T) {
	for _, name := range []string{"closed", "crashed"} {
		dir := filepath.Join("store", "filestore", "testdata", "v1", name)
		report, err := kv.Verify(t.Context(), dir)
		require.NoError(t, err)
		require.NoError(t, report.Err())
		db := readOnly(t, dir)
		require.Equal(t, name == "crashed", len(db.TornTails()) > 0)
		names, err := db.BucketNames(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"Orders", "empty", "jobs", "trimmed"}, names)
		e, err := bucketOf(t, db, "Orders").GetRevision(t.Context(), "order.1", 13)
		require.NoError(t, err)
		require.Equal(t, "value value value value ", string(e.Value))
	}
}

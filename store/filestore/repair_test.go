package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// TestDamageEverywhere damages many places at once. Then a record comes back if its own bytes are whole and, of what else tells
// about it, enough.
func TestDamageEverywhere(t *testing.T) {
	x := soundFolder(t, false)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 / raceStride {
		disk := x.disk.Everything()
		var hits []mutation
		for range 1 + rng.IntN(12) {
			hits = append(hits, x.hit(t, disk, rng))
		}
		what := fmt.Sprint(i, hits)
		_, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: disk})
		require.NoError(t, err, what)
		report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
		require.NoError(t, err, what)
		require.False(t, report.OK(), what)
		verified, err := filestore.Verify(t.Context(), "new", filestore.ToolOptions{FS: disk})
		require.NoError(t, err, what)
		require.NoError(t, verified.Err(), what)
		x.requireWhole(t, statesOf(t, "new", filestore.Options{FS: disk}), hits, what)
	}
}

// hit overwrites some bytes of a file.
func (x *sound) hit(t *testing.T, disk *crashfs.FS, rng *rand.Rand) mutation {
	t.Helper()
	files := slices.DeleteFunc(slices.Clone(x.files), func(file string) bool { return filepath.Base(file) == "LOCK" })
	file := files[rng.IntN(len(files))]
	data, err := disk.ReadFile(file)
	require.NoError(t, err)
	from := rng.IntN(len(data))
	to := min(from+1+rng.IntN(80), len(data))
	for i := range data[from:to] {
		data[from+i] ^= byte(1 + rng.IntN(255))
	}
	require.NoError(t, disk.WriteFile(file, data))
	return mutation{file: file, from: int64(from), to: int64(to)}
}

// requireWhole requires the records that are whole in a closed folder with many hits.
func (x *sound) requireWhole(t *testing.T, states map[string]state, hits []mutation, what string) {
	t.Helper()
	hit := func(file string, from, to int64) bool {
		return slices.ContainsFunc(hits, func(m mutation) bool { return m.hits(file, from, to) })
	}
	salted := map[string]bool{}   // files of which the salt can be found
	indexes := map[string]int64{} // where they are
	for _, f := range x.frames {
		if indexes[f.File] == 0 {
			salted[f.File] = !hit(f.File, 0, f.Offset)
		}
		salted[f.File] = salted[f.File] || !hit(f.File, f.Offset, f.Items[0].End)
		indexes[f.File] = f.End
	}
	for _, f := range x.frames {
		indexed := !hit(f.File, indexes[f.File], math.MaxInt64)
		followed := slices.ContainsFunc(x.frames, func(g filestore.FramePlace) bool {
			return g.File == f.File && g.Offset > f.Offset && !hit(g.File, g.Offset, g.Offset+32)
		})
		if !indexed && !followed && hit(filepath.Join(filepath.Dir(f.File), "MANIFEST"), 0, math.MaxInt64) {
			continue // nothing tells that the segment is not as after a crash, and the frame torn
		}
		headed := !hit(f.File, f.Offset, f.Offset+32)
		for _, item := range f.Items {
			if (indexed || headed && salted[f.File]) && !hit(f.File, item.Offset, item.End) {
				x.requireRevision(t, states, f.Bucket, item.Revision, what)
			}
		}
	}
}

// requireRevision requires a record, if it is kept. The bucket may have a name that is spelled with other letters.
func (x *sound) requireRevision(t *testing.T, states map[string]state, bucket string, revision uint64, what string) {
	t.Helper()
	want := x.states[bucket].Records
	at := slices.IndexFunc(want, func(r store.Record) bool { return r.Revision == revision })
	if at < 0 {
		return
	}
	for name, s := range states {
		if strings.EqualFold(name, bucket) && slices.ContainsFunc(s.Records, func(r store.Record) bool { return reflect.DeepEqual(r, want[at]) }) {
			return
		}
	}
	t.Fatalf("%s: revision %d of bucket %s is not there", what, revision, bucket)
}

// TestVerifyAndRepairWhatIsWhole compares with what Open shows while a log is filled, trimmed, pinned, compacted and reopened.
func TestVerifyAndRepairWhatIsWhole(t *testing.T) {
	for i, garbage := range []float64{0.05, 0.5} {
		t.Run(fmt.Sprint(garbage), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				r := &randomTrial{
					trial: newTrial(t, filestore.Options{Sync: filestore.SyncNever(), Garbage: garbage, FS: disk}),
					rng:   rand.New(rand.NewPCG(uint64(i), 7)),
				}
				for range 1500 / raceStride {
					r.step()
					checkWhole(t, disk.Everything(), r.dir)
				}
			})
		})
	}
}

// checkWhole requires that Verify finds nothing wrong in a folder, and Repair the same as Open.
func checkWhole(t *testing.T, disk *crashfs.FS, dir string) {
	t.Helper()
	report, err := filestore.Verify(t.Context(), dir, filestore.ToolOptions{FS: disk})
	require.NoError(t, err)
	require.NoError(t, report.Err())
	_, err = filestore.Repair(t.Context(), dir, "repaired", filestore.ToolOptions{FS: disk})
	require.NoError(t, err)
	require.Equal(t, statesOf(t, dir, filestore.Options{FS: disk}), statesOf(t, "repaired", filestore.Options{FS: disk}))
}

// flip flips a bit of a file.
func flip(t testing.TB, disk *crashfs.FS, file string, at int64) {
	t.Helper()
	data, err := disk.ReadFile(file)
	require.NoError(t, err)
	data[at] ^= 1
	require.NoError(t, disk.WriteFile(file, data))
}

// repair repairs the folder "db", and returns what is in the new one.
func repair(t testing.TB, disk *crashfs.FS) (*filestore.Report, map[string]state) {
	t.Helper()
	report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
	require.NoError(t, err)
	return report, statesOf(t, "new", filestore.Options{FS: disk})
}

// frame returns a frame with some items of a file whose name contains a text.
func (x *sound) frame(t testing.TB, file string, items int) filestore.FramePlace {
	t.Helper()
	at := slices.IndexFunc(x.frames, func(f filestore.FramePlace) bool {
		return strings.Contains(f.File, filepath.FromSlash(file)) && len(f.Items) == items
	})
	require.GreaterOrEqual(t, at, 0)
	return x.frames[at]
}

func TestRepairTellsWhatIsLost(t *testing.T) {
	closed, crashed := soundFolder(t, false), soundFolder(t, true)
	for name, c := range map[string]struct {
		x    *sound
		hit  func(f filestore.FramePlace) int64 // the byte that is damaged, in the frame of revisions 10, 11 and 12
		want filestore.Damage
	}{
		"a record of a batch": {
			closed, func(f filestore.FramePlace) int64 { return f.Items[1].End - 1 },
			filestore.Damage{Lost: []filestore.Revisions{{First: 11, Last: 11}}, Exact: true, Split: true},
		},
		"a record of a batch, and no index": {
			crashed, func(f filestore.FramePlace) int64 { return f.Items[1].End - 1 },
			filestore.Damage{Lost: []filestore.Revisions{{First: 11, Last: 11}}, Split: true},
		},
		"a record that was trimmed": {
			closed, func(f filestore.FramePlace) int64 { return f.Items[0].End - 1 }, filestore.Damage{},
		},
		"a head": {closed, func(f filestore.FramePlace) int64 { return f.Offset }, filestore.Damage{}},
		"a head, and no index": {
			crashed, func(f filestore.FramePlace) int64 { return f.Offset },
			filestore.Damage{Lost: []filestore.Revisions{{First: 4, Last: 12}}},
		},
		"a header": {crashed, func(filestore.FramePlace) int64 { return 30 }, filestore.Damage{}},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.x.frame(t, "4-active/00000002", 4)
			disk := c.x.disk.Everything()
			flip(t, disk, f.File, c.hit(f))
			report, states := repair(t, disk)
			require.Len(t, report.Damage, 1)
			got := report.Damage[0]
			require.Equal(t, "active", got.Bucket)
			require.Equal(t, filepath.Clean(f.File), got.File)
			require.ErrorIs(t, got.Err, store.ErrCorrupt)
			require.Equal(t, c.want, filestore.Damage{Lost: got.Lost, Exact: got.Exact, Split: got.Split})
			require.Equal(t, c.x.states["active"].Newest, states["active"].Newest)
		})
	}
}

// A segment whose header is gone has lost its salt, and the salt is found again.
func TestRepairWithoutHeaders(t *testing.T) {
	for name, x := range soundFolders(t) {
		t.Run(name, func(t *testing.T) {
			disk := x.disk.Everything()
			for _, f := range x.frames {
				data, err := disk.ReadFile(f.File)
				require.NoError(t, err)
				clear(data[:60])
				require.NoError(t, disk.WriteFile(f.File, data))
			}
			_, states := repair(t, disk)
			require.Equal(t, x.states, states)
		})
	}
}

// Without manifests the segments say whose they are, and what is a copy of what.
func TestRepairWithoutManifests(t *testing.T) {
	x := soundFolder(t, false)
	disk := x.disk.Everything()
	for _, file := range x.files {
		if filepath.Base(file) == "MANIFEST" {
			require.NoError(t, disk.Remove(file))
		}
	}
	made := func(bucket string) []byte { return []byte("made for " + bucket) }
	report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk, Config: made})
	require.NoError(t, err)
	states := statesOf(t, "new", filestore.Options{FS: disk})
	// The configuration is that of when the newest segment was made: the last one only if compaction has made that since.
	orders := states["Orders"]
	require.Contains(t, []string{"config of Orders 1", "config of Orders 2"}, orders.Config)
	orders.Config = x.states["Orders"].Config
	require.Equal(t, x.states["Orders"], orders)
	require.Equal(t, x.states["active"], states["active"])
	for _, name := range []string{"empty", "trimmed"} {
		require.Equal(t, state{Config: "made for " + name}, states[name])
	}
	for _, b := range report.Buckets {
		if len(x.states[b.Bucket].Records) == 0 {
			require.Equal(t, "nowhere", b.ConfigFrom)
		} else {
			require.Equal(t, ".seg", filepath.Ext(b.ConfigFrom))
		}
	}
}

// A crash during compaction leaves segments that hold the same records.
func TestRepairOfCopies(t *testing.T) {
	disk := crashfs.New()
	var images []*crashfs.FS
	disk.Before(func(c crashfs.Call) {
		if c.Kind == crashfs.Remove && strings.HasSuffix(c.Name, ".seg") || c.Kind == crashfs.Rename {
			images = append(images, disk.Everything())
		}
	})
	options := filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Garbage: 0.1}
	log := createStore(t, openStore(t, "db", options), "b")
	for revision := uint64(1); revision <= 60; revision++ {
		var trim []uint64
		if revision > 20 && revision%5 > 0 {
			trim = []uint64{revision - 20}
		}
		require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 100)}, trim))
	}
	require.NoError(t, log.Close())
	leftOver := 0
	for i, image := range images {
		want, err := readStates("db", filestore.Options{FS: image, ReadOnly: true})
		if err != nil || len(want) == 0 {
			continue // it has not begun
		}
		report, states := repair(t, image)
		require.NoError(t, report.Err())
		require.Equal(t, want, states, i)
		leftOver += len(report.LeftOver)
		require.NoError(t, image.Remove("db/1-b/MANIFEST"))
		_, err = filestore.Repair(t.Context(), "db", "again", filestore.ToolOptions{FS: image})
		require.NoError(t, err)
		require.Equal(t, want["b"].Records, statesOf(t, "again", filestore.Options{FS: image})["b"].Records, i)
	}
	require.Greater(t, leftOver, 10)
}

// A badDisk cannot read some bytes of a file.
type badDisk struct {
	*crashfs.FS
	file     string
	from, to int64
}

var errBadSector = errors.New("bad sector")

func (d badDisk) Open(name string) (vfs.File, error) {
	f, err := d.FS.Open(name)
	if err == nil && filepath.Clean(name) == filepath.Clean(d.file) {
		f = badFile{f, d}
	}
	return f, err
}

type badFile struct {
	vfs.File
	disk badDisk
}

func (f badFile) ReadAt(p []byte, off int64) (int, error) {
	if off < f.disk.to && f.disk.from < off+int64(len(p)) {
		return 0, errBadSector
	}
	return f.File.ReadAt(p, off)
}

// What cannot be read ends Verify, and is damage for Repair.
func TestRepairFromABadDisk(t *testing.T) {
	disk := crashfs.New()
	log := createStore(t, openStore(t, "db", filestore.Options{FS: disk}), "b")
	for revision := uint64(1); revision <= 30; revision++ {
		require.NoError(t, appendTo(log, []store.Record{putOf(revision, "k", 1000)}, nil))
	}
	require.NoError(t, log.Close())
	bad := badDisk{disk, "db/1-b/00000001.seg", 9000, 9100} // in its third block of 4096
	_, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: bad})
	require.ErrorIs(t, err, errBadSector)
	report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: bad})
	require.NoError(t, err)
	require.ErrorIs(t, report.Err(), errBadSector)
	want := revisionsOf(statesOf(t, "db", filestore.Options{FS: disk, ReadOnly: true})["b"].Records)
	for _, d := range report.Damage {
		require.GreaterOrEqual(t, d.Offset+d.Bytes, int64(8192))
		require.Less(t, d.Offset, int64(12288))
		for _, lost := range d.Lost {
			want = slices.DeleteFunc(want, func(r uint64) bool { return lost.First <= r && r <= lost.Last })
		}
	}
	require.Equal(t, want, revisionsOf(statesOf(t, "new", filestore.Options{FS: disk})["b"].Records))
	require.GreaterOrEqual(t, len(want), 24)
}

func TestRepairWhere(t *testing.T) {
	disk := soundFolder(t, false).disk
	require.NoError(t, disk.MakeDir("full"))
	require.NoError(t, disk.WriteFile("full/file", nil))
	require.NoError(t, disk.MakeDir("none"))
	before := contents(t, disk)
	for _, c := range []struct {
		src, dst string
		want     error
	}{
		{"db", "full", fs.ErrExist},
		{"db", "db", nil},
		{"db", "db/new", nil},
		{"nowhere", "new", fs.ErrNotExist},
		{"none", "new", store.ErrCorrupt},
	} {
		_, err := filestore.Repair(t.Context(), c.src, c.dst, filestore.ToolOptions{FS: disk})
		require.Error(t, err, "%v", c)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, "%v", c)
		}
	}
	requireSame(t, before, contents(t, disk), "Repair that was refused")
	names, err := disk.List("full")
	require.NoError(t, err)
	require.Equal(t, []string{"file"}, names)
	require.NoError(t, disk.MakeDir("made"))
	_, err = filestore.Repair(t.Context(), "db", "made", filestore.ToolOptions{FS: disk})
	require.NoError(t, err, "a folder that is empty will do")
}

// A link to the folder is no way around.
func TestRepairIntoItselfByALink(t *testing.T) {
	r := newTrial(t, filestore.Options{})
	r.put(10)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.dir, link); err != nil {
		t.Skip("no links here: ", err)
	}
	before := hashes(t, r.dir)
	for _, dst := range []string{link, filepath.Join(link, "new"), filepath.Join(link, "new", "er")} {
		_, err := filestore.Repair(t.Context(), r.dir, dst, filestore.ToolOptions{})
		require.ErrorContains(t, err, "it is in "+r.dir)
		_, err = filestore.Repair(t.Context(), link, filepath.Join(r.dir, "new"), filestore.ToolOptions{})
		require.ErrorContains(t, err, "it is in "+link)
	}
	require.Equal(t, before, hashes(t, r.dir))
}

// A file that is called like the folder of a bucket is somebody's.
func TestFileLikeAFolder(t *testing.T) {
	for _, fsys := range []vfs.FS{vfs.OS{}, crashfs.New()} {
		r := newTrial(t, filestore.Options{FS: fsys})
		r.put(10)
		var notes []string
		for _, name := range []string{"2026-notes.txt", "deleted-2026-notes.txt", "making-1-a"} {
			notes = append(notes, filepath.Join(r.dir, name))
			f, err := fsys.Create(filepath.Join(r.dir, name))
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		r.reopen()
		report, err := filestore.Verify(t.Context(), r.dir, filestore.ToolOptions{FS: fsys})
		require.NoError(t, err)
		require.NoError(t, report.Err())
		require.Equal(t, notes, report.LeftOver)
		report, err = filestore.Repair(t.Context(), r.dir, filepath.Join(filepath.Dir(r.dir), "new"), filestore.ToolOptions{FS: fsys})
		require.NoError(t, err)
		require.NoError(t, report.Err())
	}
}

// After an error there is nothing in the new folder, and the other one is as it was.
func TestRepairThatFails(t *testing.T) {
	x := soundFolder(t, true)
	before := contents(t, x.disk)
	errDisk := errors.New("broken")
	for n := 1; ; n++ {
		disk := x.disk.Everything()
		disk.Before(func(c crashfs.Call) {
			if c.N == n && c.Kind.Changes() {
				disk.Fail(c.N, errDisk)
			}
		})
		_, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
		if disk.Calls() < n {
			require.NoError(t, err)
			break
		}
		if err != nil {
			require.ErrorIs(t, err, errDisk)
			requireSame(t, before, contents(t, disk), fmt.Sprint("call ", n))
		}
		require.Empty(t, disk.Unclosed())
	}
}

func TestRepairOnAFullDisk(t *testing.T) {
	x := soundFolder(t, false)
	before := contents(t, x.disk)
	size := int64(0)
	for _, f := range x.disk.Files() {
		size += f.Size
	}
	for _, room := range []int64{0, 100, 1000} {
		disk := x.disk.Everything()
		disk.SetCapacity(size + room)
		_, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
		require.ErrorIs(t, err, syscall.ENOSPC)
		requireSame(t, before, contents(t, disk), "full disk")
	}
}

func TestToolsEndWithTheContext(t *testing.T) {
	disk := soundFolder(t, false).disk
	before := contents(t, disk)
	for calls := 1; ; calls++ {
		ctx, cancel := context.WithCancel(t.Context())
		left := calls
		tell := func(string, int64, int64) {
			if left--; left == 0 {
				cancel()
			}
		}
		_, err := filestore.Repair(ctx, "db", "new", filestore.ToolOptions{FS: disk, Progress: tell})
		cancel()
		if err == nil {
			require.Greater(t, calls, 10)
			break
		}
		require.Equal(t, context.Canceled, err)
		requireSame(t, before, contents(t, disk), "canceled")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := filestore.Verify(ctx, "db", filestore.ToolOptions{FS: disk})
	require.Equal(t, context.Canceled, err)
}

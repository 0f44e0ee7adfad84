package filestore_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A mutation is what becomes of a file.
type mutation struct {
	what string
	file string
	from int64 // from here on, and before to, bytes are not what they were
	to   int64
	data []byte // nil: the file is gone
}

// apply returns a copy of the folder with the file as it has become.
func (m *mutation) apply(t testing.TB, x *sound) *crashfs.FS {
	t.Helper()
	disk := x.disk.Everything()
	if m.data == nil {
		require.NoError(t, disk.Remove(m.file))
	} else {
		require.NoError(t, disk.WriteFile(m.file, m.data))
	}
	return disk
}

// hits reports whether some bytes of a file are not what they were.
func (m *mutation) hits(file string, from, to int64) bool {
	return m.file == file && m.from < to && from < m.to
}

func (m *mutation) isSegment() bool { return strings.HasSuffix(m.file, ".seg") }

func TestFlippedBytes(t *testing.T) {
	forEachFile(t, func(t *testing.T, x *sound, file string, data []byte) {
		rng := rand.New(rand.NewPCG(1, uint64(len(data))))
		flips := make([]byte, len(data))
		for i := range flips {
			flips[i] = 1 << rng.IntN(8)
		}
		for at := 0; at < len(data); at += raceStride {
			for _, flip := range []byte{flips[at], 0xff} {
				flipped := bytes.Clone(data)
				flipped[at] ^= flip
				what := fmt.Sprintf("byte %d of %d flipped by %02x", at, len(data), flip)
				x.check(t, &mutation{what, file, int64(at), int64(at) + 1, flipped})
			}
		}
	})
}

func TestCutFiles(t *testing.T) {
	forEachFile(t, func(t *testing.T, x *sound, file string, data []byte) {
		for size := 0; size < len(data); size += raceStride {
			what := fmt.Sprintf("%d bytes of %d", size, len(data))
			x.check(t, &mutation{what, file, int64(size), int64(len(data)), data[:size:size]})
		}
	})
}

func TestExtendedFiles(t *testing.T) {
	forEachFile(t, func(t *testing.T, x *sound, file string, data []byte) {
		for _, more := range [][]byte{{0}, {1}, {0xff}, make([]byte, 100), []byte("more\n"), data} {
			longer := slices.Concat(data, more)
			x.check(t, &mutation{"extended", file, int64(len(data)), int64(len(longer)), longer})
		}
	})
}

func TestRemovedFiles(t *testing.T) {
	forEachFile(t, func(t *testing.T, x *sound, file string, data []byte) {
		x.check(t, &mutation{"removed", file, 0, int64(len(data)), nil})
	})
}

func TestSwappedFiles(t *testing.T) {
	for name, x := range soundFolders(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, a := range x.files {
				for _, b := range x.files[:i] {
					x.checkSwapped(t, a, b)
				}
			}
		})
	}
}

// checkSwapped requires that two files which changed places are found, and that Repair brings everything back.
func (x *sound) checkSwapped(t *testing.T, a, b string) {
	t.Helper()
	what := a + " and " + b
	disk := x.disk.Everything()
	dataA, err := disk.ReadFile(a)
	require.NoError(t, err)
	dataB, err := disk.ReadFile(b)
	require.NoError(t, err)
	require.NoError(t, disk.WriteFile(a, dataB))
	require.NoError(t, disk.WriteFile(b, dataA))
	before := contents(t, disk)
	for _, readOnly := range []bool{true, false} {
		_, err := filestore.Open("db", filestore.Options{FS: disk, ReadOnly: readOnly})
		var corrupt *store.CorruptError
		require.ErrorAs(t, err, &corrupt, what)
		require.Contains(t, []string{filepath.Clean(a), filepath.Clean(b)}, corrupt.File, what)
		requireSame(t, before, contents(t, disk), what)
	}
	verified, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: disk})
	require.NoError(t, err, what)
	require.ErrorIs(t, verified.Err(), store.ErrCorrupt, what)
	report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
	require.NoError(t, err, what)
	require.False(t, report.OK())
	require.Equal(t, x.states, statesOf(t, "new", filestore.Options{FS: disk}), what)
}

// forEachFile runs a test for each file of the folders.
func forEachFile(t *testing.T, f func(t *testing.T, x *sound, file string, data []byte)) {
	t.Helper()
	for name, x := range soundFolders(t) {
		for _, file := range x.files {
			if name == "crashed" && !strings.Contains(file, "active") {
				continue // it is as in the other folder
			}
			data, err := x.disk.ReadFile(file)
			require.NoError(t, err)
			t.Run(name+"/"+filepath.ToSlash(file), func(t *testing.T) {
				t.Parallel()
				f(t, x, file, data)
			})
		}
	}
}

// check opens, verifies and repairs the folder with a file that is not as it was.
func (x *sound) check(t *testing.T, m *mutation) {
	t.Helper()
	torn := x.checkOpen(t, m, true)
	require.Equal(t, torn, x.checkOpen(t, m, false), m.what)
	x.checkVerify(t, m, torn)
	x.checkRepair(t, m, torn)
}

// checkOpen opens the folder and reads everything: that is an error with a name, or all is there, or a torn tail is told. It
// reports whether one is.
func (x *sound) checkOpen(t *testing.T, m *mutation, readOnly bool) (torn bool) {
	t.Helper()
	disk := m.apply(t, x)
	before := contents(t, disk)
	backend, err := filestore.Open("db", filestore.Options{FS: disk, ReadOnly: readOnly})
	if err != nil || readOnly {
		requireSame(t, before, contents(t, disk), m.what)
	}
	if err != nil {
		requireNamed(t, err, m)
		return false
	}
	defer func() { require.NoError(t, backend.Close()) }()
	states, err := backendStates(backend)
	tails := backend.TornTails()
	switch {
	case err != nil:
		requireNamed(t, err, m)
		data, err := disk.ReadFile(m.file)
		require.NoError(t, err)
		require.Equal(t, m.data, data, "%s: a damaged file is left alone", m.what)
	case len(tails) > 0:
		require.True(t, x.active(m.file), m.what)
		require.Len(t, tails, 1, m.what)
		require.Equal(t, filepath.Join(string(filepath.Separator), m.file), filepath.Join(string(filepath.Separator), tails[0].File), m.what)
		require.Equal(t, int64(len(m.data)), tails[0].Offset+tails[0].Bytes, m.what)
		x.requirePrefix(t, states, m)
	case x.endsWell(m):
		x.requirePrefix(t, states, m)
	default:
		require.Equal(t, x.states, states, m.what)
	}
	return len(tails) > 0
}

// requireNamed requires an error that says what is wrong with which file.
func requireNamed(t *testing.T, err error, m *mutation) {
	t.Helper()
	var corrupt *store.CorruptError
	var version *store.VersionError
	switch {
	case errors.As(err, &corrupt):
		require.Equal(t, filepath.Base(m.file), filepath.Base(corrupt.File), "%s: %v", m.what, err)
		require.LessOrEqual(t, corrupt.Offset, int64(max(len(m.data), int(m.to))), m.what)
	case errors.As(err, &version):
		require.Equal(t, filepath.Base(m.file), filepath.Base(version.File), "%s: %v", m.what, err)
	default:
		t.Fatalf("%s: %v", m.what, err)
	}
}

// active reports whether a file is a segment that is not sealed.
func (x *sound) active(file string) bool {
	return slices.ContainsFunc(x.frames, func(f filestore.FramePlace) bool { return f.Active && f.File == file })
}

// endsWell reports whether a segment that is not sealed was changed behind a frame, and nothing but zeros is there now. Nobody can
// miss anything then.
func (x *sound) endsWell(m *mutation) bool {
	end := int64(-1)
	for _, f := range x.frames {
		for _, at := range []int64{f.Offset, f.End} {
			if f.Active && f.File == m.file && at <= m.from {
				end = max(end, at)
			}
		}
	}
	return end >= 0 && int64(len(m.data)) >= end && len(bytes.Trim(m.data[end:], "\x00")) == 0
}

// requirePrefix requires that of the bucket with the active segment the first appends are there, as many as are whole.
func (x *sound) requirePrefix(t *testing.T, states map[string]state, m *mutation) {
	t.Helper()
	whole := len(x.before["active"]) - 1
	for _, f := range x.frames {
		if f.Active && f.End > m.from {
			whole--
		}
	}
	want := maps.Clone(x.states)
	want["active"] = x.before["active"][whole]
	require.Equal(t, want, states, m.what)
}

// checkVerify requires that Verify finds what is damaged and says where.
func (x *sound) checkVerify(t *testing.T, m *mutation, torn bool) {
	t.Helper()
	disk := m.apply(t, x)
	before := contents(t, disk)
	report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: disk})
	require.NoError(t, err, m.what)
	requireSame(t, before, contents(t, disk), m.what)
	require.Empty(t, disk.Unclosed(), m.what)
	require.Equal(t, torn, len(report.TornTails) > 0, m.what)
	switch {
	case torn, x.endsWell(m), filepath.Base(m.file) == "LOCK":
		require.NoError(t, report.Err(), m.what)
		return
	}
	require.False(t, report.OK(), m.what)
	for _, d := range report.Damage {
		require.Equal(t, filepath.Base(m.file), filepath.Base(d.File), m.what)
		if m.isSegment() && len(m.data) > 0 {
			require.LessOrEqual(t, d.Offset, m.to, m.what)
			require.GreaterOrEqual(t, d.Offset+d.Bytes, m.from, m.what)
		}
	}
}

// checkRepair requires that Repair brings back what is whole, and nothing that was trimmed.
func (x *sound) checkRepair(t *testing.T, m *mutation, torn bool) {
	t.Helper()
	disk := m.apply(t, x)
	before := contents(t, disk)
	report, err := filestore.Repair(t.Context(), "db", "new", filestore.ToolOptions{FS: disk})
	require.NoError(t, err, m.what)
	after := contents(t, disk)
	maps.DeleteFunc(after, func(name string, _ string) bool { return strings.HasPrefix(name, "new") })
	requireSame(t, before, after, m.what)
	require.Empty(t, disk.Unclosed(), m.what)
	states, err := readStates("new", filestore.Options{FS: disk})
	require.NoError(t, err, m.what)
	if torn || x.endsWell(m) {
		x.requirePrefix(t, states, m)
		return
	}
	for name, want := range x.states {
		got, ok := find(states, name, m)
		require.True(t, ok, m.what)
		requireRest(t, report, name, want.Config, got.Config, m)
		lost, back := x.lost(name, m)
		for _, rec := range want.Records {
			if !slices.Contains(lost, rec.Revision) {
				require.Contains(t, got.Records, rec, m.what)
			}
		}
		for _, rec := range got.Records {
			if !slices.ContainsFunc(want.Records, func(r store.Record) bool { return r.Revision == rec.Revision }) {
				require.Contains(t, back, rec.Revision, "%s: revision %d was trimmed", m.what, rec.Revision)
				require.Equal(t, x.ever[everKey(name, rec.Revision)], rec, m.what)
			}
		}
		requireTold(t, report, name, want.Records, got.Records, m)
		switch {
		case filepath.Base(m.file) == "MANIFEST":
		case x.active(m.file):
			require.LessOrEqual(t, got.Newest, want.Newest, m.what)
		default:
			require.Equal(t, want.Newest, got.Newest, m.what)
		}
	}
	require.Len(t, states, len(x.states), m.what)
}

// requireRest requires that the configuration is right, or that it is said that it may not be.
func requireRest(t *testing.T, report *filestore.Report, bucket, want, got string, m *mutation) {
	t.Helper()
	for _, b := range report.Buckets {
		if b.Bucket == bucket && b.ConfigFrom != "" {
			require.Equal(t, "MANIFEST", filepath.Base(m.file), m.what)
			return
		}
	}
	require.Equal(t, want, got, m.what)
}

// requireTold requires that the revisions that are not there are reported as lost.
func requireTold(t *testing.T, report *filestore.Report, bucket string, want, got []store.Record, m *mutation) {
	t.Helper()
	told := func(revision uint64) bool {
		return slices.ContainsFunc(report.Damage, func(d filestore.Damage) bool {
			return d.Bucket == bucket && slices.ContainsFunc(d.Lost, func(r filestore.Revisions) bool {
				return r.First <= revision && revision <= r.Last
			})
		})
	}
	for _, rec := range want {
		there := slices.ContainsFunc(got, func(r store.Record) bool { return r.Revision == rec.Revision })
		require.True(t, there || told(rec.Revision), "%s: revision %d is lost, and nobody says so", m.what, rec.Revision)
	}
	for _, rec := range got {
		require.False(t, told(rec.Revision), "%s: revision %d is there, and said to be lost", m.what, rec.Revision)
	}
}

// lost returns the revisions of a bucket that cannot be brought back: whose own bytes are damaged or, where no index tells the
// same, the head of whose frame is. The others come back because nothing tells any more that they were trimmed.
func (x *sound) lost(bucket string, m *mutation) (lost, back []uint64) {
	for _, f := range x.frames {
		unindexed := f.Active || m.isSegment() && m.to > int64(len(m.data))
		headless := unindexed && m.hits(f.File, f.Offset, f.Offset+32)
		for _, item := range f.Items {
			hit := headless || m.hits(f.File, item.Offset, item.End)
			if hit && f.Bucket == bucket {
				lost = append(lost, item.Revision)
			}
			if hit && unindexed {
				back = append(back, item.Trim...)
			}
		}
	}
	return lost, back
}

// find returns the state of a bucket. If its manifest is all that it has, and damaged, the name may be spelled with other letters.
func find(states map[string]state, name string, m *mutation) (state, bool) {
	for other, s := range states {
		if other == name || filepath.Base(m.file) == "MANIFEST" && strings.EqualFold(other, name) && len(s.Records) == 0 {
			return s, true
		}
	}
	return state{}, false
}

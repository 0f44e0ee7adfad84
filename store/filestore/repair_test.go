package filestore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

var _ = bytes.Clone
var _ = context.Canceled
var _ = errors.Is
var _ = fs.ErrExist
var _ vfs.FS

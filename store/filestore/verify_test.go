package filestore_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

func TestVerifyCounts(t *testing.T) {
	for name, x := range soundFolders(t) {
		t.Run(name, func(t *testing.T) {
			var want []filestore.BucketReport
			for _, bucket := range []string{"Orders", "active", "empty", "trimmed"} {
				b := filestore.BucketReport{Bucket: bucket, Newest: x.states[bucket].Newest, Records: len(x.states[bucket].Records)}
				segments := map[string]bool{}
				for _, f := range x.frames {
					if f.Bucket != bucket {
						continue
					}
					segments[f.File] = true
					for _, item := range f.Items {
						live := slices.ContainsFunc(x.states[bucket].Records, func(r store.Record) bool { return r.Revision == item.Revision })
						switch {
						case live:
							b.Live += item.End - item.Offset
						case item.Revision != 0:
							b.Dead += item.End - item.Offset
						}
					}
				}
				b.Segments = len(segments)
				want = append(want, b)
			}
			report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: x.disk})
			require.NoError(t, err)
			require.Equal(t, &filestore.Report{Buckets: want}, report)
			require.True(t, report.OK())
		})
	}
}

func TestVerifyNamesWhatIsLeftOver(t *testing.T) {
	x := soundFolder(t, false)
	for _, dir := range []string{"making-9-b", "deleted-1-c", "strange"} {
		require.NoError(t, x.disk.MakeDir("db/"+dir))
	}
	names := []string{"REVKV.tmp", "1-orders/MANIFEST.tmp", "1-orders/00000099.seg", "1-orders/notes", "notes"}
	for _, name := range names {
		require.NoError(t, x.disk.WriteFile("db/"+name, []byte("text")))
	}
	report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: x.disk})
	require.NoError(t, err)
	require.NoError(t, report.Err())
	var want []string
	for _, name := range append(names, "making-9-b", "deleted-1-c", "strange") {
		want = append(want, filepath.Join("db", name))
	}
	require.ElementsMatch(t, want, report.LeftOver)
}

func TestVerifyAsksAboutConfigurationsAndKeys(t *testing.T) {
	x := soundFolder(t, true)
	wrongConfig, wrongKey := errors.New("wrong config"), errors.New("wrong key")
	report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{
		FS: x.disk,
		CheckConfig: func(bucket string, config []byte) error {
			if bucket == "active" && string(config) == "config of active" {
				return wrongConfig
			}
			return nil
		},
		CheckKey: func(key string) error {
			if key == "b" {
				return wrongKey
			}
			return nil
		},
	})
	require.NoError(t, err)
	require.Len(t, report.Damage, 2)
	f := x.frame(t, "4-active/00000002", 4)
	require.Equal(t, filepath.Clean(f.File), report.Damage[0].File)
	require.Equal(t, f.Items[1].Offset, report.Damage[0].Offset)
	require.ErrorContains(t, report.Damage[0].Err, "revision 11: wrong key")
	require.Equal(t, filepath.Join("db", "4-active", "MANIFEST"), report.Damage[1].File)
	require.ErrorIs(t, report.Err(), wrongConfig)
}

func TestToolsTellHowFarTheyAre(t *testing.T) {
	x := soundFolder(t, false)
	size := int64(0)
	for _, f := range x.disk.Files() {
		if filepath.Ext(f.Name) == ".seg" {
			size += f.Size
		}
	}
	last := int64(0)
	var buckets []string
	tell := func(bucket string, done, total int64) {
		require.GreaterOrEqual(t, done, last)
		require.GreaterOrEqual(t, total, done)
		last = done
		buckets = append(buckets, bucket)
	}
	options := filestore.ToolOptions{FS: x.disk, Progress: tell}
	_, err := filestore.Verify(t.Context(), "db", options)
	require.NoError(t, err)
	require.Equal(t, size, last)
	require.Equal(t, []string{"Orders", "active"}, slices.Compact(buckets))
	last, buckets = 0, nil
	_, err = filestore.Repair(t.Context(), "db", "new", options)
	require.NoError(t, err)
	require.Greater(t, last, size, "what is copied is read a second time")
	require.Equal(t, []string{"Orders", "active"}, slices.Compact(buckets))
}

// Verify needs no lock, and finds nothing wrong in what another is writing.
func TestVerifyBesideAWriter(t *testing.T) {
	disk := crashfs.New()
	log := createStore(t, openStore(t, "db", filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize}), "b")
	done := make(chan error)
	go func() {
		defer close(done)
		for revision := uint64(1); revision <= 3000; revision++ {
			var trim []uint64
			if revision > 30 && revision%7 > 0 {
				trim = []uint64{revision - 30}
			}
			if err := appendTo(log, []store.Record{putOf(revision, "k", 100)}, trim); err != nil {
				done <- err
				return
			}
		}
	}()
	for running := true; running; {
		select {
		case err := <-done:
			require.NoError(t, err)
			running = false
		default:
		}
		report, err := filestore.Verify(t.Context(), "db", filestore.ToolOptions{FS: disk})
		require.NoError(t, err)
		require.NoError(t, report.Err())
	}
}

// A folder is damaged as a whole if one of its buckets is: none of the others is cut, sealed or cleaned up.
func TestOpenChangesNothingBesideDamage(t *testing.T) {
	x := soundFolder(t, true) // its last bucket has an active segment
	require.NoError(t, x.disk.MakeDir("db/making-9-b"))
	require.NoError(t, x.disk.WriteFile("db/4-active/00000099.seg", []byte("left over")))
	for _, file := range x.files {
		if filepath.Ext(file) != ".seg" {
			continue
		}
		disk := x.disk.Everything()
		flip(t, disk, file, 1)
		before := contents(t, disk)
		_, err := filestore.Open("db", filestore.Options{FS: disk})
		require.ErrorIs(t, err, store.ErrCorrupt)
		requireSame(t, before, contents(t, disk), file)
		names, err := disk.List("db")
		require.NoError(t, err)
		require.Contains(t, names, "making-9-b")
		require.Empty(t, disk.Unclosed())
	}
}

// What a crash leaves of an index is no write that was lost.
func TestTornIndex(t *testing.T) {
	x := soundFolder(t, true)
	last := x.frames[len(x.frames)-1]
	require.True(t, last.Active)
	sealed, err := seal(t, x.disk).ReadFile(last.File)
	require.NoError(t, err)
	require.Greater(t, int64(len(sealed)), last.End+32)
	for size := last.End; size <= int64(len(sealed)); size++ {
		disk := x.disk.Everything()
		require.NoError(t, disk.WriteFile(last.File, sealed[:size]))
		backend, err := filestore.Open("db", filestore.Options{FS: disk})
		require.NoError(t, err)
		states, err := backendStates(backend)
		require.NoError(t, err)
		require.Equal(t, x.states, states)
		torn := backend.TornTails()
		require.Equal(t, size > last.End && size < last.End+32, len(torn) > 0, "only of a part of a head nobody can tell whose it is")
		require.NoError(t, backend.Close())
	}
}

// A trim of a revision that is not there yet means nothing, also when that revision comes.
func TestTrimOfWhatIsToCome(t *testing.T) {
	for _, crash := range []bool{true, false} {
		t.Run(fmt.Sprint("crash ", crash), func(t *testing.T) {
			disk := crashfs.New()
			options := filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Garbage: 0.01}
			backend := openStore(t, "db", options)
			log := createStore(t, backend, "b")
			require.NoError(t, appendTo(log, []store.Record{putOf(1, "k", 400), putOf(2, "k", 1)}, []uint64{1, 3, 5}))
			require.NoError(t, appendTo(log, []store.Record{putOf(3, "k", 400)}, nil))
			require.NoError(t, appendTo(log, []store.Record{putOf(5, "k", 400)}, nil))
			if crash {
				disk = disk.Everything()
			} else {
				require.NoError(t, backend.Close())
			}
			checkWhole(t, disk, "db")
			require.Equal(t, []uint64{2, 3, 5}, revisionsOf(statesOf(t, "db", filestore.Options{FS: disk})["b"].Records))
		})
	}
}

package filestore_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// restoreInto restores an archive into the folder "db" of a disk.
func restoreInto(t testing.TB, disk *crashfs.FS, archive []byte) error {
	t.Helper()
	return filestore.Restore(t.Context(), bytes.NewReader(archive), "db", filestore.ToolOptions{FS: disk})
}

// requireNothingRestored checks that there is nothing but the lock, and a folder that can be opened or restored into.
func requireNothingRestored(t testing.TB, disk *crashfs.FS) {
	t.Helper()
	names := filesOf(t, disk)
	require.Subset(t, []string{filepath.Join("db", "LOCK")}, names)
	if len(names) > 0 {
		names, err := disk.List("db")
		require.NoError(t, err)
		require.Equal(t, []string{"LOCK"}, names)
	}
	require.Empty(t, disk.Unclosed())
}

// smallBackup returns a small archive, with a bucket in a sealed segment and an active one, and what is in it.
func smallBackup(t testing.TB) (archive []byte, want map[string]state) {
	t.Helper()
	options := smallSegments()
	backend := openStore(t, "db", options)
	log := createStore(t, backend, "b")
	require.NoError(t, appendTo(log, []store.Record{putOf(1, "k", 300)}, nil))
	require.NoError(t, appendTo(log, []store.Record{putOf(2, "k", 100), putOf(4, "l", 0)}, nil))
	require.NoError(t, appendTo(log, []store.Record{putOf(7, "k", 20)}, []uint64{1, 2}))
	archive = backup(t, backend)
	options.ReadOnly = true
	return archive, statesOf(t, "db", options)
}

// tryRestore restores an archive that may be damaged, and checks that it gives an error, and then leaves nothing, or the
// state that is wanted.
func tryRestore(t *testing.T, archive []byte, want map[string]state, what string) error {
	t.Helper()
	disk := crashfs.New()
	err := restoreInto(t, disk, archive)
	if err != nil {
		requireNothingRestored(t, disk)
		return err
	}
	require.Equal(t, want, statesOf(t, "db", filestore.Options{FS: disk}), what)
	return nil
}

// Of a byte of an archive that has changed there is an error, or it did not matter.
func TestRestoreOfFlippedBytes(t *testing.T) {
	archive, want := smallBackup(t)
	refused := 0
	for i := range archive {
		damaged := bytes.Clone(archive)
		damaged[i] ^= 1 << (i % 8)
		if err := tryRestore(t, damaged, want, fmt.Sprint("byte ", i)); err != nil {
			known := errors.Is(err, store.ErrCorrupt) || errors.Is(err, store.ErrFormatVersion)
			require.True(t, known, "byte %d: %v", i, err)
			refused++
		}
	}
	used := 0
	for _, m := range membersOf(t, archive) {
		used += len(m.body)
	}
	require.Greater(t, refused, used)
}

// An archive that was cut gives an error, but for one of which all files are there.
func TestRestoreOfCutArchives(t *testing.T) {
	archive, want := smallBackup(t)
	marker := membersOf(t, archive)[3].body
	end := bytes.LastIndex(archive, marker) + len(marker)
	for n := range archive {
		err := tryRestore(t, archive[:n], want, fmt.Sprintf("cut to %d bytes", n))
		if n < end {
			require.ErrorIs(t, err, store.ErrCorrupt, "cut to %d bytes", n)
		}
	}
	require.NoError(t, tryRestore(t, archive, want, "whole"))
	require.NoError(t, tryRestore(t, append(bytes.Clone(archive), "more"...), want, "with something behind"))
}

// archiveOf returns an archive of members.
func archiveOf(t testing.TB, members []member) []byte {
	t.Helper()
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, m := range members {
		require.NoError(t, w.WriteHeader(m.header))
		_, err := w.Write(m.body)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return archive.Bytes()
}

// plainMember returns a member as Backup writes it.
func plainMember(name, body string) member {
	return member{&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(body)), Mode: 0o644, Format: tar.FormatUSTAR}, []byte(body)}
}

// What Backup would not write is refused, and nothing is written but into the folder.
func TestRestoreOfStrangeArchives(t *testing.T) {
	archive, _ := smallBackup(t)
	good := membersOf(t, archive)
	require.Len(t, good, 4)
	manifest, sealed, active, marker := good[0], good[1], good[2], good[3]
	renamed := func(m member, name string) member {
		h := *m.header
		h.Name = name
		return member{&h, m.body}
	}
	changed := func(m member, change func(h *tar.Header)) member {
		h := *m.header
		change(&h)
		return member{&h, m.body}
	}
	rewritten := func(old, new string) member {
		_, body, ok := strings.Cut(string(manifest.body), "\n")
		require.True(t, ok)
		require.Contains(t, body, old)
		return plainMember(manifest.header.Name, filestore.SealText(strings.Replace(body, old, new, 1)))
	}
	other := rewritten(`"bucket":"b"`, `"bucket":"B"`)
	strange := map[string][]member{
		"nothing":               {},
		"another archive":       {plainMember("photos/cat.jpg", "meow")},
		"no manifest":           {sealed, active, marker},
		"no sealed segment":     {manifest, active, marker},
		"no active segment":     {manifest, sealed, marker},
		"no marker":             {manifest, sealed, active},
		"another order":         {manifest, active, sealed, marker},
		"marker first":          {marker, manifest, sealed, active},
		"a segment twice":       {manifest, sealed, sealed, active, marker},
		"a segment too many":    {manifest, sealed, active, renamed(active, "1-b/00000003.seg"), marker},
		"a bucket twice":        {manifest, sealed, active, renamed(manifest, "2-b/MANIFEST"), sealed, active, marker},
		"a file behind":         {manifest, sealed, active, marker, plainMember("LOCK", "")},
		"the marker twice":      {manifest, sealed, active, marker, marker},
		"another number":        {renamed(manifest, "2-b/MANIFEST"), sealed, active, marker},
		"another folder":        {renamed(manifest, "1-c/MANIFEST"), sealed, active, marker},
		"a parent":              {renamed(manifest, "../1-b/MANIFEST"), sealed, active, marker},
		"a parent later":        {renamed(manifest, "1-b/../../1-b/MANIFEST"), sealed, active, marker},
		"an absolute path":      {renamed(manifest, "/1-b/MANIFEST"), sealed, active, marker},
		"a segment elsewhere":   {manifest, renamed(sealed, "../00000001.seg"), active, marker},
		"a marker elsewhere":    {manifest, sealed, active, renamed(marker, "../REVKV")},
		"a folder":              {changed(plainMember("1-b/", ""), func(h *tar.Header) { h.Typeflag = tar.TypeDir }), manifest, sealed, active, marker},
		"a link":                {changed(plainMember("1-b/MANIFEST", ""), func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd" })},
		"a hard link":           {changed(plainMember("1-b/MANIFEST", ""), func(h *tar.Header) { h.Typeflag, h.Linkname = tar.TypeLink, "../x" })},
		"a device":              {changed(plainMember("1-b/MANIFEST", ""), func(h *tar.Header) { h.Typeflag = tar.TypeChar })},
		"an extended header":    {changed(manifest, func(h *tar.Header) { h.Format = tar.FormatPAX; h.PAXRecords = map[string]string{"A.b": "c"} }), sealed, active, marker},
		"a bucket that is path": {renamed(rewritten(`"bucket":"b"`, `"bucket":"/../../b"`), "1-/../../b/MANIFEST"), sealed, active, marker},
		"a bucket without name": {rewritten(`"bucket":"b"`, `"bucket":""`), sealed, active, marker},
		"segments of another":   {other, sealed, active, marker},
		"a segment's size":      {rewritten(`"size":`, `"size":1`), sealed, active, marker},
		"a segment's index":     {rewritten(`"index":`, `"index":1`), sealed, active, marker},
		"a negative index":      {rewritten(`"index":`, `"index":-`), sealed, active, marker},
		"a negative size":       {rewritten(`"size":`, `"size":-`), sealed, active, marker},
		"active sealed":         {rewritten(`"active":2`, `"active":1`), sealed, sealed, marker},
		"sealed active":         {rewritten(`"active":2,`, ``), sealed, marker},
		"a manifest of nothing": {plainMember("1-b/MANIFEST", ""), marker},
		"no JSON":               {plainMember("1-b/MANIFEST", filestore.SealText("bucket b")), marker},
		"a marker of nothing":   {manifest, sealed, active, plainMember("REVKV", "")},
		"a large marker":        {manifest, sealed, active, plainMember("REVKV", filestore.SealText(strings.Repeat("large ", 1000)))},
	}
	for what, members := range strange {
		t.Run(what, func(t *testing.T) {
			disk := crashfs.New()
			disk.Before(func(c crashfs.Call) {
				inside := c.Name == "db" || strings.HasPrefix(filepath.ToSlash(c.Name), "db/")
				require.True(t, inside || !c.Kind.Changes() || c.Kind == crashfs.SyncDir, c)
			})
			err := restoreInto(t, disk, archiveOf(t, members))
			if what == "sealed active" { // a state that was, less its end
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, store.ErrCorrupt)
			requireNothingRestored(t, disk)
		})
	}
}

// A file of a later version is told from one that is damaged.
func TestRestoreOfALaterVersion(t *testing.T) {
	archive, _ := smallBackup(t)
	for i, m := range membersOf(t, archive) {
		if strings.HasSuffix(m.header.Name, ".seg") {
			continue
		}
		members := membersOf(t, archive)
		members[i].body = bytes.Replace(m.body, []byte("revkv 1 "), []byte("revkv 2 "), 1)
		err := restoreInto(t, crashfs.New(), archiveOf(t, members))
		require.ErrorIs(t, err, store.ErrFormatVersion, m.header.Name)
	}
}

// A header may claim any size: nothing is allocated for it, and what is known not to be so large is not read at all.
func TestRestoreOfHugeSizes(t *testing.T) {
	archive, _ := smallBackup(t)
	offset := 0
	for _, m := range membersOf(t, archive) {
		huge := bytes.Clone(archive)
		header := huge[offset : offset+512]
		copy(header[124:], "77777777777\x00") // the size: all that plain headers can say, 8 GiB less one
		copy(header[148:], "        ")
		sum := 0
		for _, c := range header {
			sum += int(c)
		}
		copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
		disk := crashfs.New()
		var err error
		in := bytes.NewReader(huge)
		bytes := allocated(func() { err = filestore.Restore(t.Context(), in, "db", filestore.ToolOptions{FS: disk}) })
		require.ErrorIs(t, err, store.ErrCorrupt, m.header.Name)
		requireNothingRestored(t, disk)
		require.Less(t, bytes, uint64(16<<20), m.header.Name)
		if m.header.Name != "1-b/00000002.seg" { // the active one: nothing tells how large it is
			require.Equal(t, len(huge)-offset-512, in.Len(), "nothing is read behind the header")
		}
		offset += 512 + (len(m.body)+511)/512*512
	}
}

// allocated returns how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A folder in which there is something is left as it is.
func TestRestoreIntoAFolderThatExists(t *testing.T) {
	archive, want := smallBackup(t)
	disk := crashfs.New()
	require.NoError(t, disk.MakeDir("db"))
	require.NoError(t, restoreInto(t, disk, archive), "an empty folder")
	require.ErrorIs(t, restoreInto(t, disk, archive), fs.ErrExist)
	require.Equal(t, want, statesOf(t, "db", filestore.Options{FS: disk}))

	disk = crashfs.New()
	require.NoError(t, disk.MakeDir("db"))
	require.NoError(t, disk.WriteFile("db/file", []byte("mine")))
	require.ErrorIs(t, restoreInto(t, disk, archive), fs.ErrExist)
	require.Equal(t, []string{"db/file"}, filesOf(t, disk))

	disk = crashfs.New()
	disk.Before(func(c crashfs.Call) {
		if c.Kind == crashfs.Lock {
			require.NoError(t, disk.WriteFile("db/REVKV", []byte("by another process")))
		}
	})
	require.ErrorIs(t, restoreInto(t, disk, archive), fs.ErrExist)
	require.Equal(t, []string{"db/LOCK", "db/REVKV"}, filesOf(t, disk))

	disk = crashfs.New()
	require.NoError(t, disk.WriteFile("db", []byte("mine")))
	require.Error(t, restoreInto(t, disk, archive))
	require.Equal(t, []string{"db"}, filesOf(t, disk))
}

// Of several calls for one folder, and openings of it, one has it.
func TestRestoreIsAlone(t *testing.T) {
	archive, want := smallBackup(t)
	disk := crashfs.New()
	in := &hookedReader{r: bytes.NewReader(archive), hook: func() {
		require.ErrorIs(t, restoreInto(t, disk, archive), fs.ErrExist)
		_, err := filestore.Open("db", filestore.Options{FS: disk})
		require.Error(t, err)
		_, err = filestore.Open("db", filestore.Options{FS: disk, ReadOnly: true})
		require.Error(t, err)
	}}
	in.first = func() { require.ErrorIs(t, restoreInto(t, disk, archive), store.ErrLocked) }
	require.NoError(t, filestore.Restore(t.Context(), in, "db", filestore.ToolOptions{FS: disk}))
	require.Equal(t, want, statesOf(t, "db", filestore.Options{FS: disk}))
	require.Empty(t, disk.Unclosed())
}

// A hookedReader calls first before the first Read, and hook before those after the first few.
type hookedReader struct {
	r           io.Reader
	first, hook func()
	reads       int
}

func (h *hookedReader) Read(p []byte) (int, error) {
	switch h.reads++; {
	case h.reads == 1:
		h.first()
	case h.reads > 6:
		h.hook()
	}
	return h.r.Read(p)
}

// Whatever fails, and wherever the power is cut, what is left is the whole state or nothing that opens for reading.
func TestRestoreAndCrash(t *testing.T) {
	archive, want := smallBackup(t)
	check := func(disk *crashfs.FS, whole bool, when string) {
		got, err := readStates("db", filestore.Options{FS: disk, ReadOnly: true})
		if whole {
			require.NoError(t, err, when)
		}
		if err == nil {
			require.Equal(t, want, got, when)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	marked := false
	images := func(disk *crashfs.FS, whole bool, when string) {
		check(disk.Strict(), whole, when+", strict")
		check(disk.Everything(), whole, when+", everything")
		mixes := 30
		if marked {
			mixes = 300 // of all that was made and removed again, little must be left to open
		}
		for i := range mixes {
			check(disk.Mix(rng), whole, fmt.Sprint(when, ", mix ", i))
		}
	}
	disk := crashfs.New()
	disk.Before(func(c crashfs.Call) {
		if c.Kind.Changes() {
			images(disk, false, c.String())
		}
	})
	require.NoError(t, restoreInto(t, disk, archive))
	images(disk, true, "at the end")

	broken := errors.New("broken")
	for n := 1; ; n++ {
		for _, fail := range []func(*crashfs.FS){
			func(d *crashfs.FS) { d.Fail(n, broken) },
			func(d *crashfs.FS) { d.FailFrom(n, broken) },
		} {
			disk := crashfs.New()
			fail(disk)
			marked = false
			disk.Before(func(c crashfs.Call) {
				marked = marked || c.Kind == crashfs.Rename
				if c.N > n && c.Kind.Changes() {
					images(disk, false, fmt.Sprint("after failure at ", n, ", ", c))
				}
			})
			err := restoreInto(t, disk, archive)
			images(disk, err == nil, fmt.Sprint("failure at ", n))
			if disk.Calls() < n {
				require.NoError(t, err)
				return
			}
		}
	}
}

// What ends a Restore from outside is returned as it is, not as damage, and leaves nothing.
func TestRestoreThatIsEnded(t *testing.T) {
	archive, want := smallBackup(t)
	broken := errors.New("broken")
	for n := 0; n < len(archive)-2*512; n += 100 {
		disk := crashfs.New()
		in := io.MultiReader(bytes.NewReader(archive[:n]), iotest.ErrReader(broken))
		err := filestore.Restore(t.Context(), in, "db", filestore.ToolOptions{FS: disk})
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, store.ErrCorrupt)
		requireNothingRestored(t, disk)

		ctx, cancel := context.WithCancel(t.Context())
		err = filestore.Restore(ctx, iotest.OneByteReader(bytes.NewReader(archive)), "db", filestore.ToolOptions{FS: disk, Progress: func(_ string, done, _ int64) {
			if done > int64(n) {
				cancel()
			}
		}})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, store.ErrCorrupt)
		requireNothingRestored(t, disk)
	}

	disk := crashfs.New()
	in := bytes.NewReader(append(bytes.Clone(archive), "and more"...))
	last, buckets := int64(0), []string(nil)
	require.NoError(t, filestore.Restore(t.Context(), iotest.HalfReader(in), "db", filestore.ToolOptions{FS: disk, Progress: func(bucket string, done, total int64) {
		require.Zero(t, total)
		require.GreaterOrEqual(t, done, last)
		last = done
		buckets = append(buckets, bucket)
	}}))
	require.Equal(t, int64(len(archive)), last)
	require.Equal(t, []string{"", "b"}, slices.Compact(buckets))
	require.Equal(t, len("and more"), in.Len())
	require.Equal(t, want, statesOf(t, "db", filestore.Options{FS: disk}))
}

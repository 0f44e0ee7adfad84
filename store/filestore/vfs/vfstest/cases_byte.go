package vfstest

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/revkv/kv/store/filestore/vfs"
)

// byteCases are about opening files, and the bytes in them.
var byteCases = []testCase{
	{
		name: "open/missing", run: openMissing,
		promise: "Open and OpenWrite of a file that does not exist are fs.ErrNotExist, and make none",
	},
	{
		name: "open/reading", run: openReading,
		promise: "a file that Open opened cannot be changed",
	},
	{
		name: "open/writing", run: openWriting,
		promise: "OpenWrite keeps what is in the file, and all who have it open see what is written",
	},
	{
		name: "create", run: create,
		promise: "Create makes an empty file in a directory that exists, for reading and writing",
	},
	{
		name: "create/replace", run: createReplace,
		promise: "Create empties a file that is there",
	},
	{
		name: "create/directory", run: createDirectory,
		promise: "Create and OpenWrite do not open a directory",
	},
	{
		name: "read", run: read,
		promise: "ReadAt reads any range, and returns io.EOF with what there is if that is less",
	},
	{
		name: "write", run: write,
		promise: "WriteAt replaces any range, makes the file longer, and leaves all other bytes as they are",
	},
	{
		name: "write/hole", run: writeHole,
		promise: "what was never written in front of a write is zeros",
	},
	{
		name: "write/nothing", run: writeNothing,
		promise: "a write of no bytes changes nothing, wherever it is",
	},
	{
		name: "write/private", run: writePrivate,
		promise: "WriteAt is done with the caller's bytes when it returns, and ReadAt hands out copies",
	},
	{
		name: "write/together", run: writeTogether,
		promise: "many goroutines may write and read different ranges at once",
	},
	{
		name: "negative", run: negative,
		promise: "a negative offset or length is an error, and changes nothing",
	},
	{
		name: "truncate", run: truncate,
		promise: "Truncate cuts, or adds zeros; what was cut does not come back",
	},
	{
		name: "sync", run: syncFile,
		promise: "Sync changes nothing that calls see",
	},
	{
		name: "replaced/open", run: replacedOpen,
		promise: "a file that is open can be read until it is closed, also if it was removed or another took its name",
	},
	{
		name: "closed", run: closed,
		promise: "the calls of a file that is closed are os.ErrClosed, the second Close included, and change nothing",
	},
}

func openMissing(r *trial) {
	for _, name := range []string{"none", "none/a"} {
		_, err := r.files.Open(r.path(name))
		r.wantErr(err, fs.ErrNotExist, "open a file that does not exist")
		_, err = r.files.OpenWrite(r.path(name))
		r.wantErr(err, fs.ErrNotExist, "open a file that does not exist for writing")
	}
	r.wantList("")
}

func openReading(r *trial) {
	r.put("a", "abc")
	f := r.opened("a")
	n, err := f.WriteAt([]byte("x"), 0)
	r.wantAnyErr(err, "write to a file opened for reading")
	if n != 0 {
		r.Fatalf("a write that is refused returns %d", n)
	}
	r.wantAnyErr(f.Truncate(1), "truncate a file opened for reading")
	r.wantBytes(f, "abc")
}

func openWriting(r *trial) {
	r.put("a", "abc")
	reader, writer := r.opened("a"), r.writable("a")
	r.wantBytes(writer, "abc")
	r.write(writer, "XYZ", 2)
	for _, f := range []vfs.File{reader, writer, r.opened("a")} {
		r.wantBytes(f, "abXYZ")
	}
}

func create(r *trial) {
	f := r.created("a", "")
	r.wantBytes(f, "")
	r.write(f, "abc", 0)
	r.wantBytes(f, "abc")
	r.wantFile("a", "abc")
	_, err := r.files.Create(r.path("none/a"))
	r.wantErr(err, fs.ErrNotExist, "create a file in a directory that does not exist")
	r.wantList("", "a")
}

func createReplace(r *trial) {
	r.put("a", "something")
	r.wantBytes(r.created("a", ""), "")
	r.wantFile("a", "")
}

func createDirectory(r *trial) {
	r.makeDir("d")
	r.put("d/x", "1")
	_, err := r.files.Create(r.path("d"))
	r.wantAnyErr(err, "create a file with the name of a directory")
	_, err = r.files.OpenWrite(r.path("d"))
	r.wantAnyErr(err, "open a directory for writing")
	r.wantFile("d/x", "1")
}

func read(r *trial) {
	data := strings.Repeat("0123456789", 2000)
	r.put("a", data)
	f := r.opened("a")
	for _, off := range []int{0, 1, 4095, 4096, 8191, 19_999, 20_000} {
		for _, n := range []int{0, 1, 2, 4096, 5000, 20_000 - off} {
			r.wantRead(f, int64(off), n, data[off:min(off+n, len(data))])
		}
	}
	r.wantRead(f, 0, 30_000, data)
	r.wantRead(f, 1<<40, 10, "")
}

func write(r *trial) {
	want := []byte(strings.Repeat("0123456789", 1000))
	f := r.created("a", string(want))
	for _, at := range []struct{ off, n int }{{0, 1}, {4095, 2}, {100, 9000}, {9999, 1}, {9000, 5000}, {14_000, 8192}} {
		data := strings.Repeat("x", at.n)
		r.write(f, data, int64(at.off))
		want = append(want[:at.off], append([]byte(data), want[min(at.off+at.n, len(want)):]...)...)
		r.wantBytes(f, string(want))
	}
}

func writeHole(r *trial) {
	f := r.created("a", "abc")
	r.write(f, "xyz", 10_000)
	r.wantBytes(f, "abc"+strings.Repeat("\x00", 9997)+"xyz")
	r.write(f, "in it", 5000)
	r.wantBytes(f, "abc"+strings.Repeat("\x00", 4997)+"in it"+strings.Repeat("\x00", 4995)+"xyz")
}

func writeNothing(r *trial) {
	f := r.created("a", "abc")
	for _, off := range []int64{0, 3, 100} {
		r.write(f, "", off)
	}
	r.wantBytes(f, "abc")
}

func writePrivate(r *trial) {
	f := r.created("a", "")
	given := []byte("abc")
	_, err := f.WriteAt(given, 0)
	r.must(err, "write")
	given[0] = '!'
	r.wantBytes(f, "abc")
	received := make([]byte, 3)
	_, err = f.ReadAt(received, 0)
	r.must(err, "read")
	received[0] = '!'
	r.wantBytes(f, "abc")
}

func writeTogether(r *trial) {
	const writers, writes, size = 8, 50, 100
	f := r.created("a", "")
	errs := make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		data := []byte(strings.Repeat(string(rune('a'+i)), size))
		all.Go(func() {
			for j := range writes {
				off := int64((j*writers + i) * size)
				_, err := f.WriteAt(data, off)
				have := make([]byte, size)
				_, readErr := f.ReadAt(have, off)
				if string(have) != string(data) {
					errs[i] = errors.Join(errs[i], errors.New("a write is not read back"))
				}
				errs[i] = errors.Join(errs[i], err, readErr)
			}
		})
	}
	all.Wait()
	r.must(errors.Join(errs...), "write and read")
	var want strings.Builder
	for i := range writers * writes {
		want.WriteString(strings.Repeat(string(rune('a'+i%writers)), size))
	}
	r.wantBytes(f, want.String())
}

func negative(r *trial) {
	f := r.created("a", "abc")
	_, err := f.WriteAt([]byte("x"), -1)
	r.wantAnyErr(err, "write at a negative offset")
	_, err = f.ReadAt(make([]byte, 1), -1)
	r.wantAnyErr(err, "read at a negative offset")
	r.wantAnyErr(f.Truncate(-1), "truncate to a negative length")
	r.wantBytes(f, "abc")
}

func truncate(r *trial) {
	data := strings.Repeat("0123456789", 1000)
	f := r.created("a", data)
	r.must(f.Truncate(5000), "truncate")
	r.wantBytes(f, data[:5000])
	r.must(f.Truncate(9000), "truncate")
	r.wantBytes(f, data[:5000]+strings.Repeat("\x00", 4000))
	r.must(f.Truncate(4096), "truncate")
	r.write(f, "end", 6000)
	r.wantBytes(f, data[:4096]+strings.Repeat("\x00", 1904)+"end")
	r.must(f.Truncate(0), "truncate")
	r.wantBytes(f, "")
	r.wantFile("a", "")
}

func syncFile(r *trial) {
	f := r.created("a", "abc")
	r.must(f.Sync(), "sync")
	r.write(f, "d", 3)
	r.must(f.Truncate(2), "truncate")
	for range 2 {
		r.must(f.Sync(), "sync")
		r.wantBytes(f, "ab")
	}
}

func replacedOpen(r *trial) {
	for _, name := range []string{"removed", "replaced"} {
		r.put(name, "old bytes")
	}
	removed, replaced := r.opened("removed"), r.opened("replaced")
	r.must(r.files.Remove(r.path("removed")), "remove a file that is open")
	r.put("new", "new")
	r.must(r.files.Rename(r.path("new"), r.path("replaced")), "replace a file that is open")
	r.put("removed", "also new")
	r.wantBytes(removed, "old bytes")
	r.wantBytes(replaced, "old bytes")
	r.wantFile("removed", "also new")
	r.wantFile("replaced", "new")
}

func closed(r *trial) {
	f := r.created("a", "abc")
	r.must(f.Close(), "close")
	_, err := f.ReadAt(make([]byte, 1), 0)
	r.wantErr(err, os.ErrClosed, "read")
	_, err = f.WriteAt([]byte("x"), 0)
	r.wantErr(err, os.ErrClosed, "write")
	_, err = f.Size()
	r.wantErr(err, os.ErrClosed, "size")
	r.wantErr(f.Truncate(0), os.ErrClosed, "truncate")
	r.wantErr(f.Sync(), os.ErrClosed, "sync")
	r.wantErr(f.Close(), os.ErrClosed, "close")
	r.wantFile("a", "abc")
}

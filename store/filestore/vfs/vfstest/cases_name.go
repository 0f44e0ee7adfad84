package vfstest

import (
	"io/fs"
	"path/filepath"

	"github.com/revkv/kv/store/filestore/vfs"
)

// nameCases are about directories, names and locks.
var nameCases = []testCase{
	{
		name: "list", run: listNames,
		promise: "List returns the names of the files and directories in a directory, and no others, in rising order",
	},
	{
		name: "list/missing", run: listMissing,
		promise: "List of a directory that does not exist is fs.ErrNotExist, and of a file is an error",
	},
	{
		name: "makedir", run: makeDir,
		promise: "MakeDir makes an empty directory in one that exists, or returns fs.ErrNotExist",
	},
	{
		name: "makedir/exists", run: makeDirExists,
		promise: "MakeDir with the name of a file or directory is fs.ErrExist, and leaves it as it is",
	},
	{
		name: "paths", run: paths,
		promise: "a path may have dots, and separators more than needed",
	},
	{
		name: "rename", run: rename,
		promise: "Rename gives a file another name, in the same or another directory, and takes the old one away",
	},
	{
		name: "rename/replace", run: renameReplace,
		promise: "Rename replaces a file that has the new name",
	},
	{
		name: "rename/same", run: renameSame,
		promise: "Rename of a file to its own name leaves it as it is",
	},
	{
		name: "rename/directory", run: renameDirectory,
		promise: "Rename of a directory keeps what is in it",
	},
	{
		name: "rename/missing", run: renameMissing,
		promise: "Rename from a name or into a directory that does not exist is fs.ErrNotExist, and changes nothing",
	},
	{
		name: "rename/onto directory", run: renameOnto,
		promise: "Rename does not replace a directory, nor a file by a directory, nor puts a directory into itself",
	},
	{
		name: "rename/open", run: renameOpen,
		promise: "an open file is the same file under its new name",
	},
	{
		name: "remove", run: remove,
		promise: "Remove removes a file or an empty directory",
	},
	{
		name: "remove/refused", run: removeRefused,
		promise: "Remove of a name that does not exist is fs.ErrNotExist, of a directory with something in it an error, and changes nothing",
	},
	{
		name: "remove/again", run: removeAgain,
		promise: "a file that is made under a name that was removed begins empty",
	},
	{
		name: "syncdir", run: syncDir,
		promise: "SyncDir changes nothing that calls see",
	},
	{
		name: "lock", run: lock,
		promise: "a file is locked until the Closer is closed: other calls of Lock return vfs.ErrLocked, for this file only",
	},
	{
		name: "lock/file", run: lockFile,
		promise: "Lock makes a file if there is none, in a directory that exists, and the file stays",
	},
}

func listNames(r *trial) {
	r.wantList("")
	for _, name := range []string{"b", "a", "c.d", "B", "10", "9"} {
		r.put(name, "")
	}
	r.makeDir("aa")
	r.put("aa/x", "")
	r.wantList("", "10", "9", "B", "a", "aa", "b", "c.d")
	r.wantList("aa", "x")
}

func listMissing(r *trial) {
	_, err := r.files.List(r.path("none"))
	r.wantErr(err, fs.ErrNotExist, "list a directory that does not exist")
	r.put("file", "x")
	_, err = r.files.List(r.path("file"))
	r.wantAnyErr(err, "list a file")
}

func makeDir(r *trial) {
	r.makeDir("a")
	r.wantList("", "a")
	r.wantList("a")
	r.makeDir("a/b")
	r.wantList("a", "b")
	r.wantErr(r.files.MakeDir(r.path("c/d")), fs.ErrNotExist, "make a directory in one that does not exist")
	r.wantList("", "a")
}

func makeDirExists(r *trial) {
	r.makeDir("a")
	r.put("a/x", "1")
	r.put("file", "2")
	r.wantErr(r.files.MakeDir(r.path("a")), fs.ErrExist, "make a directory that exists")
	r.wantErr(r.files.MakeDir(r.path("file")), fs.ErrExist, "make a directory with the name of a file")
	r.wantFile("a/x", "1")
	r.wantFile("file", "2")
}

func paths(r *trial) {
	const sep = string(filepath.Separator)
	r.makeDir("a")
	r.put("a/x", "1")
	for _, name := range []string{"a" + sep + sep + "x", "a" + sep + "." + sep + "x", "a" + sep + ".." + sep + "a" + sep + "x"} {
		f, err := r.files.Open(r.dir + sep + name)
		r.wantBytes(keep(r, f, err), "1")
	}
	names, err := r.files.List(r.dir + sep + "a" + sep)
	if r.must(err, "list"); len(names) != 1 {
		r.Fatalf("with a separator at the end the names are %q", names)
	}
}

func rename(r *trial) {
	r.put("a", "1")
	r.must(r.files.Rename(r.path("a"), r.path("b")), "rename")
	r.wantList("", "b")
	r.wantFile("b", "1")
	r.makeDir("d")
	r.must(r.files.Rename(r.path("b"), r.path("d/c")), "rename into another directory")
	r.wantList("", "d")
	r.wantFile("d/c", "1")
}

func renameReplace(r *trial) {
	r.put("a", "new")
	r.put("b", "old one")
	r.must(r.files.Rename(r.path("a"), r.path("b")), "rename")
	r.wantList("", "b")
	r.wantFile("b", "new")
}

func renameSame(r *trial) {
	r.put("a", "1")
	r.must(r.files.Rename(r.path("a"), r.path("a")), "rename")
	r.wantList("", "a")
	r.wantFile("a", "1")
}

func renameDirectory(r *trial) {
	r.makeDir("a")
	r.makeDir("a/b")
	r.put("a/b/x", "1")
	r.must(r.files.Rename(r.path("a"), r.path("c")), "rename")
	r.wantList("", "c")
	r.wantFile("c/b/x", "1")
}

func renameMissing(r *trial) {
	r.put("a", "1")
	r.wantErr(r.files.Rename(r.path("none"), r.path("a")), fs.ErrNotExist, "rename what does not exist")
	r.wantErr(r.files.Rename(r.path("a"), r.path("none/a")), fs.ErrNotExist, "rename into what does not exist")
	r.wantList("", "a")
	r.wantFile("a", "1")
}

func renameOnto(r *trial) {
	r.put("a", "1")
	r.makeDir("d")
	r.makeDir("empty")
	r.wantAnyErr(r.files.Rename(r.path("a"), r.path("empty")), "rename a file to the name of a directory")
	r.wantAnyErr(r.files.Rename(r.path("d"), r.path("a")), "rename a directory to the name of a file")
	r.wantAnyErr(r.files.Rename(r.path("d"), r.path("d/d")), "rename a directory into itself")
	r.wantList("", "a", "d", "empty")
	r.wantList("d")
	r.wantFile("a", "1")
}

func renameOpen(r *trial) {
	f := r.created("a", "1")
	r.must(r.files.Rename(r.path("a"), r.path("b")), "rename")
	r.put("a", "other")
	r.write(f, "2", 1)
	r.wantBytes(f, "12")
	r.wantFile("b", "12")
	r.wantFile("a", "other")
}

func remove(r *trial) {
	r.makeDir("d")
	r.put("d/a", "1")
	r.put("d/b", "2")
	r.must(r.files.Remove(r.path("d/a")), "remove a file")
	r.wantList("d", "b")
	r.must(r.files.Remove(r.path("d/b")), "remove a file")
	r.must(r.files.Remove(r.path("d")), "remove a directory")
	r.wantList("")
}

func removeRefused(r *trial) {
	r.makeDir("d")
	r.put("d/a", "1")
	r.wantErr(r.files.Remove(r.path("none")), fs.ErrNotExist, "remove a name that does not exist")
	r.wantErr(r.files.Remove(r.path("none/a")), fs.ErrNotExist, "remove a name in a directory that does not exist")
	r.wantAnyErr(r.files.Remove(r.path("d")), "remove a directory with something in it")
	r.wantFile("d/a", "1")
}

func removeAgain(r *trial) {
	r.put("a", "1")
	r.must(r.files.Remove(r.path("a")), "remove")
	r.put("a", "")
	r.wantFile("a", "")
}

func syncDir(r *trial) {
	r.makeDir("d")
	r.put("d/a", "1")
	r.put("d/b", "2")
	r.must(r.files.Rename(r.path("d/a"), r.path("d/c")), "rename")
	r.must(r.files.Remove(r.path("d/b")), "remove")
	for range 2 {
		r.must(r.files.SyncDir(r.path("d")), "sync the directory")
		r.must(r.files.SyncDir(r.dir), "sync the directory above")
	}
	r.wantList("d", "c")
	r.wantFile("d/c", "1")
}

func lock(r *trial) {
	first, err := r.files.Lock(r.path("lock"))
	keep(r, first, err)
	for range 2 {
		_, err = r.files.Lock(r.path("lock"))
		r.wantErr(err, vfs.ErrLocked, "lock a file that is locked")
	}
	other, err := r.files.Lock(r.path("other"))
	keep(r, other, err)
	r.must(first.Close(), "unlock")
	again, err := r.files.Lock(r.path("lock"))
	keep(r, again, err)
	_, err = r.files.Lock(r.path("lock"))
	r.wantErr(err, vfs.ErrLocked, "lock a file that is locked anew")
	r.must(first.Close(), "close a Closer again")
	_, err = r.files.Lock(r.path("lock"))
	r.wantErr(err, vfs.ErrLocked, "lock a file that is locked, after the Closer of an earlier lock was closed again")
}

func lockFile(r *trial) {
	_, err := r.files.Lock(r.path("none/lock"))
	r.wantErr(err, fs.ErrNotExist, "lock in a directory that does not exist")
	r.wantList("")
	l, err := r.files.Lock(r.path("lock"))
	keep(r, l, err)
	r.wantList("", "lock")
	r.must(l.Close(), "unlock")
	r.wantList("", "lock")
}

package filestore_test

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
)

// hashes returns what is in each file of a folder, and of the folders in it.
func hashes(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			all[path] = "folder"
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%x", sha256.Sum256(data))
		return err
	}))
	return all
}

// TestLocked opens a folder that is open in this process. An opening for reading needs no lock.
func TestLocked(t *testing.T) {
	r := newTrial(t, filestore.Options{})
	r.put(10)
	for range 2 {
		wantLocked(t, r.dir, os.Getpid())
	}
	r.put(10)
	reader, err := filestore.Open(r.dir, filestore.Options{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, r.backend.Close())
	r.openFolder()
	r.checkReplay(r.backend)
	require.NoError(t, reader.Close())
	wantLocked(t, r.dir, os.Getpid())
}

// wantLocked fails unless a folder is locked by a process, which the error names.
func wantLocked(t *testing.T, dir string, pid int) {
	t.Helper()
	before := hashes(t, dir)
	_, err := filestore.Open(dir, filestore.Options{})
	require.ErrorIs(t, err, store.ErrLocked)
	var locked *store.LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, store.LockedError{Dir: dir, PID: pid}, *locked)
	where := fmt.Sprintf("process %d", pid)
	if pid == os.Getpid() {
		where = "this process"
	}
	require.EqualError(t, err, fmt.Sprintf("%s is locked: it is open for writing in %s", dir, where))
	require.Equal(t, before, hashes(t, dir))
}

// lockedDir names the folder that a process of this test opens.
const lockedDir = "FILESTORE_TEST_LOCKED_DIR"

// TestLockedByAnotherProcess has another process open a folder, and kills it.
func TestLockedByAnotherProcess(t *testing.T) {
	if dir := os.Getenv(lockedDir); dir != "" {
		openUntilKilled(dir)
	}
	r := newTrial(t, filestore.Options{})
	r.put(10)
	require.NoError(t, r.backend.Close())

	other := exec.Command(os.Args[0], "-test.run", "^TestLockedByAnotherProcess$")
	other.Env = append(os.Environ(), lockedDir+"="+r.dir)
	_, err := other.StdinPipe() // ends with this process, and the other one with it
	require.NoError(t, err)
	output, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "open\n", line)
	wantLocked(t, r.dir, other.Process.Pid)

	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait(), "it was killed")
	r.openFolder()
	r.checkReplay(r.backend)
}

// openUntilKilled opens a folder, says so, and waits.
func openUntilKilled(dir string) {
	if _, err := filestore.Open(dir, filestore.Options{}); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("open")
	_, _ = os.Stdin.Read(make([]byte, 1))
	os.Exit(1)
}

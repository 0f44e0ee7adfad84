package vfs_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/vfstest"
)

func TestOS(t *testing.T) {
	vfstest.Run(t, func(t testing.TB) (vfs.FS, string) { return vfs.OS{}, t.TempDir() })
}

// lockVariable names the file that a process of this test locks.
const lockVariable = "VFS_TEST_LOCK"

// TestLockOfAnotherProcess checks that a file is locked against other processes, until the one that locked it ends.
func TestLockOfAnotherProcess(t *testing.T) {
	if name := os.Getenv(lockVariable); name != "" {
		lockUntilKilled(t, name)
	}
	name := filepath.Join(t.TempDir(), "lock")
	other := exec.Command(os.Args[0], "-test.run", "^TestLockOfAnotherProcess$")
	other.Env = append(os.Environ(), lockVariable+"="+name)
	_, err := other.StdinPipe() // ends with this process, and the other one with it
	require.NoError(t, err)
	output, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)

	_, err = vfs.OS{}.Lock(name)
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait(), "it was killed")

	lock, err := vfs.OS{}.Lock(name)
	require.NoError(t, err)
	require.NoError(t, lock.Close())
}

// lockUntilKilled locks a file, says so, and waits for an input that never comes.
func lockUntilKilled(t *testing.T, name string) {
	lock, err := vfs.OS{}.Lock(name)
	require.NoError(t, err)
	_, err = os.Stdout.WriteString("locked\n")
	require.NoError(t, err)
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = lock.Close()
	os.Exit(0)
}

package place

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gofrs/flock"

	"github.com/revkv/kv"
)

// Hold keeps processes from opening a folder for writing until the program ends or release is called, and changes nothing in it.
// If one has it open the error is a *kv.LockedError.
func Hold(dir string) (release func() error, err error) {
	name := filepath.Join(dir, "LOCK")
	lock := flock.New(name, flock.SetFlag(os.O_RDONLY))
	switch held, err := lock.TryRLock(); {
	case errors.Is(err, fs.ErrNotExist):
		return func() error { return nil }, nil // nobody ever wrote to it, or it is not all there
	case err != nil:
		return nil, err
	case !held:
		text, _ := os.ReadFile(name) // which is for people, and cannot be read everywhere
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return nil, &kv.LockedError{Dir: dir, PID: pid}
	}
	return lock.Unlock, nil
}

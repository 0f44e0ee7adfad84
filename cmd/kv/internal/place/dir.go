// Package place knows where the folder of buckets is, and what can be seen of a bucket from its files alone.
package place

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// DefaultText is how the documentation calls the default folder.
const DefaultText = "$XDG_DATA_HOME/kv, else ~/.local/share/kv (on Windows %LocalAppData%\\kv)"

// Dir returns the folder of buckets: flag if it is not empty, else KV_DIR, else the default.
func Dir(flag string, getenv func(string) string) (string, error) {
	for _, dir := range []string{flag, getenv("KV_DIR")} {
		if dir != "" {
			return filepath.Abs(dir)
		}
	}
	base := getenv("XDG_DATA_HOME")
	if runtime.GOOS == "windows" {
		base = getenv("LocalAppData")
	}
	if base != "" {
		return filepath.Join(base, "kv"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no default folder, because there is no home: set --dir or KV_DIR")
	}
	return filepath.Join(home, ".local", "share", "kv"), nil
}

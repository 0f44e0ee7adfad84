package place

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Files says what the files of a bucket look like: two that are the same tell that nothing was written in between.
type Files struct {
	Dir   string // the bucket's own folder
	Sizes map[string]int64
	Print string // names, sizes and times of all files
}

// Bytes returns the size of all files together.
func (f Files) Bytes() (sum int64) {
	for _, size := range f.Sizes {
		sum += size
	}
	return sum
}

// FilesOf looks at the files of a bucket. A bucket that is not there has none, and an empty Dir.
func FilesOf(dir, bucket string) (Files, error) {
	own, err := folderOf(dir, bucket)
	if err != nil || own == "" {
		return Files{}, err
	}
	entries, err := os.ReadDir(own)
	if err != nil {
		return Files{}, err
	}
	f := Files{Dir: own, Sizes: map[string]int64{}}
	var print strings.Builder
	print.WriteString(own)
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue // compaction has removed it meanwhile
		}
		f.Sizes[e.Name()] = info.Size()
		fmt.Fprintf(&print, "\n%s %d %d", e.Name(), info.Size(), info.ModTime().UnixNano())
	}
	f.Print = print.String()
	return f, nil
}

// folderOf returns the folder of a bucket, or "" if it has none. Its name is a number, a '-' and the beginning of the
// bucket's name in lower case; the manifest has the whole name. See FORMAT.md of the file store.
func folderOf(dir, bucket string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		number, name, _ := strings.Cut(e.Name(), "-")
		if _, err := strconv.ParseUint(number, 10, 64); err != nil || !strings.HasPrefix(strings.ToLower(bucket), name) {
			continue
		}
		own := filepath.Join(dir, e.Name())
		if nameIn(filepath.Join(own, "MANIFEST")) == bucket {
			return own, nil
		}
	}
	return "", nil
}

// nameIn returns the name of the bucket that a manifest is of; "" if it cannot be read.
func nameIn(manifest string) string {
	data, err := os.ReadFile(manifest)
	if err != nil {
		return ""
	}
	_, body, _ := bytes.Cut(data, []byte("\n"))
	var m struct{ Bucket string }
	if json.Unmarshal(body, &m) != nil {
		return ""
	}
	return m.Bucket
}

// Made returns when a bucket's folder was made, as far as the system tells: else when something last became a file of
// it. It is zero if there is no such bucket.
func Made(dir, bucket string) time.Time {
	own, err := folderOf(dir, bucket)
	if err != nil || own == "" {
		return time.Time{}
	}
	info, err := os.Stat(own)
	if err != nil {
		return time.Time{}
	}
	if at := born(own, info); !at.IsZero() {
		return at
	}
	return info.ModTime()
}

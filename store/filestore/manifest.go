package filestore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A manifest says what a bucket is and of which segments its log consists. A file of the folder that it does not name is
// nothing. It is replaced as a whole, so whatever takes more than one step (sealing, compacting, reconfiguring)
// happens at the moment when the new manifest has the old one's name.
type manifest struct {
	Bucket   string        `json:"bucket"`
	Config   []byte        `json:"config"`           // the engine's; base64 in the file
	Segments []sealedEntry `json:"segments"`         // sealed, in rising order of revision
	Active   uint64        `json:"active,omitempty"` // the number of the segment that is written to; 0 if there is none
	Newest   uint64        `json:"newest"`           // the greatest revision in sealed segments, trimmed or not
}

// A sealedEntry names a sealed segment.
type sealedEntry struct {
	Number uint64 `json:"number"`
	Size   int64  `json:"size"`  // of the file, in bytes
	Index  int64  `json:"index"` // where its index begins
}

const (
	manifestName = "MANIFEST"
	tempSuffix   = ".tmp"
	markerName   = "REVKV"
	lockName     = "LOCK"

	// sealedLine begins the first line of manifests and of the marker.
	sealedLine = "revkv "
)

// sealText returns a body behind a line with the version and a checksum.
//
//	revkv 1 5a0c3f11
//	{"bucket":"orders", ...}
func sealText(body []byte) []byte {
	return append(fmt.Appendf(nil, "%s%d %08x\n", sealedLine, formatVersion, crc32.Checksum(body, castagnoli)), body...)
}

// writeSealed replaces a file by what sealText returns.
func writeSealed(fsys vfs.FS, dir, name string, body []byte) error {
	if err := writeTemp(fsys, dir, name, body); err != nil {
		return err
	}
	return installTemp(fsys, dir, name)
}

// writeTemp writes what is to replace a file, durably.
func writeTemp(fsys vfs.FS, dir, name string, body []byte) error {
	temp := filepath.Join(dir, name+tempSuffix)
	f, err := fsys.Create(temp)
	if err != nil {
		return fmt.Errorf("create %s: %w", temp, err)
	}
	_, err = f.WriteAt(sealText(body), 0)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = fsys.Remove(temp)
		return fmt.Errorf("write %s: %w", temp, err)
	}
	return nil
}

// installTemp replaces a file by what writeTemp wrote.
func installTemp(fsys vfs.FS, dir, name string) error {
	temp := filepath.Join(dir, name+tempSuffix)
	if err := fsys.Rename(temp, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("rename %s: %w", temp, err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// readSealed reads what writeSealed wrote.
func readSealed(fsys vfs.FS, name string) (body []byte, err error) {
	data, err := readFile(fsys, name)
	if err != nil {
		return nil, err
	}
	return unsealText(name, data)
}

// unsealText is the reverse of sealText, for what is or was in a file of this name.
func unsealText(name string, data []byte) (body []byte, err error) {
	corrupt := func(at int, format string, args ...any) ([]byte, error) {
		return nil, &store.CorruptError{File: name, Offset: int64(at), Reason: fmt.Sprintf(format, args...)}
	}
	line, body, ok := bytes.Cut(data, []byte("\n"))
	rest, known := strings.CutPrefix(string(line), sealedLine)
	digits, sum, two := strings.Cut(rest, " ")
	version, err := strconv.ParseUint(digits, 10, 64)
	if !ok || !known || !two || err != nil {
		return corrupt(0, "expected a line with version and checksum, found %.40q", line)
	}
	if version != formatVersion {
		return nil, &store.VersionError{File: name, Version: version, Newest: formatVersion}
	}
	if got := fmt.Sprintf("%08x", crc32.Checksum(body, castagnoli)); got != sum {
		return corrupt(len(line)+1, "expected text with checksum %.8s, found %s", sum, got)
	}
	return body, nil
}

// readFile returns all of a file.
func readFile(fsys vfs.FS, name string) (data []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := newReader(name, f)
	if err != nil {
		return nil, err
	}
	return r.bytes(0, r.size)
}

// encode returns the text of the manifest.
func (m *manifest) encode() ([]byte, error) {
	body, err := json.Marshal(m)
	return append(body, '\n'), err
}

// write makes the manifest that of a bucket's folder.
func (m *manifest) write(fsys vfs.FS, dir string) error {
	body, err := m.encode()
	if err != nil {
		return err
	}
	return writeSealed(fsys, dir, manifestName, body)
}

// writeAfter does what has to be done before the manifest is that of a bucket's folder, and then makes it that. Writers wait for
// this, so the manifest is written meanwhile.
func (m *manifest) writeAfter(fsys vfs.FS, dir string, before func() error) error {
	body, err := m.encode()
	if err != nil {
		return err
	}
	err = together(func() error { return writeTemp(fsys, dir, manifestName, body) }, before)
	if err != nil {
		return err
	}
	return installTemp(fsys, dir, manifestName)
}

// readManifest returns the manifest of a bucket's folder.
func readManifest(fsys vfs.FS, dir string) (*manifest, error) {
	name := filepath.Join(dir, manifestName)
	body, err := readSealed(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &store.CorruptError{File: name, Reason: "expected a manifest, found no file"}
	}
	if err != nil {
		return nil, err
	}
	return decodeManifest(name, body)
}

// decodeManifest is the reverse of encode, for what is or was in a file of this name.
func decodeManifest(name string, body []byte) (*manifest, error) {
	m := new(manifest)
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, &store.CorruptError{File: name, Reason: "expected a manifest in JSON: " + err.Error()}
	}
	if number, twice := m.repeated(); twice {
		return nil, &store.CorruptError{File: name, Reason: fmt.Sprintf("expected different segments, found %d twice", number)}
	}
	return m, nil
}

// repeated returns a segment that the manifest names twice.
func (m *manifest) repeated() (number uint64, twice bool) {
	seen := map[uint64]bool{m.Active: m.Active != 0}
	for _, s := range m.Segments {
		if seen[s.Number] || s.Number == 0 {
			return s.Number, true
		}
		seen[s.Number] = true
	}
	return 0, false
}

// segmentName returns the name of a segment's file.
func segmentName(number uint64) string { return fmt.Sprintf("%08d.seg", number) }

// segmentNumber is the reverse of segmentName.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, ".seg")
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && number > 0 && segmentName(number) == name
}

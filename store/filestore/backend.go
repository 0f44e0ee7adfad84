// Package filestore keeps buckets in a folder: each as a log in files, to which it appends and which it compacts. FORMAT.md
// says what is in the files, and what they survive.
package filestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore/vfs"
)

// A Backend keeps buckets in a folder: a store.Backend whose stores are store.ValueReaders.
type Backend struct {
	fsys vfs.FS
	dir  string
	opts Options
	lock io.Closer // nil when it is open for reading

	mu      sync.Mutex        // guards what follows; Backup runs beside other calls
	folders map[string]string // of the buckets, by name
	number  uint64            // of the folder made last
	logs    map[string]*log   // that are open, or loaded and not open yet
	torn    []TornTail
	fault   error // why no bucket can be made, configured or deleted any more
	closed  bool
}

var _ store.Backend = (*Backend)(nil)

// markerText is what the marker says to people.
const markerText = "This folder holds key-value buckets of github.com/revkv/kv, each in a folder of its own.\n"

// Names of folders: of a bucket, of one that is being made, of one that was deleted.
const (
	makingPrefix  = "making-"
	deletedPrefix = "deleted-"
	mostOfName    = 100 // characters of a bucket's name in that of its folder
)

// Open opens a folder, and makes it if it does not exist. If it is open for writing elsewhere the error matches
// store.ErrLocked. With Options.ReadOnly it must exist.
//
// All buckets are read. If one is damaged the error matches store.ErrCorrupt, and nothing has been changed in any of them.
func Open(dir string, opts Options) (*Backend, error) {
	opts, err := opts.normal()
	if err != nil {
		return nil, err
	}
	b := &Backend{
		fsys: opts.FS, dir: filepath.Clean(dir), opts: opts, folders: map[string]string{}, logs: map[string]*log{},
	}
	if !opts.ReadOnly {
		if err := b.claim(); err != nil {
			return nil, errors.Join(err, b.Close())
		}
	} else if _, err := readSealed(b.fsys, b.join(markerName)); err != nil {
		return nil, b.notOurs(err)
	}
	if err := b.findFolders(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Backend) join(name string) string { return filepath.Join(b.dir, name) }

// claim makes the folder if need be, locks it, and sees to it that it is one of ours.
func (b *Backend) claim() error {
	names, err := b.fsys.List(b.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	isNew := !slices.Contains(names, markerName)
	if isNew {
		if err := makeDirs(b.fsys, b.dir); err != nil {
			return err
		}
		// Only what a crash while the folder was made can have left.
		for _, name := range names {
			if name != lockName && name != markerName+tempSuffix {
				return b.notOurs(fs.ErrNotExist)
			}
		}
	}
	if b.lock, err = lockDir(b.fsys, b.dir); err != nil {
		return err
	}
	_, err = readSealed(b.fsys, b.join(markerName))
	if isNew && errors.Is(err, fs.ErrNotExist) { // else another process has made it meanwhile
		return writeSealed(b.fsys, b.dir, markerName, []byte(markerText))
	}
	return err
}

// notOurs is the error for a folder without a marker.
func (b *Backend) notOurs(err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, listErr := b.fsys.List(b.dir); listErr != nil {
		return listErr
	}
	return noMarker(b.join(markerName))
}

// noMarker is the error for a folder whose marker is not there.
func noMarker(name string) error {
	return &store.CorruptError{File: name, Reason: "there is no such file: the folder is none of buckets, or has lost it"}
}

// lockDir locks a folder. If it is locked the error tells by whom, as far as that is known.
func lockDir(fsys vfs.FS, dir string) (io.Closer, error) {
	name := filepath.Join(dir, lockName)
	lock, err := fsys.Lock(name)
	switch {
	case errors.Is(err, vfs.ErrLocked):
		locked := &store.LockedError{Dir: dir}
		if text, readErr := readFile(fsys, name); readErr == nil {
			locked.PID, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		}
		return nil, locked
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return lock, nil
}

// lockEmpty makes a folder if there is none, and locks it. If there is anything in it, but for what locks it, that is an error and nothing
// has been changed.
func lockEmpty(fsys vfs.FS, dir, op string) (io.Closer, error) {
	if err := makeDirs(fsys, dir); err != nil {
		return nil, err
	}
	if err := mustBeEmpty(fsys, dir, op); err != nil {
		return nil, err
	}
	lock, err := lockDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	if err := mustBeEmpty(fsys, dir, op); err != nil { // another process had the lock before
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

func mustBeEmpty(fsys vfs.FS, dir, op string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	if at := slices.IndexFunc(names, func(name string) bool { return name != lockName }); at >= 0 {
		return fmt.Errorf("%s into %s: %w: there is %s in it", op, dir, fs.ErrExist, names[at])
	}
	return nil
}

// makeDirs makes a directory and those it is in, durably. One that exists may have been made by a process that was killed before
// it was durable.
func makeDirs(fsys vfs.FS, dir string) error {
	parent := filepath.Dir(dir)
	_, err := fsys.List(dir)
	if err == nil {
		if err = fsys.SyncDir(parent); errors.Is(err, fs.ErrPermission) {
			err = nil // then it is not ours, nor what is in it
		}
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent != dir {
		if err := makeDirs(fsys, parent); err != nil {
			return err
		}
	}
	if err := fsys.MakeDir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return fsys.SyncDir(parent)
}

// findFolders loads all buckets and, when none is damaged, removes what is left of others. The names in the folder may be from a process that
// was killed before they were durable: what is found has to stay, and what is removed must not come back in part.
func (b *Backend) findFolders() error {
	if !b.opts.ReadOnly {
		if err := b.fsys.SyncDir(b.dir); err != nil {
			return fmt.Errorf("sync %s: %w", b.dir, err)
		}
	}
	names, err := b.fsys.List(b.dir)
	if err != nil {
		return err
	}
	var leftover []string
	for _, folder := range names {
		name, made := strings.CutPrefix(folder, makingPrefix)
		name, deleted := strings.CutPrefix(name, deletedPrefix)
		number, ok := bucketFolder(name)
		if !ok {
			continue
		}
		b.number = max(b.number, number) // a leftover may stay, and its number must not be given to another
		if made || deleted {
			if isFolder(b.fsys, b.join(folder)) {
				leftover = append(leftover, folder)
			}
		} else if err := b.addFolder(folder); err != nil {
			return err
		}
	}
	for _, folder := range leftover {
		if !b.opts.ReadOnly {
			_ = removeAll(b.fsys, b.join(folder)) // the next opening tries again
		}
	}
	return nil
}

// addFolder reads the bucket in a folder.
func (b *Backend) addFolder(folder string) error {
	m, err := readManifest(b.fsys, b.join(folder))
	if b.vanished(folder, err) || err != nil && !isFolder(b.fsys, b.join(folder)) {
		return nil
	}
	if err != nil {
		return err
	}
	if fault := wrongFolder(folder, m.Bucket); fault != "" {
		return &store.CorruptError{File: b.join(filepath.Join(folder, manifestName)), Reason: fault}
	}
	if other, twice := b.folders[m.Bucket]; twice {
		return &store.CorruptError{
			File: b.join(folder), Reason: fmt.Sprintf("expected another bucket than in %s, found %q there too", other, m.Bucket),
		}
	}
	l, err := loadLog(b.fsys, b.join(folder), b.opts)
	if b.vanished(folder, err) {
		return nil
	}
	if err != nil {
		return err
	}
	b.folders[m.Bucket], b.logs[m.Bucket] = folder, l
	return nil
}

// vanished reports whether err is because the folder of a bucket is gone: beside an opening for reading another process may
// delete buckets.
func (b *Backend) vanished(folder string, err error) bool {
	if !b.opts.ReadOnly || err == nil {
		return false
	}
	_, err = b.fsys.List(b.join(folder))
	return errors.Is(err, fs.ErrNotExist)
}

// removeAll removes a folder and the files in it.
func removeAll(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	for _, name := range names {
		err = errors.Join(err, fsys.Remove(filepath.Join(dir, name)))
	}
	return errors.Join(err, fsys.Remove(dir))
}

// usable reports why the backend cannot be used; mu is held.
func (b *Backend) usable(toWrite bool) error {
	switch {
	case b.closed:
		return store.ErrClosed
	case toWrite && b.opts.ReadOnly:
		return store.ErrReadOnly
	case toWrite:
		return b.fault
	}
	return nil
}

// folder returns the folder of a bucket; mu is held.
func (b *Backend) folder(name string) (string, error) {
	folder, ok := b.folders[name]
	if !ok {
		return "", fmt.Errorf("%w: bucket %q", store.ErrNotFound, name)
	}
	return b.join(folder), nil
}

// Buckets implements store.Backend.
func (b *Backend) Buckets() ([]store.Bucket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(false); err != nil {
		return nil, err
	}
	var buckets []store.Bucket
	for name, folder := range b.folders {
		m, err := readManifest(b.fsys, b.join(folder))
		if b.vanished(folder, err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		buckets = append(buckets, store.Bucket{Name: name, Config: m.Config})
	}
	slices.SortFunc(buckets, func(x, y store.Bucket) int { return strings.Compare(x.Name, y.Name) })
	return buckets, nil
}

// Create implements store.Backend. The bucket is there when its folder has its name.
func (b *Backend) Create(name string, config []byte) (store.Store, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(true); err != nil {
		return nil, err
	}
	if _, exists := b.folders[name]; exists {
		return nil, fmt.Errorf("%w: %q", store.ErrExists, name)
	}
	b.number++
	folder := folderName(b.number, name)
	making := b.join(makingPrefix + folder)
	if err := b.makeFolder(making, b.join(folder), &manifest{Bucket: name, Config: config}); err != nil {
		_ = removeAll(b.fsys, making) // the next opening tries again
		return nil, err
	}
	l, err := openLog(b.fsys, b.join(folder), b.opts)
	if err != nil {
		return nil, errors.Join(err, b.takeBack(folder))
	}
	b.folders[name], b.logs[name] = folder, l
	return l, nil
}

// makeFolder makes the folder of a bucket under a name that does not count, and gives it its own.
func (b *Backend) makeFolder(making, folder string, m *manifest) error {
	if err := b.fsys.MakeDir(making); err != nil {
		return err
	}
	if err := m.write(b.fsys, making); err != nil {
		return err
	}
	if err := b.fsys.Rename(making, folder); err != nil {
		return err
	}
	if err := b.fsys.SyncDir(b.dir); err != nil {
		return errors.Join(err, b.takeBack(filepath.Base(folder)))
	}
	return nil
}

// takeBack discards the folder of a bucket that is not to be. If it cannot, there may be one, and there must not be another.
func (b *Backend) takeBack(folder string) error {
	if err := b.discard(folder); err != nil {
		b.fault = fmt.Errorf("and it could not be taken back, so the next opening may find it: %w", err)
	}
	return b.fault
}

// folderName returns the name of a bucket's folder. The name of the bucket itself would not do: some file systems take
// upper and lower case for the same, have names that mean something else, or shorter ones.
func folderName(number uint64, bucket string) string {
	return fmt.Sprintf("%d-%.*s", number, mostOfName, strings.ToLower(bucket))
}

// discard removes the folder of a bucket. As soon as it has another name the bucket is gone.
func (b *Backend) discard(folder string) error {
	deleted := b.join(deletedPrefix + folder)
	if err := b.fsys.Rename(b.join(folder), deleted); err != nil {
		return err
	}
	if err := b.fsys.SyncDir(b.dir); err != nil {
		return err
	}
	_ = removeAll(b.fsys, deleted) // the next opening tries again
	return nil
}

// Open implements store.Backend.
func (b *Backend) Open(name string) (store.Store, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(false); err != nil {
		return nil, err
	}
	dir, err := b.folder(name)
	if err != nil {
		return nil, err
	}
	l := b.logs[name]
	if l == nil || !l.loaded {
		l, err = loadLog(b.fsys, dir, b.opts)
	}
	if b.vanished(b.folders[name], err) {
		return nil, fmt.Errorf("%w: bucket %q was deleted meanwhile", store.ErrNotFound, name)
	}
	if err != nil {
		return nil, err
	}
	if err := l.use(); err != nil {
		return nil, err
	}
	if l.torn != nil {
		b.torn = append(b.torn, *l.torn)
	}
	b.logs[name] = l
	return l, nil
}

// TornTails returns what the openings of buckets have cut off so far.
func (b *Backend) TornTails() []TornTail {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.torn)
}

// Configure implements store.Backend.
func (b *Backend) Configure(name string, config []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(true); err != nil {
		return err
	}
	dir, err := b.folder(name)
	if err != nil {
		return err
	}
	if l := b.logs[name]; l != nil {
		return l.configure(config)
	}
	m, err := readManifest(b.fsys, dir)
	if err != nil {
		return err
	}
	m.Config = config
	return m.write(b.fsys, dir)
}

// Delete implements store.Backend.
func (b *Backend) Delete(name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.usable(true); err != nil {
		return err
	}
	if _, err := b.folder(name); err != nil {
		return err
	}
	if l := b.logs[name]; l != nil && l.loaded {
		_ = l.Close() // it was only read
		delete(b.logs, name)
	}
	if err := b.discard(b.folders[name]); err != nil {
		return err
	}
	delete(b.folders, name)
	delete(b.logs, name)
	return nil
}

// Close implements store.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	var errs []error
	for _, l := range b.logs {
		errs = append(errs, l.Close())
	}
	if b.lock != nil {
		errs = append(errs, b.lock.Close())
	}
	return errors.Join(errs...)
}

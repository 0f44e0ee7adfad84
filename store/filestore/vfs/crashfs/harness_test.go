package crashfs_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store/filestore/vfs"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A journal is a small program that keeps lines in a file, and now and then writes the file anew with the newest ones. What a
// careless one leaves out has to show in crashes.
type journal struct {
	files    vfs.FS
	careless step
	log      vfs.File
	size     int64
	lines    []string // that are acknowledged, the newest ones
}

// A step is something that a journal has to do.
type step string

const (
	nothing        step = "nothing"
	syncRoot       step = "the directory is made, and its parent not synced"
	syncCreated    step = "the log is made, and its directory not synced"
	syncLine       step = "a line is written, and not synced"
	syncCopy       step = "the new log takes the place of the old one, and was not synced"
	syncReplaced   step = "the new log takes the place of the old one, and the directory is not synced"
	writeElsewhere step = "the new log is written over the old one"
)

const keep = 3

func openJournal(files vfs.FS, careless step) (*journal, error) {
	j := &journal{files: files, careless: careless}
	err := files.MakeDir("db")
	if err == nil {
		err = j.unless(syncRoot, func() error { return files.SyncDir("") })
	}
	if err == nil {
		j.log, err = files.Create("db/log")
	}
	if err == nil {
		err = j.unless(syncCreated, func() error { return files.SyncDir("db") })
	}
	return j, err
}

func (j *journal) unless(s step, f func() error) error {
	if j.careless == s {
		return nil
	}
	return f()
}

// add acknowledges a line when it returns nil.
func (j *journal) add(line string) error {
	_, err := j.log.WriteAt([]byte(line+"\n"), j.size)
	if err == nil {
		err = j.unless(syncLine, j.log.Sync)
	}
	if err != nil {
		return err
	}
	j.size += int64(len(line) + 1)
	j.lines = append(j.lines, line)
	j.lines = j.lines[max(0, len(j.lines)-keep):]
	return nil
}

// renew writes the log anew, with the newest lines.
func (j *journal) renew() error {
	name := "db/new"
	if j.careless == writeElsewhere {
		name = "db/log"
	}
	renewed, err := j.files.Create(name)
	if err != nil {
		return err
	}
	data := strings.Join(j.lines, "\n") + "\n"
	_, err = renewed.WriteAt([]byte(data), 0)
	if err == nil {
		err = j.unless(syncCopy, renewed.Sync)
	}
	if err == nil && name != "db/log" {
		err = j.files.Rename(name, "db/log")
	}
	if err == nil {
		err = j.unless(syncReplaced, func() error { return j.files.SyncDir("db") })
	}
	_ = j.log.Close() // it was synced
	j.log, j.size = renewed, int64(len(data))
	return err
}

// run writes some lines and stops at the first error.
func (j *journal) run() error {
	for i := range 12 {
		if err := j.add(fmt.Sprintf("line %02d", i)); err != nil {
			return err
		}
		if i%5 == 4 {
			if err := j.renew(); err != nil {
				return err
			}
		}
	}
	return nil
}

// recovered returns the whole lines in the log that an image has, if any.
func recovered(image *crashfs.FS) (lines []string) {
	f, err := image.Open("db/log")
	if err != nil {
		return nil
	}
	size, _ := f.Size()
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		var n int
		if _, err := fmt.Sscanf(line, "line %02d\n", &n); err != nil || len(line) != len("line 00\n") {
			break
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// lost tells which lines an image has, unless those that are acknowledged are among them.
func (j *journal) lost(image *crashfs.FS) string {
	lines := recovered(image)
	if strings.Contains(strings.Join(lines, "\n"), strings.Join(j.lines, "\n")) {
		return ""
	}
	return fmt.Sprintf("acknowledged %q, recovered %q", j.lines, lines)
}

// lostAnywhere crashes a journal before each call and at the end, and returns what the worst images have lost.
func lostAnywhere(careless step) (lost []string) {
	d := crashfs.New()
	rng := newRand(1)
	j := &journal{}
	check := func(c crashfs.Call) {
		images := []*crashfs.FS{d.Strict(), d.Everything(), d.Everything().Strict()}
		for range 5 {
			images = append(images, d.Mix(rng))
		}
		for i, image := range images {
			if what := j.lost(image); what != "" {
				lost = append(lost, fmt.Sprintf("before %s, image %d: %s", c, i, what))
			}
		}
	}
	j, err := openJournal(d, careless)
	if err != nil {
		return []string{err.Error()}
	}
	d.Before(check)
	if err := j.run(); err != nil {
		return []string{err.Error()}
	}
	check(crashfs.Call{})
	return lost
}

// TestCrashAnywhere finds what a careless program leaves out, and has nothing to say against a careful one.
func TestCrashAnywhere(t *testing.T) {
	require.Empty(t, lostAnywhere(nothing))
	for _, careless := range []step{syncRoot, syncCreated, syncLine, syncCopy, syncReplaced, writeElsewhere} {
		require.NotEmpty(t, lostAnywhere(careless), careless)
	}
}

// TestStopAnywhere stops the program itself at each call, until it gets to its end.
func TestStopAnywhere(t *testing.T) {
	for n := 1; ; n++ {
		d := crashfs.New()
		d.StopAt(n)
		j, err := openJournal(d, nothing)
		if err == nil {
			err = j.run()
		}
		require.Empty(t, j.lost(d.Strict()), "stopped at %d", n)
		if err == nil {
			require.Less(t, d.Calls(), n)
			break
		}
		require.ErrorIs(t, err, crashfs.ErrPowerCut)
	}
}

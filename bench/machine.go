package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// A machine is where a run took place.
type machine struct {
	processor  string // empty where it is not told
	system     string
	fileSystem string // of the engines' files; empty where it is not told
	memory     uint64 // bytes; 0 where it is not told
	sync       time.Duration
	held       float64 // how often a second a loop is held up
}

// describe returns the machine, with the time that dir's disk takes to sync.
func describe(dir string) (machine, error) {
	sync, err := syncTime(dir)
	return machine{
		processor: processor(), system: kernel(), fileSystem: fileSystem(dir), memory: memory(), sync: sync, held: heldUp(time.Second),
	}, err
}

func (m machine) lines() []string {
	system := runtime.GOOS + "/" + runtime.GOARCH
	if m.system != "" {
		system += ", " + m.system
	}
	lines := []string{system + ", " + runtime.Version()}
	cpus := fmt.Sprintf("%d processors, GOMAXPROCS %d", runtime.NumCPU(), runtime.GOMAXPROCS(0))
	if m.processor != "" {
		cpus = m.processor + ", " + cpus
	}
	if m.memory > 0 {
		cpus += fmt.Sprintf(", %.0f GiB of memory", float64(m.memory)/(1<<30))
	}
	disk := fmt.Sprintf("an append of 4 KiB and an fsync take %v", m.sync.Round(time.Microsecond))
	if m.fileSystem != "" {
		disk = m.fileSystem + "; " + disk
	}
	loop := fmt.Sprintf("a loop that does nothing is held up for %v or longer %.0f times a second", longHold, m.held)
	return append(lines, cpus, disk, loop)
}

// longHold is many times what a fast operation takes: where a machine holds programs up so long more often than one operation of a
// thousand would be, their p99.9 tells of the machine.
const longHold = 20 * time.Microsecond

// heldUp returns how often a second a loop that only looks at the clock is held up.
func heldUp(d time.Duration) float64 {
	n := 0
	start := time.Now()
	for last := start; last.Sub(start) < d; {
		now := time.Now()
		if now.Sub(last) >= longHold {
			n++
		}
		last = now
	}
	return float64(n) / d.Seconds()
}

// syncTime returns the median time of appending 4 KiB to a file in dir and syncing it.
func syncTime(dir string) (time.Duration, error) {
	name := filepath.Join(dir, "sync")
	f, err := os.Create(name)
	if err != nil {
		return 0, err
	}
	var times []time.Duration
	page := make([]byte, 4096)
	for range 101 {
		start := time.Now()
		_, err = f.Write(page)
		if err = errors.Join(err, f.Sync()); err != nil {
			break
		}
		times = append(times, time.Since(start))
	}
	if err := errors.Join(err, f.Close(), os.Remove(name)); err != nil {
		return 0, err
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// compared are the modules whose versions a report tells.
var compared = []string{
	"github.com/cockroachdb/pebble/v2", "go.etcd.io/bbolt", "github.com/tidwall/buntdb", "github.com/dgraph-io/badger/v4",
	"github.com/hashicorp/go-memdb", "github.com/nats-io/nats-server/v2", "github.com/nats-io/nats.go",
}

// versions returns the compared modules of this program, each with its version.
func versions() []string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	var all []string
	for _, path := range compared {
		for _, dep := range info.Deps {
			if dep.Path == path {
				all = append(all, path+" "+dep.Version)
			}
		}
	}
	return all
}

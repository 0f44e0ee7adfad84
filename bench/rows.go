package main

import "fmt"

// A plan is how large the rows are.
type plan struct {
	keys     []int // for reads and writes
	openKeys int
	value    int // bytes of a value
	large    int // bytes of a large value, where that matters
	shrink   int // every number of operations is divided by this
}

// ops returns a number of operations for this plan: at least one for each goroutine, and a few.
func (p plan) ops(full int) int { return max(full/p.shrink, 128) }

var (
	memoryEngines = []string{ours, "map", "buntdb", "badger", "pebble"}
	memoryPeers   = []string{"buntdb", "badger", "pebble"}
	fileEngines   = []string{ours, "pebble", "bbolt", "buntdb", "badger"}
	logEngines    = []string{ours, "append", "pebble", "bbolt", "buntdb", "badger"}
)

// rows returns all rows of a plan, in the order of the table of numbers to reach.
func (p plan) rows() []row {
	var rows []row
	for _, keys := range p.keys {
		rows = append(rows, p.memoryRows(keys)...)
	}
	rows = append(rows, p.putRows(p.keys[0])...)
	for _, keys := range p.keys {
		rows = append(rows, p.getRows(keys)...)
	}
	rows = append(rows, p.openRows()...)
	return append(rows, p.spaceRows(p.keys[0])...)
}

// memoryRows are those where nothing has files.
func (p plan) memoryRows(keys int) []row {
	getGoals := append([]goal{within(1.5, "map", "within 1.5x of the map")}, aheadOf(memoryPeers...)...)
	writeGoals := append([]goal{within(2, "map", "within 2x of the map")}, aheadOf(memoryPeers...)...)
	inMemory := func(name, title string, w workload, goals []goal) row {
		return row{
			name: "memory/" + name, title: "In memory: " + title, engines: memoryEngines, inMemory: true,
			keys: keys, value: p.value, workload: w, goals: goals,
		}
	}
	var rows []row
	for _, n := range []int{1, 8, 64} {
		at := fmt.Sprintf("keys=%d/goroutines=%d", keys, n)
		by := count(keys, "key") + ", " + count(n, "goroutine")
		rows = append(rows,
			inMemory("get/"+at, "Get, "+by, getWorkload{p.ops(500_000), n}, getGoals),
			inMemory("put/"+at, "Put over what is there, "+by, putWorkload{ops: p.ops(500_000), writers: n}, writeGoals),
			inMemory("update/"+at, "Update with the newest revision (peers: put), "+by, updateWorkload{p.ops(500_000), n}, writeGoals),
			inMemory("create/"+at, "Create, from empty to full, "+by, createWorkload{n}, writeGoals),
		)
	}
	heap := inMemory(fmt.Sprintf("heap/keys=%d", keys), "heap, "+count(keys, "key"), heapWorkload{},
		[]goal{{text: "at most 150 B beyond key and value", bound: 150}})
	heap.engines = []string{ours, "map", "buntdb"} // the others' memory is not all Go's heap
	return append(rows, heap)
}

// putRows are those of writes to files.
func (p plan) putRows(keys int) []row {
	put := func(sync syncPolicy, writers, ops int, goals ...goal) row {
		when := "synced before Put returns"
		if sync == syncNever {
			when = "never synced"
		}
		return row{
			name:    fmt.Sprintf("file/put/sync=%v/writers=%d", sync, writers),
			title:   fmt.Sprintf("On disk: Put over what is there, %s, %s, %s", when, count(keys, "key"), count(writers, "writer")),
			engines: logEngines, keys: keys, value: p.value,
			workload: putWorkload{p.ops(ops), writers, sync}, goals: goals,
		}
	}
	return []row{
		put(syncAlways, 1, 3_000, within(1.15, "append", "within 1.15x of append and fsync of the same bytes")),
		put(syncAlways, 64, 30_000, ahead("pebble")),
		put(syncNever, 1, 200_000, aheadOf("pebble", "buntdb")...),
		put(syncNever, 64, 200_000, aheadOf("pebble", "buntdb")...),
	}
}

// getRows are those of reads from files.
func (p plan) getRows(keys int) []row {
	var rows []row
	for _, n := range []int{1, 64} {
		rows = append(rows, row{
			name:    fmt.Sprintf("file/get/keys=%d/goroutines=%d", keys, n),
			title:   "On disk: Get, " + count(keys, "key") + ", " + count(n, "goroutine"),
			engines: fileEngines, keys: keys, value: p.value,
			workload: getWorkload{p.ops(500_000), n}, goals: aheadOf("bbolt"),
		})
	}
	return rows
}

// openRows are those of opening, and of what is in memory then.
func (p plan) openRows() []row {
	return []row{{
		name:    fmt.Sprintf("file/open/keys=%d", p.openKeys),
		title:   "On disk: opening, " + count(p.openKeys, "key") + " (map, keymap: filling a map with keys and values, with keys alone)",
		engines: []string{ours, "map", "keymap", "pebble", "bbolt", "buntdb", "badger"},
		keys:    p.openKeys, value: p.value, workload: openWorkload{},
		goals: []goal{within(2.5, "map", "within 2.5x of filling a map"), ahead("buntdb")},
	}, {
		name:    fmt.Sprintf("file/heap/keys=%d", p.keys[0]),
		title:   fmt.Sprintf("On disk: heap after opening, %s, values of %d and of %d bytes", count(p.keys[0], "key"), p.value, p.large),
		engines: fileEngines, keys: p.keys[0], value: p.value, workload: growthWorkload{p.large},
		goals: []goal{{text: "does not grow with the bytes of values", column: growthColumn, bound: 0.01}},
	}}
}

// spaceRows are those of space on disk and of writes while room is made.
func (p plan) spaceRows(keys int) []row {
	space := func(sync syncPolicy, writers, times int, engines ...string) row {
		return row{
			name: fmt.Sprintf("file/space/sync=%v/writers=%d", sync, writers),
			title: fmt.Sprintf("On disk: space and latency, %s overwritten at random %d times over, sync %v, %s",
				count(keys, "key"), times, sync, count(writers, "writer")),
			engines: engines, keys: keys, value: p.value,
			workload: spaceWorkload{times * keys, writers, sync},
			goals: []goal{
				{text: "at most 2x live bytes", column: spaceMost, bound: 2},
				{text: "p99.9 within 10x of the median", column: spaceTail, bound: 10},
			},
		}
	}
	return []row{
		space(syncNever, 1, 5, fileEngines...),
		// buntdb and badger sync a few thousand writes a second, however many writers there are: they would take most of the run.
		space(syncAlways, 64, 2, ours, "pebble", "bbolt"),
	}
}

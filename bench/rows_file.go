package main

import "fmt"

// putRows are those of writes to files.
func (p plan) putRows(keys int) []row {
	put := func(sync syncPolicy, writers, ops int, goals ...goal) row {
		when := "synced before Put returns"
		if sync == syncNever {
			when = "never synced"
		}
		return row{
			chart: fileChart, bar: fmt.Sprintf("put, sync %v, %d", sync, writers),
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
		r := row{
			name:    fmt.Sprintf("file/get/keys=%d/goroutines=%d", keys, n),
			title:   "On disk: Get, " + count(keys, "key") + ", " + count(n, "goroutine"),
			engines: fileAndNATS, keys: keys, value: p.value,
			workload: getWorkload{p.ops(500_000), n}, goals: aheadOf("bbolt"),
		}
		if keys == p.keys[0] {
			r.chart, r.bar = fileChart, fmt.Sprintf("get, %d", n)
		}
		rows = append(rows, r)
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
		name:    fmt.Sprintf("file/heap/keys=%d", p.listKeys),
		title:   fmt.Sprintf("On disk: heap after opening, %s, values of %d and of %d bytes", count(p.listKeys, "key"), p.value, p.large),
		engines: fileEngines, keys: p.listKeys, value: p.value, workload: growthWorkload{p.large},
		goals: []goal{{text: "does not grow with the bytes of values", column: growthColumn, bound: 0.01}},
	}}
}

// spaceRows are those of space on disk and of writes while room is made.
func (p plan) spaceRows(keys int) []row {
	space := func(sync syncPolicy, writers, times int, engines ...string) row {
		return row{
			chart: latencyChart, bar: fmt.Sprintf("sync-%v", sync),
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
		space(syncNever, 1, 4, fileEngines...),
		// buntdb and badger sync a few thousand writes a second, however many writers there are: they would take most of the run.
		space(syncAlways, 64, 2, ours, "pebble", "bbolt"),
	}
}

package main

import "fmt"

// Large values have fewer keys and are written less often: in all of them no more bytes than this.
const (
	mostLive    = 128 << 20
	mostWritten = 512 << 20
)

// valueRows are those of values smaller and larger than in the other rows.
func (p plan) valueRows(keys int) []row {
	var rows []row
	for _, size := range []int{16, 4 << 10, 64 << 10} {
		keys := min(keys, mostLive/min(p.shrink, 8)/size)
		ops := p.ops(min(200_000, mostWritten/size))
		add := func(place, name, title string, w workload, engines []string) {
			rows = append(rows, row{
				name:    fmt.Sprintf("%s/%s/value=%d", place, name, size),
				title:   fmt.Sprintf("%s, values of %s, %s, 1 goroutine", title, count(size, "byte"), count(keys, "key")),
				engines: engines, inMemory: place == "memory", keys: keys, value: size, workload: w,
			})
		}
		add("memory", "get", "In memory: Get", getWorkload{ops, 1}, memoryEngines)
		add("memory", "put", "In memory: Put over what is there", putWorkload{ops: ops, writers: 1}, memoryEngines)
		add("file", "get", "On disk: Get", getWorkload{ops, 1}, fileEngines)
		add("file", "put", "On disk: Put over what is there, never synced", putWorkload{ops: ops, writers: 1}, fileEngines)
	}
	return rows
}

// growthRows say what a key costs where there are few and where there are many.
func (p plan) growthRows() []row {
	var rows []row
	for _, keys := range p.growth {
		rows = append(rows, row{
			name:    fmt.Sprintf("memory/growth/keys=%d", keys),
			title:   "In memory: cost of a key, " + count(keys, "key"),
			engines: memoryEngines, inMemory: true, keys: keys, value: p.value, workload: scaleWorkload{p.ops(200_000)},
		}, row{
			name:    fmt.Sprintf("file/growth/keys=%d", keys),
			title:   "On disk: cost of a key, never synced, " + count(keys, "key"),
			engines: fileEngines, keys: keys, value: p.value, workload: scaleWorkload{p.ops(200_000)},
		})
	}
	return rows
}

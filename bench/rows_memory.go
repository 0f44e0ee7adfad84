package main

import (
	"fmt"
	"strings"
)

// inMemory returns a row where nothing has files.
func (p plan) inMemory(name, title string, keys int, w workload, goals []goal, engines ...string) row {
	return row{
		name: "memory/" + name, title: "In memory: " + title, engines: engines, inMemory: true,
		keys: keys, value: p.value, workload: w, goals: goals,
	}
}

// memoryRows are those of reading and writing one key at a time.
func (p plan) memoryRows(keys int) []row {
	goals := func(factor float64, ofMap string) []goal {
		goals := append([]goal{within(factor, "map", ofMap)}, aheadOf(memoryPeers...)...)
		natskv := within(1.5, ours, adapter+" within 1.5x of the engine")
		natskv.engine = adapter
		return append(goals, natskv, times(15, natsServer))
	}
	getGoals, writeGoals := goals(1.5, "within 1.5x of the map"), goals(2, "within 2x of the map")
	var rows []row
	for _, n := range []int{1, 8, 64} {
		by := count(keys, "key") + ", " + count(n, "goroutine")
		add := func(name, title string, w workload, goals []goal) {
			r := p.inMemory(fmt.Sprintf("%s/keys=%d/goroutines=%d", name, keys, n), title+", "+by, keys, w, goals, memoryAndNATS...)
			if n == 8 && keys == p.keys[0] {
				r.chart, r.bar = memoryChart, name
			}
			rows = append(rows, r)
		}
		add("get", "Get", getWorkload{p.ops(500_000), n}, getGoals)
		add("put", "Put over what is there", putWorkload{ops: p.ops(500_000), writers: n}, writeGoals)
		add("update", "Update with the newest revision (peers: put)", updateWorkload{p.ops(500_000), n}, writeGoals)
		add("create", "Create, from empty to full", createWorkload{n}, writeGoals)
	}
	// The others' memory is not all Go's heap.
	return append(rows, p.inMemory(fmt.Sprintf("heap/keys=%d", keys), "heap, "+count(keys, "key"), keys, heapWorkload{},
		[]goal{{text: "at most 150 B beyond key and value", bound: 150}}, ours, "map", "buntdb"))
}

// mixedRows are those of reads and writes of keys of which few are asked for often.
func (p plan) mixedRows(keys int) []row {
	var rows []row
	for _, reads := range []int{95, 50} {
		r := p.inMemory(fmt.Sprintf("mixed/reads=%d", reads),
			fmt.Sprintf("%d%% Get and %d%% Put of zipfian keys, %s, 8 goroutines", reads, 100-reads, count(keys, "key")),
			keys, mixedWorkload{p.ops(500_000), 8, reads}, nil, memoryAndNATS...)
		r.chart, r.bar = memoryChart, fmt.Sprintf("%d/%d", reads, 100-reads)
		rows = append(rows, r)
	}
	return rows
}

// revisionRows are those of older revisions.
func (p plan) revisionRows() []row {
	const depth = 10
	keys := p.listKeys / depth
	of := fmt.Sprintf(", %s of depth %d", count(keys, "key"), depth)
	rows := []row{
		p.inMemory("revision", "GetRevision"+of, keys, historyWorkload{p.ops(200_000), false}, nil, bucketEngines...),
		p.inMemory("history", "History"+of, keys, historyWorkload{p.ops(10_000), true}, nil, bucketEngines...),
	}
	for i := range rows {
		rows[i].depth = depth
		rows[i].chart, rows[i].bar = bucketChart, strings.TrimPrefix(rows[i].name, "memory/")
	}
	return rows
}

// listRows are those of listings in order.
func (p plan) listRows() []row {
	of, goals := ", "+count(p.listKeys, "key"), []goal{times(20, natsServer)}
	return []row{
		p.inMemory("list/all", "listing all keys in order"+of,
			p.listKeys, listWorkload{p.few(40), false}, goals, listEngines...),
		p.inMemory("list/prefix", "listing the keys of a prefix in order"+of,
			p.listKeys, listWorkload{p.ops(5000), true}, goals, listEngines...),
	}
}

// watchRows are those of watchers.
func (p plan) watchRows() []row {
	watch := p.inMemory("watch", "a watch of everything until it has caught up, "+count(p.listKeys, "key"),
		p.listKeys, watchWorkload{p.few(20)}, []goal{times(20, natsServer)}, bucketEngines...)
	watch.chart, watch.bar = bucketChart, "watch"
	rows := []row{watch}
	for _, f := range []fanoutWorkload{{p.ops(100_000), 1}, {p.ops(10_000), 100}, {p.ops(2000), 1000}} {
		watchers := count(f.watchers, "watcher")
		r := p.inMemory(fmt.Sprintf("fanout/watchers=%d", f.watchers), "one writer of keys that all watchers want, "+watchers,
			p.listKeys, f, []goal{times(10, natsServer)}, bucketEngines...)
		r.chart, r.bar = bucketChart, watchers
		rows = append(rows, r)
	}
	return append(rows, p.inMemory("idle/watchers=1000", "one writer of keys that no watcher wants, 1,000 watchers",
		p.listKeys, idleWorkload{p.ops(100_000), 1000},
		[]goal{{text: "at most 2x slower than without watchers", column: idleColumn, bound: 2}}, bucketEngines...))
}

// startRow is that of beginning from nothing.
func (p plan) startRow() row {
	return p.inMemory("start", "from nothing to the first Put", leastKeys, startWorkload{p.few(1000)},
		[]goal{times(500, natsServer)}, bucketEngines...)
}

// besideRows are those of what an operation waits for while something else goes on.
func (p plan) besideRows() []row {
	of := ", " + count(p.listKeys, "key")
	get := besideWorkload{p.ops(200_000), (*contestant).lookTimed, puts}
	putListing := besideWorkload{p.ops(50_000), (*contestant).overwriteTimed, listings}
	putWatch := besideWorkload{p.ops(200_000), (*contestant).overwriteTimed, watchStarts}
	return []row{
		p.inMemory("latency/get-beside-puts", "time of a Get while another goroutine puts"+of,
			p.listKeys, get, nil, memoryAndNATS...),
		p.inMemory("latency/put-beside-listing", "time of a Put while another goroutine lists all keys, again and again"+of,
			p.listKeys, putListing, nil, listEngines...),
		p.inMemory("latency/put-beside-watch", "time of a Put while another goroutine begins to watch everything, again and again"+of,
			p.listKeys, putWatch, nil, bucketEngines...),
		{
			name: "file/latency/get-beside-puts", title: "On disk: time of a Get while another goroutine puts, never synced" + of,
			engines: fileEngines, keys: p.listKeys, value: p.value, workload: get,
		},
	}
}

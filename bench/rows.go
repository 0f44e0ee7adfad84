package main

import "slices"

// A plan is how large the rows are.
type plan struct {
	keys     []int // for reads and writes
	openKeys int
	listKeys int   // for listings and watches, and where large values are compared with small ones
	growth   []int // for the cost of the next key
	value    int   // bytes of a value
	large    int   // bytes of a large value, where that matters
	shrink   int   // every number of operations is divided by this
}

// ops returns a number of operations for this plan: at least one for each goroutine, and a few.
func (p plan) ops(full int) int { return max(full/p.shrink, 128) }

// few returns a number of operations of which each takes long.
func (p plan) few(full int) int { return max(full/p.shrink, 2) }

// What is measured against what. Rows that need more than reading and writing name their engines themselves.
var (
	memoryPeers   = []string{"buntdb", "badger", "pebble"}
	memoryEngines = slices.Concat([]string{ours, "map"}, memoryPeers)
	memoryAndNATS = slices.Concat(memoryEngines, []string{adapter, natsServer})
	listEngines   = []string{ours, "go-memdb", "buntdb", "badger", "pebble", adapter, natsServer}
	bucketEngines = []string{ours, adapter, natsServer} // those with revisions and watchers
	fileEngines   = []string{ours, "pebble", "bbolt", "buntdb", "badger"}
	fileAndNATS   = slices.Concat(fileEngines, []string{natsServer})
	logEngines    = slices.Concat([]string{ours, "append"}, fileAndNATS[1:])
)

// rows returns all rows of a plan, in the order of the table of numbers to reach.
func (p plan) rows() []row {
	var rows []row
	for _, keys := range p.keys {
		rows = append(rows, p.memoryRows(keys)...)
	}
	rows = append(rows, p.mixedRows(p.keys[0])...)
	rows = append(rows, p.revisionRows()...)
	rows = append(rows, p.listRows()...)
	rows = append(rows, p.watchRows()...)
	rows = append(rows, p.startRow())
	rows = append(rows, p.besideRows()...)
	rows = append(rows, p.putRows(p.keys[0])...)
	for _, keys := range p.keys {
		rows = append(rows, p.getRows(keys)...)
	}
	rows = append(rows, p.openRows()...)
	rows = append(rows, p.spaceRows(p.keys[0])...)
	rows = append(rows, p.valueRows(p.keys[0])...)
	return append(rows, p.growthRows()...)
}

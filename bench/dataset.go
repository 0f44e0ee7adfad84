package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A dataset is what every engine of a row is given: the same keys, of 27 bytes, in the same random order, and for each key
// any number of versions of its value. The values are random bytes, so that no engine saves space or writing by compression
// that real values may not allow, and they can be told apart, so that answers are checked.
type dataset struct {
	keys  []string // in random order
	asked []string // the same in memory of their own: what is looked up is another string than what was stored
	size  int      // bytes of a value
	pool  []byte   // values are slices of it
}

// poolSize is a power of two, and larger than what a compressor looks back.
const poolSize = 1 << 20

func newDataset(keys, valueSize int) *dataset {
	d := &dataset{keys: make([]string, keys), asked: make([]string, keys)}
	for i := range d.keys {
		d.keys[i] = fmt.Sprintf("tenant.%03d.order.%010d", i%1000, i)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(keys, func(i, j int) { d.keys[i], d.keys[j] = d.keys[j], d.keys[i] })
	for i, key := range d.keys {
		d.asked[i] = strings.Clone(key)
	}
	return d.withValues(valueSize)
}

// withValues returns a dataset with the same keys and values of another size.
func (d *dataset) withValues(size int) *dataset {
	random := rand.NewChaCha8([32]byte{1})
	pool := make([]byte, poolSize+size)
	_, _ = random.Read(pool) // never fails
	return &dataset{keys: d.keys, asked: d.asked, size: size, pool: pool}
}

// first returns a dataset with the first n keys.
func (d *dataset) first(n int) *dataset {
	part := *d
	part.keys, part.asked = d.keys[:n], d.asked[:n]
	return &part
}

// value returns a version of the value of the i-th key. It must not be written to.
func (d *dataset) value(i int, version uint32) []byte {
	mixed := (uint64(i)<<32 | uint64(version)) * 0x9e3779b97f4a7c15
	at := int(mixed>>32) & (poolSize - 1)
	return d.pool[at : at+d.size : at+d.size]
}

// liveBytes returns the bytes of all keys, with a value each.
func (d *dataset) liveBytes() int { return len(d.keys) * d.pairBytes() }

// pairBytes returns the bytes of a key and its value.
func (d *dataset) pairBytes() int { return len(d.keys[0]) + d.size }

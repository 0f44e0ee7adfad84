package natstest

import (
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var writeScripts = []script{
	{"write/states", func(n *notes) {
		for _, history := range []uint8{1, 5} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("H", history), History: history})
			for _, state := range []func(string){
				func(string) {},
				func(key string) { n.put(b, key, "live") },
				func(key string) { n.put(b, key, "dead"); n.delete(b, key) },
				func(key string) { n.put(b, key, "gone"); n.purge(b, key) },
				func(key string) {
					n.delete(b, key)
					n.note("%s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
				},
				func(key string) { n.create(b, key, "1"); n.update(b, key, "2", 0); n.purge(b, key); n.delete(b, key) },
			} {
				for i, write := range []func(string){
					func(key string) { n.put(b, key, "x") },
					func(key string) { n.create(b, key, "x") },
					func(key string) { n.create(b, key, "x", nil) },
					func(key string) { n.update(b, key, "x", 0) },
					func(key string) { n.update(b, key, "x", 1) },
					func(key string) { n.update(b, key, "x", math.MaxUint64) },
					func(key string) { n.update(b, key, "x", math.MaxInt64) },
					func(key string) { n.update(b, key, "x", n.newest(b, key)) },
					func(key string) { n.update(b, key, "x", n.newest(b, key)-1) },
					func(key string) { n.delete(b, key) },
					func(key string) { n.delete(b, key, nil) },
					func(key string) { n.purge(b, key) },
					func(key string) { n.purge(b, key, nil) },
					func(key string) { n.delete(b, key, jetstream.LastRevision(0)) },
					func(key string) { n.delete(b, key, jetstream.LastRevision(1)) },
					func(key string) { n.delete(b, key, jetstream.LastRevision(n.newest(b, key))) },
					func(key string) { n.delete(b, key, jetstream.LastRevision(1), jetstream.LastRevision(0)) },
					func(key string) { n.purge(b, key, jetstream.LastRevision(0)) },
					func(key string) { n.purge(b, key, jetstream.LastRevision(math.MaxUint64)) },
					func(key string) { n.purge(b, key, jetstream.LastRevision(n.newest(b, key))) },
					func(key string) { n.delete(b, key, jetstream.PurgeTTL(time.Second)) },
					func(key string) { n.delete(b, key, jetstream.PurgeTTL(1)) },
					func(key string) { n.delete(b, key, jetstream.PurgeTTL(-time.Second)) },
					func(key string) { n.delete(b, key, jetstream.PurgeTTL(time.Second), jetstream.PurgeTTL(0)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(time.Second)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(1)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(0)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(-1)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(time.Second), jetstream.LastRevision(77777)) },
					func(key string) { n.purge(b, key, jetstream.PurgeTTL(1), jetstream.LastRevision(77777)) },
					func(key string) { n.create(b, key, "x", jetstream.KeyTTL(time.Second)) },
					func(key string) { n.create(b, key, "x", jetstream.KeyTTL(time.Second-1)) },
					func(key string) { n.create(b, key, "x", jetstream.KeyTTL(0)) },
					func(key string) { n.create(b, key, "x", jetstream.KeyTTL(-1)) },
					func(key string) { n.create(b, key, "x", jetstream.KeyTTL(time.Hour), jetstream.KeyTTL(0)) },
				} {
					key := fmt.Sprint("k", i)
					n.note("%s:", key)
					n.note("purge deletes: %s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
					n.purge(b, key)
					n.note("purge deletes: %s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
					state(key)
					write(key)
					n.get(b, key)
					n.history(b, key)
					n.bytes(b)
				}
			}
		}
	}},
	{"write/history", func(n *notes) {
		for _, history := range []uint8{0, 1, 3, 64} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("H", history), History: history})
			for i := range 70 {
				_, err := b.PutString(n.ctx(), "k", fmt.Sprint(i))
				if err != nil {
					n.note("put: %s", describe(err))
				}
			}
			n.history(b, "k")
			n.bytes(b)
		}
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 3})
		n.put(b, "k", "1")
		n.delete(b, "k")
		n.put(b, "k", "2")
		n.delete(b, "k")
		n.history(b, "k")
		n.delete(b, "k")
		n.delete(b, "k")
		n.history(b, "k")
		n.purge(b, "k")
		n.put(b, "k", "3")
		n.put(b, "k", "4")
		n.history(b, "k")
		n.put(b, "k", "5")
		n.history(b, "k")
	}},
	{"write/purge deletes", func(n *notes) {
		for i, opts := range [][]jetstream.KVPurgeOpt{
			nil, {nil}, {jetstream.DeleteMarkersOlderThan(0)}, {jetstream.DeleteMarkersOlderThan(time.Hour)},
			{jetstream.DeleteMarkersOlderThan(-1)}, {jetstream.DeleteMarkersOlderThan(-1), jetstream.DeleteMarkersOlderThan(time.Hour)},
		} {
			for _, history := range []uint8{1, 5} {
				b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i, "_", history), History: history})
				n.note("empty: %s", describe(b.PurgeDeletes(n.ctx(), opts...)))
				n.put(b, "d", "1")
				n.put(b, "d", "2")
				n.delete(b, "d")
				n.purge(b, "p")
				n.delete(b, "p")
				n.put(b, "r", "1")
				n.delete(b, "r")
				n.put(b, "r", "2")
				w := n.startWatch(b, []string{">"}, updatesOnly)
				n.note("%d: %s", i, describe(b.PurgeDeletes(n.ctx(), opts...)))
				for _, key := range []string{"d", "p", "r"} {
					n.history(b, key)
				}
				n.bytes(b)
				n.create(b, "d", "3")
				n.read(w)
				_ = w.Stop()
			}
		}
	}},
}

// newest returns the newest revision of a key, 0 if it has none.
func (n *notes) newest(b jetstream.KeyValue, key string) uint64 {
	entries, err := b.History(n.ctx(), key)
	if err != nil {
		return 0
	}
	return entries[len(entries)-1].Revision()
}

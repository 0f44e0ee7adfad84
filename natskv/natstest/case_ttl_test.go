package natstest

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// late is how late a server is at most, with room for a slow machine.
const late = 700 * time.Millisecond

var ttlScripts = []script{
	{"ttl/bucket", func(n *notes) {
		for i, storage := range storages {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), Storage: storage, TTL: 2 * time.Second, History: 3})
			w := n.startWatch(b, nil)
			n.put(b, "k", "1")
			n.put(b, "k", "2")
			n.delete(b, "d")
			time.Sleep(time.Second)
			n.history(b, "k")
			n.put(b, "k", "3")
			time.Sleep(time.Second + late)
			n.history(b, "k")
			n.history(b, "d")
			n.bytes(b)
			n.keys(b)
			time.Sleep(time.Second)
			n.get(b, "k")
			n.keys(b)
			n.bytes(b)
			n.create(b, "k", "4")
			n.update(b, "d", "5", 0)
			n.read(w)
			_ = w.Stop()
		}
	}},
	{"ttl/limit markers", func(n *notes) {
		for i, storage := range storages {
			b := n.bucket(jetstream.KeyValueConfig{
				Bucket: fmt.Sprint("B", i), Storage: storage, TTL: 2 * time.Second, LimitMarkerTTL: 2900 * time.Millisecond, History: 3,
			})
			w := n.startWatch(b, nil)
			n.put(b, "k", "1")
			n.put(b, "k", "2")
			time.Sleep(100 * time.Millisecond)
			n.delete(b, "d")
			time.Sleep(100 * time.Millisecond)
			n.purge(b, "p")
			time.Sleep(2*time.Second + late)
			n.history(b, "k")
			n.history(b, "d")
			n.history(b, "p")
			n.get(b, "k")
			n.getRevision(b, "k", 5)
			n.update(b, "k", "3", 0)
			n.bytes(b)
			n.read(w)
			n.create(b, "k", "4")
			n.bytes(b)
			_ = w.Stop()
		}
	}},
	{"ttl/keys", func(n *notes) {
		for i, history := range []uint8{1, 4} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), LimitMarkerTTL: 3 * time.Second, History: history})
			w := n.startWatch(b, nil)
			n.create(b, "short", "1", jetstream.KeyTTL(1900*time.Millisecond))
			n.create(b, "put", "1", jetstream.KeyTTL(time.Second))
			n.read(w)
			n.put(b, "put", "2")
			n.create(b, "deleted", "1", jetstream.KeyTTL(time.Second))
			n.read(w)
			n.delete(b, "deleted")
			n.purge(b, "purged", jetstream.PurgeTTL(1500*time.Millisecond))
			n.purge(b, "stays")
			time.Sleep(time.Second + late)
			n.noteAll(b)
			n.bytes(b)
			time.Sleep(2 * time.Second)
			n.noteAll(b)
			n.bytes(b)
			n.read(w)
			n.create(b, "short", "2", jetstream.KeyTTL(time.Hour))
			n.history(b, "short")
			_ = w.Stop()
		}
	}},
	{"ttl/update", func(n *notes) {
		c := jetstream.KeyValueConfig{Bucket: "B"}
		b := n.bucket(c)
		n.put(b, "k", "1")
		time.Sleep(300 * time.Millisecond)
		c.TTL = 200 * time.Millisecond
		_, err := n.js.UpdateKeyValue(n.ctx(), c)
		n.note("%s", describe(err))
		time.Sleep(late)
		n.get(b, "k")
		n.bytes(b)
	}},
}

// noteAll notes all that there is.
func (n *notes) noteAll(b jetstream.KeyValue) {
	n.history(b, ">")
	n.keys(b)
}

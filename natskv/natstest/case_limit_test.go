package natstest

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var limitScripts = []script{
	{"limit/bytes", func(n *notes) {
		for i, storage := range storages {
			b := n.bucket(jetstream.KeyValueConfig{
				Bucket: fmt.Sprint("B00", i), Storage: storage, History: 10, LimitMarkerTTL: time.Second,
			})
			n.put(b, "k", "1")
			n.bytes(b)
			n.create(b, "c", "1")
			n.bytes(b)
			n.update(b, "u", "1", 0)
			n.bytes(b)
			n.delete(b, "k")
			n.bytes(b)
			n.create(b, "k", "2")
			n.bytes(b)
			n.delete(b, "k", jetstream.LastRevision(5))
			n.bytes(b)
			for range 10 {
				n.put(b, "many", "value")
			}
			n.update(b, "many", "value", 16)
			n.bytes(b)
			n.delete(b, "many", jetstream.LastRevision(17))
			n.bytes(b)
			n.create(b, "many", "value", jetstream.KeyTTL(90*time.Second+time.Millisecond))
			n.bytes(b)
			n.create(b, "ttl", "value", jetstream.KeyTTL(90*time.Minute))
			n.bytes(b)
			n.purge(b, "many", jetstream.PurgeTTL(time.Hour))
			n.bytes(b)
			n.purge(b, "ttl", jetstream.PurgeTTL(time.Hour), jetstream.LastRevision(20))
			n.bytes(b)
			n.note("%s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
			n.bytes(b)
			n.put(b, "", "")
			n.put(b, "e", "")
			n.bytes(b)
		}
	}},
	{"limit/raised TTL", func(n *notes) {
		for _, history := range []uint8{1, 2} {
			b := n.bucket(jetstream.KeyValueConfig{
				Bucket: fmt.Sprint("B", history), History: history, LimitMarkerTTL: 2*time.Minute + 500*time.Millisecond,
			})
			for i, ttl := range []time.Duration{
				time.Second, 119 * time.Second, 120 * time.Second, 120*time.Second + 1, 121 * time.Second, 1500 * time.Millisecond,
			} {
				n.create(b, fmt.Sprint("k", i), "x", jetstream.KeyTTL(ttl))
				n.bytes(b)
				n.purge(b, fmt.Sprint("k", i), jetstream.PurgeTTL(ttl))
				n.bytes(b)
			}
		}
	}},
	{"limit/value size", func(n *notes) {
		for _, limit := range []int32{1, 30, 31, 50, 51, 52, 100} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", limit), MaxValueSize: limit, History: 2, LimitMarkerTTL: time.Hour})
			for _, size := range []int{0, 1, 29, 48, 49, 100, 101} {
				value := strings.Repeat("v", size)
				key := fmt.Sprint("k", size)
				n.put(b, strings.Repeat("long.", 30)+key, value)
				n.create(b, key, value)
				n.create(b, key, value)
				n.update(b, key, value, n.newest(b, key))
				n.update(b, key, value, 12345)
				n.create(b, key, value, jetstream.KeyTTL(time.Second))
				n.create(b, key, value, jetstream.KeyTTL(1))
				n.delete(b, key)
				n.delete(b, key, jetstream.LastRevision(3))
				n.create(b, key, value, jetstream.KeyTTL(time.Second))
				n.create(b, key, value)
				n.purge(b, key)
				n.purge(b, key, jetstream.LastRevision(n.newest(b, key)))
				n.bytes(b)
			}
		}
	}},
	{"limit/create over a marker", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", MaxValueSize: 100})
		for range 12 {
			n.delete(b, "k")
		}
		n.create(b, "k", strings.Repeat("v", 48))
		n.create(b, "k", strings.Repeat("v", 47))
		n.create(b, "k", strings.Repeat("v", 48))
		n.create(b, "k", strings.Repeat("v", 49))
	}},
	{"limit/payload", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Minute})
		big := strings.Repeat("v", 1<<20)
		n.put(b, "k", big)
		n.put(b, "k", big+"v")
		n.put(b, "k k", big+"v")
		n.create(b, "c", big)
		n.create(b, "c", big[52:])
		n.create(b, "d", big[51:])
		n.create(b, "d", big[60:], jetstream.KeyTTL(time.Second))
		n.update(b, "u", big[52:], 0)
		n.update(b, "v", big[51:], 0)
		n.update(b, "u", big[52:], 5)
		n.update(b, "u", big[53:], 50)
		n.update(b, "u", big[52:], 50)
		n.bytes(b)
	}},
	{"limit/max bytes", func(n *notes) {
		for i, storage := range storages {
			over := int64(17)
			if storage == jetstream.FileStorage {
				over = 31
			}
			full := func(name string, history uint8, sizes ...int64) jetstream.KeyValue {
				var max int64
				for _, size := range sizes {
					max += int64(len("$KV.")+len(name)+2) + over - 2 + 1 + size // each key has one letter
				}
				return n.bucket(jetstream.KeyValueConfig{Bucket: name, Storage: storage, History: history, MaxBytes: max})
			}
			v := func(size int) string { return strings.Repeat("v", size) }
			b := full(fmt.Sprint("a", i), 1, 50, 50)
			n.put(b, "a", v(50))
			n.put(b, "b", v(50))
			n.bytes(b)
			n.put(b, "c", "")
			n.put(b, "a", v(51))
			n.put(b, "a", v(50))
			n.create(b, "a", v(50))
			n.update(b, "a", v(50), 77)
			n.update(b, "a", v(50), n.newest(b, "a"))
			n.put(b, "a", v(10))
			n.put(b, "a", v(20))
			n.put(b, "a", v(30))
			n.bytes(b)
			for _, size := range []int{29, 30, 31, 33, 34, 35, 36, 49, 50, 51, 53, 54, 55, 56} {
				b := full(fmt.Sprint("m", i, "_", size), 1, int64(size))
				n.put(b, "a", v(size))
				n.bytes(b)
				n.delete(b, "a", jetstream.LastRevision(9))
				n.purge(b, "a")
				n.delete(b, "a")
				n.bytes(b)
				n.create(b, "a", "")
				n.put(b, "a", "")
			}
			b = full(fmt.Sprint("h", i), 3, 50, 50, 50, 50)
			for range 3 {
				n.put(b, "a", v(50))
			}
			n.put(b, "b", v(50))
			n.bytes(b)
			n.put(b, "b", v(50))
			n.put(b, "b", "")
			n.delete(b, "b")
			n.purge(b, "b")
			n.purge(b, "a")
			n.put(b, "a", v(50))
			n.delete(b, "a")
			n.put(b, "a", v(51))
			n.put(b, "c", "")
			n.bytes(b)
			b = full(fmt.Sprint("tiny", i), 1, -5)
			n.put(b, "a", "")
			c := jetstream.KeyValueConfig{Bucket: fmt.Sprint("low", i), Storage: storage, History: 1}
			b = n.bucket(c)
			n.put(b, "a", v(100))
			c.MaxBytes = 10
			_, err := n.js.UpdateKeyValue(n.ctx(), c)
			n.note("%s", describe(err))
			n.put(b, "a", v(101))
			n.put(b, "a", v(100))
			n.delete(b, "a")
			c.History = 5
			_, err = n.js.UpdateKeyValue(n.ctx(), c)
			n.note("%s", describe(err))
			n.put(b, "a", "")
			n.delete(b, "a")
			n.purge(b, "a")
			n.bytes(b)
		}
	}},
}

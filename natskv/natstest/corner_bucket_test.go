package natstest

import (
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Corners of buckets and watches that the scripts by subject do not get to.
var cornerBucketScripts = []script{
	{"corner/many buckets", func(n *notes) {
		for i := range 270 { // more than a server lists at once
			n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), Storage: jetstream.MemoryStorage})
		}
		n.listStores()
		for name := range n.old.KeyValueStoreNames() {
			n.note("old name %s", name)
		}
	}},
	{"corner/limits that come later", func(n *notes) {
		for i, storage := range storages {
			c := jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), Storage: storage, History: 2}
			b := n.bucket(c)
			value := strings.Repeat("v", 100)
			n.put(b, "k", value)
			update := func() {
				_, err := n.js.UpdateKeyValue(n.ctx(), c)
				n.note("update: %s", describe(err))
			}
			c.MaxValueSize = 60
			update()
			n.get(b, "k")
			n.put(b, "k", value)
			n.put(b, "k", value[40:])
			n.history(b, "k")
			n.delete(b, "k")
			n.create(b, "k", value[92:])
			n.create(b, "k", value[91:])
			c.MaxValueSize, c.MaxBytes = 0, 300
			update()
			n.put(b, "l", value)
			n.put(b, "m", value)
			n.bytes(b)
			c.MaxBytes = 1000
			update()
			n.put(b, "m", value)
			n.bytes(b)
			c.MaxBytes = -1
			update()
			n.status(b)
		}
	}},
	{"corner/what a caller keeps", func(n *notes) {
		metadata := map[string]string{"a": "b"}
		placement := &jetstream.Placement{Cluster: "C", Tags: []string{"t"}}
		c := jetstream.KeyValueConfig{Bucket: "B", Metadata: metadata, Placement: placement, MaxBytes: -9, MaxValueSize: -9}
		b := n.bucket(c)
		n.note("left alone: %s", config(c))
		metadata["a"], placement.Cluster, placement.Tags[0] = "X", "X", "X"
		n.status(b)
		s, err := b.Status(n.ctx())
		n.note("%s", describe(err))
		s.Metadata()["a"] = "Y"
		s.Config().Placement.Tags[0] = "Y"
		s.Config().Metadata["new"] = "Y"
		n.status(b)
		n.put(b, "k", "v") // a status does not follow the bucket
		n.note("values %d", s.Values())
	}},
	{"corner/handles", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 3})
		same, err := n.js.CreateOrUpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Hour, History: 2})
		n.note("%s", describe(err))
		opened, err := n.js.KeyValue(n.ctx(), "B")
		n.note("%s", describe(err))
		for _, h := range []jetstream.KeyValue{b, same, opened} {
			n.create(h, "ttl", "v", jetstream.KeyTTL(time.Hour))
			n.put(h, "k", "v")
			n.history(h, "k")
			n.status(h)
			n.note("purge: %s", describe(h.Purge(n.ctx(), "ttl", jetstream.PurgeTTL(time.Hour))))
		}
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		n.bucket(jetstream.KeyValueConfig{Bucket: "B", Storage: jetstream.MemoryStorage})
		for _, h := range []jetstream.KeyValue{b, same, opened} {
			n.create(h, "ttl", "v", jetstream.KeyTTL(time.Hour))
			n.update(h, "k", "v", n.newest(h, "k"))
			n.status(h)
		}
	}},
	{"corner/patterns", func(n *notes) {
		b := n.fill("B")
		n.put(b, "x.1", "v")
		n.put(b, "x.1", "w")
		many := make([]string, 3001)
		for i := range many {
			many[i] = fmt.Sprint("x.", i)
		}
		w, err := b.WatchFiltered(n.ctx(), many)
		n.note("%s, now %s", describe(err), many[3000])
		n.read(&watcher{w, true})
		n.note("%s", describe(w.Stop()))
		used := []string{"x.>"}
		n.watch(b, append(used, "a"))
		n.listFiltered(b, used...)
		both := []string{"x.>", "a"}
		for range 2 { // the second time there are other words in it
			n.watch(b, both)
		}
		n.listFiltered(b, both...)
		n.watch(b, []string{"a b"}, includeHistory, updatesOnly)
		n.watch(b, []string{"a", "a"}, includeHistory, updatesOnly)
		n.history(b, "a..b", jetstream.UpdatesOnly())
		n.history(b, "a b", jetstream.IgnoreDeletes())
		n.listFiltered(b, "a", "a b")
		n.listFiltered(b, "nosuch")
		n.listFiltered(b, "m", "q")
	}},
	{"corner/live options", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 9, LimitMarkerTTL: time.Hour})
		n.put(b, "a", "1")
		for i, opts := range [][]jetstream.WatchOpt{
			{updatesOnly, ignoreDeletes}, {updatesOnly, metaOnly}, {ignoreDeletes, metaOnly}, {includeHistory, ignoreDeletes, metaOnly},
			{resumeFrom(1), ignoreDeletes, metaOnly}, {resumeFrom(1000)}, {resumeFrom(1), updatesOnly},
		} {
			w := n.startWatch(b, []string{"a", "*.b"}, opts...)
			if i < 6 {
				n.read(w)
			} else {
				w.initial = false // nothing says where it ends
				n.read(w)
			}
			n.put(b, "a", "2")
			n.put(b, "other", "2")
			n.delete(b, "a")
			n.purge(b, "x.b", jetstream.PurgeTTL(time.Hour))
			n.create(b, "a", "3", jetstream.KeyTTL(time.Hour))
			n.read(w)
			n.note("%s", describe(w.Stop()))
		}
	}},
	{"corner/the older interface", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{
			Bucket: "B", History: 3, LimitMarkerTTL: time.Hour, Metadata: map[string]string{"a": "b"}, TTL: 2 * time.Hour,
		})
		old, err := n.old.KeyValue("B")
		n.note("%s", describe(err))
		n.oldStatus(old.Status())
		_, err = n.old.CreateKeyValue(&nats.KeyValueConfig{Bucket: "B", History: 3, TTL: 2 * time.Hour})
		n.note("create: %s", describe(err))
		n.create(b, "k", "v", jetstream.KeyTTL(time.Hour))
		e, err := old.Get("k")
		n.note("%s %s", entry(e, true), describe(err))
		revision, err := old.Update("k", []byte("w"), 1)
		n.note("%d %s", revision, describe(err))
		n.note("%s", describe(old.Delete("nosuch")))
		n.note("%s", describe(old.Purge("k", nats.LastRevision(1))))
		n.note("%s", describe(old.Purge("k", nats.LastRevision(2))))
		n.note("%s", describe(old.PurgeDeletes(nats.DeleteMarkersOlderThan(time.Hour))))
		n.history(b, ">")
		n.bytes(b)
		w, err := old.WatchAll(nats.IncludeHistory())
		n.note("%s", describe(err))
		n.oldRead(w, true, 0)
		n.put(b, "k", "x")
		n.note("%s", describe(old.Delete("k")))
		n.oldRead(w, false, quiet)
		n.note("%s", describe(w.Stop()))
	}},
}

package natstest

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Corners of calls on one bucket that the scripts by subject do not get to.
var cornerCallScripts = []script{
	{"corner/which fault is told", func(n *notes) {
		big, huge := strings.Repeat("v", 101), strings.Repeat("v", 1<<20+1)
		for i, limit := range []time.Duration{0, time.Hour} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), MaxValueSize: 100, LimitMarkerTTL: limit, MaxBytes: 120})
			n.put(b, "live", "1")
			for _, key := range []string{"k", "live", "a b"} {
				for _, ttl := range []time.Duration{-1, time.Millisecond, time.Second} {
					for _, value := range []string{"v", big, huge} {
						n.create(b, key, value, jetstream.KeyTTL(ttl))
					}
					n.delete(b, key, jetstream.PurgeTTL(ttl), jetstream.LastRevision(99))
					n.purge(b, key, jetstream.PurgeTTL(ttl), jetstream.LastRevision(99))
				}
				n.update(b, key, big, 99)
				n.update(b, key, huge, 99)
				n.update(b, key, huge, 1)
			}
			n.fillUp(b)
			n.create(b, "new", "v", jetstream.KeyTTL(time.Millisecond))
			n.create(b, "new", "v", jetstream.KeyTTL(time.Second))
			n.purge(b, "new", jetstream.PurgeTTL(time.Millisecond))
			n.purge(b, "new", jetstream.PurgeTTL(time.Second))
			n.put(b, "live", "2") // which revision?
		}
	}},
	{"corner/late contexts", func(n *notes) {
		b := n.fill("B")
		late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		for _, key := range []string{"a", "a b"} {
			_, err := b.Get(late, key)
			n.note("get: %s", describe(err))
			_, err = b.GetRevision(late, key, 3)
			n.note("get revision: %s", describe(err))
			_, err = b.Put(late, key, nil)
			n.note("put: %s", describe(err))
			_, err = b.Create(late, key, nil)
			n.note("create: %s", describe(err))
			_, err = b.Update(late, key, nil, 1)
			n.note("update: %s", describe(err))
			n.note("delete: %s", describe(b.Delete(late, key)))
			n.note("purge: %s", describe(b.Purge(late, key)))
			_, err = b.History(late, key)
			n.note("history: %s", describe(err))
			_, err = b.Watch(late, key)
			n.note("watch: %s", describe(err))
		}
		_, err := b.Keys(late)
		n.note("keys: %s", describe(err))
		_, err = b.ListKeys(late)
		n.note("list keys: %s", describe(err))
		n.note("purge deletes: %s", describe(b.PurgeDeletes(late)))
		_, err = b.Status(late)
		n.note("status: %s", describe(err))
		_, err = n.js.KeyValue(late, "B")
		n.note("open: %s", describe(err))
		_, err = n.js.CreateKeyValue(late, jetstream.KeyValueConfig{Bucket: "B"})
		n.note("create: %s", describe(err))
		_, err = n.js.UpdateKeyValue(late, jetstream.KeyValueConfig{Bucket: "B"})
		n.note("update: %s", describe(err))
		n.note("delete: %s", describe(n.js.DeleteKeyValue(late, "B")))
		names := n.js.KeyValueStoreNames(late)
		for name := range names.Name() {
			n.note("name %s", name)
		}
		n.note("names: %s", describe(names.Error()))
		n.keys(b)
	}},
	{"corner/values", func(n *notes) {
		for i, storage := range storages {
			for j, compressed := range []bool{false, true} {
				b := n.bucket(jetstream.KeyValueConfig{
					Bucket: fmt.Sprintf("B%d%d", i, j), Storage: storage, Compression: compressed, History: 3,
				})
				for _, value := range []string{"\x00", "\xff\xfe", "\r\n", "NATS/1.0\r\n\r\n", strings.Repeat("\x00", 10_000)} {
					n.put(b, "k", value)
					e, err := b.Get(n.ctx(), "k")
					n.note("%s: the same %v", describe(err), err == nil && bytes.Equal(e.Value(), []byte(value)))
					n.update(b, "k", value, n.newest(b, "k"))
					n.create(b, "c"+fmt.Sprint(len(value)), value)
				}
				n.history(b, ">")
				n.bytes(b)
			}
		}
	}},
	{"corner/times", func(n *notes) {
		b := n.fill("B")
		created := map[uint64]time.Time{}
		entries, err := b.History(n.ctx(), ">")
		n.note("%s", describe(err))
		var last time.Time
		for _, e := range entries {
			n.note("%d not before the one before: %v", e.Revision(), !e.Created().Before(last))
			last = e.Created()
			created[e.Revision()] = last
		}
		for _, e := range entries {
			got, err := b.GetRevision(n.ctx(), e.Key(), e.Revision())
			if err == nil {
				n.note("%d the same: %v", e.Revision(), got.Created().Equal(created[e.Revision()]))
			}
		}
		w, err := b.WatchAll(n.ctx(), jetstream.IncludeHistory())
		n.note("%s", describe(err))
		for e := <-w.Updates(); e != nil; e = <-w.Updates() {
			n.note("%d the same: %v", e.Revision(), e.Created().Equal(created[e.Revision()]))
		}
		n.note("%s", describe(w.Stop()))
	}},
	{"corner/private entries", func(n *notes) {
		b := n.fill("B")
		spoil := func(e jetstream.KeyValueEntry) {
			for i := range e.Value() {
				e.Value()[i] = '!'
			}
		}
		first := n.startWatch(b, nil)
		second := n.startWatch(b, nil)
		for e := <-first.Updates(); e != nil; e = <-first.Updates() {
			spoil(e)
		}
		n.readInitial(second)
		n.put(b, "live", "value")
		spoil(<-first.Updates())
		n.read(second)
		entries, err := b.History(n.ctx(), "z")
		n.note("%s", describe(err))
		for _, e := range entries {
			spoil(e)
		}
		n.history(b, "z")
		n.get(b, "live")
		n.note("%s %s", describe(first.Stop()), describe(second.Stop()))
	}},
	{"corner/markers of some age", func(n *notes) {
		for i, history := range []uint8{1, 4} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), History: history})
			n.put(b, "old", "1")
			n.delete(b, "old")
			n.purge(b, "oldp")
			n.delete(b, "back")
			n.put(b, "back", "2")
			time.Sleep(time.Second)
			n.put(b, "young", "1")
			n.delete(b, "young")
			n.note("%s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(500*time.Millisecond))))
			n.history(b, ">")
			n.bytes(b)
			n.create(b, "old", "3")
			n.update(b, "oldp", "4", 0)
			n.history(b, ">")
		}
	}},
	{"corner/room by PurgeDeletes", func(n *notes) {
		for i, storage := range storages {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), Storage: storage, MaxBytes: 400})
			n.put(b, "a", strings.Repeat("v", 60))
			n.delete(b, "a")
			n.fillUp(b)
			n.put(b, "new", "v")
			n.note("%s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
			n.bytes(b)
			n.put(b, "new", "v")
			n.bytes(b)
		}
	}},
}

// fillUp puts keys until the bucket is full.
func (n *notes) fillUp(b jetstream.KeyValue) {
	for i := range 100 {
		if _, err := b.PutString(n.ctx(), fmt.Sprint("full", i), ""); err != nil {
			n.note("full at %d: %s", i, describe(err))
			break
		}
	}
	n.bytes(b)
}

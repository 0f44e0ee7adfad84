package natstest

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// fill makes the state of the table of watches.
func (n *notes) fill(name string) jetstream.KeyValue {
	b := n.bucket(jetstream.KeyValueConfig{Bucket: name, History: 3})
	n.put(b, "z", "1")
	n.put(b, "a", "2")
	n.put(b, "m", "3")
	n.put(b, "z", "4")
	n.put(b, "a", "5")
	n.delete(b, "m")
	n.put(b, "q", "7")
	n.put(b, "z", "8")
	n.put(b, "z", "9")
	n.purge(b, "q")
	n.put(b, "a", "11")
	return b
}

var watchScripts = []script{
	{"watch/options", func(n *notes) {
		b := n.fill("B")
		options := [][]jetstream.WatchOpt{
			{}, {nil}, {includeHistory}, {ignoreDeletes}, {ignoreDeletes, includeHistory}, {metaOnly}, {metaOnly, includeHistory},
			{updatesOnly}, {includeHistory, updatesOnly}, {updatesOnly, includeHistory}, {updatesOnly, metaOnly},
		}
		for _, r := range []uint64{0, 1, 5, 7, 11, 12, 100, math.MaxUint64} {
			resume := resumeFrom(r)
			options = append(options, []jetstream.WatchOpt{resume}, []jetstream.WatchOpt{resume, includeHistory},
				[]jetstream.WatchOpt{resume, updatesOnly}, []jetstream.WatchOpt{resume, ignoreDeletes},
				[]jetstream.WatchOpt{resume, metaOnly})
		}
		options = append(options, []jetstream.WatchOpt{resumeFrom(3), resumeFrom(10)})
		for i, opts := range options {
			n.note("options %d", i)
			for _, patterns := range [][]string{nil, {"m"}, {"*"}, {"q", "z"}, {"nosuch"}} {
				n.watch(b, patterns, opts...)
			}
		}
	}},
	{"watch/empty", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 5}) // with 1 a server may leave out what is overwritten
		for _, opts := range [][]jetstream.WatchOpt{
			{}, {includeHistory}, {ignoreDeletes}, {metaOnly}, {updatesOnly}, {resumeFrom(3)},
		} {
			w := n.startWatch(b, []string{">"}, opts...)
			select {
			case e := <-w.Updates():
				n.note("at once %v", e)
				w.initial = false
			default:
				n.note("nothing at once")
			}
			n.put(b, "k", "v")
			n.delete(b, "k")
			n.read(w)
			n.note("purge deletes: %s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
			n.note("stop: %s", describe(w.Stop()))
			n.read(w)
		}
		n.delete(b, "only")
		n.delete(b, "markers")
		n.watch(b, []string{">"}, ignoreDeletes)
	}},
	{"watch/live", func(n *notes) {
		for i, opts := range [][]jetstream.WatchOpt{
			{}, {includeHistory}, {ignoreDeletes}, {metaOnly}, {updatesOnly}, {resumeFrom(2)},
			{resumeFrom(9)},
		} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), History: 3})
			n.put(b, "a", "0")
			n.put(b, "b", "0")
			w := n.startWatch(b, nil, opts...)
			n.read(w)
			n.put(b, "a", "1")
			n.read(w)
			n.create(b, "c", "1")
			n.update(b, "c", "2", 4)
			n.delete(b, "a")
			n.delete(b, "nosuch")
			n.read(w)
			n.purge(b, "c")
			n.put(b, "c", "again")
			n.note("purge deletes: %s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
			_, err := n.js.UpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), History: 1})
			n.note("%s", describe(err))
			n.put(b, "d", "")
			n.read(w)
			n.put(b, "d", "1")
			n.read(w)
			n.note("stop: %s; %s", describe(w.Stop()), describe(w.Stop()))
			n.put(b, "d", "2")
			n.read(w)
		}
	}},
	{"watch/ends", func(n *notes) {
		b := n.fill("B")
		ctx, cancel := context.WithCancel(context.Background())
		started, err := b.WatchAll(ctx)
		n.note("%s", describe(err))
		w := &watcher{started, true}
		n.read(w)
		cancel()
		time.Sleep(quiet)
		n.put(b, "late", "1")
		n.read(w)
		n.note("stop: %s", describe(w.Stop()))
		ctx, cancel = context.WithTimeout(context.Background(), quiet)
		defer cancel()
		started, err = b.Watch(ctx, "a")
		n.note("%s", describe(err))
		w = &watcher{started, true}
		time.Sleep(2 * quiet)
		n.read(w)
		n.note("stop: %s", describe(w.Stop()))
	}},
	{"watch/many", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", Storage: jetstream.MemoryStorage})
		for i := range 600 {
			_, _ = b.PutString(n.ctx(), fmt.Sprintf("k.%03d", i), "v")
		}
		n.watch(b, []string{">"})
		n.watch(b, []string{"k.*"})
		n.watch(b, []string{"*.5>", "k.001", "k.5*"})
		n.keys(b)
		n.listKeys(b)
	}},
	{"watch/two buckets", func(n *notes) {
		a, b := n.bucket(jetstream.KeyValueConfig{Bucket: "a"}), n.bucket(jetstream.KeyValueConfig{Bucket: "b"})
		n.put(a, "k", "a")
		n.put(b, "k", "b")
		n.watch(a, nil)
		n.watch(b, nil)
		n.get(a, "k")
		n.get(b, "k")
	}},
}

var listScripts = []script{
	{"list/keys", func(n *notes) {
		empty := n.bucket(jetstream.KeyValueConfig{Bucket: "E"})
		n.keys(empty)
		n.listKeys(empty)
		n.listFiltered(empty)
		n.delete(empty, "k")
		n.keys(empty)
		n.listKeys(empty)
		b := n.fill("B")
		n.put(b, "x.y", "1")
		n.delete(b, "w")
		for _, opts := range [][]jetstream.WatchOpt{
			{}, {nil}, {includeHistory}, {ignoreDeletes}, {metaOnly}, {updatesOnly, includeHistory}, {includeHistory, updatesOnly},
			{resumeFrom(0)}, {resumeFrom(3)}, {resumeFrom(9)},
			{resumeFrom(100)},
		} {
			n.keys(b, opts...)
			n.listKeys(b, opts...)
		}
		n.listFiltered(b)
		n.listFiltered(b, "a", "x.>")
		n.listFiltered(b, "m")
		n.listFiltered(b, "a", ">")
		n.listFiltered(b, "a", "")
	}},
	{"list/stop", func(n *notes) {
		b := n.fill("B")
		l, err := b.ListKeys(n.ctx())
		n.note("%s cap %d", describe(err), cap(l.Keys()))
		for range l.Keys() {
		}
		n.note("stop: %s", describe(l.Stop()))
		n.note("stop: %s", describe(l.Stop()))
	}},
}

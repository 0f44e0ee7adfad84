package natstest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

var legacyScripts = []script{
	{"legacy/buckets", func(n *notes) {
		_, err := n.old.CreateKeyValue(nil)
		n.note("%s", describe(err))
		for i, c := range []nats.KeyValueConfig{
			{}, {Bucket: "a b"}, {Bucket: "B", History: 65}, {Bucket: "B", TTL: -1}, {Bucket: "B", TTL: 1}, {Bucket: "B", Storage: 7},
			{Bucket: "B", Replicas: 3}, {Bucket: "B", Replicas: -1}, {Bucket: strings.Repeat("x", 253)}, {Bucket: "B", MaxBytes: 1 << 60},
			{Bucket: "B"}, {Bucket: "B", History: 1}, {Bucket: "B", History: 2}, {Bucket: "B", Storage: nats.MemoryStorage},
			{Bucket: "C", Description: "d", MaxValueSize: 9, History: 3, TTL: time.Hour, MaxBytes: 1000, Storage: nats.MemoryStorage,
				Replicas: 1, Compression: true, Placement: &nats.Placement{Cluster: "C", Tags: []string{"t"}}},
		} {
			b, err := n.old.CreateKeyValue(&c)
			n.note("%d: %s %v", i, describe(err), b == nil)
			if err == nil {
				n.oldStatus(b.Status())
			}
		}
		for _, name := range []string{"", "a b", "missing", "B", strings.Repeat("x", 253)} {
			b, err := n.old.KeyValue(name)
			n.note("open %s: %s %v", short(name), describe(err), b == nil)
		}
		for name := range n.old.KeyValueStoreNames() {
			n.note("name %s", name)
		}
		for s := range n.old.KeyValueStores() {
			n.oldStatus(s, nil)
		}
		for _, name := range []string{"", "a b", "missing", "B", "B", strings.Repeat("x", 253)} {
			n.note("delete %s: %s", short(name), describe(n.old.DeleteKeyValue(name)))
		}
	}},
	{"legacy/calls", func(n *notes) {
		b, err := n.old.CreateKeyValue(&nats.KeyValueConfig{Bucket: "B", History: 3, MaxValueSize: 200, MaxBytes: 2000})
		n.note("%s %s", describe(err), b.Bucket())
		value := func(v string) []byte { return []byte(v) }
		step := func(what string, revision uint64, err error) { n.note("%s: %d %s", what, revision, describe(err)) }
		got := func(what string, e nats.KeyValueEntry, err error) {
			n.note("%s: %s %s", what, entry(e, true), describe(err))
		}
		for _, key := range []string{"k", "", "a b", "a..b"} {
			e, err := b.Get(key)
			got("get", e, err)
			r, err := b.Put(key, value("1"))
			step("put", r, err)
			r, err = b.PutString(key, "2")
			step("put", r, err)
			r, err = b.Create(key, value("3"))
			step("create", r, err)
			r, err = b.Update(key, value("4"), 2)
			step("update", r, err)
			r, err = b.Update(key, value("5"), 2)
			step("update", r, err)
			r, err = b.Update(key, value("5"), math.MaxUint64)
			step("update", r, err)
			r, err = b.Put(key, value(strings.Repeat("x", 201)))
			step("put", r, err)
			r, err = b.Put(key, value(strings.Repeat("x", 1<<20+1)))
			step("put", r, err)
			e, err = b.Get(key)
			got("get", e, err)
			for i := range uint64(5) {
				e, err = b.GetRevision(key, i)
				got("get revision", e, err)
			}
			step("delete", 0, b.Delete(key, nats.LastRevision(1)))
			step("delete", 0, b.Delete(key, nats.LastRevision(3)))
			step("delete", 0, b.Delete(key, nil))
			e, err = b.Get(key)
			got("get", e, err)
			es, err := b.History(key)
			n.note("history %s %s", list(es), describe(err))
			es, err = b.History(key, nats.IgnoreDeletes(), nats.MetaOnly())
			n.note("history %s %s", list(es), describe(err))
			es, err = b.History(key, nats.UpdatesOnly())
			n.note("history %s %s", list(es), describe(err))
			r, err = b.Create(key, value("6"))
			step("create", r, err)
			step("purge", 0, b.Purge(key, nats.LastRevision(1)))
			step("purge", 0, b.Purge(key))
			es, err = b.History(key)
			n.note("history %s %s", list(es), describe(err))
		}
		for i := range 30 {
			r, err := b.Put(fmt.Sprint("f", i), value(strings.Repeat("x", 100)))
			step("put", r, err)
		}
		n.note("purge deletes: %s", describe(b.PurgeDeletes(nats.DeleteMarkersOlderThan(-1))))
		n.note("purge deletes: %s", describe(b.PurgeDeletes(nats.Context(context.Background()), nil)))
		es, err := b.History("k")
		n.note("history %s %s", list(es), describe(err))
		n.oldStatus(b.Status())
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		n.note("purge deletes: %s", describe(b.PurgeDeletes(nats.Context(ended))))
		_, err = b.Keys(nats.Context(ended))
		n.note("keys: %s", describe(err))
		_, err = b.History("k", nats.Context(ended))
		n.note("history: %s", describe(err))
		_, err = b.WatchAll(nats.Context(ended))
		n.note("watch: %s", describe(err))
	}},
	{"legacy/watches", func(n *notes) {
		n.fill("B")
		b, err := n.old.KeyValue("B")
		n.note("%s", describe(err))
		ctx := context.WithValue(context.Background(), ctxKey{}, "given")
		for i, opts := range [][]nats.WatchOpt{
			{}, {nil}, {nats.IncludeHistory()}, {nats.IgnoreDeletes()}, {nats.IgnoreDeletes(), nats.IncludeHistory()}, {nats.MetaOnly()},
			{nats.UpdatesOnly()}, {nats.UpdatesOnly(), nats.IncludeHistory()}, {nats.IncludeHistory(), nats.UpdatesOnly()},
			{nats.Context(ctx)},
		} {
			for _, patterns := range [][]string{{"*"}, {"m"}, {"a", "q"}, {}, {"a b"}, {"a", "a"}, {"nosuch"}} {
				shown := fmt.Sprintf("%q", patterns)
				var w nats.KeyWatcher
				if len(patterns) == 1 {
					w, err = b.Watch(patterns[0], opts...)
				} else {
					w, err = b.WatchFiltered(patterns, opts...)
				}
				n.note("%d watch %s: %s; now %q", i, shown, describe(err), patterns)
				if err != nil {
					n.note("nil %v", w == nil)
					continue
				}
				if w.Context() != nil {
					n.note("context %v", w.Context().Value(ctxKey{}))
				}
				n.oldRead(w, i != 6, 0)
				n.note("stop %s, %s", describe(w.Stop()), describe(w.Stop()))
				n.oldRead(w, false, patience)
				_, open := <-w.Error()
				n.note("error channel open: %v", open)
			}
			if i == 6 {
				continue // the client would wait for ever
			}
			keys, err := b.Keys(opts...)
			n.note("keys %q %s", keys, describe(err))
			l, err := b.ListKeys(opts...)
			n.note("list keys %s %v", describe(err), l == nil)
			if err == nil {
				for key := range l.Keys() {
					n.note("key %s", key)
				}
			}
		}
	}},
}

type ctxKey struct{}

func (n *notes) oldStatus(s nats.KeyValueStatus, err error) {
	if err != nil {
		n.note("status: %s", describe(err))
		return
	}
	c := s.Config()
	p := c.Placement
	c.Placement = nil
	n.note("status %s: values %d history %d ttl %v store %s bytes %d compressed %v config %+v placement %+v", s.Bucket(), s.Values(),
		s.History(), s.TTL(), s.BackingStore(), s.Bytes(), s.IsCompressed(), c, p)
}

// oldRead is readInitial for the older client, or with a wait readRest.
func (n *notes) oldRead(w nats.KeyWatcher, initial bool, wait time.Duration) {
	var lines []string
	defer func() { n.note("delivered: %s", strings.Join(lines, ", ")) }()
	for initial || wait > 0 {
		d := wait
		if initial {
			d = patience
		}
		select {
		case e, open := <-w.Updates():
			switch {
			case !open:
				lines = append(lines, "closed")
				return
			case e == nil:
				lines = append(lines, "nil")
				initial = false
			default:
				lines = append(lines, entry(e, initial))
			}
		case <-time.After(d):
			return
		}
	}
}

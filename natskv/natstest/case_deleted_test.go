package natstest

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var deletedScripts = []script{
	{"deleted/handles", func(n *notes) {
		c := jetstream.KeyValueConfig{Bucket: "B", History: 3}
		b := n.bucket(c)
		old, err := n.old.KeyValue("B")
		n.note("%s", describe(err))
		n.put(b, "k", "1")
		n.put(b, "k", "2")
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		n.calls(b)
		n.oldCalls(old)
		n.bucket(c)
		n.calls(b)
		n.oldCalls(old)
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		n.bucket(c)
		n.put(b, "k", "3")
		n.get(b, "k")
		n.status(b)
	}},
	{"deleted/during a write", func(n *notes) {
		c := jetstream.KeyValueConfig{Bucket: "B"}
		b := n.bucket(c)
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		made := make(chan error)
		go func() {
			time.Sleep(100 * time.Millisecond)
			_, err := n.js.CreateKeyValue(context.Background(), c)
			made <- err
		}()
		n.put(b, "k", "1")
		n.note("create: %s", describe(<-made))
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_, err := b.Put(ctx, "k", nil)
		n.note("put: %s", describe(err))
		_, err = b.Create(ctx, "k", nil)
		n.note("create: %s", describe(err))
	}},
}

// calls makes one call of each kind.
func (n *notes) calls(b jetstream.KeyValue) {
	n.get(b, "k")
	n.get(b, "k k")
	n.getRevision(b, "k", 1)
	n.put(b, "k", "x")
	n.put(b, "k k", "x")
	n.create(b, "c", "x")
	n.create(b, "c", "x", jetstream.KeyTTL(time.Second))
	n.update(b, "k", "y", 1)
	n.delete(b, "k", jetstream.LastRevision(2))
	n.purge(b, "k")
	n.history(b, "k")
	n.history(b, ">")
	n.history(b, "k k")
	n.keys(b)
	n.keys(b, jetstream.IncludeHistory())
	n.listKeys(b)
	n.listFiltered(b, "k")
	n.listFiltered(b, "k", "k")
	n.watch(b, []string{"k"})
	n.watch(b, []string{"k", "k"})
	n.note("purge deletes: %s", describe(b.PurgeDeletes(n.ctx())))
	n.status(b)
	n.note("%s", b.Bucket())
}

func (n *notes) oldCalls(b nats.KeyValue) {
	_, err := b.Get("k")
	n.note("get: %s", describe(err))
	_, err = b.GetRevision("k", 1)
	n.note("get revision: %s", describe(err))
	_, err = b.PutString("x", "1")
	n.note("put: %s", describe(err))
	_, err = b.Create("y", nil)
	n.note("create: %s", describe(err))
	_, err = b.Update("z", nil, 9)
	n.note("update: %s", describe(err))
	n.note("delete: %s", describe(b.Delete("x")))
	n.note("purge: %s", describe(b.Purge("x")))
	_, err = b.Keys()
	n.note("keys: %s", describe(err))
	_, err = b.ListKeys()
	n.note("list keys: %s", describe(err))
	_, err = b.History("x")
	n.note("history: %s", describe(err))
	_, err = b.WatchAll()
	n.note("watch: %s", describe(err))
	n.note("purge deletes: %s", describe(b.PurgeDeletes()))
	_, err = b.Status()
	n.note("status: %s", describe(err))
}

package natstest

import (
	"math"

	"github.com/nats-io/nats.go/jetstream"
)

var readScripts = []script{
	{"read/get and history", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 3})
		n.history(b, "k")
		n.get(b, "k")
		n.getRevision(b, "k", 1)
		for range 5 {
			n.put(b, "k", "v")
		}
		n.put(b, "o", "other")
		n.delete(b, "k")
		n.get(b, "k")
		for _, r := range []uint64{0, 1, 2, 3, 4, 5, 6, 7, 8, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64} {
			n.getRevision(b, "k", r)
			n.getRevision(b, "o", r)
		}
		n.noteHistories(b, "k")
		n.noteHistories(b, ">")
		n.noteHistories(b, "nosuch")
		n.put(b, "empty", "")
		n.get(b, "empty")
		revision, err := b.Put(n.ctx(), "nothing", nil)
		n.note("put nil: %d %s", revision, describe(err))
		n.get(b, "nothing")
		n.purge(b, "k")
		n.noteHistories(b, "k")
		n.getRevision(b, "k", 5)
		n.getRevision(b, "k", 10)
		n.create(b, "k", "again")
		n.noteHistories(b, "k")
		n.delete(b, "o")
		n.delete(b, "o")
		n.delete(b, "o")
		n.noteHistories(b, "o")
	}},
	{"read/private values", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		value := []byte("value")
		_, _ = b.Put(n.ctx(), "k", value)
		value[0] = 'X'
		n.get(b, "k")
		e, _ := b.Get(n.ctx(), "k")
		e.Value()[0] = 'Y'
		n.get(b, "k")
		n.note("%q %q", e.Value(), e.Value())
	}},
}

// noteHistories asks for a history with all options.
func (n *notes) noteHistories(b jetstream.KeyValue, key string) {
	n.history(b, key)
	n.history(b, key, nil)
	n.history(b, key, jetstream.IgnoreDeletes())
	n.history(b, key, jetstream.MetaOnly())
	n.history(b, key, jetstream.IncludeHistory())
	n.history(b, key, jetstream.UpdatesOnly())
	for _, r := range []uint64{0, 1, 5, 7, 100} {
		n.history(b, key, jetstream.ResumeFromRevision(r))
		n.history(b, key, jetstream.ResumeFromRevision(r), jetstream.IgnoreDeletes(), jetstream.MetaOnly())
	}
}

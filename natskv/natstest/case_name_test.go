package natstest

import (
	"context"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

var nameScripts = []script{
	{"name/buckets", func(n *notes) {
		for _, name := range []string{
			"Y", "y", "-", "_", "0", "KV_x", "", "a.b", "a b", "a*", ">", "é", "$a", "a/b", "a=b", "a\n", "\x00",
			strings.Repeat("x", 252), strings.Repeat("x", 253), strings.Repeat("x", 1000),
		} {
			_, err := n.js.KeyValue(n.ctx(), name)
			n.note("open %s: %s", short(name), describe(err))
			_, err = n.js.UpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: name})
			n.note("update %s: %s", short(name), describe(err))
			_, err = n.js.CreateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: name})
			n.note("create %s: %s", short(name), describe(err))
			_, err = n.js.CreateOrUpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: name})
			n.note("create or update %s: %s", short(name), describe(err))
			n.note("delete %s: %s", short(name), describe(n.js.DeleteKeyValue(n.ctx(), name)))
		}
	}},
	{"name/keys", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 3})
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for _, key := range append(strings.Split("* > $ : , ; + @ # % & \\ | ~ ! ? ( ) [ ] { } \" '", " "),
			"a", "a.b.c", "/", "/a", "a/b", "=", "a=", "-", "_", "_kv", "_kv.a", "A", "0", strings.Repeat("a.", 999)+"a",
			"", ".", ".a", "a.", "a..b", " a", "a b", "a\t", "a\n", "\x00", "é", "\xff", strings.Repeat("k", 4000),
		) {
			n.put(b, key, "1")
			n.get(b, key)
			n.getRevision(b, key, 1)
			n.getRevision(b, key, 0)
			n.create(b, key, "2")
			n.update(b, key, "3", 1)
			n.delete(b, key, jetstream.LastRevision(77), jetstream.PurgeTTL(-1))
			n.purge(b, key, jetstream.LastRevision(77))
			n.delete(b, key)
			n.history(b, key)
			_, err := b.Put(ended, key, nil)
			n.note("put: %s", describe(err))
			_, err = b.Get(ended, key)
			n.note("get: %s", describe(err))
			_, err = b.GetRevision(ended, key, 1)
			n.note("get revision: %s", describe(err))
			_, err = b.Create(ended, key, nil)
			n.note("create: %s", describe(err))
			_, err = b.Update(ended, key, nil, 1)
			n.note("update: %s", describe(err))
			n.note("delete: %s", describe(b.Delete(ended, key)))
			n.note("purge: %s", describe(b.Purge(ended, key, jetstream.LastRevision(9))))
			_, err = b.History(ended, key)
			n.note("history: %s", describe(err))
		}
		_, err := b.Keys(ended)
		n.note("keys: %s", describe(err))
		_, err = b.ListKeys(ended)
		n.note("list keys: %s", describe(err))
		_, err = b.ListKeysFiltered(ended, "a")
		n.note("list keys: %s", describe(err))
		_, err = b.ListKeysFiltered(ended, "a", "a")
		n.note("list keys: %s", describe(err))
		_, err = b.WatchAll(ended)
		n.note("watch: %s", describe(err))
		_, err = b.WatchFiltered(ended, []string{"a", "a.>", ">"})
		n.note("watch: %s", describe(err))
		_, err = b.Watch(ended, "a..b")
		n.note("watch: %s", describe(err))
		_, err = b.Watch(ended, "a", jetstream.IncludeHistory(), jetstream.UpdatesOnly())
		n.note("watch: %s", describe(err))
		n.note("purge deletes: %s", describe(b.PurgeDeletes(ended)))
		_, err = b.Status(ended)
		n.note("status: %s", describe(err))
	}},
	{"name/patterns", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		for _, key := range []string{"a", "a.b", "a.b.c", "b", "b.b", "c.b.d", "ab", "axb"} {
			n.put(b, key, key)
		}
		for _, pattern := range []string{
			"a", "*", ">", "a.*", "*.b", "*.*", "a.>", "*.>", "*.b.>", "a.b.c.>", "a.*.c", "nosuch", "a/b",
			"", ".", ".a", "a.", "a..b", "a.>.b", ">.a", ">>", "a b", "a,b", "$KV", "é", "a\n",
			"**", "*b", "a.**", "*>", "a.*>",
		} {
			n.watch(b, []string{pattern})
			n.history(b, pattern)
			n.listFiltered(b, pattern)
		}
		for _, patterns := range [][]string{
			nil, {}, {"a", "b"}, {"b", "a"}, {"a.*", "*.b"}, {"a.b", "a.b.c"}, {"nosuch", "a"}, {"a.b", "c.>"},
			{"a", "a"}, {"a.*", "a.b"}, {"a.b", "a.*"}, {"a.>", "a.*"}, {"a", ">"}, {">", ">"}, {"**", "**"}, {"*", "**"}, {"*.a", "*b.a"},
			{"*b", "0"}, {"0", "*b"}, {"*>", "b"}, {"b", "a.*x"}, {"a.b", "a.*x"}, {"*b", "*c"}, {"*b.>", "x.y"}, {"a*", "ab"}, {"*b", "*.c"},
			{"*b.c", "*.c"}, {"*>", ">"}, {"*>", "*"},
			{"a.>", "*.>"}, {"*.*", "*.>"}, {"a.*.c", "a.b.*"}, {"a", ""}, {"a", "b c"}, {"a", "a.>", "b..c"},
		} {
			n.watch(b, patterns)
			n.listFiltered(b, patterns...)
		}
	}},
}

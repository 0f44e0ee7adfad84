package natstest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var configScripts = []script{
	{"config/defaults", func(n *notes) {
		for i, storage := range storages {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), Storage: storage})
			n.note("bucket %s", b.Bucket())
			n.status(b)
		}
	}},
	{"config/everything", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{
			Bucket: "B", Description: "what it is", MaxValueSize: 1000, History: 5, TTL: 90*time.Minute + 3, MaxBytes: 1 << 20,
			Storage: jetstream.MemoryStorage, Replicas: 1, Compression: true, LimitMarkerTTL: 2500 * time.Millisecond,
			Placement: &jetstream.Placement{Cluster: "C", Tags: []string{"a", "b"}},
			Metadata:  map[string]string{"a": "b", "": "empty", "_nats.x": "y", "_nats.ver": "1", "_nats.level": "2", "_nats.req.level": "9"},
		})
		n.status(b)
		s, _ := b.Status(n.ctx())
		_, err := n.js.CreateKeyValue(n.ctx(), s.Config())
		n.note("create with its own config: %s", describe(err))
		_, err = n.js.UpdateKeyValue(n.ctx(), s.Config())
		n.note("update with its own config: %s", describe(err))
		n.status(b)
	}},
	{"config/limits", func(n *notes) {
		for i, c := range []jetstream.KeyValueConfig{
			{History: 64}, {History: 65}, {History: 255},
			{TTL: 100 * time.Millisecond}, {TTL: 100*time.Millisecond - 1}, {TTL: -1}, {TTL: 1}, {TTL: math.MaxInt64},
			{MaxBytes: -1}, {MaxBytes: -7}, {MaxBytes: 1}, {MaxBytes: 1 << 60},
			{MaxBytes: 1 << 60, Storage: jetstream.MemoryStorage},
			{Metadata: map[string]string{"k": strings.Repeat("x", 131072-24), "_nats.ver": "0"}},
			{MaxValueSize: -1}, {MaxValueSize: -7}, {MaxValueSize: 1}, {MaxValueSize: math.MaxInt32},
			{Storage: 2}, {Storage: -1},
			{Description: strings.Repeat("x", 4096)}, {Description: strings.Repeat("x", 4097)}, {Description: "a\xffb\xc3\x28"},
			{Metadata: map[string]string{"k": strings.Repeat("x", 131072-17)}},
			{Metadata: map[string]string{"k": strings.Repeat("x", 131072-16)}},
			{Metadata: map[string]string{}}, {Metadata: map[string]string{"a\xff": "\xfe"}},
			{Metadata: map[string]string{"a\xff": "1", "a\xfe": "2", "a": "3"}},
			{LimitMarkerTTL: time.Second}, {LimitMarkerTTL: time.Second - 1}, {LimitMarkerTTL: 1}, {LimitMarkerTTL: -1},
			{LimitMarkerTTL: math.MaxInt64}, {LimitMarkerTTL: time.Second + 1},
			{Replicas: 1}, {Replicas: 2}, {Replicas: 5}, {Replicas: 6}, {Replicas: -1},
			{Placement: &jetstream.Placement{}}, {Placement: &jetstream.Placement{Cluster: "x"}},
			{Placement: &jetstream.Placement{Tags: []string{"x"}}},
			{Compression: true},
			// Two faults: which is told?
			{History: 65, Storage: 2}, {History: 65, TTL: -1}, {Storage: 2, TTL: -1},
			{Description: strings.Repeat("x", 4097), TTL: -1}, {Replicas: 6, TTL: -1}, {Replicas: -1, TTL: -1}, {Replicas: 2, TTL: -1},
			{TTL: -1, LimitMarkerTTL: -1}, {MaxBytes: 1 << 60, TTL: -1}, {MaxBytes: 1 << 60, Replicas: 2},
			{Metadata: map[string]string{"k": strings.Repeat("x", 131072)}, Replicas: 6},
			{Metadata: map[string]string{"k": strings.Repeat("x", 131072)}, Description: strings.Repeat("x", 4097)},
		} {
			c.Bucket = fmt.Sprint("B", i)
			b, err := n.js.CreateKeyValue(n.ctx(), c)
			n.note("%d create: %s", i, describe(err))
			if err == nil {
				n.status(b)
			}
			_, err = n.js.CreateOrUpdateKeyValue(n.ctx(), c)
			n.note("%d create or update: %s", i, describe(err))
			_, err = n.js.UpdateKeyValue(n.ctx(), c)
			n.note("%d update: %s", i, describe(err))
		}
	}},
	{"config/update", func(n *notes) {
		full := jetstream.KeyValueConfig{
			Bucket: "B", Description: "d", MaxValueSize: 1000, History: 5, TTL: time.Hour, MaxBytes: 1 << 20, LimitMarkerTTL: time.Minute,
			Metadata: map[string]string{"a": "b"}, Compression: true,
		}
		b := n.bucket(full)
		for i := range 7 {
			n.put(b, "k", fmt.Sprint(i))
		}
		n.bytes(b)
		for i, change := range []func(*jetstream.KeyValueConfig){
			func(c *jetstream.KeyValueConfig) { c.History = 2 },
			func(c *jetstream.KeyValueConfig) { c.History = 9 },
			func(c *jetstream.KeyValueConfig) { c.Description = "" },
			func(c *jetstream.KeyValueConfig) { c.Metadata = nil },
			func(c *jetstream.KeyValueConfig) { c.Metadata = map[string]string{"x": "y"} },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes = 0 },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes = 10 },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes = 1 << 60 },
			func(c *jetstream.KeyValueConfig) { c.MaxValueSize = 1 },
			func(c *jetstream.KeyValueConfig) { c.Storage = jetstream.MemoryStorage },
			func(c *jetstream.KeyValueConfig) { c.Storage = 7 },
			func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = 0 },
			func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = 5 * time.Second },
			func(c *jetstream.KeyValueConfig) { c.Storage, c.LimitMarkerTTL = jetstream.MemoryStorage, 0 },
			func(c *jetstream.KeyValueConfig) { c.Storage, c.Replicas = jetstream.MemoryStorage, 3 },
			func(c *jetstream.KeyValueConfig) { c.Storage, c.MaxBytes = jetstream.MemoryStorage, 1<<60 },
			func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = -1 },
			func(c *jetstream.KeyValueConfig) { c.TTL = 0 },
			func(c *jetstream.KeyValueConfig) { c.Compression = false },
			func(c *jetstream.KeyValueConfig) { c.Placement = &jetstream.Placement{Cluster: "C"} },
			func(c *jetstream.KeyValueConfig) { c.History = 65 },
			func(c *jetstream.KeyValueConfig) { c.History = 0 },
			func(c *jetstream.KeyValueConfig) { c.Bucket = "missing" },
			func(c *jetstream.KeyValueConfig) { c.Bucket, c.TTL = "missing", -1 },
			func(c *jetstream.KeyValueConfig) { c.Bucket, c.History = "missing", 65 },
			func(c *jetstream.KeyValueConfig) { c.Bucket = "" },
		} {
			c := full
			change(&c)
			_, err := n.js.UpdateKeyValue(n.ctx(), c)
			n.note("%d: %s", i, describe(err))
			n.status(b)
		}
		n.history(b, "k")
	}},
	{"config/exists", func(n *notes) {
		c := jetstream.KeyValueConfig{Bucket: "B", History: 1, Metadata: map[string]string{"a": "b"}}
		b := n.bucket(c)
		n.put(b, "k", "v")
		for i, change := range []func(*jetstream.KeyValueConfig){
			func(c *jetstream.KeyValueConfig) {},
			func(c *jetstream.KeyValueConfig) { c.History = 0 },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes, c.MaxValueSize = -1, -5 },
			func(c *jetstream.KeyValueConfig) { c.Replicas = 1 },
			func(c *jetstream.KeyValueConfig) { c.Replicas = 3 },
			func(c *jetstream.KeyValueConfig) { c.Metadata = map[string]string{"a": "b", "_nats.ver": "x"} },
			func(c *jetstream.KeyValueConfig) { c.Metadata = map[string]string{"a": "b", "_nats.req.level": "4"} },
			func(c *jetstream.KeyValueConfig) { c.Metadata = nil },
			func(c *jetstream.KeyValueConfig) { c.History = 2 },
			func(c *jetstream.KeyValueConfig) { c.Description = "x" },
			func(c *jetstream.KeyValueConfig) { c.TTL = time.Hour },
			func(c *jetstream.KeyValueConfig) { c.Storage = jetstream.MemoryStorage },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes = 1000 },
			func(c *jetstream.KeyValueConfig) { c.MaxBytes = 1 << 60 },
			func(c *jetstream.KeyValueConfig) { c.MaxValueSize = 1000 },
			func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = time.Minute },
			func(c *jetstream.KeyValueConfig) { c.Compression = true },
			func(c *jetstream.KeyValueConfig) { c.Placement = &jetstream.Placement{} },
			func(c *jetstream.KeyValueConfig) { c.Placement = &jetstream.Placement{Cluster: "C"} },
			func(c *jetstream.KeyValueConfig) { c.TTL = -1 },
		} {
			c := c
			change(&c)
			b, err := n.js.CreateKeyValue(n.ctx(), c)
			n.note("%d: %s, bucket %v", i, describe(err), b != nil)
		}
		n.get(b, "k")
	}},
	{"config/listing", func(n *notes) {
		n.listStores()
		for _, name := range []string{"x", "C", "_", "10", "9", "a-b"} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: name, Description: "this is " + name})
			n.put(b, "k", name)
		}
		n.listStores()
		n.note("delete x: %s", describe(n.js.DeleteKeyValue(n.ctx(), "x")))
		n.note("delete x: %s", describe(n.js.DeleteKeyValue(n.ctx(), "x")))
		_, err := n.js.KeyValue(n.ctx(), "x")
		n.note("open x: %s", describe(err))
		n.listStores()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		names := n.js.KeyValueStoreNames(ended)
		for name := range names.Name() {
			n.note("name %s", name)
		}
		n.note("error: %s", describe(names.Error()))
		stores := n.js.KeyValueStores(ended)
		for s := range stores.Status() {
			n.noteStatus(s)
		}
		n.note("error: %s", describe(stores.Error()))
	}},
	{"config/ended context", func(n *notes) {
		n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		for _, name := range []string{"B", "C", "", "x y", strings.Repeat("x", 300)} {
			_, err := n.js.KeyValue(ended, name)
			n.note("open %s: %s", short(name), describe(err))
			for _, c := range []jetstream.KeyValueConfig{{}, {History: 65}, {Storage: 3}, {TTL: -1}} {
				c.Bucket = name
				_, err = n.js.CreateKeyValue(ended, c)
				n.note("create %s: %s", short(name), describe(err))
				_, err = n.js.UpdateKeyValue(ended, c)
				n.note("update %s: %s", short(name), describe(err))
				_, err = n.js.CreateOrUpdateKeyValue(ended, c)
				n.note("create or update %s: %s", short(name), describe(err))
			}
			n.note("delete %s: %s", short(name), describe(n.js.DeleteKeyValue(ended, name)))
		}
	}},
}

func (n *notes) listStores() {
	names := n.js.KeyValueStoreNames(n.ctx())
	for name := range names.Name() {
		n.note("name %s", name)
	}
	n.note("error: %s", describe(names.Error()))
	stores := n.js.KeyValueStores(n.ctx())
	for s := range stores.Status() {
		n.noteStatus(s)
	}
	n.note("error: %s", describe(stores.Error()))
}

package natstest

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	ms   = time.Millisecond
	half = 500 * ms
	sec  = time.Second
)

// With a TTL of the bucket every revision, markers too, goes when it is that old.
var ttlBucketCases = []ttlCase{
	{"bucket/each at its own age", jetstream.KeyValueConfig{TTL: 3 * half, History: 3}, func(r *ttlRun) {
		r.put("k")
		r.wait(800 * ms)
		r.put("k")
		r.turns("k", "k1 k2", 3*half, "k2")
		r.turns("k", "k2", 3*half, "")
		r.gone("k", 2)
		r.size(0, 0, 0)
		r.told("nil k1 k2")
	}},
	{"bucket/not cut to seconds", jetstream.KeyValueConfig{TTL: 1234567890}, func(r *ttlRun) {
		r.put("k")
		r.turns("k", "k1", 1234567890, "")
	}},
	{"bucket/newest counts", jetstream.KeyValueConfig{TTL: sec}, func(r *ttlRun) {
		r.put("k")
		r.wait(600 * ms)
		r.put("k")
		r.turns("k", "k2", sec, "")
	}},
	{"bucket/markers", jetstream.KeyValueConfig{TTL: sec, History: 2}, func(r *ttlRun) {
		r.delete("d")
		r.purge("p")
		r.turns("d", "d1D", sec, "")
		r.turned("p", "p2P", "")
		r.told("nil d1D p2P")
	}},
	{"bucket/a new key afterwards", jetstream.KeyValueConfig{TTL: half, History: 2}, func(r *ttlRun) {
		r.put("k")
		r.turns("k", "k1", half, "")
		r.create("k")
		r.turns("k", "k2", half, "")
		r.update("k", 0)
		r.is("k", "k3")
	}},
	{"bucket/room again", jetstream.KeyValueConfig{TTL: sec, MaxBytes: 50}, func(r *ttlRun) {
		r.put("k")
		_, err := r.PutString(context.Background(), "l", "v")
		r.refused(err, "maximum bytes exceeded")
		r.turns("k", "k1", sec, "")
		r.put("l")
		r.is("l", "l2")
	}},
}

// A new configuration is for what is there already too.
var ttlUpdateCases = []ttlCase{
	{"update/shortened", jetstream.KeyValueConfig{}, func(r *ttlRun) {
		r.put("k")
		r.wait(sec)
		r.put("l")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.TTL = sec - 100*ms })
		r.turned("k", "k1", "")
		r.turns("l", "l2", sec-100*ms, "")
	}},
	{"update/shortened with markers", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.put("k")
		r.wait(sec)
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.TTL = sec - 100*ms })
		r.turned("k", "k1", "k2P")
		r.turns("k", "k2P", sec-100*ms, "")
		r.told("nil k1 k2P")
	}},
	{"update/lengthened", jetstream.KeyValueConfig{TTL: sec}, func(r *ttlRun) {
		r.put("k")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.TTL = 2 * sec })
		r.turns("k", "k1", 2*sec, "")
	}},
	{"update/taken away", jetstream.KeyValueConfig{TTL: sec}, func(r *ttlRun) {
		r.put("k")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.TTL = 0 })
		r.stays("k", "k1", sec)
	}},
	{"update/markers from now on", jetstream.KeyValueConfig{TTL: sec}, func(r *ttlRun) {
		r.put("k")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.TTL, c.LimitMarkerTTL = 3*sec, sec })
		r.create("l", jetstream.KeyTTL(sec)) // the handle is that of before
		r.turns("l", "l2", sec, "l3P")
		r.turns("k", "k1", 3*sec, "k4P")
		r.told("nil k1 l2 l3P k4P")
	}},
	{"update/markers have their time", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL = 3 * sec })
		r.turns("k", "k2P", sec, "")
	}},
	{"update/keys have their time", jetstream.KeyValueConfig{LimitMarkerTTL: 2 * sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.LimitMarkerTTL, c.History = sec, 3 })
		r.turns("k", "k1", sec, "k2P")
		r.turns("k", "k2P", sec, "")
	}},
	{"update/depth", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 3}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.put("k")
		r.reconfigure(func(c *jetstream.KeyValueConfig) { c.History = 1 })
		r.stays("k", "k2", sec)
		r.told("nil k1 k2")
	}},
}

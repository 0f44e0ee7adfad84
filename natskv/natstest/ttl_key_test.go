package natstest

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// A key can be created with a TTL of its own if the bucket has a LimitMarkerTTL.
var ttlKeyCases = []ttlCase{
	{"key/refused", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		_, err := r.Create(context.Background(), "k", nil, jetstream.KeyTTL(sec-1))
		r.refused(err, "invalid per-message TTL")
		r.create("k")
		_, err = r.Create(context.Background(), "k", nil, jetstream.KeyTTL(sec-1))
		r.refused(err, "wrong last sequence: 1: key exists")
		r.is("k", "k1")
	}},
	{"key/disabled", jetstream.KeyValueConfig{TTL: 9 * sec}, func(r *ttlRun) {
		_, err := r.Create(context.Background(), "k", nil, jetstream.KeyTTL(sec))
		r.refused(err, "per-message TTL is disabled")
		_, err = r.Create(context.Background(), "k", nil, jetstream.KeyTTL(sec-1))
		r.refused(err, "invalid per-message TTL")
		r.create("k", jetstream.KeyTTL(0))
	}},
	{"key/none", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(0))
		r.create("l", jetstream.KeyTTL(-sec))
		r.stays("k", "k1", sec)
		r.is("l", "l2")
	}},
	{"key/cut to seconds", jetstream.KeyValueConfig{LimitMarkerTTL: 2 * sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(1900*ms))
		r.turns("k", "k1", sec, "k2P")
		r.turns("k", "k2P", 2*sec, "")
		r.told("nil k1 k2P")
	}},
	{"key/raised", jetstream.KeyValueConfig{LimitMarkerTTL: 2900 * ms, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", 2*sec, "k2P")
	}},
	{"key/longer than the limit", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(2*sec))
		r.turns("k", "k1", 2*sec, "k2P")
		r.turns("k", "k2P", sec, "")
	}},
	{"key/bucket is earlier", jetstream.KeyValueConfig{LimitMarkerTTL: sec, TTL: half}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(3*sec))
		r.turns("k", "k1", half, "k2P")
	}},
	{"key/bucket is later", jetstream.KeyValueConfig{LimitMarkerTTL: sec, TTL: 3 * sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.turns("k", "k2P", sec, "")
	}},
	{"key/put over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.put("k")
		r.stays("k", "k2", sec)
	}},
	{"key/put over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.put("k")
		r.turns("k", "k1 k2", sec, "k2")
		r.stays("k", "k2", half)
		r.told("nil k1 k2")
	}},
	{"key/update over", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.update("k", 1)
		r.turns("k", "k1 k2", sec, "k2")
		r.update("k", 2)
		r.stays("k", "k2 k3", half)
	}},
	{"key/delete over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.delete("k")
		r.stays("k", "k2D", sec)
	}},
	{"key/delete over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.delete("k")
		r.turns("k", "k1 k2D", sec, "k2D")
		r.stays("k", "k2D", half)
		r.told("nil k1 k2D")
	}},
	{"key/purge over", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.purge("k")
		r.stays("k", "k2P", sec)
	}},
	{"key/on a marker", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.delete("k")
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k2", sec, "k3P")
	}},
	// A server takes the revision out and nothing else, so that older ones are back and nobody is told. Here the key is gone.
	{"key/on a marker, depth 5", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 5}, func(r *ttlRun) {
		r.put("k")
		r.delete("k")
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1 k2D k3", sec, r.instead("k1 k2D", "k4P"))
		r.told(r.instead("nil k1 k2D k3", "nil k1 k2D k3 k4P"))
		r.gone("k", 4)
	}},
}

// So can a purge marker.
var ttlPurgeCases = []ttlCase{
	{"purge/refused", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.put("k")
		r.refused(r.Purge(context.Background(), "k", jetstream.PurgeTTL(sec-1)), "invalid per-message TTL")
		r.refused(r.Purge(context.Background(), "k", jetstream.PurgeTTL(sec), jetstream.LastRevision(7)), "wrong last sequence: 1")
		r.refused(r.Delete(context.Background(), "k", jetstream.PurgeTTL(sec)), "TTL is not supported on delete")
		r.is("k", "k1")
	}},
	{"purge/disabled", jetstream.KeyValueConfig{TTL: 9 * sec, History: 2}, func(r *ttlRun) {
		r.put("k")
		r.refused(r.Purge(context.Background(), "k", jetstream.PurgeTTL(sec)), "per-message TTL is disabled")
		r.refused(r.Purge(context.Background(), "k", jetstream.PurgeTTL(sec-1)), "invalid per-message TTL")
		r.is("k", "k1")
	}},
	{"purge/goes", jetstream.KeyValueConfig{LimitMarkerTTL: 2 * sec}, func(r *ttlRun) {
		r.put("k")
		r.told("nil k1")
		r.purge("k", jetstream.PurgeTTL(1900*ms), jetstream.LastRevision(1))
		r.turns("k", "k2P", sec, "")
		r.told("k2P")
		r.create("k")
		r.is("k", "k3")
	}},
	{"purge/raised", jetstream.KeyValueConfig{LimitMarkerTTL: 2900 * ms, History: 2}, func(r *ttlRun) {
		r.put("k")
		r.purge("k", jetstream.PurgeTTL(sec))
		r.turns("k", "k2P", 2*sec, "")
	}},
	{"purge/none", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.purge("k", jetstream.PurgeTTL(0))
		r.purge("l", jetstream.PurgeTTL(-sec))
		r.stays("k", "k1P", sec)
		r.is("l", "l2P")
	}},
	{"purge/bucket is earlier", jetstream.KeyValueConfig{LimitMarkerTTL: sec, TTL: half}, func(r *ttlRun) {
		r.purge("k", jetstream.PurgeTTL(sec))
		r.turns("k", "k1P", half, "")
		r.told("nil k1P")
	}},
	{"purge/put over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.purge("k", jetstream.PurgeTTL(sec))
		r.put("k")
		r.stays("k", "k2", sec)
	}},
	{"purge/put over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.purge("k", jetstream.PurgeTTL(sec))
		r.put("k")
		r.turns("k", "k1P k2", sec, "k2")
		r.told("nil k1P k2")
	}},
	{"purge/delete over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.purge("k", jetstream.PurgeTTL(sec))
		r.delete("k")
		r.turns("k", "k1P k2D", sec, "k2D")
		r.stays("k", "k2D", half)
	}},
}

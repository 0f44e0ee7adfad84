package natstest

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// With a LimitMarkerTTL the last revision of a key, unless it is a purge marker, is followed by a limit marker, which goes in
// turn.
var ttlMarkerCases = []ttlCase{
	{"marker/of a value", jetstream.KeyValueConfig{TTL: 2 * sec, LimitMarkerTTL: 2 * sec}, func(r *ttlRun) {
		r.put("k")
		r.turns("k", "k1", 2*sec, "k2P")
		r.gone("k", 2)
		for _, e := range r.entries("k") {
			if v := e.Value(); v == nil || len(v) > 0 {
				r.fail("the value is %#v", v)
			}
		}
		r.size(1, 4+3+2+16+72, 4+3+2+34+72)
		r.turns("k", "k2P", 2*sec, "")
		r.gone("k", 2)
		r.size(0, 0, 0)
		r.told("nil k1 k2P")
	}},
	{"marker/one a key", jetstream.KeyValueConfig{TTL: 3 * half, LimitMarkerTTL: sec, History: 3}, func(r *ttlRun) {
		r.put("k")
		r.wait(800 * ms)
		r.put("k")
		r.turns("k", "k1 k2", 3*half, "k2")
		r.turns("k", "k2", 3*half, "k3P")
		r.told("nil k1 k2 k3P")
	}},
	{"marker/of a delete marker", jetstream.KeyValueConfig{TTL: sec, LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.delete("k")
		r.turns("k", "k1D", sec, "k2P")
		r.turns("k", "k2P", sec, "")
		r.told("nil k1D k2P")
	}},
	{"marker/none of a purge marker", jetstream.KeyValueConfig{TTL: sec, LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.purge("k")
		r.turns("k", "k1P", sec, "")
		r.told("nil k1P")
	}},
	{"marker/cut to seconds", jetstream.KeyValueConfig{TTL: 4 * sec, LimitMarkerTTL: 1900 * ms}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.turns("k", "k2P", sec, "")
	}},
	{"marker/no longer than the bucket's TTL", jetstream.KeyValueConfig{TTL: half, LimitMarkerTTL: 2 * sec}, func(r *ttlRun) {
		r.put("k")
		r.turns("k", "k1", half, "k2P")
		r.turns("k", "k2P", half, "")
	}},
	{"marker/others stay", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.delete("d")
		r.purge("p")
		r.stays("d", "d1D", sec)
		r.is("p", "p2P")
		r.told("nil d1D p2P")
	}},
	{"marker/create over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		_, err := r.Update(context.Background(), "k", nil, 0)
		r.refused(err, "wrong last sequence: 2: nats: key revision mismatch")
		r.create("k")
		r.stays("k", "k3", sec)
		r.told("nil k1 k2P k3")
	}},
	{"marker/create over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.create("k")
		r.turns("k", "k2P k3", sec, "k3")
		r.told("nil k1 k2P k3")
	}},
	{"marker/a second life", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k3", sec, "k4P")
		r.turns("k", "k4P", sec, "")
		r.told("nil k1 k2P k3 k4P")
	}},
	{"marker/a second life, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.wait(400 * ms)
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k2P k3", sec, "k3")
		r.turns("k", "k3", sec, "k4P")
		r.told("nil k1 k2P k3 k4P")
	}},
	{"marker/update over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.update("k", 2)
		r.stays("k", "k3", sec)
	}},
	{"marker/delete over", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.delete("k")
		r.stays("k", "k3D", sec)
		r.told("nil k1 k2P k3D")
	}},
	{"marker/delete over, depth 2", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.delete("k")
		r.turns("k", "k2P k3D", sec, "k3D")
		r.stays("k", "k3D", half)
		r.told("nil k1 k2P k3D")
	}},
	{"marker/purge over", jetstream.KeyValueConfig{LimitMarkerTTL: sec, History: 2}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.purge("k", jetstream.LastRevision(2))
		r.stays("k", "k3P", sec)
	}},
	{"marker/PurgeDeletes", jetstream.KeyValueConfig{LimitMarkerTTL: 9 * sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		r.ok(r.PurgeDeletes(context.Background()))
		r.is("k", "k2P")
		r.ok(r.PurgeDeletes(context.Background(), jetstream.DeleteMarkersOlderThan(-1)))
		r.is("k", "")
		r.create("k")
		r.told("nil k1 k2P k3")
	}},
	// A server keeps the key until the limit marker fits.
	{"marker/too large", jetstream.KeyValueConfig{TTL: sec, LimitMarkerTTL: sec, MaxValueSize: 60}, func(r *ttlRun) {
		r.put("k")
		r.wait(sec + r.late)
		r.is("k", r.instead("k1", "k2P"))
	}},
	{"marker/no room", jetstream.KeyValueConfig{TTL: sec, LimitMarkerTTL: sec, MaxBytes: 50}, func(r *ttlRun) {
		r.put("k")
		r.wait(sec + r.late)
		r.is("k", r.instead("k1", "k2P"))
	}},
}

// What other watchers are told of an expiry.
var ttlWatchCases = []ttlCase{
	{"watch/options", jetstream.KeyValueConfig{LimitMarkerTTL: sec}, func(r *ttlRun) {
		other, err := r.Watch(context.Background(), "other")
		r.ok(err)
		r.create("k", jetstream.KeyTTL(sec))
		watchers := map[jetstream.KeyWatcher]string{
			r.watch(jetstream.IgnoreDeletes()):       "k1 nil",
			r.watch(jetstream.IncludeHistory()):      "k1 nil k2P",
			r.watch(jetstream.MetaOnly()):            "k1 nil k2P",
			r.watch(jetstream.UpdatesOnly()):         "k2P",
			r.watch(jetstream.ResumeFromRevision(2)): "nil k2P",
			r.watch(jetstream.ResumeFromRevision(3)): "nil",
			other:                                    "nil",
		}
		r.turns("k", "k1", sec, "k2P")
		r.turns("k", "k2P", sec, "")
		for w, want := range watchers {
			r.delivered(w, want)
			r.ok(w.Stop())
		}
	}},
	{"watch/begun later", jetstream.KeyValueConfig{LimitMarkerTTL: 3 * sec}, func(r *ttlRun) {
		r.create("k", jetstream.KeyTTL(sec))
		r.turns("k", "k1", sec, "k2P")
		for w, want := range map[jetstream.KeyWatcher]string{
			r.watch():                                "k2P nil",
			r.watch(jetstream.IgnoreDeletes()):       "nil",
			r.watch(jetstream.IncludeHistory()):      "k2P nil",
			r.watch(jetstream.ResumeFromRevision(1)): "k2P nil",
		} {
			r.delivered(w, want)
			r.ok(w.Stop())
		}
	}},
}

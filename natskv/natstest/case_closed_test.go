package natstest

import (
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var closedScripts = []script{
	{"closed/calls", func(n *notes) {
		b := n.fill("B")
		old, err := n.old.KeyValue("B")
		n.note("%s", describe(err))
		w := n.startWatch(b, nil)
		n.readInitial(w)
		unread := n.startWatch(b, nil)
		time.Sleep(quiet)
		n.close()
		time.Sleep(quiet)
		n.readRest(w)
		n.note("stop: %s", describe(w.Stop()))
		n.readRest(unread)
		n.calls(b)
		n.oldCalls(old)
		_, err = n.js.KeyValue(n.ctx(), "B")
		n.note("open: %s", describe(err))
		_, err = n.js.CreateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: "B"})
		n.note("create: %s", describe(err))
		_, err = n.js.UpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: "B"})
		n.note("update: %s", describe(err))
		_, err = n.js.CreateOrUpdateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: "B", History: 65})
		n.note("create or update: %s", describe(err))
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		n.listStores()
	}},
}

// A streamer is a status that shows the stream.
type streamer interface {
	StreamInfo() *jetstream.StreamInfo
}

var streamScripts = []script{
	{"stream/info", func(n *notes) {
		for i, cfg := range []jetstream.KeyValueConfig{
			{}, {History: 3, TTL: time.Minute, Description: "d", Compression: true, LimitMarkerTTL: time.Second},
			{Storage: jetstream.MemoryStorage, MaxBytes: 1000, MaxValueSize: 100, TTL: time.Hour},
		} {
			cfg.Bucket = string(rune('A' + i))
			b := n.bucket(cfg)
			n.noteStream(b, true)
			n.put(b, "a", "1")
			n.put(b, "b", "2")
			n.put(b, "a", "3")
			n.delete(b, "b")
			n.noteStream(b, true)
			n.note("%s", describe(b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1))))
			n.noteStream(b, true)
		}
	}},
}

// noteStream notes all about the stream, perhaps without its consumers: those of watches whose context has ended stay for a moment.
func (n *notes) noteStream(b jetstream.KeyValue, consumers bool) {
	s, err := b.Status(n.ctx())
	n.note("%s", describe(err))
	if err != nil {
		return
	}
	info := s.(streamer).StreamInfo()
	placement := info.Config.Placement
	info.Config.Placement = nil
	n.note("%+v placement %+v", info.Config, placement)
	st := info.State
	n.note("msgs %d bytes %d first %d last %d subjects %d", st.Msgs, st.Bytes, st.FirstSeq, st.LastSeq, st.NumSubjects)
	n.note("deleted %d %v", st.NumDeleted, st.Deleted)
	if consumers {
		n.note("consumers %d", st.Consumers)
	}
	n.note("now %v mirror %v sources %v", since(info.TimeStamp), info.Mirror, info.Sources)
}

// since says whether a time is near.
func since(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	if age := time.Since(t); age < 0 || age > time.Minute {
		return t.String()
	}
	return "now " + t.Location().String()
}

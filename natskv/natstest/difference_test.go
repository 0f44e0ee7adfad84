package natstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// A deviation is what natskv does in another way than a server, on purpose. What the script writes down is expected on each side,
// so that a server or a client that changes is noticed too.
//
// More are in the ttlCases, where they are marked with instead: a key whose limit marker does not fit, and an expired revision
// over a marker. What a TTL of natskv is exact about is there too.
type deviation struct {
	script
	server, natskv string
}

var deviations = []deviation{
	{script{"mirrors, sources and RePublish are refused", func(n *notes) {
		origin := &jetstream.StreamSource{Name: "origin"}
		for _, c := range []jetstream.KeyValueConfig{
			{Bucket: "M", Mirror: origin}, {Bucket: "S", Sources: []*jetstream.StreamSource{origin}},
			{Bucket: "R", RePublish: &jetstream.RePublish{Source: ">", Destination: "copy.>"}},
		} {
			_, err := n.js.CreateKeyValue(n.ctx(), c)
			n.note("ok %v, unsupported %v", err == nil, errors.Is(err, errors.ErrUnsupported))
		}
	}}, strings.Repeat("ok true, unsupported false\n", 3), strings.Repeat("ok false, unsupported true\n", 3)},

	{script{"a watch of a deleted bucket ends", func(n *notes) {
		c := jetstream.KeyValueConfig{Bucket: "B"}
		b := n.bucket(c)
		n.put(b, "k", "1")
		w := n.startWatch(b, nil)
		n.readInitial(w)
		n.note("delete: %s", describe(n.js.DeleteKeyValue(n.ctx(), "B")))
		n.bucket(c)
		n.put(b, "k", "2")
		n.lines = nil
		n.read(w)
		_ = w.Stop()
	}}, "delivered: \n", "delivered: closed\n"}, // on a server after twenty seconds

	{script{"listings with UpdatesOnly end", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		ctx, cancel := context.WithTimeout(context.Background(), 2*quiet)
		defer cancel()
		_, err := b.Keys(ctx, jetstream.UpdatesOnly())
		n.note("%v, waited %v", err, ctx.Err() != nil)
		ctx, cancel = context.WithTimeout(context.Background(), 2*quiet)
		defer cancel()
		l, err := b.ListKeys(ctx, jetstream.UpdatesOnly())
		n.note("%s", describe(err))
		for range l.Keys() {
		}
		n.note("waited %v", ctx.Err() != nil)
	}}, "nats: no keys found, waited true\nok\nwaited true\n", "nats: no keys found, waited false\nok\nwaited false\n"},

	{script{"a wildcard that is glued to text matches nothing", func(n *notes) {
		for _, depth := range []uint8{1, 5} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", depth), Storage: jetstream.MemoryStorage, History: depth})
			for _, key := range []string{"a", "ab", "a.b", "a.bc"} {
				_, _ = b.PutString(n.ctx(), key, "")
			}
			w, err := b.Watch(n.ctx(), "a>")
			n.note("%s", describe(err))
			n.read(&watcher{KeyWatcher: w}) // without waiting for the nil entry, which may not come
			_ = w.Stop()
		}
	}}, `ok
delivered: 
ok
delivered: B5/a@1 KeyValuePutOp "" Local, B5/ab@2 KeyValuePutOp "" Local, B5/a.b@3 KeyValuePutOp "" Local, B5/a.bc@4 KeyValuePutOp "" Local, nil
`, "ok\ndelivered: nil\nok\ndelivered: nil\n"},

	{script{"a key that is too long for a server does no harm", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		_, err := b.PutString(n.ctx(), strings.Repeat("k", 4100), "")
		n.note("%v", err)
		_, err = b.PutString(n.ctx(), "k", "")
		n.note("%v", err)
	}}, "nats: connection closed\nnats: connection closed\n", "nats: invalid key\n<nil>\n"},

	{script{"the older interface knows limit markers", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Hour})
		n.create(b, "k", "1", jetstream.KeyTTL(time.Second))
		time.Sleep(2 * time.Second)
		n.lines = nil
		old, err := n.old.KeyValue("B")
		n.note("%s", describe(err))
		e, err := old.Get("k")
		n.note("%s %v", entry(e, false), err)
		keys, err := old.Keys()
		n.note("%q %v", keys, err)
		_, err = old.Create("k", nil)
		n.note("%v", err)
	}}, `ok
B/k@2 KeyValuePutOp "" UTC <nil>
["k"] <nil>
nats: wrong last sequence: 2: key exists
`, `ok
nil nats: key not found
[] nats: no keys found
<nil>
`},

	{script{"there is room for any MaxBytes below 2^60", func(n *notes) {
		_, err := n.js.CreateKeyValue(n.ctx(), jetstream.KeyValueConfig{Bucket: "B", MaxBytes: 1<<60 - 1})
		n.note("%v", err)
	}}, "nats: API error: code=500 err_code=10047 description=insufficient storage resources available\n", "<nil>\n"},

	{script{"a status is not that of the client", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		s, err := b.Status(n.ctx())
		_, client := s.(*jetstream.KeyValueBucketStatus)
		n.note("%s client's %v, says when the bucket was made %v", describe(err), client, !s.(streamer).StreamInfo().Created.IsZero())
	}}, "ok client's true, says when the bucket was made true\n", "ok client's false, says when the bucket was made false\n"},

	{script{"Delta of a live update is 0", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		w, err := b.WatchFiltered(n.ctx(), []string{"*.b", "a.*"})
		n.note("%s", describe(err))
		<-w.Updates()
		for range 100 {
			_, _ = b.PutString(n.ctx(), "a.b", "")
		}
		var deltas uint64
		for range 100 {
			deltas += (<-w.Updates()).Delta()
		}
		n.note("deltas %d", deltas)
		_ = w.Stop()
	}}, byChance, "ok\ndeltas 0\n"},

	{script{"PurgeDeletes leaves keys alone that are written meanwhile", func(n *notes) {
		const keys = 300
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		for i := range keys {
			_ = b.Delete(n.ctx(), fmt.Sprint("k", i))
		}
		var purge sync.WaitGroup
		purge.Go(func() { _ = b.PurgeDeletes(n.ctx(), jetstream.DeleteMarkersOlderThan(-1)) })
		for i := range keys {
			_, _ = b.PutString(n.ctx(), fmt.Sprint("k", i), "")
		}
		purge.Wait()
		found, err := b.Keys(n.ctx())
		n.note("lost %d %v", keys-len(found), err)
	}}, byChance, "lost 0 <nil>\n"},

	{script{"Keys and watches miss no key that is written meanwhile", func(n *notes) {
		const keys = 1000
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		for i := range keys {
			_, _ = b.PutString(n.ctx(), fmt.Sprint("k", i), "")
		}
		var write sync.WaitGroup
		write.Go(func() {
			for i := range 3 * keys {
				_, _ = b.PutString(n.ctx(), fmt.Sprint("k", i%keys), "")
			}
		})
		found, err := b.Keys(n.ctx())
		n.note("missed %d %v", keys-len(found), err)
		w, err := b.WatchAll(n.ctx())
		n.note("%s", describe(err))
		seen := map[string]bool{} // some keys come twice, when they have been written again
		for e := <-w.Updates(); e != nil; e = <-w.Updates() {
			seen[e.Key()] = true
		}
		n.note("missed %d", keys-len(seen))
		_ = w.Stop()
		write.Wait()
	}}, byChance, "missed 0 <nil>\nok\nmissed 0\n"},

	{script{"a bucket can be made as soon as one of its name is deleted, and is empty", func(n *notes) {
		for range 100 {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
			if s, err := b.Status(n.ctx()); err != nil || s.Values() > 0 {
				n.note("%s", describe(err))
			}
			_, _ = b.PutString(n.ctx(), "k", "")
			if err := n.js.DeleteKeyValue(n.ctx(), "B"); err != nil {
				n.note("%s", describe(err))
			}
		}
		n.note("done")
	}}, byChance, "done\n"}, // on a server: "error creating store for stream", or old entries
}

// byChance is expected of a server whose answer is different only at times. It is not asked then.
const byChance = ""

func TestDeviations(t *testing.T) {
	for _, d := range deviations {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			if d.server != byChance {
				if got := text(onServer(t, d.script)); got != d.server {
					t.Errorf("server: got\n%swant\n%s", got, d.server)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				if got := text(onAdapter(d.script)); got != d.natskv {
					t.Errorf("natskv: got\n%swant\n%s", got, d.natskv)
				}
			})
		})
	}
}

func text(lines []string) string { return strings.Join(lines, "\n") + "\n" }

// After a restart buckets with MemoryStorage are gone from a server and still in a folder. A folder does not know the headers
// of all revisions any more.
func TestRestarted(t *testing.T) {
	before := func(m jetstream.KeyValueManager) *notes {
		n := &notes{js: m}
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", History: 5})
		n.put(b, "k", "1")
		n.update(b, "k", "2", 1)
		n.delete(b, "k", jetstream.LastRevision(2))
		n.lines = nil
		n.bytes(b)
		n.bucket(jetstream.KeyValueConfig{Bucket: "M", Storage: jetstream.MemoryStorage})
		return n
	}
	after := func(n *notes, m jetstream.KeyValueManager) string {
		b, err := m.KeyValue(n.ctx(), "B")
		n.note("open B: %v", err)
		n.bytes(b)
		_, err = m.KeyValue(n.ctx(), "M")
		n.note("open M: %v", err)
		return text(n.lines)
	}

	folder := t.TempDir()
	inFolder := func(o *server.Options) { o.StoreDir = folder }
	first := start(t, inFolder)
	n := before(streams(t, first))
	first.Shutdown()
	first.WaitForShutdown()
	want := "values 3 bytes 244\nopen B: <nil>\nvalues 3 bytes 244\nopen M: nats: bucket not found\n"
	if got := after(n, streams(t, start(t, inFolder))); got != want {
		t.Errorf("server: got\n%swant\n%s", got, want)
	}

	folder = t.TempDir()
	open := func() *kv.DB {
		db, err := kv.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	n = before(natskv.New(db))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	defer func() { _ = db.Close() }()
	want = "values 3 bytes 244\nopen B: <nil>\nvalues 3 bytes 148\nopen M: <nil>\n"
	if got := after(n, natskv.New(db)); got != want {
		t.Errorf("natskv: got\n%swant\n%s", got, want)
	}
}

// streams connects to a server.
func streams(t *testing.T, s *server.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

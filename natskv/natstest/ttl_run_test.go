package natstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// A ttlCase is a story about time. It is told once, with what is expected, and run on a server in real time and on natskv in
// bubbles.
type ttlCase struct {
	name string
	cfg  jetstream.KeyValueConfig
	run  func(*ttlRun)
}

// A ttlPlace is where stories are run.
type ttlPlace struct {
	late   time.Duration // how late it may be to act on a deadline; it may never be early
	look   time.Duration // how often to look whether it has
	quiet  time.Duration // how long nothing comes if nothing is to come
	settle func()        // waits until nothing goes on any more
	server bool
}

var (
	// A server looks for what has expired up to four times a second. The rest is for a busy machine.
	ttlServer = ttlPlace{
		late: 250*time.Millisecond + 450*time.Millisecond, look: 40 * time.Millisecond, quiet: quiet, settle: func() {}, server: true,
	}
	// natskv acts when it is time.
	ttlNatskv = ttlPlace{look: 1, quiet: 1, settle: synctest.Wait}
)

// ttlDatabases are the places where natskv's buckets can be.
var ttlDatabases = map[string]func() (*kv.DB, error){
	"memory": func() (*kv.DB, error) { return kv.New(), nil },
	"folder": func() (*kv.DB, error) { return kv.Open("db", kv.FileSystem(crashfs.New())) },
}

// TestTTL runs all stories, on the server all at once since each takes seconds.
func TestTTL(t *testing.T) {
	cases := slices.Concat(ttlBucketCases, ttlMarkerCases, ttlWatchCases, ttlKeyCases, ttlPurgeCases, ttlUpdateCases)
	theirs := onServerAtOnce(t, cases)
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for j, storage := range storages {
				cfg := c.config(storage, i)
				if fault := theirs[i*len(storages)+j]; fault != "" {
					t.Errorf("server/%s: %s", storage, fault)
				}
				for name, open := range ttlDatabases {
					for _, watched := range []bool{true, false} {
						t.Run(fmt.Sprintf("%s/%s/watched=%v", name, storage, watched), func(t *testing.T) {
							synctest.Test(t, func(t *testing.T) { inBubble(t, c, cfg, open, watched) })
						})
					}
				}
			}
		})
	}
}

// config returns the configuration of the bucket of a case.
func (c *ttlCase) config(storage jetstream.StorageType, i int) jetstream.KeyValueConfig {
	cfg := c.cfg
	cfg.Storage = storage
	cfg.Bucket = fmt.Sprintf("%c%02d", storage.String()[0], i) // always as long, as it counts
	return cfg
}

// inBubble runs a case on natskv.
func inBubble(t *testing.T, c ttlCase, cfg jetstream.KeyValueConfig, open func() (*kv.DB, error), watched bool) {
	t.Helper()
	db, err := open()
	if err != nil {
		t.Fatal(err)
	}
	if fault := runTTL(ttlNatskv, natskv.New(db), c, cfg, watched); fault != "" {
		t.Error(fault)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// onServerAtOnce runs each case with each storage and returns what was wrong. A busy machine misses moments, so what has failed
// is run again, with less beside it.
func onServerAtOnce(t *testing.T, cases []ttlCase) []string {
	t.Helper()
	js, err := jetstream.New(connect(t))
	if err != nil {
		t.Fatal(err)
	}
	faults := slices.Repeat([]string{"not run"}, len(cases)*len(storages))
	for range 3 {
		var all sync.WaitGroup
		for i, c := range cases {
			for j, storage := range storages {
				if fault := &faults[i*len(storages)+j]; *fault != "" {
					all.Go(func() {
						time.Sleep(time.Duration(i) * 25 * time.Millisecond) // deadlines that are apart are easier to keep
						*fault = runTTL(ttlServer, js, c, c.config(storage, i), true)
					})
				}
			}
		}
		all.Wait()
	}
	return faults
}

// A ttlRun is one run of a case: its bucket and, if there is to be one, a watcher of it.
type ttlRun struct {
	ttlPlace
	jetstream.KeyValue
	js      jetstream.KeyValueManager
	cfg     jetstream.KeyValueConfig
	watcher jetstream.KeyWatcher
	fault   string
}

// runTTL runs a case and returns what was wrong, "" if nothing was.
func runTTL(
	p ttlPlace, js jetstream.KeyValueManager, c ttlCase, cfg jetstream.KeyValueConfig, watched bool,
) (fault string) {
	r := &ttlRun{ttlPlace: p, js: js, cfg: cfg}
	defer func() {
		if e := recover(); e != nil && e != (stop{}) {
			panic(e)
		}
		fault = r.fault
	}()
	var err error
	r.KeyValue, err = js.CreateKeyValue(context.Background(), cfg)
	r.ok(err)
	defer func() { _ = js.DeleteKeyValue(context.Background(), cfg.Bucket) }()
	if watched {
		r.watcher = r.watch()
		defer func() { _ = r.watcher.Stop() }()
	}
	c.run(r)
	return r.fault
}

func (r *ttlRun) fail(format string, args ...any) {
	r.fault = fmt.Sprintf(format, args...)
	panic(stop{})
}

func (r *ttlRun) ok(err error) {
	if err != nil {
		r.fail("%v", err)
	}
}

// refused says that a call has failed, with what in its text.
func (r *ttlRun) refused(err error, what string) {
	if err == nil || !strings.Contains(err.Error(), what) {
		r.fail("%v, expected: %s", err, what)
	}
}

// instead returns what is expected of the place. A call marks what natskv does not do as a server does.
func (r *ttlRun) instead(server, natskv string) string {
	if r.server {
		return server
	}
	return natskv
}

func (r *ttlRun) wait(d time.Duration) {
	time.Sleep(d)
	r.settle()
}

// The writes have to succeed.

func (r *ttlRun) put(key string) {
	_, err := r.PutString(context.Background(), key, "v")
	r.ok(err)
}

func (r *ttlRun) create(key string, opts ...jetstream.KVCreateOpt) {
	_, err := r.Create(context.Background(), key, []byte("v"), opts...)
	r.ok(err)
}

func (r *ttlRun) update(key string, revision uint64) {
	_, err := r.Update(context.Background(), key, []byte("v"), revision)
	r.ok(err)
}

func (r *ttlRun) delete(key string) { r.ok(r.Delete(context.Background(), key)) }

func (r *ttlRun) purge(key string, opts ...jetstream.KVDeleteOpt) {
	r.ok(r.Purge(context.Background(), key, opts...))
}

// reconfigure changes the bucket.
func (r *ttlRun) reconfigure(change func(*jetstream.KeyValueConfig)) {
	change(&r.cfg)
	_, err := r.js.UpdateKeyValue(context.Background(), r.cfg)
	r.ok(err)
	r.settle()
}

// entries returns the history of a key, nil if it has none. The client waits for ever if what a server has counted for it expires
// before it is sent: it is asked again then.
func (r *ttlRun) entries(key string) []jetstream.KeyValueEntry {
	for range 5 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		entries, err := r.History(ctx, key)
		ended := ctx.Err()
		cancel()
		switch {
		case ended != nil && r.server:
		case err == nil, errors.Is(err, jetstream.ErrKeyNotFound):
			return entries
		default:
			r.fail("history: %v", err)
		}
	}
	r.fail("history does not end")
	return nil
}

// drawn shows an entry as key, revision, and D or P for markers: "q10P".
func drawn(e jetstream.KeyValueEntry) string {
	if e == nil {
		return "nil"
	}
	mark := map[jetstream.KeyValueOp]string{jetstream.KeyValueDelete: "D", jetstream.KeyValuePurge: "P"}
	return fmt.Sprintf("%s%d%s", e.Key(), e.Revision(), mark[e.Operation()])
}

func allDrawn(entries []jetstream.KeyValueEntry) string {
	var words []string
	for _, e := range entries {
		words = append(words, drawn(e))
	}
	return strings.Join(words, " ")
}

// is says what the history of a key is.
func (r *ttlRun) is(key, want string) {
	if got := allDrawn(r.entries(key)); got != want {
		r.fail("%s is %q, expected %q", key, got, want)
	}
}

// stays says that the history of a key is the same all the time and after it.
func (r *ttlRun) stays(key, want string, d time.Duration) {
	r.is(key, want)
	r.wait(d + r.late)
	r.is(key, want)
}

// turns says that the history of a key is before until the newest revision of it that goes is of some age, and after then:
// not earlier, and no later than the place may be.
func (r *ttlRun) turns(key, before string, age time.Duration, after string) {
	entries := r.entries(key)
	switch got := allDrawn(entries); {
	case r.server && got == after: // the machine is too busy to see it in time
		return
	case got != before:
		r.fail("%s is %q, expected %q", key, got, before)
	}
	var due time.Time
	for _, e := range entries {
		if !slices.Contains(strings.Fields(after), drawn(e)) {
			due = e.Created().Add(age)
		}
	}
	r.wait(time.Until(due) - r.look)
	r.leaves(key, before, due, after)
	if early := time.Until(due); early > 0 {
		r.fail("%s is %q %v before its time", key, after, early)
	}
}

// leaves waits until a history is not before any more, which has been due since some time, and says that it is after then.
func (r *ttlRun) leaves(key, before string, due time.Time, after string) {
	for {
		asked := time.Now()
		got := allDrawn(r.entries(key))
		switch {
		case got == before && asked.Before(due.Add(r.late)):
			r.wait(r.look)
		case got != after:
			r.fail("%s is %q %v after its time, expected %q", key, got, asked.Sub(due), after)
		default:
			return
		}
	}
}

// turned says that the history of a key, which was before, is after now or as soon as the place is that late.
func (r *ttlRun) turned(key, before, after string) { r.leaves(key, before, time.Now(), after) }

// gone says that a key has no value and, if it has a marker, which nobody sees by its revision.
func (r *ttlRun) gone(key string, marker uint64) {
	_, err := r.Get(context.Background(), key)
	r.refused(err, "key not found")
	_, err = r.GetRevision(context.Background(), key, marker)
	r.refused(err, "key not found")
	_, err = r.Keys(context.Background())
	r.refused(err, "no keys found")
}

// size says how many revisions there are and how many bytes they have by the rules of each storage.
func (r *ttlRun) size(values, memory, file uint64) {
	s, err := r.Status(context.Background())
	r.ok(err)
	want := file
	if r.cfg.Storage == jetstream.MemoryStorage {
		want = memory
	}
	if s.Values() != values || s.Bytes() != want {
		r.fail("%d values, %d bytes, expected %d, %d", s.Values(), s.Bytes(), values, want)
	}
}

// watch starts a watch of all keys.
func (r *ttlRun) watch(opts ...jetstream.WatchOpt) jetstream.KeyWatcher {
	w, err := r.WatchAll(context.Background(), opts...)
	r.ok(err)
	return w
}

// told says what the watcher of the run has been told since the last time.
func (r *ttlRun) told(want string) {
	if r.watcher != nil {
		r.delivered(r.watcher, want)
	}
}

// delivered says what a watcher has been told, and that it is told no more.
func (r *ttlRun) delivered(w jetstream.KeyWatcher, want string) {
	var words []string
	for {
		wait := patience
		if len(words) >= len(strings.Fields(want)) {
			wait = r.quiet
		}
		select {
		case e, open := <-w.Updates():
			if !open {
				r.fail("watcher was told %q and has ended", strings.Join(words, " "))
			}
			words = append(words, drawn(e))
			continue
		case <-time.After(wait):
		}
		if got := strings.Join(words, " "); got != want {
			r.fail("watcher was told %q, expected %q", got, want)
		}
		return
	}
}

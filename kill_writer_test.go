package kv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// What the process that TestKill kills is told, by its environment.
const (
	killDir     = "KV_KILL_DIR"     // the folder to open; without it there is nothing to do
	killRound   = "KV_KILL_ROUND"   // goes into values, so that no two are alike
	killPolicy  = "KV_KILL_POLICY"  // always, every or never
	killSegment = "KV_KILL_SEGMENT" // SegmentSize
	killPipe    = 3                 // the file descriptor to report to
)

// Its buckets. All writers write to the shared one, each to keys of its own and now and then to common ones. Besides, each has
// a bucket to itself, which it also configures, deletes and makes anew.
const (
	killWriters = 4
	killShared  = "shared"
	killMarkers = time.Hour // how long limit markers stay in the shared bucket
	killTimed   = "timed."  // begins keys in it that may expire soon
)

var killPolicies = map[string]kv.OpenOption{
	"always": kv.SyncAlways(), "every": kv.SyncEvery(time.Millisecond), "never": kv.SyncNever(),
}

func killOwnBucket(writer int) string { return fmt.Sprintf("own-%d", writer) }

// killSharedConfig is how the shared bucket begins.
func killSharedConfig() kv.Config {
	return kv.Config{Bucket: killShared, History: 3, LimitMarkerTTL: killMarkers}
}

// A killReport is a line that the process writes: that the folder is open, that a call is about to be made, or that it has
// returned.
type killReport struct {
	Open     bool `json:",omitempty"`
	Writer   int
	Call     *killCall `json:",omitempty"` // is about to be made; nil if it has returned
	Revision uint64    `json:",omitempty"` // of the first write of a call that has returned; 0 if it takes none
}

// A killCall is a call that changes something.
type killCall struct {
	Do     string // "write", "batch", "purge deletes", "configure", "create bucket", "delete bucket"
	Bucket string
	Config kv.Config   // of a bucket to create or configure
	Writes []killWrite // one, or those of a batch
}

// A killWrite is a put, create, update, delete or purge.
type killWrite struct {
	Kind     string
	Key      string
	ID       string        // the value begins with it
	Size     int           // of the value, if that is more than the ID
	Revision uint64        // that an update names
	TTL      time.Duration // 0 for none
}

// killValue returns the value with an ID and a size: it tells of both.
func killValue(id string, size int) string {
	if size <= len(id) {
		return id
	}
	return id + strings.Repeat("|"+id, size/len(id))[:size-len(id)]
}

// timed reports whether it is a write of a key that may expire by itself.
func (c *killCall) timed() bool {
	return c.Writes != nil && strings.HasPrefix(c.Writes[0].Key, killTimed)
}

func (w *killWrite) model() modelWrite {
	m := modelWrite{kind: w.Kind, key: w.Key, revision: w.Revision, ttl: w.TTL, hasTTL: w.TTL > 0}
	if w.Kind != "delete" && w.Kind != "purge" {
		m.value = killValue(w.ID, w.Size)
	}
	return m
}

// make makes the call, and returns the revision of its first write.
func (c *killCall) make(ctx context.Context, db *kv.DB) (revision uint64, err error) {
	switch c.Do {
	case "create bucket":
		return 0, errOf(db.CreateBucket(ctx, c.Config))
	case "configure":
		return 0, errOf(db.UpdateBucket(ctx, c.Config))
	case "delete bucket":
		return 0, db.DeleteBucket(ctx, c.Bucket)
	}
	b, err := db.Bucket(ctx, c.Bucket)
	if err != nil {
		return 0, err
	}
	if c.Do == "purge deletes" {
		return 0, b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(-1))
	}
	return c.write(ctx, b)
}

func (c *killCall) write(ctx context.Context, b *kv.Bucket) (revision uint64, err error) {
	if c.Do == "batch" {
		var ops []kv.Op
		for i := range c.Writes {
			w := c.Writes[i].model()
			ops = append(ops, w.op())
		}
		revisions, err := b.Apply(ctx, ops...)
		if err != nil {
			return 0, err
		}
		return revisions[0], nil
	}
	w := c.Writes[0].model()
	switch w.kind {
	case "put":
		return b.Put(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "create":
		return b.Create(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "update":
		return b.Update(ctx, w.key, []byte(w.value), w.revision, w.putOptions()...)
	case "delete":
		err = b.Delete(ctx, w.key)
	default:
		err = b.Purge(ctx, w.key)
	}
	if err != nil {
		return 0, err
	}
	newest, err := killNewest(ctx, b, w.key) // nobody else writes this key
	return newest.Revision, err
}

// killNewest returns the newest revision of a key, also if it is a marker; the zero value if there is none.
func killNewest(ctx context.Context, b *kv.Bucket, key string) (kv.Entry, error) {
	history, err := b.History(ctx, key)
	if errors.Is(err, kv.ErrKeyNotFound) {
		return kv.Entry{}, nil
	}
	if err != nil {
		return kv.Entry{}, err
	}
	return history[len(history)-1], nil
}

// TestKilledProcess is the process that TestKill kills.
func TestKilledProcess(t *testing.T) {
	dir := os.Getenv(killDir)
	if dir == "" {
		t.Skip("it is a part of TestKill")
	}
	size, err := strconv.ParseInt(os.Getenv(killSegment), 10, 64)
	require.NoError(t, err)
	db, err := kv.Open(dir, killPolicies[os.Getenv(killPolicy)], kv.SegmentSize(size))
	require.NoError(t, err)
	pipe := os.NewFile(killPipe, "report")
	require.NoError(t, json.NewEncoder(pipe).Encode(killReport{Open: true}))
	setup := killWriter{db: db, number: killWriters, report: pipe}
	if _, err := db.Bucket(t.Context(), killShared); err != nil {
		require.NoError(t, setup.make(t.Context(), &killCall{Do: "create bucket", Bucket: killShared, Config: killSharedConfig()}))
	}
	failed := make(chan error)
	for i := range killWriters {
		w := &killWriter{db: db, number: i, round: os.Getenv(killRound), report: pipe}
		go func() { failed <- w.run(t.Context()) }()
	}
	t.Fatal(<-failed)
}

// A killWriter makes calls, one after the other.
type killWriter struct {
	db     *kv.DB
	number int
	round  string
	calls  int
	report io.Writer
}

// run makes calls until the process is killed, or one fails.
func (w *killWriter) run(ctx context.Context) error {
	for {
		call, err := w.next(ctx)
		if err == nil {
			err = w.make(ctx, call)
		}
		if err != nil {
			return err
		}
	}
}

// make makes a call, and reports it before and after.
func (w *killWriter) make(ctx context.Context, call *killCall) error {
	encoder := json.NewEncoder(w.report) // writes a line at a time
	if err := encoder.Encode(killReport{Writer: w.number, Call: call}); err != nil {
		return err
	}
	revision, err := call.make(ctx, w.db)
	if err != nil {
		return fmt.Errorf("%+v: %w", call, err)
	}
	w.calls++
	return encoder.Encode(killReport{Writer: w.number, Revision: revision})
}

// next thinks of a call.
func (w *killWriter) next(ctx context.Context) (*killCall, error) {
	switch n := rand.IntN(100); {
	case n < 45:
		return w.write(ctx, killShared)
	case n < 60:
		return w.batch(ctx, killShared)
	case n < 75:
		return w.timed(), nil
	case n == 75 && w.number == 0:
		cfg := killSharedConfig()
		cfg.Description = w.id(0)
		return &killCall{Do: "configure", Bucket: killShared, Config: cfg}, nil
	}
	return w.own(ctx)
}

// own is a call on the writer's own bucket.
func (w *killWriter) own(ctx context.Context) (*killCall, error) {
	name := killOwnBucket(w.number)
	cfg := kv.Config{Bucket: name, History: uint8(1 + rand.IntN(5)), Description: w.id(0)}
	_, err := w.db.Bucket(ctx, name)
	if errors.Is(err, kv.ErrBucketNotFound) {
		return &killCall{Do: "create bucket", Bucket: name, Config: cfg}, nil
	}
	switch n := rand.IntN(100); {
	case err != nil:
		return nil, err
	case n < 1:
		return &killCall{Do: "delete bucket", Bucket: name}, nil
	case n < 4:
		return &killCall{Do: "configure", Bucket: name, Config: cfg}, nil
	case n < 10:
		return &killCall{Do: "purge deletes", Bucket: name}, nil
	case n < 30:
		return w.batch(ctx, name)
	}
	return w.write(ctx, name)
}

// id names a value that was never written before.
func (w *killWriter) id(i int) string {
	return fmt.Sprintf("%s.%d.%d.%d", w.round, w.number, w.calls, i)
}

// size is how large a value is: mostly a few hundred bytes, but now and then larger than a segment.
func (w *killWriter) size() int {
	if rand.IntN(50) == 0 {
		return rand.IntN(20_000)
	}
	return rand.IntN(400)
}

func (w *killWriter) key(i int) string { return fmt.Sprintf("w%d.k%d", w.number, i) }

const killKeys = 8 // of each writer

// write is a write of one of the writer's keys.
func (w *killWriter) write(ctx context.Context, bucket string) (*killCall, error) {
	b, err := w.db.Bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	one, err := w.one(ctx, b, rand.IntN(killKeys), 0)
	return &killCall{Do: "write", Bucket: bucket, Writes: []killWrite{one}}, err
}

// one is a write of a key that makes sense: a create where there is nothing, an update of the newest revision.
func (w *killWriter) one(ctx context.Context, b *kv.Bucket, key, i int) (killWrite, error) {
	one := killWrite{Kind: "put", Key: w.key(key), ID: w.id(i), Size: w.size()}
	newest, err := killNewest(ctx, b, one.Key)
	switch n := rand.IntN(10); {
	case n == 0:
		one.Kind = "delete"
	case n == 1:
		one.Kind = "purge"
	case n == 2:
		one.TTL = time.Hour
	case n < 7 && newest.Operation == kv.Put:
		one.Kind, one.Revision = "update", newest.Revision
	case n < 7:
		one.Kind = "create"
	}
	return one, err
}

// batch is several writes of the writer's keys, and in the end one of a key that is everybody's.
func (w *killWriter) batch(ctx context.Context, bucket string) (*killCall, error) {
	b, err := w.db.Bucket(ctx, bucket)
	if err != nil {
		return nil, err
	}
	call := &killCall{Do: "batch", Bucket: bucket}
	for i, key := range rand.Perm(killKeys)[:1+rand.IntN(4)] {
		one, err := w.one(ctx, b, key, i)
		if err != nil {
			return nil, err
		}
		call.Writes = append(call.Writes, one)
	}
	common := killWrite{Kind: "put", Key: fmt.Sprint("common.", rand.IntN(3)), ID: w.id(killKeys), Size: w.size()}
	call.Writes = append(call.Writes, common)
	return call, nil
}

// timed is a write of a key that mostly expires soon.
func (w *killWriter) timed() *killCall {
	one := killWrite{Kind: "put", Key: fmt.Sprintf("%s%d.%d", killTimed, w.number, rand.IntN(3)), ID: w.id(0), Size: w.size()}
	switch rand.IntN(6) {
	case 0:
		one.Kind = "delete"
	case 1:
		one.TTL = time.Hour
	case 2:
	default:
		one.TTL = time.Duration(1 + rand.IntN(int(20*time.Millisecond)))
	}
	return &killCall{Do: "write", Bucket: killShared, Writes: []killWrite{one}}
}

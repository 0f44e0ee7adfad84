package kv_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
	"github.com/revkv/kv/store/storetest"
)

// A modelRun does operations on a bucket of the engine and on the model, and compares the answers. It lives in a bubble.
type modelRun struct {
	kind  *modelKind
	open  func() (*kv.DB, error) // opens the database again; nil for one in memory
	db    *kv.DB
	b     *kv.Bucket
	model *model

	fractions bool // TTLs may be fractions of a millisecond, and there are no limit markers: see wholeTTL

	note func(op *modelOp, answer string) // is told of each operation; may be nil

	watchers [4]modelOpenWatcher
	listings [2]modelOpenListing
}

// A modelOpenWatcher is a watcher of the engine and what the model knows of it.
type modelOpenWatcher struct {
	w      *kv.Watcher
	cancel context.CancelFunc
	model  *modelWatcher
}

// A modelOpenListing is a listing of the engine under way, and that of the model.
type modelOpenListing struct {
	next  func() (kv.Entry, error, bool)
	stop  func()
	model *modelListing
}

const modelBucket = "B"

// A modelKind is a kind of store under the engine.
type modelKind struct {
	name   string
	place  func() (open func() (*kv.DB, error)) // makes a new place; nil in memory
	values bool                                 // the store keeps the values
}

var modelKinds = []modelKind{
	{"memory", nil, false}, {"durable", onModelDisk(storetest.NewDisk), false},
	{"durable with values", onModelDisk(storetest.NewValueDisk), true},
	{"files, synced always", inModelFiles(kv.SyncAlways()), true},
	{"files, synced every millisecond", inModelFiles(kv.SyncEvery(time.Millisecond)), true},
	{"files, synced never", inModelFiles(kv.SyncNever()), true},
}

func onModelDisk(newDisk func() *storetest.Disk) func() func() (*kv.DB, error) {
	return func() func() (*kv.DB, error) {
		disk := newDisk()
		return func() (*kv.DB, error) { return kv.OpenBackend(disk.MustOpen()) }
	}
}

// inModelFiles has segments so small that they are rolled and compacted all the time.
func inModelFiles(policy kv.OpenOption) func() func() (*kv.DB, error) {
	return func() func() (*kv.DB, error) {
		disk := crashfs.New()
		return func() (*kv.DB, error) {
			if open := disk.Unclosed(); len(open) > 0 {
				return nil, fmt.Errorf("files are still open: %v", open)
			}
			return kv.Open("db", kv.FileSystem(disk), kv.SegmentSize(filestore.MinSegmentSize), policy)
		}
	}
}

// newModelRun begins a run with a new bucket.
func newModelRun(kind *modelKind, cfg kv.Config) (*modelRun, error) {
	cfg.Bucket = modelBucket
	r := &modelRun{kind: kind, db: kv.New(), model: newModel(cfg, time.Now().UTC())}
	r.fractions = kind.place == nil && cfg.LimitMarkerTTL == 0 && cfg.MaxValueSize > 0
	var err error
	if kind.place != nil {
		r.open = kind.place()
		r.db, err = r.open()
	}
	if err == nil {
		r.b, err = r.db.CreateBucket(context.Background(), cfg)
	}
	return r, err
}

// play does the operations of a script, and returns the first one whose answer is wrong, and what is wrong with it.
func (r *modelRun) play(script modelScript) (at int, wrong string) {
	for i := range script {
		got, want := r.do(&script[i])
		if r.note != nil {
			r.note(&script[i], got)
		}
		if !slices.Contains(want, got) {
			return i, fmt.Sprintf("the answer is\n\t%s\nand should be\n\t%s", got, strings.Join(want, "\nor\n\t"))
		}
		if i%100 == 99 || i == len(script)-1 {
			if wrong := r.compareAll(); wrong != "" {
				return i, "after it, " + wrong
			}
		}
	}
	return len(script), ""
}

// close ends everything that is open.
func (r *modelRun) close() error {
	for i := range r.listings {
		r.endListing(i)
	}
	for i := range r.watchers {
		r.endWatcher(i, kv.ErrWatcherStopped)
	}
	return r.db.Close()
}

// do does one operation. Its answer is right if it is one of those in want.
func (r *modelRun) do(op *modelOp) (got string, want []string) {
	ctx := context.Background()
	if op.canceled {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = canceled
	}
	return modelSteps[op.do](r, ctx, op)
}

// modelSteps do operations, by name.
var modelSteps = map[string]func(r *modelRun, ctx context.Context, op *modelOp) (got string, want []string){
	"put": (*modelRun).write, "create": (*modelRun).write, "update": (*modelRun).write, "revert": (*modelRun).write,
	"delete": (*modelRun).write, "purge": (*modelRun).write, "batch": (*modelRun).batch,
	"get": (*modelRun).get, "get revision": (*modelRun).getRevision, "history": (*modelRun).history,
	"entries": (*modelRun).entries, "keys": (*modelRun).keys,
	"begin listing": (*modelRun).beginListing, "go on listing": (*modelRun).goOnListing,
	"watch": (*modelRun).watch, "next": (*modelRun).next, "stop": (*modelRun).stop, "cancel": (*modelRun).cancel,
	"pass": (*modelRun).pass, "purge deletes": (*modelRun).purgeDeletes, "configure": (*modelRun).configure,
	"status": (*modelRun).status, "create bucket": (*modelRun).createBucket, "delete bucket": (*modelRun).deleteBucket,
	"reopen": (*modelRun).reopen,
}

// compareAll compares everything that is kept.
func (r *modelRun) compareAll() string {
	ctx := context.Background()
	keys := slices.AppendSeq(slices.Clone(modelKeys), maps.Keys(r.model.keys))
	for _, key := range keys {
		entries, err := r.b.History(ctx, key)
		if err != nil && !errors.Is(err, kv.ErrKeyNotFound) {
			return err.Error()
		}
		if got, want := modelMany(entries), modelMany(r.model.history(key)); got != want {
			return fmt.Sprintf("the history of %s is\n\t%s\nand should be\n\t%s", key, got, want)
		}
	}
	if got, want := r.status(ctx, nil); got != want[0] {
		return fmt.Sprintf("the status is\n\t%s\nand should be\n\t%s", got, want[0])
	}
	return ""
}

// modelAnswer writes an answer down: what is said, or the error.
func modelAnswer(err error, format string, args ...any) string {
	if err == nil {
		return fmt.Sprintf(format, args...)
	}
	var b strings.Builder
	b.WriteString("error")
	for _, s := range sentinels {
		if errors.Is(err, s) {
			fmt.Fprintf(&b, ": %v", s)
		}
	}
	var batch *kv.BatchError
	if errors.As(err, &batch) {
		fmt.Fprintf(&b, ", operation %d", batch.Index)
	}
	var revision *kv.RevisionError
	if errors.As(err, &revision) {
		fmt.Fprintf(&b, ", %s wanted %d, newest %d", revision.Key, revision.Wanted, revision.Newest)
	}
	var size *kv.SizeError
	if errors.As(err, &size) {
		fmt.Fprintf(&b, ", %s size %d, limit %d", size.Key, size.Size, size.Limit)
	}
	return b.String()
}

func modelErrors(errs []error) (answers []string) {
	for _, err := range errs {
		answers = append(answers, modelAnswer(err, ""))
	}
	return answers
}

func modelMany(entries []kv.Entry) string {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = modelShow(e)
	}
	return strings.Join(lines, "\n\t")
}

package kv_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// A modelRun does operations on a bucket of the engine and on the model, and compares the answers. It lives in a bubble.
type modelRun struct {
	kind  *modelKind
	disk  *storetest.Disk // nil for a database in memory
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
	disk   func() *storetest.Disk // nil in memory
	values bool                   // the store keeps the values
}

var modelKinds = []modelKind{
	{"memory", nil, false}, {"durable", storetest.NewDisk, false}, {"durable with values", storetest.NewValueDisk, true},
}

// newModelRun begins a run with a new bucket.
func newModelRun(kind *modelKind, cfg kv.Config) (*modelRun, error) {
	cfg.Bucket = modelBucket
	r := &modelRun{kind: kind, db: kv.New(), model: newModel(cfg, time.Now().UTC())}
	r.fractions = kind.disk == nil && cfg.LimitMarkerTTL == 0 && cfg.MaxValueSize > 0
	var err error
	if kind.disk != nil {
		r.disk = kind.disk()
		r.db, err = kv.OpenBackend(r.disk.MustOpen())
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

// revision returns the revision that an operation names.
func (r *modelRun) revision(op *modelOp) uint64 {
	key := op.rev.key
	if key == "" {
		key = op.key
	}
	history := r.model.keys[key]
	if op.rev.back >= len(history) {
		return op.rev.plus
	}
	return history[len(history)-1-op.rev.back].number + op.rev.plus
}

// wholeTTL returns the TTL of an operation, in whole milliseconds if it matters when exactly the timer runs: for limit markers,
// which get that time, and on a disk, where Status counts what has expired until then. The model knows that time only if all
// that is due is at least a millisecond apart.
func (r *modelRun) wholeTTL(op *modelOp) time.Duration {
	if !r.fractions && op.ttl > 0 && op.ttl < time.Hour {
		return max(op.ttl.Truncate(time.Millisecond), time.Millisecond)
	}
	return op.ttl
}

// modelWrite returns what the model is to write.
func (r *modelRun) modelWrite(op *modelOp) modelWrite {
	w := modelWrite{
		kind: op.do, key: op.key, value: op.value, revision: r.revision(op), cond: op.cond, ttl: r.wholeTTL(op), hasTTL: op.hasTTL,
	}
	if op.do == "put" || op.do == "create" || !op.cond && (op.do == "delete" || op.do == "purge") {
		w.revision = 0 // it names none
	}
	return w
}

func (w *modelWrite) putOptions() (opts []kv.PutOption) {
	if w.hasTTL {
		opts = append(opts, kv.KeyTTL(w.ttl))
	}
	return opts
}

func (w *modelWrite) deleteOptions() (opts []kv.DeleteOption) {
	if w.hasTTL {
		opts = append(opts, kv.KeyTTL(w.ttl))
	}
	if w.cond {
		opts = append(opts, kv.LastRevision(w.revision))
	}
	return opts
}

func (w *modelWrite) purgeOptions() (opts []kv.PurgeOption) {
	if w.hasTTL {
		opts = append(opts, kv.PurgeTTL(w.ttl))
	}
	if w.cond {
		opts = append(opts, kv.LastRevision(w.revision))
	}
	return opts
}

// op returns the write as an operation of a batch.
func (w *modelWrite) op() kv.Op {
	switch w.kind {
	case "put":
		return kv.PutOp(w.key, []byte(w.value), w.putOptions()...)
	case "create":
		return kv.CreateOp(w.key, []byte(w.value), w.putOptions()...)
	case "update":
		return kv.UpdateOp(w.key, []byte(w.value), w.revision, w.putOptions()...)
	case "revert":
		return kv.RevertOp(w.key, w.revision, w.putOptions()...)
	case "delete":
		return kv.DeleteOp(w.key, w.deleteOptions()...)
	}
	return kv.PurgeOp(w.key, w.purgeOptions()...)
}

func (r *modelRun) write(ctx context.Context, op *modelOp) (got string, want []string) {
	w := r.modelWrite(op)
	var revision uint64
	var err error
	switch w.kind {
	case "put":
		revision, err = r.b.Put(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "create":
		revision, err = r.b.Create(ctx, w.key, []byte(w.value), w.putOptions()...)
	case "update":
		revision, err = r.b.Update(ctx, w.key, []byte(w.value), w.revision, w.putOptions()...)
	case "revert":
		revision, err = r.b.Revert(ctx, w.key, w.revision, w.putOptions()...)
	case "delete":
		err = r.b.Delete(ctx, w.key, w.deleteOptions()...)
	case "purge":
		err = r.b.Purge(ctx, w.key, w.purgeOptions()...)
	}
	got = modelAnswer(err, "revision %d", revision)
	if op.canceled {
		return got, modelCanceled(&w)
	}
	revisions, refusals := r.model.write([]modelWrite{w})
	if refusals != nil {
		return got, modelErrors(refusals)
	}
	if w.kind == "delete" || w.kind == "purge" {
		revisions[0] = 0
	}
	return got, []string{fmt.Sprintf("revision %d", revisions[0])}
}

// modelCanceled is the answer to a write with a context that has ended: a bad key or option is said first.
func modelCanceled(w *modelWrite) []string {
	var errs []error
	if !modelIsKey(w.key) {
		errs = append(errs, &kv.KeyError{Err: kv.ErrInvalidKey})
	} else {
		if w.hasTTL && w.ttl <= 0 || (w.cond || w.kind == "revert") && w.revision == 0 {
			errs = append(errs, &kv.OptionError{})
		}
		errs = append(errs, context.Canceled)
	}
	return modelErrors(errs)
}

func (r *modelRun) batch(ctx context.Context, op *modelOp) (got string, want []string) {
	var ops []kv.Op
	var writes []modelWrite
	for i := range op.batch {
		w := r.modelWrite(&op.batch[i])
		ops, writes = append(ops, w.op()), append(writes, w)
	}
	revisions, err := r.b.Apply(ctx, ops...)
	got = modelAnswer(err, "revisions %d", revisions)
	for i := range writes {
		twice := func(w modelWrite) bool { return w.key == writes[i].key }
		if slices.ContainsFunc(writes[:i], twice) {
			return got, modelErrors([]error{&kv.BatchError{Index: i, Err: kv.ErrDuplicateKey}})
		}
	}
	wanted, refusals := r.model.write(writes)
	if refusals != nil {
		if len(writes) == 1 {
			refusals[0] = &kv.BatchError{Err: refusals[0]}
		}
		return got, modelErrors(refusals)
	}
	return got, []string{fmt.Sprintf("revisions %d", wanted)}
}

func (r *modelRun) get(ctx context.Context, op *modelOp) (got string, want []string) {
	e, err := r.b.Get(ctx, op.key)
	wanted, refusal := r.model.get(op.key)
	return modelAnswer(err, "%s", modelShow(e)), r.reading(op, refusal, modelShow(wanted))
}

func (r *modelRun) getRevision(ctx context.Context, op *modelOp) (got string, want []string) {
	number := r.revision(op)
	e, err := r.b.GetRevision(ctx, op.key, number)
	wanted, refusal := r.model.getRevision(op.key, number)
	return modelAnswer(err, "%s", modelShow(e)), r.reading(op, refusal, modelShow(wanted))
}

func (r *modelRun) history(ctx context.Context, op *modelOp) (got string, want []string) {
	entries, err := r.b.History(ctx, op.key)
	wanted := r.model.history(op.key)
	var refusal error
	if wanted == nil {
		refusal = &kv.KeyError{Key: op.key, Err: modelKeyOr(op.key, kv.ErrKeyNotFound)}
	}
	return modelAnswer(err, "%s", modelMany(entries)), r.reading(op, refusal, modelMany(wanted))
}

// reading returns the right answer of a read.
func (r *modelRun) reading(op *modelOp, refusal error, answer string) []string {
	if op.canceled {
		return []string{modelAnswer(modelKeyOr(op.key, context.Canceled), "")}
	}
	return []string{modelAnswer(refusal, "%s", answer)}
}

// listOptions returns the options of a listing, and an error if they are bad.
func (r *modelRun) listOptions(op *modelOp) (opts []kv.ListOption, pattern string, refusal error) {
	p := modelPatterns[op.patterns]
	pattern = p.patterns[0]
	o := &op.list
	if o.after != "" {
		opts = append(opts, kv.After(o.after))
		if !modelIsKey(o.after) {
			refusal = &kv.OptionError{}
		}
	}
	if o.hasLimit {
		opts = append(opts, kv.Limit(o.limit))
		if o.limit <= 0 {
			refusal = &kv.OptionError{}
		}
	}
	if o.reverse {
		opts = append(opts, kv.Reverse())
	}
	if o.meta {
		opts = append(opts, kv.MetaOnly())
	}
	if refusal == nil && op.canceled {
		refusal = context.Canceled
	}
	if !modelIsPattern(pattern) {
		refusal = &kv.KeyError{Err: kv.ErrInvalidPattern}
	}
	return opts, pattern, refusal
}

// listing returns what a listing should yield.
func (r *modelRun) listing(op *modelOp) *modelListing {
	o := &op.list
	entries := r.model.list(modelPatterns[op.patterns].patterns[0], o.after, o.reverse)
	return &modelListing{entries: entries, limit: o.limit, meta: o.meta}
}

func (r *modelRun) entries(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	var have, wanted []kv.Entry
	var failed error
	for e, err := range r.b.Entries(ctx, pattern, opts...) {
		if failed = err; err == nil {
			have = append(have, e)
		}
	}
	for l := r.listing(op); refusal == nil; {
		e, ok := l.next(r.model)
		if !ok {
			break
		}
		wanted = append(wanted, e)
	}
	return modelAnswer(failed, "%s", modelMany(have)), []string{modelAnswer(refusal, "%s", modelMany(wanted))}
}

func (r *modelRun) keys(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	var have, wanted []string
	var failed error
	for key, err := range r.b.Keys(ctx, pattern, opts...) {
		if failed = err; err == nil {
			have = append(have, key)
		}
	}
	for l := r.listing(op); refusal == nil; {
		e, ok := l.next(r.model)
		if !ok {
			break
		}
		wanted = append(wanted, e.Key)
	}
	return modelAnswer(failed, "%q", have), []string{modelAnswer(refusal, "%q", wanted)}
}

// beginListing begins a listing and reads its first entry.
func (r *modelRun) beginListing(ctx context.Context, op *modelOp) (got string, want []string) {
	opts, pattern, refusal := r.listOptions(op)
	if refusal != nil {
		return "", []string{""}
	}
	r.endListing(op.slot)
	next, stop := iter.Pull2(r.b.Entries(ctx, pattern, opts...))
	r.listings[op.slot] = modelOpenListing{next, stop, r.listing(op)}
	return r.goOnListing(ctx, op)
}

func (r *modelRun) goOnListing(_ context.Context, op *modelOp) (got string, want []string) {
	l := &r.listings[op.slot]
	if l.next == nil {
		return "", []string{""}
	}
	got, wanted := "end", "end"
	if e, err, ok := l.next(); ok {
		got = modelAnswer(err, "%s", modelShow(e))
	}
	if e, ok := l.model.next(r.model); ok {
		wanted = modelShow(e)
	}
	return got, []string{wanted}
}

func (r *modelRun) endListing(slot int) {
	if l := &r.listings[slot]; l.next != nil {
		l.stop()
		*l = modelOpenListing{}
	}
}

func (r *modelRun) watch(ctx context.Context, op *modelOp) (got string, want []string) {
	o := op.watch
	p := modelPatterns[op.patterns]
	o.patterns = p.patterns
	var opts []kv.WatchOption
	for _, option := range []struct {
		given  bool
		option kv.WatchOption
	}{
		{o.includeHistory, kv.IncludeHistory()}, {o.updatesOnly, kv.UpdatesOnly()},
		{o.ignoreDeletes, kv.IgnoreDeletes()}, {o.metaOnly, kv.MetaOnly()},
	} {
		if option.given {
			opts = append(opts, option.option)
		}
	}
	var refusal error
	if op.canceled {
		refusal = context.Canceled
	}
	if o.resume > 0 {
		o.resume = r.revision(op)
		opts = append(opts, kv.ResumeFromRevision(o.resume))
		if o.resume == 0 {
			refusal = &kv.OptionError{}
		}
	}
	if o.includeHistory && o.updatesOnly {
		refusal = &kv.OptionError{}
	}
	if p.err != nil {
		refusal = &kv.KeyError{Err: p.err}
	}
	ctx, cancel := context.WithCancel(ctx)
	w, err := r.b.WatchFiltered(ctx, o.patterns, opts...)
	if err != nil || refusal != nil {
		cancel()
		return modelAnswer(err, "a watcher"), []string{modelAnswer(refusal, "a watcher")}
	}
	r.endWatcher(op.slot, kv.ErrWatcherStopped)
	r.watchers[op.slot] = modelOpenWatcher{w, cancel, r.model.watch(o, r.kind.values)}
	return "a watcher", []string{"a watcher"}
}

// modelPatience is how long next waits for an event that should not come. No deadline falls between two milliseconds where
// it would make an event.
const modelPatience = 500 * time.Microsecond

func (r *modelRun) next(_ context.Context, op *modelOp) (got string, want []string) {
	o := &r.watchers[op.slot]
	if o.w == nil {
		return "", []string{""}
	}
	ctx, cancel := context.WithTimeout(context.Background(), modelPatience)
	defer cancel()
	e, err := o.w.Next(ctx)
	if o.model.ended != nil {
		return modelAnswer(err, "event"), []string{modelAnswer(o.model.ended, "")}
	}
	nothing := errors.Is(err, context.DeadlineExceeded)
	if err != nil && !nothing {
		return modelAnswer(err, ""), []string{"an event, or nothing"}
	}
	if nothing {
		got = "nothing"
	} else if got = e.Kind.String(); e.Kind == kv.Changed {
		got = modelShow(e.Entry)
	}
	wrong := o.model.accept(r.model, e, nothing)
	if nothing {
		time.Sleep(modelPatience)
		synctest.Wait()
		r.model.pass(2 * modelPatience)
	}
	if wrong != "" {
		return got, []string{wrong}
	}
	return got, []string{got}
}

func (r *modelRun) stop(_ context.Context, op *modelOp) (got string, want []string) {
	r.endWatcher(op.slot, kv.ErrWatcherStopped)
	return "", []string{""}
}

func (r *modelRun) cancel(_ context.Context, op *modelOp) (got string, want []string) {
	if o := &r.watchers[op.slot]; o.w != nil {
		o.cancel()
		synctest.Wait()
		r.model.unwatch(o.model, context.Canceled)
	}
	return "", []string{""}
}

// endWatcher stops a watcher.
func (r *modelRun) endWatcher(slot int, err error) {
	o := &r.watchers[slot]
	if o.w == nil {
		return
	}
	o.w.Stop()
	o.cancel()
	synctest.Wait()
	r.model.unwatch(o.model, err)
}

func (r *modelRun) pass(_ context.Context, op *modelOp) (got string, want []string) {
	r.wait(op.age)
	return "", []string{""}
}

// wait lets time go by.
func (r *modelRun) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
	r.model.pass(d)
}

func (r *modelRun) purgeDeletes(ctx context.Context, op *modelOp) (got string, want []string) {
	var opts []kv.PurgeDeletesOption
	if op.age != 0 {
		opts = append(opts, kv.DeleteMarkersOlderThan(op.age))
	}
	err := r.b.PurgeDeletes(ctx, opts...)
	if op.canceled {
		return modelAnswer(err, ""), []string{modelAnswer(context.Canceled, "")}
	}
	r.model.purgeDeletes(op.age)
	return modelAnswer(err, ""), []string{""}
}

// modelConfigFault says what is wrong with a configuration.
func modelConfigFault(cfg kv.Config) error {
	switch {
	case cfg.History > kv.MaxHistory:
		return &kv.ConfigError{Err: kv.ErrHistoryTooLarge}
	case cfg.TTL < 0, cfg.LimitMarkerTTL < 0:
		return &kv.ConfigError{Err: kv.ErrInvalidConfig}
	}
	return nil
}

func (r *modelRun) configure(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := op.cfg
	cfg.Bucket = modelBucket
	cfg = r.adapt(cfg)
	for i := range r.listings {
		r.endListing(i) // which TTL its entries go by is not said
	}
	b, err := r.db.UpdateBucket(ctx, cfg)
	refusal := modelConfigFault(cfg)
	if refusal == nil {
		r.model.configure(cfg)
		if b != r.b {
			return "another handle", nil
		}
	}
	return modelAnswer(err, ""), []string{modelAnswer(refusal, "")}
}

func (r *modelRun) status(ctx context.Context, _ *modelOp) (got string, want []string) {
	have, err := r.b.Status(ctx)
	have.Config.Storage = kv.DefaultStorage // the table tests say where it is
	wanted := r.model.status()
	for i := range r.watchers {
		if o := &r.watchers[i]; o.w != nil && o.model.ended == nil {
			wanted.Watchers++
		}
	}
	return modelAnswer(err, "%+v", have), []string{fmt.Sprintf("%+v", wanted)}
}

// createBucket creates the bucket that is there, with the same configuration or another one.
func (r *modelRun) createBucket(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := op.cfg
	if cfg.History == 0 {
		cfg = r.model.cfg
	}
	cfg.Bucket = modelBucket
	b, err := r.db.CreateBucket(ctx, cfg)
	refusal := modelConfigFault(cfg)
	if refusal == nil && fmt.Sprint(modelDefaults(cfg)) != fmt.Sprint(r.model.cfg) {
		refusal = &kv.BucketError{Err: kv.ErrBucketExists}
	}
	return modelAnswer(err, "%v", b == r.b), []string{modelAnswer(refusal, "true")}
}

// adapt takes limit markers out of a configuration in a run without any.
func (r *modelRun) adapt(cfg kv.Config) kv.Config {
	if r.fractions {
		cfg.LimitMarkerTTL = min(cfg.LimitMarkerTTL, 0)
	}
	return cfg
}

// deleteBucket deletes the bucket and makes a new one.
func (r *modelRun) deleteBucket(ctx context.Context, op *modelOp) (got string, want []string) {
	cfg := r.adapt(op.cfg)
	cfg.Bucket = modelBucket
	if modelConfigFault(cfg) != nil {
		_, err := r.b.Get(ctx, "a b")
		return modelAnswer(err, ""), []string{modelAnswer(kv.ErrInvalidKey, "")}
	}
	err := r.db.DeleteBucket(ctx, modelBucket)
	r.endAll(kv.ErrBucketDeleted)
	_, gone := r.b.Get(ctx, "a")
	_, missing := r.db.Bucket(ctx, modelBucket)
	r.model = newModel(cfg, r.model.now)
	b, created := r.db.CreateBucket(ctx, cfg)
	r.b = b
	got = modelAnswer(err, "") + modelAnswer(gone, "") + modelAnswer(missing, "") + modelAnswer(created, "")
	return got, []string{modelAnswer(kv.ErrBucketDeleted, "") + modelAnswer(kv.ErrBucketNotFound, "")}
}

// reopen closes the database, lets time go by, and opens it again. In memory it only lets time go by.
func (r *modelRun) reopen(ctx context.Context, op *modelOp) (got string, want []string) {
	if r.disk == nil {
		return r.pass(ctx, op)
	}
	for i := range r.listings {
		r.endListing(i)
	}
	err := r.db.Close()
	r.endAll(kv.ErrClosed)
	_, closed := r.b.Get(ctx, "a")
	got = modelAnswer(err, "") + modelAnswer(closed, "")
	time.Sleep(op.age)
	r.model.now = r.model.now.Add(op.age)
	if r.db, err = kv.OpenBackend(r.disk.MustOpen()); err == nil {
		r.b, err = r.db.Bucket(ctx, modelBucket)
	}
	synctest.Wait()
	r.model.expire()
	return got + modelAnswer(err, ""), []string{modelAnswer(kv.ErrClosed, "")}
}

// endAll notes that all watchers have ended, and drops listings.
func (r *modelRun) endAll(err error) {
	for i := range r.listings {
		r.endListing(i)
	}
	for i := range r.watchers {
		if o := &r.watchers[i]; o.w != nil {
			r.model.unwatch(o.model, err)
		}
	}
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

package kv

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/btree"
	"github.com/revkv/kv/internal/wire"
	"github.com/revkv/kv/store"
)

// A Bucket holds keys, each with a log of revisions. Get one from a DB. All its methods may be called by many goroutines
// at once.
//
// It is linearizable: when a write returns revision r, every read that starts afterwards sees r or something newer, and
// whoever learned of r from a watcher finds it with Get. A refused write takes no revision.
//
// Every method takes a context first. The engine waits for little: in memory for nothing but locks, with a durable store
// for the disk, where a write also waits for those before it, be it refused or not. A context that has ended before the call makes it return the context's error, bare, and do nothing; only a
// bad key, pattern or option is reported first. Once a write is accepted it is seen through, so an error from a context
// means that nothing was written.
type Bucket struct {
	name    string
	db      *DB
	log     store.Store
	durable bool              // the log is not a store.Volatile
	values  store.ValueReader // the log, if it keeps the values; else nil

	queue queue  // of those who change a durable bucket, or do what no write may overtake; entered before mu is taken
	made  commit // durable only: what whoever leads has to commit

	ordering   sync.Mutex   // held by the one who puts fresh keys in order; taken after the lead and before mu
	mu         sync.RWMutex // guards what follows; held for memory work only
	cfg        Config
	configured atomic.Int64 // how often cfg was replaced
	gone       error        // why the bucket takes no calls any more
	index      index
	revisions  revisionLog
	accepted   uint64 // the newest revision that a write has got
	published  uint64 // the newest revision that a read sees; in memory the same
	bytes      weight // what MaxBytes limits: of the revisions that are kept once everything accepted is published
	held       weight // the same of the revisions that are in histories now
	rate       wire.Rate
	pending    size  // durable only: what of that is not published
	clock      int64 // the latest time given to a revision

	due       *btree.BTreeG[deadline] // revisions with a deadline of their own; nil until there is one
	deadlines map[uint64]int64        // the same by revision
	nextDue   atomic.Int64            // when the next revision expires at the earliest; never if none does
	timer     *time.Timer
	timerAt   int64 // what the timer is set to; never if it is not
	lastTimer int64 // when it ran last

	snapshots []*snapshot    // of listings under way
	exports   []*logSnapshot // under way

	room     spareRoom  // for older revisions of histories
	bells    bells      // which watchers a write wakes
	starting []*Watcher // watchers that have not caught up yet
}

// A size counts revisions that are accepted and not published.
type size struct {
	keys, values int
	bytes        weight
}

func newBucket(db *DB, cfg Config, log store.Store) *Bucket {
	b := &Bucket{name: cfg.Bucket, db: db, cfg: cfg, log: log, timerAt: never, rate: wire.RateOf(cfg.Bucket, cfg.Labels)}
	b.nextDue.Store(never)
	_, volatile := log.(store.Volatile)
	b.durable = !volatile
	b.values, _ = log.(store.ValueReader)
	return b
}

// Name returns the name of the bucket.
func (b *Bucket) Name() string { return b.name }

// A Status tells the state of a bucket.
type Status struct {
	Config   Config // with defaults filled in; a copy
	Keys     int    // keys with a kept revision, markers included
	Values   int    // kept revisions, markers included
	Bytes    int64  // of keys and values over all kept revisions, each counted with its key: what MaxBytes limits
	Oldest   uint64 // the oldest kept revision; 0 if there is none
	Newest   uint64 // the newest revision ever written, kept or not; 0 if there was none
	Watchers int    // open watchers
}

// Status returns the state of the bucket. Its Config can be given to UpdateBucket and CreateBucket.
func (b *Bucket) Status(ctx context.Context) (Status, error) {
	if err := checkContext(ctx); err != nil {
		return Status{}, err
	}
	b.settle()
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.gone != nil {
		return Status{}, b.gone
	}
	oldest, _ := b.revisions.oldest()
	return Status{
		Config: b.cfg.clone(), Keys: b.index.len() - b.pending.keys, Values: b.revisions.count - b.pending.values,
		Bytes:  b.held.plain - b.pending.bytes.plain,
		Oldest: oldest, Newest: b.published, Watchers: len(b.bells.watchers),
	}, nil
}

// usable reports why the bucket takes no calls any more.
func (b *Bucket) usable() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.gone
}

// config returns the present configuration.
func (b *Bucket) config() Config {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.cfg
}

// reconfigure gives the bucket another configuration and does to the revisions what that says.
func (b *Bucket) reconfigure(cfg Config) error {
	b.freeze()
	defer b.unfreeze()
	if cfg.Storage != b.cfg.Storage {
		return &ConfigError{Bucket: b.name, Field: "Storage", Reason: "cannot be changed", Err: ErrInvalidConfig}
	}
	// What has expired does not come back with a longer TTL, nor after a crash: so the store forgets it first.
	b.expire(b.now())
	if err := b.commit(); err != nil {
		return err
	}
	encoded, err := cfg.encode()
	if err == nil {
		b.mu.Unlock() // reads need not wait
		err = b.db.backend.Configure(b.name, encoded)
		b.mu.Lock()
	}
	if err != nil {
		return b.db.fail(fmt.Errorf("configure bucket %q: %w", b.name, err))
	}
	b.expire(b.now()) // and what has since
	if err := b.shorten(cfg); err != nil {
		return err
	}
	b.nextDue.Store(0) // the TTL may have changed: look at everything
	b.expire(b.now())
	return nil
}

// shorten switches to a configuration and trims every history to its depth; all locks are held.
func (b *Bucket) shorten(cfg Config) error {
	var long []*history
	var trim []uint64
	if cfg.History < b.cfg.History {
		b.index.all(func(h *history) bool {
			if n := h.len() - int(cfg.History); n > 0 {
				long = append(long, h)
				for i := range n {
					trim = append(trim, h.at(i).number)
				}
			}
			return true
		})
	}
	if err := b.forget(trim); err != nil {
		return err
	}
	b.cfg = cfg
	b.configured.Add(1)
	b.setRate()
	for _, h := range long {
		for h.len() > int(cfg.History) {
			b.free(h, 0)
		}
	}
	return nil
}

// forget tells the store that revisions are dropped, before they are; all locks are held, and mu is let go meanwhile.
func (b *Bucket) forget(trim []uint64) error {
	if !b.durable || len(trim) == 0 {
		return nil
	}
	return b.append(nil, trim)
}

// replay fills the bucket from its log.
func (b *Bucket) replay() error {
	b.freeze() // the timer may run before all is read
	defer b.unfreeze()
	if newest := b.log.Newest(); newest > math.MaxInt64 { // nobody has written as many
		reason := fmt.Sprintf("expected a newest revision of at most %d, found %d", int64(math.MaxInt64), newest)
		return fmt.Errorf("kv: open bucket %q: %w", b.name, &CorruptError{File: b.name, Reason: reason})
	}
	var trim []uint64
	for rec, err := range b.log.Records() {
		if err != nil {
			return fmt.Errorf("kv: open bucket %q: %w", b.name, err)
		}
		trim = b.restore(rec, trim)
	}
	b.accepted = max(b.accepted, b.log.Newest()) // the newest revision may be trimmed
	b.published = b.accepted
	_ = b.forget(trim) // if the store cannot, the database is read-only, and can be read
	b.expire(b.now())
	return nil
}

// restore takes one record back in, by the rules that held when it was written: so revisions that the store had yet to
// forget are dropped again. These are added to trim.
func (b *Bucket) restore(rec store.Replayed, trim []uint64) []uint64 {
	r := revision{
		number: rec.Revision, created: rec.Created,
		size: uint32(rec.Size), header: replayedHeader(rec.Record), op: Operation(rec.Operation),
	}
	if b.values == nil {
		r.value = string(rec.Value)
	}
	h := b.historyOf(rec.Key)
	for n := h.displaced(int(b.cfg.History), r.op); n > 0; n-- {
		trim = append(trim, h.at(0).number)
		b.free(h, 0)
	}
	b.insert(h, r, rec.Deadline)
	b.bytes.add(b.weigh(h.key, &r), 1)
	b.accepted, b.published = rec.Revision, rec.Revision
	b.clock = max(b.clock, rec.Created)
	return trim
}

// freeze stops writes and reads, when the write under way is done. Unfreeze lets them go on.
func (b *Bucket) freeze() {
	b.queue.lead()
	b.mu.Lock()
}

// unfreeze ends freeze, when what was made meanwhile is committed. If that fails the database is read-only.
func (b *Bucket) unfreeze() {
	defer b.queue.leave()
	defer b.mu.Unlock()
	_ = b.commit()
}

// end makes the bucket return err from every call, ends its watchers, and closes its log.
func (b *Bucket) end(err error) error {
	b.freeze()
	defer b.unfreeze()
	b.gone = err
	if b.timer != nil {
		b.timer.Stop()
	}
	for w := range b.bells.watchers {
		w.end(err)
	}
	b.bells, b.starting = bells{}, nil
	b.index, b.revisions, b.due, b.deadlines, b.room = index{}, revisionLog{}, nil, nil, nil
	return b.log.Close()
}

// clone returns a copy that shares nothing.
func (c Config) clone() Config {
	c, _ = c.normal()
	return c
}

// without returns s without the first element that is v.
func without[T comparable](s []T, v T) []T {
	if i := slices.Index(s, v); i >= 0 {
		return slices.Delete(s, i, i+1)
	}
	return s
}

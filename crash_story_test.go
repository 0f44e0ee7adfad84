package kv_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// The buckets of a story. Their durations, like those that pass, are multiples of crashTick: deadlines that are closer
// together might wait for each other, and the model knows nothing of that.
const (
	crashDeep   = "deep"   // keeps 3 revisions of a key, has limit markers
	crashFlat   = "flat"   // keeps one, for a while
	crashOther  = "other"  // is made, deleted and made again
	crashCopied = "copied" // is imported, deleted and imported again

	crashTick = 10 * time.Millisecond
)

// crashConfigs are how the buckets begin.
var crashConfigs = map[string]kv.Config{
	crashDeep:  {Bucket: crashDeep, History: 3, LimitMarkerTTL: 10 * crashTick, Storage: kv.FileStorage},
	crashFlat:  {Bucket: crashFlat, History: 1, TTL: 30 * crashTick, Storage: kv.FileStorage},
	crashOther: {Bucket: crashOther, History: 2, Storage: kv.FileStorage},
}

// A crashCall is a call that changes a database, and what that does to a model.
type crashCall struct {
	kind  string
	about string
	model func(crashState)                    // nil if it does nothing
	make  func(context.Context, *kv.DB) error // nil to close the database and open it again
	pause time.Duration                       // time that passes instead
}

func (c *crashCall) String() string { return c.kind + " " + c.about }

// A crashStory thinks of calls. The same seed gives the same story.
type crashStory struct {
	rng   *rand.Rand
	deck  []func(*crashStory, crashState) crashCall // of calls to come
	value int                                       // numbers the values
	made  int                                       // buckets
}

// crashDeck is how many calls of each kind there are in 50.
var crashDeck = []struct {
	number int
	call   func(*crashStory, crashState) crashCall
}{
	{24, (*crashStory).write},
	{6, (*crashStory).batch},
	{7, (*crashStory).pass},
	{2, (*crashStory).purgeDeletes},
	{3, (*crashStory).configure},
	{3, (*crashStory).other},
	{2, (*crashStory).copied},
	{3, (*crashStory).reopen},
}

// next returns the next call after those that led to a state.
func (s *crashStory) next(now crashState) crashCall {
	for _, name := range []string{crashDeep, crashFlat} {
		if now[name] == nil {
			return s.create(name)
		}
	}
	if len(s.deck) == 0 {
		for _, d := range crashDeck {
			s.deck = append(s.deck, slices.Repeat([]func(*crashStory, crashState) crashCall{d.call}, d.number)...)
		}
		s.rng.Shuffle(len(s.deck), func(i, j int) { s.deck[i], s.deck[j] = s.deck[j], s.deck[i] })
	}
	call := s.deck[0]
	s.deck = s.deck[1:]
	return call(s, now)
}

// bucket chooses a bucket to write to.
func (s *crashStory) bucket(now crashState) string {
	names := slices.Sorted(maps.Keys(now))
	return names[s.rng.IntN(len(names))]
}

// one is a write that is not refused.
func (s *crashStory) one(b *crashBucket, key string) modelWrite {
	s.value++
	size := s.rng.IntN(200)
	if s.rng.IntN(15) == 0 {
		size = s.rng.IntN(3000)
	}
	w := modelWrite{kind: "put", key: key, value: fmt.Sprint(s.value, ",", strings.Repeat("v", size))}
	newest := b.newest(key)
	switch n := s.rng.IntN(10); {
	case n == 0:
		w.kind, w.value = "delete", ""
	case n == 1:
		w.kind, w.value = "purge", ""
	case n < 4 && newest.op != kv.Put:
		w.kind = "create"
	case n < 4:
		w.kind, w.revision, w.value = "revert", newest.number, ""
	case n < 6:
		w.kind, w.revision = "update", newest.number
	}
	if s.rng.IntN(4) == 0 {
		w.hasTTL, w.ttl = true, time.Duration(1+s.rng.IntN(20))*crashTick
	}
	return w
}

func (s *crashStory) key() string { return fmt.Sprintf("k.%d", s.rng.IntN(6)) }

func (s *crashStory) write(now crashState) crashCall {
	bucket := s.bucket(now)
	w := s.one(now[bucket], s.key())
	return crashCall{
		kind: w.kind, about: bucket + " " + w.key,
		model: func(state crashState) { state[bucket].mustWrite(w) },
		make: func(ctx context.Context, db *kv.DB) error {
			b, err := db.Bucket(ctx, bucket)
			if err != nil {
				return err
			}
			return w.make(ctx, b)
		},
	}
}

// make makes the write.
func (w *modelWrite) make(ctx context.Context, b *kv.Bucket) error {
	switch w.kind {
	case "put":
		return errOf(b.Put(ctx, w.key, []byte(w.value), w.putOptions()...))
	case "create":
		return errOf(b.Create(ctx, w.key, []byte(w.value), w.putOptions()...))
	case "update":
		return errOf(b.Update(ctx, w.key, []byte(w.value), w.revision, w.putOptions()...))
	case "revert":
		return errOf(b.Revert(ctx, w.key, w.revision, w.putOptions()...))
	case "delete":
		return b.Delete(ctx, w.key, w.deleteOptions()...)
	}
	return b.Purge(ctx, w.key, w.purgeOptions()...)
}

func (b *crashBucket) mustWrite(writes ...modelWrite) {
	if _, refusals := b.write(writes); refusals != nil {
		panic(refusals[0])
	}
}

func (s *crashStory) batch(now crashState) crashCall {
	bucket := s.bucket(now)
	var writes []modelWrite
	var ops []kv.Op
	for _, k := range s.rng.Perm(6)[:2+s.rng.IntN(3)] {
		w := s.one(now[bucket], fmt.Sprintf("k.%d", k))
		writes, ops = append(writes, w), append(ops, w.op())
	}
	return crashCall{
		kind: "batch", about: fmt.Sprintf("%s of %d", bucket, len(ops)),
		model: func(state crashState) { state[bucket].mustWrite(writes...) },
		make: func(ctx context.Context, db *kv.DB) error {
			b, err := db.Bucket(ctx, bucket)
			if err != nil {
				return err
			}
			return applyOps(ctx, b, ops...)
		},
	}
}

func (s *crashStory) pass(crashState) crashCall {
	pause := time.Duration(1+s.rng.IntN(10)) * crashTick
	return crashCall{kind: "pass", about: pause.String(), pause: pause}
}

func (s *crashStory) purgeDeletes(now crashState) crashCall {
	bucket := s.bucket(now)
	age := []time.Duration{-1, 5 * crashTick}[s.rng.IntN(2)]
	return crashCall{
		kind: "purge deletes", about: bucket,
		model: func(state crashState) { state[bucket].purgeDeletes(age) },
		make: func(ctx context.Context, db *kv.DB) error {
			b, err := db.Bucket(ctx, bucket)
			if err != nil {
				return err
			}
			return b.PurgeDeletes(ctx, kv.DeleteMarkersOlderThan(age))
		},
	}
}

func (s *crashStory) configure(now crashState) crashCall {
	bucket := s.bucket(now)
	cfg := now[bucket].cfg
	switch s.rng.IntN(3) {
	case 0:
		cfg.History = uint8(1 + s.rng.IntN(4))
	case 1:
		cfg.TTL = time.Duration(s.rng.IntN(4)) * 10 * crashTick
	}
	s.value++
	cfg.Description = fmt.Sprint(s.value)
	return crashCall{
		kind: "configure", about: fmt.Sprintf("%s, depth %d, TTL %v", bucket, cfg.History, cfg.TTL),
		model: func(state crashState) { state[bucket].configure(cfg) },
		make:  func(ctx context.Context, db *kv.DB) error { return errOf(db.UpdateBucket(ctx, cfg)) },
	}
}

func (s *crashStory) create(bucket string) crashCall {
	s.made++
	made, cfg := s.made, crashConfigs[bucket]
	return crashCall{
		kind: "create bucket", about: bucket,
		model: func(state crashState) { state[bucket] = &crashBucket{newModel(cfg, time.Time{}), made} },
		make:  func(ctx context.Context, db *kv.DB) error { return errOf(db.CreateBucket(ctx, cfg)) },
	}
}

func (s *crashStory) delete(bucket string) crashCall {
	return crashCall{
		kind: "delete bucket", about: bucket,
		model: func(state crashState) { delete(state, bucket) },
		make:  func(ctx context.Context, db *kv.DB) error { return db.DeleteBucket(ctx, bucket) },
	}
}

func (s *crashStory) other(now crashState) crashCall {
	if now[crashOther] == nil {
		return s.create(crashOther)
	}
	return s.delete(crashOther)
}

// copied makes a bucket of what another one has.
func (s *crashStory) copied(now crashState) crashCall {
	if now[crashCopied] != nil {
		return s.delete(crashCopied)
	}
	s.made++
	made := s.made
	return crashCall{
		kind: "import", about: crashCopied,
		model: func(state crashState) {
			c := state[crashDeep].clone()
			c.cfg.Bucket, c.made = crashCopied, made
			state[crashCopied] = c
		},
		make: func(ctx context.Context, db *kv.DB) error {
			b, err := db.Bucket(ctx, crashDeep)
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := b.Export(ctx, &text); err != nil {
				return err
			}
			return errOf(db.Import(ctx, &text, kv.ImportAs(crashCopied)))
		},
	}
}

func (s *crashStory) reopen(crashState) crashCall { return crashCall{kind: "reopen"} }

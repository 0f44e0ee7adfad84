package natstest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An opt is an option with its text. What is in it may have to be looked up.
type opt[O any] struct {
	text string
	find func(r *run, b jetstream.KeyValue) O
}

func fixed[O any](text string, o O) opt[O] {
	return opt[O]{text, func(*run, jetstream.KeyValue) O { return o }}
}

// found returns an option that takes a revision.
func found[O any](name string, of revision, option func(uint64) O) opt[O] {
	return opt[O]{fmt.Sprintf("%s(%s)", name, of.text), func(r *run, b jetstream.KeyValue) O { return option(of.find(r, b)) }}
}

// opts returns up to three options, and their text behind other arguments.
func opts[O any](s *source, one func() opt[O]) (list []opt[O], text string) {
	for range pick(s, 0, 0, 1, 1, 2, 3) {
		o := one()
		list = append(list, o)
		text += ", " + o.text
	}
	return list, text
}

// values returns the options for a call.
func values[O any](list []opt[O], r *run, b jetstream.KeyValue) (all []O) {
	for _, o := range list {
		all = append(all, o.find(r, b))
	}
	return all
}

// ttl is none, too short, or so long that nothing expires while a program is played.
func (s *source) ttl() time.Duration {
	return pick(s, 0, -1, 1, time.Second-1, time.Hour, 90*time.Minute, 12*time.Hour+500*time.Millisecond, 10*time.Minute)
}

func (s *source) deleteOpt(key string) opt[jetstream.KVDeleteOpt] {
	switch s.IntN(6) {
	case 0:
		return fixed[jetstream.KVDeleteOpt]("nil", nil)
	case 1, 2:
		ttl := s.ttl()
		return fixed(fmt.Sprintf("PurgeTTL(%v)", ttl), jetstream.PurgeTTL(ttl))
	}
	return found("LastRevision", s.revision(key), jetstream.LastRevision)
}

func (s *source) createOpt() opt[jetstream.KVCreateOpt] {
	if s.one(6) {
		return fixed[jetstream.KVCreateOpt]("nil", nil)
	}
	ttl := s.ttl()
	return fixed(fmt.Sprintf("KeyTTL(%v)", ttl), jetstream.KeyTTL(ttl))
}

// write makes a write.
func (s *source) write() operation {
	name, key, v := s.bucket(), s.key(), s.value()
	on := func(text string, do func(*run, jetstream.KeyValue)) operation {
		return s.on(name, text, func(r *run, b jetstream.KeyValue) {
			if r.mayWait(name) {
				do(r, b)
			}
		})
	}
	switch s.IntN(12) {
	case 0, 1, 2:
		return on(fmt.Sprintf("Put(ctx, %s, %v)", short(key), v), func(r *run, b jetstream.KeyValue) {
			revision, err := b.Put(r.ctx(), key, v.bytes())
			r.note("%d %s", revision, describe(err))
		})
	case 3:
		return on(fmt.Sprintf("PutString(ctx, %s, %v)", short(key), v), func(r *run, b jetstream.KeyValue) {
			revision, err := b.PutString(r.ctx(), key, string(v.bytes()))
			r.note("%d %s", revision, describe(err))
		})
	case 4, 5:
		list, text := opts(s, s.createOpt)
		return on(fmt.Sprintf("Create(ctx, %s, %v%s)", short(key), v, text), func(r *run, b jetstream.KeyValue) {
			r.create(b, key, string(v.bytes()), values(list, r, b)...)
		})
	case 6, 7, 8:
		revision := s.revision(key)
		return on(fmt.Sprintf("Update(ctx, %s, %v, %s)", short(key), v, revision.text), func(r *run, b jetstream.KeyValue) {
			r.update(b, key, string(v.bytes()), revision.find(r, b))
		})
	case 9, 10:
		list, text := opts(s, func() opt[jetstream.KVDeleteOpt] { return s.deleteOpt(key) })
		return on(fmt.Sprintf("Delete(ctx, %s%s)", short(key), text), func(r *run, b jetstream.KeyValue) {
			r.delete(b, key, values(list, r, b)...)
		})
	}
	list, text := opts(s, func() opt[jetstream.KVDeleteOpt] { return s.deleteOpt(key) })
	return on(fmt.Sprintf("Purge(ctx, %s%s)", short(key), text), func(r *run, b jetstream.KeyValue) {
		r.purge(b, key, values(list, r, b)...)
	})
}

// readKey makes a read of one key, or a history.
func (s *source) readKey() operation {
	name, key := s.bucket(), s.key()
	switch s.IntN(6) {
	case 0, 1:
		return s.on(name, fmt.Sprintf("Get(ctx, %s)", short(key)), func(r *run, b jetstream.KeyValue) { r.get(b, key) })
	case 2, 3:
		revision := s.revision(key)
		return s.on(name, fmt.Sprintf("GetRevision(ctx, %s, %s)", short(key), revision.text), func(r *run, b jetstream.KeyValue) {
			r.getRevision(b, key, revision.find(r, b))
		})
	case 4:
		key = s.pattern(false)
	}
	list, text := opts(s, s.watchOpt)
	return s.on(name, fmt.Sprintf("History(ctx, %s%s)", short(key), text), func(r *run, b jetstream.KeyValue) {
		r.history(b, key, values(list, r, b)...)
	})
}

// watchOpt is an option of a watch.
func (s *source) watchOpt() opt[jetstream.WatchOpt] {
	if s.one(5) {
		return fixed[jetstream.WatchOpt]("UpdatesOnly()", updatesOnly)
	}
	return s.listOpt()
}

// listOpt is one that a listing of keys comes to an end with.
func (s *source) listOpt() opt[jetstream.WatchOpt] {
	switch s.IntN(7) {
	case 0:
		return fixed[jetstream.WatchOpt]("nil", nil)
	case 1, 2:
		return fixed[jetstream.WatchOpt]("IncludeHistory()", includeHistory)
	case 3:
		return fixed[jetstream.WatchOpt]("IgnoreDeletes()", ignoreDeletes)
	case 4:
		return fixed[jetstream.WatchOpt]("MetaOnly()", metaOnly)
	}
	return found("ResumeFromRevision", s.revision(pick(s, goodKeys...)), resumeFrom)
}

// list makes a listing of keys.
func (s *source) list() operation {
	name := s.bucket()
	list, text := opts(s, s.listOpt)
	switch s.IntN(3) {
	case 0:
		return s.on(name, "Keys(ctx"+text+")", func(r *run, b jetstream.KeyValue) { r.keys(b, values(list, r, b)...) })
	case 1:
		return s.on(name, "ListKeys(ctx"+text+")", func(r *run, b jetstream.KeyValue) { r.listKeys(b, values(list, r, b)...) })
	}
	filters := s.patterns()
	text = strings.Trim(showPatterns(filters), "[]")
	return s.on(name, "ListKeysFiltered(ctx, "+text+")", func(r *run, b jetstream.KeyValue) {
		r.listFiltered(b, slices.Clone(filters)...)
	})
}

// watch makes a watch.
func (s *source) watch() operation {
	name, i, patterns := s.bucket(), s.IntN(watchersOfRun), s.patterns()
	list, text := opts(s, s.watchOpt)
	return s.ctx(operation{
		fmt.Sprintf("%s.watcher %d = WatchFiltered(ctx, %s%s)", name, i, showPatterns(patterns), text),
		func(r *run) {
			r.with(name, func(b jetstream.KeyValue) {
				r.watch(i, name, slices.Clone(patterns), !strings.Contains(text, "UpdatesOnly"), values(list, r, b))
			})
		},
	})
}

// endWatch makes a watch end.
func (s *source) endWatch() operation {
	i := s.IntN(watchersOfRun)
	if s.one(2) {
		return operation{fmt.Sprintf("watcher %d.Stop()", i), func(r *run) { r.endWatcher(i, false) }}
	}
	return operation{fmt.Sprintf("watcher %d.cancel()", i), func(r *run) { r.endWatcher(i, true) }}
}

// age is of markers that PurgeDeletes drops. All are older than a nanosecond and none than minutes.
func (s *source) age() time.Duration {
	return pick(s, 0, -1, -1, -time.Hour, 1, time.Hour, 10*time.Minute)
}

func (s *source) purgeDeletes() operation {
	name := s.bucket()
	list, text := opts(s, func() opt[jetstream.KVPurgeOpt] {
		if s.one(6) {
			return fixed[jetstream.KVPurgeOpt]("nil", nil)
		}
		age := s.age()
		return fixed[jetstream.KVPurgeOpt](fmt.Sprintf("DeleteMarkersOlderThan(%v)", age), jetstream.DeleteMarkersOlderThan(age))
	})
	return s.on(name, "PurgeDeletes(ctx"+text+")", func(r *run, b jetstream.KeyValue) {
		r.note("%s", describe(b.PurgeDeletes(r.ctx(), values(list, r, b)...)))
	})
}

func (s *source) status() operation {
	name, info := s.bucket(), s.one(2)
	return s.on(name, "Status(ctx)", func(r *run, b jetstream.KeyValue) {
		r.status(b)
		if info {
			r.noteStream(b, false)
		}
		r.note("%s", b.Bucket())
	})
}

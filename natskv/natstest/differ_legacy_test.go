package natstest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// onOld makes an operation on a bucket through the interface of package nats. b is the same bucket, to look revisions up.
func (s *source) onOld(name, text string, do func(r *run, old nats.KeyValue, b jetstream.KeyValue)) operation {
	return operation{"old " + name + "." + text, func(r *run) {
		r.with(name, func(b jetstream.KeyValue) {
			r.withOld(name, func(old nats.KeyValue) { do(r, old, b) })
		})
	}}
}

func (s *source) oldDeleteOpt(key string) opt[nats.DeleteOpt] {
	if s.one(5) {
		return fixed[nats.DeleteOpt]("nil", nil)
	}
	return found("LastRevision", s.revision(key), nats.LastRevision)
}

// oldWrite is write for package nats.
func (s *source) oldWrite() operation {
	name, key, v := s.bucket(), s.key(), s.value()
	on := func(text string, do func(r *run, old nats.KeyValue, b jetstream.KeyValue)) operation {
		return s.onOld(name, text, func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			if r.mayWait(name) {
				do(r, old, b)
			}
		})
	}
	wrote := func(r *run, revision uint64, err error) { r.note("%d %s", revision, describe(err)) }
	switch s.IntN(7) {
	case 0, 1:
		return on(fmt.Sprintf("Put(%s, %v)", short(key), v), func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
			revision, err := old.Put(key, v.bytes())
			wrote(r, revision, err)
		})
	case 2:
		return on(fmt.Sprintf("PutString(%s, %v)", short(key), v), func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
			revision, err := old.PutString(key, string(v.bytes()))
			wrote(r, revision, err)
		})
	case 3:
		return on(fmt.Sprintf("Create(%s, %v)", short(key), v), func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
			revision, err := old.Create(key, v.bytes())
			wrote(r, revision, err)
		})
	case 4:
		revision := s.revision(key)
		text := fmt.Sprintf("Update(%s, %v, %s)", short(key), v, revision.text)
		return on(text, func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			revision, err := old.Update(key, v.bytes(), revision.find(r, b))
			wrote(r, revision, err)
		})
	case 5:
		list, text := opts(s, func() opt[nats.DeleteOpt] { return s.oldDeleteOpt(key) })
		return on(fmt.Sprintf("Delete(%s%s)", short(key), text), func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			wrote(r, 0, old.Delete(key, values(list, r, b)...))
		})
	}
	list, text := opts(s, func() opt[nats.DeleteOpt] { return s.oldDeleteOpt(key) })
	return on(fmt.Sprintf("Purge(%s%s)", short(key), text), func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
		wrote(r, 0, old.Purge(key, values(list, r, b)...))
	})
}

// oldListOpt is listOpt for package nats.
func (s *source) oldListOpt() opt[nats.WatchOpt] {
	switch s.IntN(5) {
	case 0:
		return fixed[nats.WatchOpt]("nil", nil)
	case 1:
		return fixed("IncludeHistory()", nats.IncludeHistory())
	case 2:
		return fixed("IgnoreDeletes()", nats.IgnoreDeletes())
	case 3:
		return fixed("MetaOnly()", nats.MetaOnly())
	}
	if s.one(5) {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return fixed[nats.WatchOpt]("Context(ended)", nats.Context(ended))
	}
	return fixed[nats.WatchOpt]("Context(ctx)", nats.Context(context.Background()))
}

// oldRead is readKey, list, purgeDeletes and status for package nats.
func (s *source) oldRead() operation {
	name, key := s.bucket(), s.key()
	revision := s.revision(key)
	list, text := opts(s, s.oldListOpt)
	switch s.IntN(9) {
	case 0, 1:
		return s.onOld(name, fmt.Sprintf("Get(%s)", short(key)), func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
			e, err := old.Get(key)
			r.note("%s %s", entry(e, true), describe(err))
		})
	case 2, 3:
		return s.onOld(name, fmt.Sprintf("GetRevision(%s, %s)", short(key), revision.text),
			func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
				e, err := old.GetRevision(key, revision.find(r, b))
				r.note("%s %s", entry(e, true), describe(err))
			})
	case 4:
		if s.one(3) {
			list, text = []opt[nats.WatchOpt]{fixed("UpdatesOnly()", nats.UpdatesOnly())}, ", UpdatesOnly()"
		}
		if s.one(2) {
			key = s.pattern(false)
		}
		return s.onOld(name, fmt.Sprintf("History(%s%s)", short(key), text), func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			r.noteOldHistory(old.History(key, values(list, r, b)...))
		})
	case 5:
		return s.onOld(name, fmt.Sprintf("Keys(%s)", trimmed(text)), func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			keys, err := old.Keys(values(list, r, b)...)
			r.note("%q %v %s", keys, keys == nil, describe(err))
		})
	case 6:
		return s.onOld(name, fmt.Sprintf("ListKeys(%s)", trimmed(text)), func(r *run, old nats.KeyValue, b jetstream.KeyValue) {
			l, err := old.ListKeys(values(list, r, b)...)
			r.note("%s", describe(err))
			r.readLister(l, err)
		})
	case 7:
		age := s.age()
		return s.onOld(name, fmt.Sprintf("PurgeDeletes(DeleteMarkersOlderThan(%v), nil)", age),
			func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
				r.note("%s", describe(old.PurgeDeletes(nats.DeleteMarkersOlderThan(age), nil)))
			})
	}
	return s.onOld(name, "Status()", func(r *run, old nats.KeyValue, _ jetstream.KeyValue) {
		r.oldStatus(old.Status())
		r.note("%s", old.Bucket())
	})
}

func (r *run) noteOldHistory(entries []nats.KeyValueEntry, err error) {
	r.note("%s %v %s", list(entries), entries == nil, describe(err))
}

// trimmed takes the comma off that comes before the first option.
func trimmed(text string) string { return text[min(2, len(text)):] }

// oldWatch is watch for package nats.
func (s *source) oldWatch() operation {
	name, i, patterns := s.bucket(), s.IntN(watchersOfRun), s.patterns()
	list, text := opts(s, func() opt[nats.WatchOpt] {
		if s.one(5) {
			return fixed("UpdatesOnly()", nats.UpdatesOnly())
		}
		return s.oldListOpt()
	})
	return operation{
		fmt.Sprintf("old %s.watcher %d = WatchFiltered(%s%s)", name, i, showPatterns(patterns), text),
		func(r *run) {
			r.oldWatch(i, name, slices.Clone(patterns), !strings.Contains(text, "UpdatesOnly"), values(list, r, nil))
		},
	}
}

// oldManage is manage for package nats.
func (s *source) oldManage() operation {
	name := s.bucket()
	switch s.IntN(6) {
	case 0, 1:
		c := s.config(name)
		old := &nats.KeyValueConfig{
			Bucket: c.Bucket, Description: c.Description, MaxValueSize: c.MaxValueSize, History: c.History, TTL: c.TTL,
			MaxBytes: c.MaxBytes, Storage: nats.StorageType(c.Storage), Replicas: c.Replicas, Compression: c.Compression,
		}
		if s.one(8) {
			old = nil
		}
		return operation{fmt.Sprintf("old js.CreateKeyValue(%s)", shortConfig(c)), func(r *run) { r.oldCreate(old) }}
	case 2:
		s.again(name)
		return operation{fmt.Sprintf("old js.DeleteKeyValue(%q)", name), func(r *run) {
			r.stopWatchers(name)
			r.gone(name, r.old.DeleteKeyValue(name))
		}}
	case 3:
		return operation{fmt.Sprintf("old js.KeyValue(%q)", name), func(r *run) {
			b, err := r.old.KeyValue(name)
			r.note("%s", describe(err))
			if err == nil {
				r.oldBuckets[name] = b
			}
		}}
	}
	return operation{"old js.KeyValueStores()", func(r *run) {
		for name := range r.old.KeyValueStoreNames() {
			r.note("name %s", name)
		}
		for s := range r.old.KeyValueStores() {
			r.oldStatus(s, nil)
		}
	}}
}

func (r *run) oldCreate(c *nats.KeyValueConfig) {
	if c == nil {
		_, err := r.old.CreateKeyValue(nil)
		r.note("%s", describe(err))
		return
	}
	var b nats.KeyValue
	err := r.created(c.Bucket, func() (err error) {
		b, err = r.old.CreateKeyValue(c)
		return err
	})
	r.note("%s", describe(err))
	if err != nil {
		r.note("nil bucket: %v", b == nil)
		return
	}
	r.oldBuckets[c.Bucket] = b
	delete(r.deleted, c.Bucket)
	r.oldStatus(b.Status())
}

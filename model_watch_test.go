package kv_test

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/revkv/kv"
)

// A modelWatcher is what is known of a watcher of the engine. A watcher may read ahead, nobody knows how far, so it has no
// single right answer: accept says whether an answer is one of the right ones.
type modelWatcher struct {
	modelWatchOptions
	values bool // the store keeps the values: what was read ahead may have lost its value meanwhile

	start    uint64
	position uint64            // the newest revision that was delivered
	first    map[string]uint64 // the newest revision of each matching key when the watch began
	begun    map[string]uint64 // the same, of those keys that CaughtUp may have to wait for
	caughtUp bool
	ahead    [][]modelEvent // what it may have read ahead: what it could see at earlier times, less what was delivered since
	ended    error
}

// modelWatchOptions are the options of a watch.
type modelWatchOptions struct {
	patterns       []string
	includeHistory bool
	updatesOnly    bool
	ignoreDeletes  bool
	metaOnly       bool
	resume         uint64
}

// A modelEvent is an entry that a watcher has to deliver.
type modelEvent struct {
	entry  kv.Entry
	hidden bool      // by IgnoreDeletes
	gone   time.Time // when it is not to be delivered any more, because it or its key expires; zero if never
}

// watch begins a watch.
func (m *model) watch(o modelWatchOptions, values bool) *modelWatcher {
	w := &modelWatcher{
		modelWatchOptions: o, values: values,
		start: m.last, first: map[string]uint64{}, begun: map[string]uint64{}, caughtUp: o.updatesOnly,
	}
	switch {
	case o.resume > 0:
		w.position, w.includeHistory = o.resume-1, true
	case o.updatesOnly:
		w.position = m.last
	}
	for key := range m.keys {
		newest := m.newest(key)
		if !modelMatchesAny(o.patterns, key) || newest.number <= w.position {
			continue
		}
		w.first[key] = newest.number
		if !o.ignoreDeletes || newest.op == kv.Put {
			w.begun[key] = newest.number
		}
	}
	m.watchers = append(m.watchers, w)
	return w
}

// unwatch ends a watch.
func (m *model) unwatch(w *modelWatcher, err error) {
	if w.ended == nil {
		w.ended = err
	}
	m.watchers = slices.DeleteFunc(m.watchers, func(o *modelWatcher) bool { return o == w })
}

// visible returns what a watcher can see now.
func (m *model) visible(w *modelWatcher) (events []modelEvent) {
	for _, e := range m.revisionsAfter(w.position, w.patterns) {
		if e.Revision <= w.start && !w.includeHistory && e.Revision != w.first[e.Key] {
			continue
		}
		ev := modelEvent{entry: e, hidden: w.ignoreDeletes && e.Operation != kv.Put, gone: e.Expires}
		newest := m.newest(e.Key)
		if at := m.expires(&newest); !at.IsZero() && (ev.gone.IsZero() || at.Before(ev.gone)) {
			ev.gone = at
		}
		if w.metaOnly {
			ev.entry.Value = nil
		}
		events = append(events, ev)
	}
	return events
}

// accept says what is wrong with the answer of Next: an event, or nothing if it waited in vain. It returns "" if that is
// right.
func (w *modelWatcher) accept(m *model, e kv.Event, nothing bool) string {
	visible := m.visible(w)
	due := slices.DeleteFunc(slices.Clone(visible), func(ev modelEvent) bool { return ev.hidden })
	switch {
	case nothing:
		return w.acceptNothing(m, due)
	case e.Kind == kv.CaughtUp:
		return w.acceptCaughtUp(m, due)
	}
	return w.acceptEntry(m, e.Entry, visible)
}

func (w *modelWatcher) acceptNothing(m *model, due []modelEvent) string {
	if len(due) > 0 {
		return "it should deliver " + modelShow(due[0].entry)
	}
	if !w.caughtUp {
		return "it should deliver CaughtUp"
	}
	w.ahead, w.position = nil, max(w.position, m.last)
	return ""
}

func (w *modelWatcher) acceptCaughtUp(m *model, due []modelEvent) string {
	if w.caughtUp {
		return "CaughtUp came before, or is not to come"
	}
	for _, ev := range due {
		_, waits := w.begun[ev.entry.Key]
		if ev.entry.Revision <= w.start || waits && !w.holds(m, ev.entry.Key) {
			return "before CaughtUp it should deliver " + modelShow(ev.entry)
		}
	}
	w.caughtUp, w.begun = true, nil
	return ""
}

// holds says whether the revision that was a key's newest when the watch began is still kept.
func (w *modelWatcher) holds(m *model, key string) bool {
	_, ok := m.at(key, w.begun[key])
	return ok
}

func (w *modelWatcher) acceptEntry(m *model, e kv.Entry, visible []modelEvent) string {
	if !w.caughtUp && e.Revision > w.start && !w.waits(m) {
		return "it should deliver CaughtUp before " + modelShow(e)
	}
	var ahead [][]modelEvent
	wanted := "nothing"
	for _, list := range append(w.ahead, visible) {
		list = w.skip(m, list)
		if len(list) == 0 {
			continue
		}
		if !modelSame(list[0].entry, e) {
			wanted = modelShow(list[0].entry)
			continue
		}
		ahead = modelAddList(ahead, list[1:])
	}
	if ahead == nil {
		return "it should deliver " + wanted
	}
	w.ahead, w.position = ahead, e.Revision
	for key, number := range w.begun {
		if key == e.Key && number <= e.Revision {
			delete(w.begun, key)
		}
	}
	return ""
}

// waits says whether CaughtUp may have to wait for a revision that was written after the watch began: that of a key whose
// newest one of that time is gone.
func (w *modelWatcher) waits(m *model) bool {
	for key := range w.begun {
		if !w.holds(m, key) {
			return true
		}
	}
	return false
}

// skip leaves out the events at the beginning of a list that are not delivered.
func (w *modelWatcher) skip(m *model, list []modelEvent) []modelEvent {
	for len(list) > 0 {
		ev := &list[0]
		expired := !ev.gone.IsZero() && !ev.gone.After(m.now)
		_, kept := m.at(ev.entry.Key, ev.entry.Revision)
		lost := w.values && !kept && len(ev.entry.Value) > 0
		if !ev.hidden && !expired && !lost {
			break
		}
		list = list[1:]
	}
	return list
}

// modelAddList adds a list, unless it is there already.
func modelAddList(lists [][]modelEvent, list []modelEvent) [][]modelEvent {
	for _, have := range lists {
		if slices.EqualFunc(have, list, func(a, b modelEvent) bool {
			return a.hidden == b.hidden && a.gone.Equal(b.gone) && modelSame(a.entry, b.entry)
		}) {
			return lists
		}
	}
	return append(lists, list)
}

// modelSame compares entries field by field.
func modelSame(a, b kv.Entry) bool {
	return a.Revision == b.Revision && a.Key == b.Key && a.Operation == b.Operation && a.Delta == b.Delta &&
		a.Created.Equal(b.Created) && a.Expires.Equal(b.Expires) && a.Bucket == b.Bucket && bytes.Equal(a.Value, b.Value)
}

// modelShow writes an entry down, with all its fields.
func modelShow(e kv.Entry) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format("15:04:05.999999999")
	}
	return fmt.Sprintf("%s/%s %d %v %q created %s expires %s delta %d",
		e.Bucket, e.Key, e.Revision, e.Operation, e.Value, at(e.Created), at(e.Expires), e.Delta)
}

// A modelListing is a listing under way: what it has yet to yield.
type modelListing struct {
	entries []kv.Entry
	limit   int // 0 is none
	meta    bool
}

// next returns the next entry that has not expired.
func (l *modelListing) next(m *model) (e kv.Entry, ok bool) {
	for len(l.entries) > 0 {
		e, l.entries = l.entries[0], l.entries[1:]
		if !e.Expires.IsZero() && !e.Expires.After(m.now) {
			continue
		}
		if l.limit--; l.limit == 0 {
			l.entries = nil
		}
		if l.meta {
			e.Value = nil
		}
		e.Delta = 0
		return e, true
	}
	return kv.Entry{}, false
}

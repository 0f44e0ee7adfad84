package kv_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/revkv/kv"
)

// A modelWatcher is what is known of a watcher of the engine. A watcher may read ahead, nobody knows how far, so it has no
// single right answer: accept says whether an answer is one of the right ones, and what can be true of the watcher then.
type modelWatcher struct {
	modelWatchOptions
	values bool // the store keeps the values: what was read ahead may have lost its value meanwhile

	start    uint64
	first    map[string]uint64 // the newest revision of each matching key when the watch began
	caughtUp bool
	states   []modelState // one of these is true
	ended    error
}

// A modelState is what can be true of a watcher.
type modelState struct {
	modelPlace
	ahead []modelEvent // what it has read ahead, or more: it may have read less
}

// A modelPlace is how far a watcher has come.
type modelPlace struct {
	position uint64            // all revisions up to here are delivered, or are not to be
	begun    map[string]uint64 // what is left of first
}

// come returns the place behind an event.
func (p modelPlace) come(ev *modelEvent) modelPlace {
	p.position = max(p.position, ev.revision.number)
	if number, ok := p.begun[ev.entry.Key]; ok && number <= ev.revision.number {
		p.begun = maps.Clone(p.begun)
		delete(p.begun, ev.entry.Key)
	}
	return p
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

// A modelEvent is an entry that a watcher has to deliver, or CaughtUp.
type modelEvent struct {
	caughtUp bool
	entry    kv.Entry
	revision modelRevision
	hidden   bool      // by IgnoreDeletes
	gone     time.Time // when it is not to be delivered any more, because it or its key expires; zero if never

	reconfigured bool        // since it was seen the bucket has got another configuration
	expires      []time.Time // what it says then of when it expires, one of these
}

// watch begins a watch.
func (m *model) watch(o modelWatchOptions, values bool) *modelWatcher {
	w := &modelWatcher{
		modelWatchOptions: o, values: values, start: m.last, first: map[string]uint64{}, caughtUp: o.updatesOnly,
	}
	var place modelPlace
	switch {
	case o.resume > 0:
		place.position, w.includeHistory = o.resume-1, true
	case o.updatesOnly:
		place.position = m.last
	}
	for key := range m.keys {
		if newest := m.newest(key); modelMatchesAny(o.patterns, key) && newest.number > place.position {
			w.first[key] = newest.number
		}
	}
	place.begun = maps.Clone(w.first)
	w.states = []modelState{{modelPlace: place}}
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

// visible returns what a watcher can see now, if it has come to what at says. CaughtUp is in its place: when the watcher has
// come to the newest revision that each key had when the watch began. If such a revision is gone, the key's next one
// takes its part.
func (m *model) visible(w *modelWatcher, at modelPlace) (events []modelEvent) {
	caughtUp := w.caughtUp
	waiting := map[string]bool{}
	for key, number := range at.begun {
		if _, kept := m.at(key, number); !kept {
			waiting[key] = true
		}
	}
	for _, e := range m.revisionsAfter(at.position, w.patterns) {
		if e.Revision <= w.start && !w.includeHistory && e.Revision != w.first[e.Key] {
			continue
		}
		if e.Revision > w.start && !caughtUp && len(waiting) == 0 {
			events, caughtUp = append(events, modelEvent{caughtUp: true}), true
		}
		if e.Revision > w.start {
			delete(waiting, e.Key)
		}
		events = append(events, m.event(w, e))
	}
	if !caughtUp {
		events = append(events, modelEvent{caughtUp: true})
	}
	return events
}

// event returns an entry as a watcher has to deliver it.
func (m *model) event(w *modelWatcher, e kv.Entry) modelEvent {
	ev := modelEvent{entry: e, hidden: w.ignoreDeletes && e.Operation != kv.Put}
	ev.revision, _ = m.at(e.Key, e.Revision)
	newest := m.newest(e.Key)
	ev.gone = modelEarlier(e.Expires, m.expires(&newest))
	if w.metaOnly {
		ev.entry.Value = []byte{}
	}
	return ev
}

// modelEarlier returns the earlier one of two times, of which zero is never.
func modelEarlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// reconfigured looks at what watchers have read ahead when the bucket has another configuration. Deadlines change with it, so
// what is said of them may be what was right when the event was seen, or what is right now.
func (m *model) reconfigured() {
	for _, w := range m.watchers {
		for i := range w.states {
			ahead := slices.Clone(w.states[i].ahead)
			for j := range ahead {
				ev := &ahead[j]
				ev.reconfigured = true
				ev.expires = append(slices.Clone(ev.expires), ev.entry.Expires, m.expires(&ev.revision))
			}
			w.states[i].ahead = ahead
		}
	}
}

// accept says what is wrong with the answer of Next: an event, or nothing if it waited in vain. It returns "" if that is
// right.
func (w *modelWatcher) accept(m *model, e kv.Event, nothing bool) (wrong string) {
	got := modelEvent{caughtUp: e.Kind == kv.CaughtUp, entry: e.Entry}
	wrong = "it should deliver nothing"
	var states []modelState
	for _, s := range w.possible(m) {
		end := true
		for i := range s.ahead {
			ev := &s.ahead[i]
			if !nothing && ev.same(&got) && !w.mustSkip(m, ev) {
				states = modelAddState(states, modelState{s.come(ev), s.ahead[i+1:]})
				end = false
				break
			}
			if !w.maySkip(m, ev) {
				wrong, end = "it should deliver "+ev.show(), false
				break
			}
			s.modelPlace = w.pass(m, s.modelPlace, ev)
		}
		if nothing && end {
			s.position = max(s.position, m.last)
			states = modelAddState(states, modelState{modelPlace: s.modelPlace})
		}
	}
	if states == nil {
		return wrong
	}
	w.states, w.caughtUp = states, w.caughtUp || got.caughtUp
	return ""
}

// possible returns what can be true when the watcher looks for the next event: it goes by what it has read ahead, or by what it
// can see now, perhaps after it has passed over events that it is not to deliver any more.
func (w *modelWatcher) possible(m *model) (states []modelState) {
	for _, s := range w.states {
		if len(s.ahead) > 0 {
			states = modelAddState(states, s)
		}
		at := s.modelPlace
		states = modelAddState(states, modelState{at, m.visible(w, at)})
		for i := range s.ahead {
			if !w.maySkip(m, &s.ahead[i]) {
				break
			}
			at = w.pass(m, at, &s.ahead[i])
			states = modelAddState(states, modelState{at, m.visible(w, at)})
		}
	}
	return states
}

// pass is come for an event that is not delivered. If it is not because its value is lost, what comes next of its key takes
// its part.
func (w *modelWatcher) pass(m *model, at modelPlace, ev *modelEvent) modelPlace {
	if w.lost(m, ev) {
		at.position = max(at.position, ev.revision.number)
		return at
	}
	return at.come(ev)
}

// mustSkip says whether an event is not to be delivered: it is hidden, or it or its key has expired.
func (w *modelWatcher) mustSkip(m *model, ev *modelEvent) bool {
	switch {
	case ev.caughtUp:
		return false
	case ev.hidden, m.isPast(m.expires(&ev.revision)):
		return true
	case ev.reconfigured:
		return len(m.keys[ev.entry.Key]) == 0
	}
	return m.isPast(ev.gone)
}

// maySkip says whether an event need not be delivered. What is kept has to be.
func (w *modelWatcher) maySkip(m *model, ev *modelEvent) bool {
	if ev.caughtUp {
		return false
	}
	_, kept := m.at(ev.entry.Key, ev.entry.Revision)
	return w.mustSkip(m, ev) || w.lost(m, ev) || ev.reconfigured && !kept
}

// lost says whether what a watcher has read ahead has lost its value since.
func (w *modelWatcher) lost(m *model, ev *modelEvent) bool {
	_, kept := m.at(ev.entry.Key, ev.entry.Revision)
	return w.values && !kept && len(ev.entry.Value) > 0
}

func (m *model) isPast(at time.Time) bool { return !at.IsZero() && !at.After(m.now) }

// modelAddState adds a state, unless it is there already.
func modelAddState(states []modelState, s modelState) []modelState {
	for _, have := range states {
		if have.position == s.position && maps.Equal(have.begun, s.begun) && slices.EqualFunc(have.ahead, s.ahead, modelSameEvent) {
			return states
		}
	}
	return append(states, s)
}

func modelSameEvent(a, b modelEvent) bool {
	return a.caughtUp == b.caughtUp && a.gone.Equal(b.gone) && a.reconfigured == b.reconfigured && modelSame(a.entry, b.entry)
}

// same says whether a watcher that delivers got has delivered the event.
func (ev *modelEvent) same(got *modelEvent) bool {
	if ev.caughtUp || got.caughtUp {
		return ev.caughtUp == got.caughtUp
	}
	want := ev.entry
	if slices.ContainsFunc(ev.expires, got.entry.Expires.Equal) {
		want.Expires = got.entry.Expires
	}
	return modelSame(want, got.entry)
}

func (ev *modelEvent) show() string {
	if ev.caughtUp {
		return "CaughtUp"
	}
	return modelShow(ev.entry)
}

// modelSame compares entries field by field.
func modelSame(a, b kv.Entry) bool {
	return a.Revision == b.Revision && a.Key == b.Key && a.Operation == b.Operation && a.Delta == b.Delta &&
		a.Created.Equal(b.Created) && a.Expires.Equal(b.Expires) && a.Bucket == b.Bucket && bytes.Equal(a.Value, b.Value) && (a.Value == nil) == (b.Value == nil)
}

// modelShow writes an entry down, with all its fields.
func modelShow(e kv.Entry) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.UTC().Format("15:04:05.999999999")
	}
	value := fmt.Sprintf("%q", e.Value)
	if e.Value == nil {
		value = "no value, not even an empty one,"
	}
	return fmt.Sprintf("%s/%s %d %v %s created %s expires %s delta %d",
		e.Bucket, e.Key, e.Revision, e.Operation, value, at(e.Created), at(e.Expires), e.Delta)
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
			e.Value = []byte{}
		}
		e.Delta = 0
		return e, true
	}
	return kv.Entry{}, false
}

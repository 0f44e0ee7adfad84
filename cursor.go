package kv

import "slices"

// How a watcher finds its events: where it begins, its steps through the log, and when it has caught up.

const (
	// readyEvents is how many entries a watcher takes from the log at a time.
	readyEvents = 32
	// watchChunk is how many slots of the log a watcher looks at under the lock at a time.
	watchChunk = 1024
	// maxAhead is how many revisions a watcher looks up in the index when it begins; if more match it reads the log.
	maxAhead = 1 << 14
	// maxOwed bounds Watcher.owed. With more, the watcher has caught up when it has reached the end of the log.
	maxOwed = 1 << 12
)

// narrow reports whether the patterns leave ranges of keys in which to look up what the watch begins with.
func (w *Watcher) narrow() bool {
	for i := range w.patterns {
		if p := &w.patterns[i]; p.prefix == "" && !p.never {
			return false
		}
	}
	return !w.updatesOnly || w.resume > 0
}

// begin sets the position and makes the watcher known to writers.
func (w *Watcher) begin() {
	b := w.b
	w.start = b.published
	w.caughtUp = w.updatesOnly
	switch {
	case w.resume > 0:
		w.position = w.resume - 1
		w.includeHistory = true
	case w.updatesOnly:
		w.position = w.start
	}
	w.beginPushing()
	b.bells.add(w)
	if !w.caughtUp && w.position < w.start {
		b.starting = append(b.starting, w)
	}
}

// lookUp finds what is to be delivered up to start by key. If that is too much the watcher goes by the log.
func (w *Watcher) lookUp() {
	for i := range w.patterns {
		p := &w.patterns[i]
		rest := p.keys()
		for more := !p.never && w.position < w.start; more; {
			if more = w.lookUpChunk(p, &rest); len(w.ahead) > maxAhead {
				w.ahead, w.byKey = nil, false
				return
			}
		}
	}
	slices.Sort(w.ahead)
	w.ahead = slices.Compact(w.ahead)
}

// lookUpChunk looks at the next keys of a pattern's range, and says whether there are more.
func (w *Watcher) lookUpChunk(p *pattern, rest *keyRange) (more bool) {
	w.b.mu.RLock()
	defer w.b.mu.RUnlock()
	seen := 0
	w.b.index.ascend(*rest, func(h *history) bool {
		if p.matches(h.key) {
			last := h.upTo(w.start)
			first := 0
			if !w.includeHistory {
				first = max(last-1, 0)
			}
			for i := first; i < last; i++ {
				if n := h.at(i).number; n > w.position {
					w.ahead = append(w.ahead, n)
				}
			}
		}
		rest.first = h.key + "\x00"
		seen++
		return seen < watchChunk
	})
	return seen == watchChunk
}

// find fills ready with what the log has behind position. It returns false if that is nothing: then the bell will ring.
func (w *Watcher) find() bool {
	w.b.settle()
	w.b.mu.RLock()
	before := w.caughtUp
	w.catchBell()
	w.ready, w.next = w.ready[:0], 0
	if w.byKey {
		w.findByKey()
	} else {
		w.findInLog()
	}
	after, waiting := w.caughtUp, w.waiting
	w.b.mu.RUnlock()
	if before != after {
		w.b.mu.Lock()
		w.b.starting = without(w.b.starting, w)
		w.b.mu.Unlock()
	}
	return !waiting
}

// catchBell moves position over what did not ring the bell while the watcher waited.
func (w *Watcher) catchBell() {
	switch {
	case w.rung > 0:
		w.position = max(w.position, w.rung-1)
	case w.waiting:
		w.position = max(w.position, w.b.published)
	}
	w.waiting, w.rung = false, 0
}

// findByKey takes from what lookUp found.
func (w *Watcher) findByKey() {
	for len(w.ahead) > 0 && w.room() {
		w.position = w.ahead[0]
		w.ahead = w.ahead[1:]
		if h := w.b.revisions.find(w.position); h != nil {
			w.take(h)
		}
	}
	if len(w.ahead) == 0 {
		w.ahead, w.byKey = nil, false
		w.position = max(w.position, w.start)
	}
}

// findInLog takes from the log.
func (w *Watcher) findInLog() {
	end := min(w.b.published, w.pushedFrom)
	c := w.b.revisions.from(w.position + 1)
	for range watchChunk {
		if !w.room() {
			return
		}
		number, h, ok := c.next()
		if !ok || number > end {
			w.position = max(w.position, end)
			if !w.findPushed() {
				w.catchUp()
				w.waiting = len(w.ready) == 0
			}
			return
		}
		if number > w.start && len(w.owed) == 0 && !w.overflow {
			w.catchUp()
		}
		w.position = number
		if h != nil && w.matches(h.key) {
			w.take(h)
		}
	}
}

// room reports whether ready takes another entry. While values that the store keeps are still to be delivered for the
// first time it takes but one, so that none can leave the log between find and event unnoticed.
func (w *Watcher) room() bool {
	if w.b.values != nil && !w.caughtUp {
		return len(w.ready) == 0
	}
	return len(w.ready) < readyEvents
}

// catchUp takes CaughtUp, once.
func (w *Watcher) catchUp() {
	if !w.caughtUp {
		w.caughtUp, w.owed = true, nil
		*w.place() = found{kind: CaughtUp}
	}
}

// place returns the next place in ready. What was in it before is there still.
func (w *Watcher) place() *found {
	if n := len(w.ready); n < cap(w.ready) {
		w.ready = w.ready[:n+1]
	} else {
		w.ready = append(w.ready, found{})
	}
	return &w.ready[len(w.ready)-1]
}

// take takes the revision at position, which h holds, unless the options leave it out.
func (w *Watcher) take(h *history) {
	r, replaced := &h.newest, false // by one that the watch is to begin with
	if r.number != w.position {
		i, _ := h.find(w.position)
		r, replaced = h.at(i), h.at(i+1).number <= w.start
	}
	missed := w.takeOwed(h.key, r.number)
	if r.number <= w.start && !w.includeHistory && (missed || replaced) {
		return // missed: one that is newer than start stands for it
	}
	w.tally(r.number, missed)
	if w.ignoreDeletes && r.op != Put {
		return
	}
	b, f := w.b, w.place()
	f.kind = Changed
	f.history = h
	f.revision = *r
	f.delta = w.delta(h, r.number)
	f.expires = b.expires(r)
	f.gone = b.expires(b.visible(h))
	f.config = b.configured.Load()
	f.held = false
}

// takeOwed reports whether a newer state of key is owed. If number is that, it is not any more.
func (w *Watcher) takeOwed(key string, number uint64) (missed bool) {
	if len(w.owed) == 0 {
		return false
	}
	_, missed = w.owed[key]
	if number > w.start {
		delete(w.owed, key)
	}
	return missed
}

// setDeadlines notes again when f goes: since it was found the bucket has got another configuration.
func (w *Watcher) setDeadlines(f *found) {
	b := w.b
	b.mu.RLock()
	defer b.mu.RUnlock()
	f.config = b.configured.Load()
	r, newest := &f.revision, b.visible(f.history)
	f.gone = b.expires(newest)
	if newest.number == 0 { // nothing is left of the key
		f.gone = r.created
	}
	if f.history.holds(r.number) {
		f.expires = b.expires(r)
	} else if byAge := addTime(r.created, b.cfg.TTL); b.cfg.TTL > 0 && (f.expires == 0 || byAge < f.expires) {
		f.expires = byAge
	}
}

// ring wakes the watcher if it waits; the bucket's write lock is held.
func (w *Watcher) ring(what *written) {
	number := what.revision.number
	w.push(what)
	if !w.waiting || number <= w.position || w.ignoreDeletes && what.revision.op != Put {
		return
	}
	w.waiting, w.rung = false, number
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// missed notes that the i-th revision of h leaves the log. If that was the key's state when the watch began, and is not
// found yet, then a newer one has to be before the watcher has caught up. The bucket's write lock is held.
func (w *Watcher) missed(h *history, i int) {
	n := h.at(i).number
	if n <= w.position || n > w.start || w.caughtUp || w.overflow {
		return
	}
	if i+1 < h.len() && h.at(i+1).number <= w.start || !w.matches(h.key) {
		return
	}
	w.owe(h)
}

// lost is missed for a revision that left the log right after it was found.
func (w *Watcher) lost(h *history) {
	w.b.mu.Lock()
	defer w.b.mu.Unlock()
	if i := h.upTo(w.start); i > 0 && h.at(i-1).number > w.position {
		return // that one comes yet
	}
	if !w.caughtUp && h.len() > 0 {
		w.owe(h)
	}
}

func (w *Watcher) owe(h *history) {
	if w.owed == nil {
		w.owed = map[string]struct{}{}
	}
	w.owed[h.key] = struct{}{}
	if len(w.owed) > maxOwed {
		w.owed, w.overflow = nil, true
	}
}

// matches reports whether one of the patterns matches key.
func (w *Watcher) matches(key string) bool {
	if w.all {
		return true
	}
	for i := range w.patterns {
		if w.patterns[i].matches(key) {
			return true
		}
	}
	return false
}

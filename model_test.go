package kv_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/revkv/kv"
)

// A model is a bucket as the documentation describes it, and nothing else: keys with their kept revisions, oldest first, and
// a clock of its own. It is slow and simple, so that it is plainly right. What the engine answers is compared with it.
type model struct {
	cfg  kv.Config // with defaults filled in
	now  time.Time
	last uint64 // the newest revision ever written
	keys map[string][]modelRevision

	watchers []*modelWatcher // those that are open
}

// A modelRevision is a kept revision.
type modelRevision struct {
	number   uint64
	op       kv.Operation
	value    string
	created  time.Time
	deadline time.Time // its own; zero if it has none
}

func newModel(cfg kv.Config, now time.Time) *model {
	return &model{cfg: modelDefaults(cfg), now: now, keys: map[string][]modelRevision{}}
}

// modelDefaults fills in what a zero field means.
func modelDefaults(cfg kv.Config) kv.Config {
	cfg.History = max(cfg.History, 1)
	if cfg.MaxValueSize <= 0 {
		cfg.MaxValueSize = -1
	}
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = -1
	}
	return cfg
}

// newest returns the newest revision of a key, the zero value if it has none.
func (m *model) newest(key string) modelRevision {
	if h := m.keys[key]; len(h) > 0 {
		return h[len(h)-1]
	}
	return modelRevision{}
}

// at returns a kept revision of a key.
func (m *model) at(key string, number uint64) (modelRevision, bool) {
	for _, r := range m.keys[key] {
		if r.number == number {
			return r, true
		}
	}
	return modelRevision{}, false
}

// A modelWrite is one operation of a batch, or a write by itself.
type modelWrite struct {
	kind     string // put, create, update, delete, purge, revert
	key      string
	value    string
	revision uint64 // that update and revert name, and delete and purge if conditional
	cond     bool
	ttl      time.Duration
	hasTTL   bool
}

// write does all operations or none. If it can be refused for more than one reason, all are returned: each is right.
func (m *model) write(writes []modelWrite) (revisions []uint64, refusals []error) {
	for i := range writes {
		if err := m.refuse(&writes[i]); err != nil {
			refusals = append(refusals, modelInBatch(i, len(writes), writes[i].key, err))
		}
	}
	if refusals != nil {
		return nil, refusals
	}
	if err := m.refuseFull(writes); err != nil {
		return nil, []error{err}
	}
	for i := range writes {
		m.append(writes[i].key, m.revision(&writes[i]))
		revisions = append(revisions, m.last)
	}
	return revisions, nil
}

// modelInBatch is the error of a batch of which an operation is refused; a write alone has no batch.
func modelInBatch(i, of int, key string, err error) error {
	if of == 1 {
		return err
	}
	return &kv.BatchError{Index: i, Key: key, Err: err}
}

// refuse says why a write cannot be done, MaxBytes apart.
func (m *model) refuse(w *modelWrite) error {
	newest := m.newest(w.key)
	named := func(err error) error {
		return &kv.RevisionError{Key: w.key, Wanted: w.revision, Newest: newest.number, Err: err}
	}
	switch {
	case !modelIsKey(w.key):
		return &kv.KeyError{Key: w.key, Err: kv.ErrInvalidKey}
	case w.hasTTL && w.ttl <= 0, (w.cond || w.kind == "revert") && w.revision == 0:
		return &kv.OptionError{}
	case m.tooLarge(w.value):
		return &kv.SizeError{Key: w.key, Size: int64(len(w.value)), Limit: int64(m.cfg.MaxValueSize), Err: kv.ErrValueTooLarge}
	}
	switch w.kind {
	case "create":
		if newest.op == kv.Put {
			return named(kv.ErrKeyExists)
		}
	case "update":
		if newest.number != w.revision {
			return named(kv.ErrRevisionMismatch)
		}
	case "delete", "purge":
		if w.cond && newest.number != w.revision {
			return named(kv.ErrRevisionMismatch)
		}
	case "revert":
		old, ok := m.at(w.key, w.revision)
		if !ok || old.op != kv.Put {
			return named(kv.ErrKeyNotFound)
		}
		if m.tooLarge(old.value) {
			return &kv.SizeError{Key: w.key, Size: int64(len(old.value)), Limit: int64(m.cfg.MaxValueSize), Err: kv.ErrValueTooLarge}
		}
	}
	return nil
}

func (m *model) tooLarge(value string) bool {
	return m.cfg.MaxValueSize > 0 && len(value) > int(m.cfg.MaxValueSize)
}

// refuseFull says whether the bucket would be too large after the writes.
func (m *model) refuseFull(writes []modelWrite) error {
	growth, larger := int64(0), -1 // the last operation that makes the bucket larger
	for i := range writes {
		w := &writes[i]
		r := m.revision(w)
		by := modelBytes(w.key, m.push(slices.Clone(m.keys[w.key]), r)) - modelBytes(w.key, m.keys[w.key])
		if growth += by; by > 0 && r.op == kv.Put {
			larger = i
		}
	}
	after := m.bytes() + growth
	if m.cfg.MaxBytes <= 0 || after <= m.cfg.MaxBytes || growth <= 0 || larger < 0 {
		return nil
	}
	key := writes[larger].key
	err := &kv.SizeError{Key: key, Size: after, Limit: m.cfg.MaxBytes, Err: kv.ErrBucketFull}
	return modelInBatch(larger, len(writes), key, err)
}

// revision returns what a write would append now.
func (m *model) revision(w *modelWrite) modelRevision {
	r := modelRevision{number: m.last + 1, op: kv.Put, value: w.value, created: m.now}
	switch w.kind {
	case "delete":
		r.op = kv.Delete
	case "purge":
		r.op = kv.Purge
	case "revert":
		old, _ := m.at(w.key, w.revision)
		r.value = old.value
	}
	if w.hasTTL {
		r.deadline = modelAfter(m.now, w.ttl)
	}
	return r
}

// append writes a revision.
func (m *model) append(key string, r modelRevision) {
	m.last++
	r.number = m.last
	m.keys[key] = m.push(m.keys[key], r)
}

// push adds a revision to a history, and trims it to the depth.
func (m *model) push(history []modelRevision, r modelRevision) []modelRevision {
	if r.op == kv.Purge {
		return []modelRevision{r}
	}
	return modelNewest(append(history, r), int(m.cfg.History))
}

// modelNewest returns the newest n revisions of a history.
func modelNewest(history []modelRevision, n int) []modelRevision {
	return history[max(len(history)-n, 0):]
}

// modelBytes is what the revisions of a key count.
func modelBytes(key string, history []modelRevision) (bytes int64) {
	for _, r := range history {
		bytes += int64(len(key) + len(r.value))
	}
	return bytes
}

func (m *model) bytes() (bytes int64) {
	for key, history := range m.keys {
		bytes += modelBytes(key, history)
	}
	return bytes
}

// remove takes a key out completely.
func (m *model) remove(key string) {
	delete(m.keys, key)
	for _, w := range m.watchers {
		for _, s := range w.states {
			delete(s.begun, key)
		}
	}
}

// pass lets time go by. Revisions expire when their time has come.
func (m *model) pass(d time.Duration) {
	for end := m.now.Add(d); ; {
		_, _, at, ok := m.nextToExpire()
		if !ok || at.After(end) {
			m.now = end
			return
		}
		if at.After(m.now) {
			m.now = at
		}
		m.expire()
	}
}

// expire removes what has expired by now, in the order of deadlines.
func (m *model) expire() {
	for {
		key, i, at, ok := m.nextToExpire()
		if !ok || at.After(m.now) {
			return
		}
		history := m.keys[key]
		if i < len(history)-1 {
			m.keys[key] = slices.Delete(history, i, i+1)
			continue
		}
		if m.cfg.LimitMarkerTTL == 0 || history[i].op == kv.Purge {
			m.remove(key)
			continue
		}
		m.append(key, modelRevision{op: kv.Purge, created: m.now, deadline: modelAfter(m.now, m.cfg.LimitMarkerTTL)})
	}
}

// nextToExpire returns the revision with the earliest deadline, of several the oldest.
func (m *model) nextToExpire() (key string, i int, at time.Time, ok bool) {
	var number uint64
	for k, history := range m.keys {
		for j := range history {
			r := &history[j]
			d := m.expires(r)
			if d.IsZero() || ok && (d.After(at) || d.Equal(at) && r.number > number) {
				continue
			}
			key, i, at, ok, number = k, j, d, true, r.number
		}
	}
	return key, i, at, ok
}

// expires returns when a revision goes, by its own deadline or by the bucket's TTL; zero if never.
func (m *model) expires(r *modelRevision) time.Time {
	if m.cfg.TTL == 0 {
		return r.deadline
	}
	byAge := modelAfter(r.created, m.cfg.TTL)
	if r.deadline.IsZero() || byAge.Before(r.deadline) {
		return byAge
	}
	return r.deadline
}

// modelAfter returns the time d after t, or the last that can be counted in nanoseconds since 1970.
func modelAfter(t time.Time, d time.Duration) time.Time {
	if last := time.Unix(0, math.MaxInt64).UTC(); t.Add(d).After(last) {
		return last
	} else {
		return t.Add(d)
	}
}

// configure replaces the configuration.
func (m *model) configure(cfg kv.Config) {
	m.cfg = modelDefaults(cfg)
	for key, history := range m.keys {
		m.keys[key] = modelNewest(history, int(m.cfg.History))
	}
	m.expire()
	m.reconfigured()
}

// purgeDeletes clears up behind markers that are older than age; 0 stands for half an hour, and less for any age.
func (m *model) purgeDeletes(age time.Duration) {
	if age == 0 {
		age = 30 * time.Minute
	}
	for key, history := range m.keys {
		newest := m.newest(key)
		switch {
		case newest.op == kv.Put:
		case age < 0 || newest.created.Before(m.now.Add(-age)):
			m.remove(key)
		default:
			m.keys[key] = modelNewest(history, 1)
		}
	}
}

// entry returns the i-th revision of a key as a read returns it.
func (m *model) entry(key string, i int) kv.Entry {
	history := m.keys[key]
	r := &history[i]
	return kv.Entry{
		Bucket: m.cfg.Bucket, Key: key, Value: []byte(r.value), Revision: r.number, Operation: r.op,
		Created: r.created, Expires: m.expires(r), Delta: uint64(len(history) - 1 - i),
	}
}

// history returns all kept revisions of a key.
func (m *model) history(key string) (entries []kv.Entry) {
	for i := range m.keys[key] {
		entries = append(entries, m.entry(key, i))
	}
	return entries
}

// get returns the value of a key.
func (m *model) get(key string) (kv.Entry, error) {
	if newest := m.newest(key); newest.op == kv.Put {
		return m.entry(key, len(m.keys[key])-1), nil
	}
	return kv.Entry{}, &kv.KeyError{Key: key, Err: modelKeyOr(key, kv.ErrKeyNotFound)}
}

// getRevision returns a kept value of a key.
func (m *model) getRevision(key string, number uint64) (kv.Entry, error) {
	switch {
	case !modelIsKey(key):
		return kv.Entry{}, &kv.KeyError{Key: key, Err: kv.ErrInvalidKey}
	case number == 0:
		return kv.Entry{}, &kv.OptionError{}
	}
	for i, r := range m.keys[key] {
		if r.number == number && r.op == kv.Put {
			return m.entry(key, i), nil
		}
	}
	return kv.Entry{}, &kv.RevisionError{Key: key, Wanted: number, Newest: m.newest(key).number, Err: kv.ErrKeyNotFound}
}

// modelKeyOr returns what is wrong with a key, or err.
func modelKeyOr(key string, err error) error {
	if !modelIsKey(key) {
		return kv.ErrInvalidKey
	}
	return err
}

// status returns what Status should say; the number of watchers is not in it.
func (m *model) status() kv.Status {
	st := kv.Status{Config: m.cfg, Keys: len(m.keys), Bytes: m.bytes(), Newest: m.last}
	for _, history := range m.keys {
		st.Values += len(history)
		if oldest := history[0].number; st.Oldest == 0 || oldest < st.Oldest {
			st.Oldest = oldest
		}
	}
	return st
}

// list returns the entries that a listing yields.
func (m *model) list(pattern, after string, reverse bool) (entries []kv.Entry) {
	keys := slices.Sorted(maps.Keys(m.keys))
	if reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		if after != "" && (!reverse && key <= after || reverse && key >= after) {
			continue
		}
		if m.newest(key).op == kv.Put && modelMatches(pattern, key) {
			entries = append(entries, m.entry(key, len(m.keys[key])-1))
		}
	}
	return entries
}

// revisionsAfter returns the kept revisions of keys that match one of the patterns, behind a position, in order.
func (m *model) revisionsAfter(position uint64, patterns []string) (entries []kv.Entry) {
	for key, history := range m.keys {
		if m.newest(key).number <= position || !modelMatchesAny(patterns, key) {
			continue
		}
		for i := range history {
			if history[i].number > position {
				entries = append(entries, m.entry(key, i))
			}
		}
	}
	slices.SortFunc(entries, func(a, b kv.Entry) int { return cmp.Compare(a.Revision, b.Revision) })
	return entries
}

// modelIsKey says what a key is.
func modelIsKey(key string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_="
	return len(key) <= kv.MaxKeyLength && modelTokens(key, func(token string) bool { return strings.Trim(token, letters) == "" })
}

// modelIsPattern says what a pattern is: a key, but for wildcards.
func modelIsPattern(pattern string) bool {
	if before, ok := strings.CutSuffix(pattern, ">"); ok {
		pattern = before + "_"
	}
	return modelIsKey(strings.ReplaceAll(pattern, "*", "_"))
}

// modelTokens says whether text consists of tokens, none of them empty, that are all good.
func modelTokens(text string, good func(token string) bool) bool {
	for token := range strings.SplitSeq(text, ".") {
		if token == "" || !good(token) {
			return false
		}
	}
	return true
}

// modelMatches says whether a key matches a pattern, token by token.
func modelMatches(pattern, key string) bool {
	want, have := strings.Split(pattern, "."), strings.Split(key, ".")
	for i, token := range want {
		switch {
		case i >= len(have):
			return false
		case token == ">":
			return true
		case token != "*" && token != have[i]:
			return false
		}
	}
	return len(want) == len(have)
}

func modelMatchesAny(patterns []string, key string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return modelMatches(p, key) })
}

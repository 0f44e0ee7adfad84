package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/revkv/kv"
)

// What a key had at an earlier revision of the bucket is the newest of its kept revisions up to that one. If all that is kept
// is newer, the key had none, or its history does not go back so far: that may be if as much is kept as the depth allows, or
// if the oldest that is kept is a marker, because purging and compacting leave one. With depth 3, after
//
//	1 put a   2 put b   3 put a   4 put a   5 put a   6 put c
//
// at revision 2 it is not known what a had; b had 2, and c nothing. What has expired, and what an earlier configuration or
// compaction has dropped with all older markers, is as if it had never been there.

// A past is a key as it was at a revision.
type past struct {
	key    string
	then   kv.Entry // Revision 0: it had none
	oldest kv.Entry // the oldest kept revision
	kept   int
	depth  int
	at     uint64 // the revision
}

// add takes the next kept revision of the key.
func (p *past) add(e kv.Entry) {
	if p.kept == 0 {
		p.oldest = e
	}
	p.kept++
	if e.Revision <= p.at {
		p.then = e
	}
}

// forgotten reports whether the key may have had something that is not kept.
func (p *past) forgotten() bool {
	return p.then.Revision == 0 && (p.kept == p.depth || p.oldest.Operation != kv.Put)
}

// live reports whether the key had a value.
func (p *past) live() bool { return p.then.Operation == kv.Put }

// checkAt reports whether a bucket has come to a revision, and returns its depth.
func checkAt(ctx context.Context, b *kv.Bucket, at uint64) (depth int, err error) {
	st, err := b.Status(ctx)
	if err == nil && at > st.Newest {
		err = fmt.Errorf("bucket %q has not come to revision %d, the newest is %d", b.Name(), at, st.Newest)
	}
	return int(st.Config.History), err
}

// getAt returns what a key had at a revision of the bucket.
func getAt(ctx context.Context, b *kv.Bucket, key string, at uint64) (kv.Entry, error) {
	depth, err := checkAt(ctx, b, at)
	if err != nil {
		return kv.Entry{}, err
	}
	entries, err := b.History(ctx, key)
	if err != nil {
		return kv.Entry{}, err
	}
	p := past{depth: depth, at: at}
	for _, e := range entries {
		p.add(e)
	}
	switch {
	case p.forgotten():
		return kv.Entry{}, fmt.Errorf("the history of key %q is kept from revision %d on, so what it had at %d is not known",
			key, p.oldest.Revision, at)
	case !p.live():
		return kv.Entry{}, fmt.Errorf("no value of key %q at revision %d is known: %w", key, at, kv.ErrKeyNotFound)
	}
	return p.then, nil
}

// pastsOf returns the keys that match a pattern as they were at a revision, in rising order, without values.
func pastsOf(ctx context.Context, b *kv.Bucket, pattern string, at uint64) ([]*past, error) {
	depth, err := checkAt(ctx, b, at)
	if err != nil {
		return nil, err
	}
	w, err := b.Watch(ctx, pattern, kv.IncludeHistory(), kv.MetaOnly())
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	byKey := map[string]*past{}
	var all []*past
	for ev, err := range w.Events(ctx) {
		if err != nil {
			return nil, err
		}
		if ev.Kind == kv.CaughtUp {
			break
		}
		p := byKey[ev.Entry.Key]
		if p == nil {
			p = &past{key: ev.Entry.Key, depth: depth, at: at}
			byKey[p.key] = p
			all = append(all, p)
		}
		p.add(ev.Entry)
	}
	slices.SortFunc(all, func(a, b *past) int { return strings.Compare(a.key, b.key) })
	return all, nil
}

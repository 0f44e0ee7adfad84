package storetest

import (
	"bytes"
	"fmt"

	"github.com/revkv/kv/store"
)

// put returns a record. Equal revisions make equal records.
func put(revision uint64) store.Record {
	return store.Record{
		Revision: revision, Operation: store.Put, Key: fmt.Sprintf("key.%d", revision%3),
		Value: fmt.Appendf(nil, "value %d", revision), Created: 1_700_000_000_000_000_000 + int64(revision),
	}
}

// valueOf is the value that put gives a revision.
func valueOf(revision uint64) string { return string(put(revision).Value) }

func puts(revisions ...uint64) []store.Record {
	recs := make([]store.Record, len(revisions))
	for i, revision := range revisions {
		recs[i] = put(revision)
	}
	return recs
}

// upTo returns 1 to n.
func upTo(n int) []uint64 {
	revisions := make([]uint64, n)
	for i := range revisions {
		revisions[i] = uint64(i + 1)
	}
	return revisions
}

// same compares records; a nil value is an empty one.
func same(a, b *store.Record) bool {
	return a.Revision == b.Revision && a.Operation == b.Operation && a.Key == b.Key && bytes.Equal(a.Value, b.Value) &&
		a.Created == b.Created && a.Deadline == b.Deadline
}

func describe(r *store.Record) string {
	return fmt.Sprintf("{revision %d, operation %d, key %s, value %s, created %d, deadline %d}",
		r.Revision, r.Operation, brief([]byte(r.Key)), brief(r.Value), r.Created, r.Deadline)
}

// brief quotes bytes, and cuts long ones.
func brief(b []byte) string {
	const most = 64
	if len(b) > most {
		return fmt.Sprintf("%q and %d more bytes", b[:most], len(b)-most)
	}
	return fmt.Sprintf("%q", b)
}

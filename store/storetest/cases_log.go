package storetest

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

// logCases are about the log of one bucket.
var logCases = []testCase{
	{
		name: "append/order", need: anyStore, run: appendOrder,
		promise: "revisions rise, with gaps or without, within an Append and from one to the next; others are refused with ErrOrder",
	},
	{
		name: "append/refused", need: durable, run: appendRefused,
		promise: "of an Append that is refused nothing is kept: no record, also not those before the wrong one, and no trim",
	},
	{
		name: "append/order after reopening", need: durable, run: appendOrderReopened,
		promise: "the rule of order holds from one opening to the next, also if the newest revisions are trimmed",
	},
	{
		name: "append/nothing", need: anyStore, run: appendNothing,
		promise: "records without a trim, a trim without records, and neither of both are good Appends",
	},
	{
		name: "append/whole", need: durable, run: appendWhole,
		promise: "a large Append is replayed whole",
	},
	{
		name: "append/private", need: durable, run: appendPrivate,
		promise: "the slices given to Append and the values in them are the caller's: what becomes of them changes nothing",
	},
	{
		name: "records/empty", need: anyStore, run: recordsEmpty,
		promise: "a new log yields nothing, and its newest revision is 0",
	},
	{
		name: "records/order", need: durable, run: recordsOrder,
		promise: "all records that were ever appended and not trimmed are replayed, in rising order, at each opening",
	},
	{
		name: "records/fields", need: durable, run: recordsFields,
		promise: "every field comes back as it was given: operations, times before 1970 and far away, deadlines or none",
	},
	{
		name: "records/binary", need: durable, run: recordsBinary,
		promise: "keys and values may have any bytes and many of them, and values may be empty",
	},
	{
		name: "records/break", need: durable, run: recordsBreak,
		promise: "breaking out of Records is free",
	},
	{
		name: "records/private", need: durable, run: recordsPrivate,
		promise: "values that Records yields are the caller's: what becomes of them changes nothing",
	},
	{
		name: "trim/gone", need: durable, run: trimGone,
		promise: "a trimmed revision is not replayed, and the others are",
	},
	{
		name: "trim/same append", need: durable, run: trimSameAppend,
		promise: "an Append may trim a revision that it adds itself",
	},
	{
		name: "trim/unknown and repeated", need: durable, run: trimUnknown,
		promise: "a trim of revisions that were never appended, are trimmed already or are named twice changes nothing more",
	},
	{
		name: "trim/everything", need: durable, run: trimEverything,
		promise: "when everything is trimmed nothing is replayed, and the newest revision is still known",
	},
	{
		name: "newest", need: durable, run: newest,
		promise: "Newest is the greatest revision that was appended, whatever was trimmed, now and after each opening",
	},
	{
		name: "log/apart", need: durable, run: logsApart,
		promise: "each bucket has a log of its own: same revisions, no records and no trims of others",
	},
	{
		name: "log/close twice", need: anyStore, run: logCloseTwice,
		promise: "a second Close of a log returns nil",
	},
	{
		name: "log/closed", need: anyStore, run: logClosed,
		promise: "after Close, Append and Records return ErrClosed",
	},
}

func appendOrder(r *trial) {
	log := r.create("b")
	r.append(log, puts(3), nil)
	r.append(log, puts(4, 5, 9), nil)
	for _, wrong := range [][]uint64{{9}, {8}, {1}, {0}, {10, 10}, {12, 11}, {9, 10}, {20, 21, 19}} {
		r.wantErr(log.Append(puts(wrong...), nil), store.ErrOrder, "append %v after 9", wrong)
	}
	r.append(log, puts(10), nil)
	r.append(log, puts(math.MaxUint64), nil)
}

func appendRefused(r *trial) {
	log := r.filled("b", 1, 2, 3)
	r.wantErr(log.Append(puts(4, 5, 5), []uint64{1, 4}), store.ErrOrder, "append 4, 5, 5")
	if n := log.Newest(); n != 3 {
		r.Fatalf("the newest revision is %d after a refused Append, want 3", n)
	}
	r.append(log, puts(6), []uint64{2})
	r.wantRevisions(r.reopened("b"), 1, 3, 6)
}

func appendOrderReopened(r *trial) {
	log := r.filled("b", 1, 2, 7)
	r.append(log, nil, []uint64{2, 7})
	log = r.reopened("b")
	r.wantRevisions(log, 1)
	for _, wrong := range []uint64{1, 2, 6, 7} {
		r.wantErr(log.Append(puts(wrong), nil), store.ErrOrder, "append %d after 7", wrong)
	}
	r.append(log, puts(8), nil)
	r.wantRevisions(r.reopened("b"), 1, 8)
}

func appendNothing(r *trial) {
	log := r.create("b")
	r.append(log, nil, nil)
	r.append(log, puts(1, 2), nil)
	r.append(log, nil, []uint64{1})
	r.append(log, []store.Record{}, []uint64{})
}

func appendWhole(r *trial) {
	log := r.create("b")
	r.append(log, puts(upTo(5000)...), upTo(2000))
	r.wantRevisions(r.reopened("b"), upTo(5000)[2000:]...)
}

func appendPrivate(r *trial) {
	log := r.create("b")
	recs, trim := puts(1, 2, 3), []uint64{1}
	r.append(log, recs, trim)
	for i := range recs {
		for j := range recs[i].Value {
			recs[i].Value[j] = '!'
		}
	}
	clear(recs)
	trim[0] = 2
	if _, ok := log.(store.ValueReader); ok {
		r.wantValue(log, 2, valueOf(2))
	}
	r.wantRevisions(r.reopened("b"), 2, 3)
}

func recordsEmpty(r *trial) {
	log := r.create("b")
	r.wantReplay(log, nil)
	if n := log.Newest(); n != 0 {
		r.Fatalf("the newest revision of a new log is %d", n)
	}
}

func recordsOrder(r *trial) {
	log := r.create("b")
	var want []uint64
	for opening := range uint64(3) {
		for _, revisions := range [][]uint64{{1}, {2, 3, 4}, {10}, {11, 20, 21}} {
			for i := range revisions {
				revisions[i] += 100 * opening
			}
			r.append(log, puts(revisions...), nil)
			want = append(want, revisions...)
		}
		log = r.reopened("b")
		r.wantRevisions(log, want...)
	}
}

func recordsFields(r *trial) {
	log := r.create("b")
	recs := []store.Record{
		{Revision: 1, Operation: store.Put, Key: "a", Value: []byte("1"), Created: 0},
		{Revision: 2, Operation: store.Delete, Key: "a", Created: -1},
		{Revision: 3, Operation: store.Purge, Key: "b", Created: math.MaxInt64, Deadline: 1},
		{Revision: 4, Operation: store.Put, Key: "b", Value: []byte("4"), Created: math.MinInt64, Deadline: math.MaxInt64},
		{Revision: 5, Operation: store.Delete, Key: "c", Created: 1, Deadline: 1_900_000_000_123_456_789},
		{Revision: math.MaxUint64, Operation: store.Put, Key: "c", Value: []byte("last"), Created: 2},
	}
	r.append(log, slices.Clone(recs), nil)
	r.wantReplay(r.reopened("b"), recs)
}

func recordsBinary(r *trial) {
	log := r.create("b")
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	var recs []store.Record
	for _, key := range []string{"\x00", "a", "a\x00", "line\nline", "ü\xff", string(all), strings.Repeat("k", 4000)} {
		for _, value := range [][]byte{nil, {}, {0}, all, []byte("\r\n"), bytes.Repeat(all, 1<<10)} {
			recs = append(recs, store.Record{
				Revision: uint64(len(recs) + 1), Operation: store.Put, Key: key, Value: value, Created: 1,
			})
		}
	}
	r.append(log, slices.Clone(recs), nil)
	r.wantReplay(r.reopened("b"), recs)
}

func recordsBreak(r *trial) {
	r.filled("b", 1, 2, 3)
	log := r.reopened("b")
	for replayed, err := range log.Records() {
		r.must(err, "replay")
		if replayed.Revision != 1 {
			r.Fatalf("the first revision is %d, want 1", replayed.Revision)
		}
		break
	}
	r.append(log, puts(4), nil)
	r.wantRevisions(r.reopened("b"), 1, 2, 3, 4)
}

func recordsPrivate(r *trial) {
	r.filled("b", 1, 2, 3)
	log := r.reopened("b")
	for replayed, err := range log.Records() {
		r.must(err, "replay")
		for i := range replayed.Value {
			replayed.Value[i] = '!'
		}
	}
	r.wantRevisions(r.reopened("b"), 1, 2, 3)
}

func trimGone(r *trial) {
	log := r.filled("b", 1, 2, 3, 4)
	r.append(log, puts(5), []uint64{4, 1})
	r.append(log, nil, []uint64{5})
	log = r.reopened("b")
	r.wantRevisions(log, 2, 3)
	r.append(log, puts(6), []uint64{2})
	r.wantRevisions(r.reopened("b"), 3, 6)
}

func trimSameAppend(r *trial) {
	log := r.filled("b", 1)
	r.append(log, puts(2, 3, 4), []uint64{1, 2, 3})
	r.wantRevisions(r.reopened("b"), 4)
}

func trimUnknown(r *trial) {
	log := r.filled("b", 2, 4, 6)
	r.append(log, puts(8), []uint64{1, 2, 2, 3, 0, 5, 7})
	r.append(log, nil, []uint64{2, 3, 2})
	log = r.reopened("b")
	r.wantRevisions(log, 4, 6, 8)
	r.append(log, puts(9), []uint64{2, 1})
	r.wantRevisions(r.reopened("b"), 4, 6, 8, 9)
}

func trimEverything(r *trial) {
	log := r.filled("b", 1, 2, 3)
	r.append(log, puts(4), []uint64{1, 2, 3, 4})
	for range 2 {
		log = r.reopened("b")
		r.wantReplay(log, nil)
		if n := log.Newest(); n != 4 {
			r.Fatalf("the newest revision is %d, want 4, though it is trimmed", n)
		}
	}
	r.append(log, puts(5), nil)
	r.wantRevisions(r.reopened("b"), 5)
}

func newest(r *trial) {
	log := r.create("b")
	want := func(n uint64) {
		r.Helper()
		if have := log.Newest(); have != n {
			r.Fatalf("the newest revision is %d, want %d", have, n)
		}
	}
	r.append(log, puts(1, 2, 5), nil)
	want(5)
	r.append(log, nil, []uint64{5})
	want(5)
	log = r.reopened("b")
	r.wantRevisions(log, 1, 2)
	want(5)
	r.append(log, puts(9), nil)
	want(9)
	log = r.reopened("b")
	r.wantRevisions(log, 1, 2, 9)
	want(9)
}

func logsApart(r *trial) {
	a, b := r.filled("a", 1, 2, 3), r.filled("b", 1, 2, 3)
	r.append(b, nil, []uint64{2})
	r.append(a, puts(7), []uint64{1})
	r.append(b, puts(4), nil)
	r.reopen()
	r.wantRevisions(r.log("a"), 2, 3, 7)
	r.wantRevisions(r.log("b"), 1, 3, 4)
}

func logCloseTwice(r *trial) {
	log := r.filled("b", 1)
	r.must(log.Close(), "close the log")
	r.must(log.Close(), "close the log again")
}

func logClosed(r *trial) {
	log := r.filled("b", 1)
	r.must(log.Close(), "close the log")
	r.wantErr(log.Append(puts(2), nil), store.ErrClosed, "append to a closed log")
	r.wantErr(log.Append(nil, nil), store.ErrClosed, "append nothing to a closed log")
	pairs := 0
	for _, err := range log.Records() {
		pairs++
		r.wantErr(err, store.ErrClosed, "replay a closed log")
	}
	if pairs != 1 {
		r.Fatalf("a closed log yields %d pairs, want one with ErrClosed", pairs)
	}
}

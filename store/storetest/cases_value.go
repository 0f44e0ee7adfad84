package storetest

import (
	"slices"
	"strings"
	"sync"

	"github.com/revkv/kv/store"
)

// valueCases are about ValueReaders.
var valueCases = []testCase{
	{
		name: "value/read", need: values, run: valueRead,
		promise: "Value returns what was appended, at once and after reopening, whatever the bytes",
	},
	{
		name: "value/unknown", need: values, run: valueUnknown,
		promise: "Value of a revision that was never appended, was refused, or was trimmed when the log was opened, is ErrNotFound",
	},
	{
		name: "value/private", need: values, run: valuePrivate,
		promise: "Value returns a slice that belongs to the caller",
	},
	{
		name: "value/closed", need: values, run: valueClosed,
		promise: "Value of a closed log is ErrClosed",
	},
	{
		name: "value/during appends", need: values, run: valueDuringAppends,
		promise: "Value and Pin may be called by many goroutines at once, also during an Append or a Publish",
	},
	{
		name: "publish/trimmed", need: values, run: publishTrimmed,
		promise: "what an Append trims stays readable until it is published, and a pin made before that keeps it",
	},
	{
		name: "publish/by the next append", need: values, run: publishByNext,
		promise: "an Append publishes what the one before has written",
	},
	{
		name: "publish/nothing", need: values, run: publishNothing,
		promise: "Publish changes nothing when nothing was appended, or an Append was refused",
	},
	{
		name: "publish/closed", need: values, run: publishClosed,
		promise: "what was appended and not published is there after reopening",
	},
	{
		name: "pin/trimmed", need: values, run: pinTrimmed,
		promise: "what there is at Pin and is trimmed after it stays readable until release",
	},
	{
		name: "pin/several", need: values, run: pinSeveral,
		promise: "a value stays readable until all pins that were there when it was trimmed are released",
	},
	{
		name: "pin/not replayed", need: values, run: pinNotReplayed,
		promise: "a pin keeps nothing from one opening to the next",
	},
	{
		name: "pin/closed", need: values, run: pinClosed,
		promise: "a log can be closed with pins, and these released afterwards",
	},
}

func valueRead(r *trial) {
	log := r.create("b")
	want := map[uint64]string{1: "", 2: "\x00", 3: "two\nlines", 4: strings.Repeat("long", 1<<16), 9: "last"}
	for _, revision := range []uint64{1, 2, 3, 4, 9} {
		rec := put(revision)
		rec.Value = []byte(want[revision])
		r.append(log, []store.Record{rec}, nil)
		r.wantValue(log, revision, want[revision])
	}
	log = r.reopened("b")
	if n := len(r.replay(log)); n != len(want) {
		r.Fatalf("%d records are replayed, want %d", n, len(want))
	}
	for _, revision := range []uint64{4, 1, 9, 2, 3} {
		r.wantValue(log, revision, want[revision])
	}
}

func valueUnknown(r *trial) {
	log := r.filled("b", 1, 2, 5)
	r.append(log, nil, []uint64{2})
	r.wantErr(log.Append(puts(6, 6), nil), store.ErrOrder, "append 6 twice")
	r.wantForgotten(log, 2)
	for range 2 {
		for _, revision := range []uint64{0, 3, 4, 6} {
			r.wantNoValue(log, revision)
		}
		r.wantValue(log, 1, valueOf(1))
		log = r.reopened("b")
		r.wantRevisions(log, 1, 5)
		r.wantNoValue(log, 2)
	}
}

func valuePrivate(r *trial) {
	log := r.filled("b", 1).(store.ValueReader)
	value, err := log.Value(1)
	r.must(err, "read")
	for i := range value {
		value[i] = '!'
	}
	_ = append(value, '!')
	r.wantValue(log, 1, valueOf(1))
	r.wantRevisions(r.reopened("b"), 1)
}

func valueClosed(r *trial) {
	log := r.filled("b", 1).(store.ValueReader)
	r.must(log.Close(), "close the log")
	for _, revision := range []uint64{1, 2} {
		_, err := log.Value(revision)
		r.wantErr(err, store.ErrClosed, "read from a closed log")
	}
}

func valueDuringAppends(r *trial) {
	const readers, last = 4, 200
	log := r.filled("b", 1).(store.ValueReader)
	done := make(chan struct{})
	faults := make([]string, readers)
	var group sync.WaitGroup
	for i := range readers {
		group.Go(func() {
			for last := false; !last && faults[i] == ""; {
				select {
				case <-done:
					last = true
				default:
				}
				release := log.Pin()
				value, err := log.Value(1)
				release()
				if err != nil || string(value) != valueOf(1) {
					faults[i] = "the value of revision 1 is read as " + brief(value)
				}
			}
		})
	}
	r.append(log, puts(2), nil)
	for revision := uint64(3); revision <= last; revision++ {
		r.append(log, puts(revision), []uint64{revision - 1})
	}
	close(done)
	group.Wait()
	faults = slices.DeleteFunc(faults, func(s string) bool { return s == "" })
	if len(faults) > 0 {
		r.Fatalf("%s", strings.Join(faults, "\n"))
	}
	r.wantRevisions(r.reopened("b"), 1, last)
}

func publishTrimmed(r *trial) {
	log := r.filled("b", 1, 2).(store.ValueReader)
	r.must(log.Append(puts(3, 4), []uint64{1, 3}), "append and trim")
	r.wantValue(log, 1, valueOf(1))
	release := log.Pin()
	log.Publish()
	r.wantValue(log, 4, valueOf(4))
	r.wantForgotten(log, 3)
	r.wantValue(log, 1, valueOf(1))
	release()
	r.wantForgotten(log, 1)
	r.wantValue(log, 2, valueOf(2))
}

func publishByNext(r *trial) {
	log := r.filled("b", 1, 2).(store.ValueReader)
	r.must(log.Append(puts(3), []uint64{1}), "append and trim")
	r.must(log.Append(puts(4), []uint64{2}), "append and trim")
	r.wantForgotten(log, 1)
	r.wantValue(log, 2, valueOf(2))
	r.wantValue(log, 3, valueOf(3))
	log.Publish()
	r.wantForgotten(log, 2)
	r.wantValue(log, 4, valueOf(4))
	r.wantRevisions(r.reopened("b"), 3, 4)
}

func publishNothing(r *trial) {
	log := r.filled("b", 1, 2).(store.ValueReader)
	log.Publish()
	r.wantErr(log.Append(puts(2), []uint64{1}), store.ErrOrder, "append 2 again")
	log.Publish()
	r.wantValue(log, 1, valueOf(1))
	r.wantValue(log, 2, valueOf(2))
	log = r.reopened("b").(store.ValueReader)
	log.Publish()
	r.wantRevisions(log, 1, 2)
}

func publishClosed(r *trial) {
	log := r.filled("b", 1)
	r.must(log.Append(puts(2), []uint64{1}), "append and trim")
	r.wantRevisions(r.reopened("b"), 2)
}

func pinTrimmed(r *trial) {
	log := r.filled("b", 1, 2, 3).(store.ValueReader)
	release := log.Pin()
	r.append(log, puts(4, 5), []uint64{2, 4})
	for _, revision := range []uint64{1, 2, 3, 5} {
		r.wantValue(log, revision, valueOf(revision))
	}
	release()
	r.wantForgotten(log, 2)
	r.wantForgotten(log, 4)
	r.wantValue(log, 1, valueOf(1))
	r.append(log, nil, []uint64{1})
	r.wantForgotten(log, 1)
	r.wantRevisions(r.reopened("b"), 3, 5)
}

func pinSeveral(r *trial) {
	log := r.filled("b", 1, 2, 3, 4).(store.ValueReader)
	first := log.Pin()
	r.append(log, nil, []uint64{1})
	second := log.Pin()
	r.append(log, nil, []uint64{2})
	first()
	r.wantValue(log, 2, valueOf(2))
	r.append(log, nil, []uint64{3})
	third := log.Pin()
	second()
	r.wantForgotten(log, 2)
	r.append(log, nil, []uint64{4})
	r.wantValue(log, 4, valueOf(4))
	third()
	for revision := range uint64(4) {
		r.wantForgotten(log, revision+1)
	}
	r.wantRevisions(r.reopened("b"))
}

func pinNotReplayed(r *trial) {
	log := r.filled("b", 1, 2).(store.ValueReader)
	release := log.Pin()
	r.append(log, nil, []uint64{1})
	again := r.reopened("b")
	release()
	r.wantRevisions(again, 2)
	r.wantNoValue(again, 1)
}

func pinClosed(r *trial) {
	log := r.filled("b", 1, 2).(store.ValueReader)
	release, late := log.Pin(), log.Pin()
	r.append(log, nil, []uint64{1})
	release()
	r.must(log.Close(), "close a pinned log")
	late()
	r.wantRevisions(r.reopened("b"), 2)
}

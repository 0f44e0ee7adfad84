package storetest

import (
	"errors"
	"testing"

	"github.com/revkv/kv/store"
)

// A trial is a case under way: a place, and what is open there.
type trial struct {
	testing.TB
	place   Place
	backend store.Backend
	logs    []store.Store
}

// open opens the place.
func (r *trial) open() {
	r.Helper()
	backend, err := r.place()
	r.must(err, "open the backend")
	r.backend = backend
}

// close closes all that is open, logs first.
func (r *trial) close() {
	r.Helper()
	for _, log := range r.logs {
		r.must(log.Close(), "close a log")
	}
	r.logs = nil
	r.must(r.backend.Close(), "close the backend")
}

// reopen closes all that is open, and opens the place again.
func (r *trial) reopen() {
	r.Helper()
	r.close()
	r.open()
}

// kind makes a bucket to see what the implementation does, and deletes it.
func (r *trial) kind() need {
	r.Helper()
	const name = "what-is-this"
	log, err := r.backend.Create(name, nil)
	r.must(err, "create a bucket")
	_, isVolatile := log.(store.Volatile)
	_, isReader := log.(store.ValueReader)
	if isVolatile && isReader {
		r.Fatalf("%T is a store.Volatile and a store.ValueReader: the engine cannot tell who holds the values", log)
	}
	r.must(log.Close(), "close a log")
	r.must(r.backend.Delete(name), "delete a bucket")
	switch {
	case isVolatile:
		return anyStore
	case isReader:
		return values
	}
	return durable
}

// create makes a bucket.
func (r *trial) create(name string) store.Store {
	r.Helper()
	log, err := r.backend.Create(name, []byte("config of "+name))
	r.must(err, "create bucket %q", name)
	r.logs = append(r.logs, log)
	return log
}

// log opens the log of a bucket.
func (r *trial) log(name string) store.Store {
	r.Helper()
	log, err := r.backend.Open(name)
	r.must(err, "open bucket %q", name)
	r.logs = append(r.logs, log)
	return log
}

// reopened opens the place again, and the log of one bucket.
func (r *trial) reopened(name string) store.Store {
	r.Helper()
	r.reopen()
	return r.log(name)
}

// filled makes a bucket with records that puts wrote.
func (r *trial) filled(name string, revisions ...uint64) store.Store {
	r.Helper()
	log := r.create(name)
	r.append(log, puts(revisions...), nil)
	return log
}

func (r *trial) append(log store.Store, recs []store.Record, trim []uint64) {
	r.Helper()
	r.must(log.Append(recs, trim), "append %d records and trim %v", len(recs), trim)
	r.publish(log)
}

// publish publishes what was appended, if the store wants to know.
func (r *trial) publish(log store.Store) {
	if reader, ok := log.(store.ValueReader); ok {
		reader.Publish()
	}
}

// replay reads all records of a log that was just opened. If the log is a ValueReader the values are filled in from there.
func (r *trial) replay(log store.Store) (recs []store.Record) {
	r.Helper()
	reader, _ := log.(store.ValueReader)
	for replayed, err := range log.Records() {
		r.must(err, "replay the record after %d others", len(recs))
		rec := replayed.Record
		switch {
		case reader != nil:
			value, err := reader.Value(rec.Revision)
			r.must(err, "read the value of revision %d, which is replayed", rec.Revision)
			if len(rec.Value) > 0 && string(rec.Value) != string(value) {
				r.Fatalf("the value of revision %d is replayed as %s, and read as %s", rec.Revision, brief(rec.Value), brief(value))
			}
			rec.Value = value
		case len(rec.Value) != replayed.Size:
			r.Fatalf("the value of revision %d is %s, but no ValueReader gives another", rec.Revision, brief(rec.Value))
		}
		if replayed.Size != len(rec.Value) {
			r.Fatalf("revision %d is replayed with size %d, its value is %s", rec.Revision, replayed.Size, brief(rec.Value))
		}
		recs = append(recs, rec)
	}
	return recs
}

// wantReplay fails unless a log that was just opened yields just these records.
func (r *trial) wantReplay(log store.Store, want []store.Record) {
	r.Helper()
	have := r.replay(log)
	for i := range max(len(have), len(want)) {
		switch {
		case i >= len(have):
			r.Fatalf("revision %d is missing: %d records are replayed, want %d", want[i].Revision, len(have), len(want))
		case i >= len(want):
			r.Fatalf("revision %d is replayed, and should not be there", have[i].Revision)
		case !same(&have[i], &want[i]):
			r.Fatalf("record %d is replayed as %s, want %s", i, describe(&have[i]), describe(&want[i]))
		}
	}
}

// wantRevisions is wantReplay for records that puts made.
func (r *trial) wantRevisions(log store.Store, revisions ...uint64) {
	r.Helper()
	r.wantReplay(log, puts(revisions...))
}

func (r *trial) wantValue(log store.Store, revision uint64, want string) {
	r.Helper()
	value, err := log.(store.ValueReader).Value(revision)
	r.must(err, "read the value of revision %d", revision)
	if string(value) != want {
		r.Fatalf("the value of revision %d is %s, want %s", revision, brief(value), brief([]byte(want)))
	}
}

func (r *trial) wantNoValue(log store.Store, revision uint64) {
	r.Helper()
	_, err := log.(store.ValueReader).Value(revision)
	r.wantErr(err, store.ErrNotFound, "read the value of revision %d", revision)
}

// wantForgotten fails unless a trimmed revision is gone, or has its value still.
func (r *trial) wantForgotten(log store.Store, revision uint64) {
	r.Helper()
	value, err := log.(store.ValueReader).Value(revision)
	if err != nil {
		r.wantErr(err, store.ErrNotFound, "read the value of trimmed revision %d", revision)
	} else if string(value) != valueOf(revision) {
		r.Fatalf("the value of trimmed revision %d is %s, want none or %s", revision, brief(value), brief([]byte(valueOf(revision))))
	}
}

// wantBuckets fails unless these are the buckets, with the config that create gives them.
func (r *trial) wantBuckets(names ...string) {
	r.Helper()
	buckets := r.buckets()
	for i := range max(len(buckets), len(names)) {
		switch {
		case i >= len(buckets):
			r.Fatalf("bucket %q is missing", names[i])
		case i >= len(names):
			r.Fatalf("bucket %q should not be there", buckets[i].Name)
		case buckets[i].Name != names[i]:
			r.Fatalf("bucket %d is %q, want %q", i, buckets[i].Name, names[i])
		case string(buckets[i].Config) != "config of "+names[i]:
			r.Fatalf("the config of bucket %q is %s", names[i], brief(buckets[i].Config))
		}
	}
}

func (r *trial) buckets() []store.Bucket {
	r.Helper()
	buckets, err := r.backend.Buckets()
	r.must(err, "list the buckets")
	return buckets
}

// must fails if err is not nil.
func (r *trial) must(err error, what string, args ...any) {
	r.Helper()
	if err != nil {
		r.Fatalf(what+": %v", append(args, err)...)
	}
}

// wantErr fails unless err matches want.
func (r *trial) wantErr(err, want error, what string, args ...any) {
	r.Helper()
	if !errors.Is(err, want) {
		r.Fatalf(what+": the error is %v, want %v", append(args, err, want)...)
	}
}

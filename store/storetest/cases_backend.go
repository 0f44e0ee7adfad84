package storetest

import (
	"bytes"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

// backendCases are about the buckets of a backend.
var backendCases = []testCase{
	{
		name: "buckets/order", need: anyStore, run: bucketsOrder,
		promise: "Buckets returns all buckets in rising order of name, whatever the order of their creation",
	},
	{
		name: "buckets/kept", need: durable, run: bucketsKept,
		promise: "buckets and configurations are there again when the place is opened again",
	},
	{
		name: "buckets/names", need: anyStore, run: bucketsNames,
		promise: "every name of up to 252 of the characters a-z A-Z 0-9 _ - is good, and names that differ in case are different",
	},
	{
		name: "buckets/config", need: durable, run: bucketsConfig,
		promise: "the bytes of a configuration come back unchanged, whatever they are",
	},
	{
		name: "buckets/private", need: anyStore, run: bucketsPrivate,
		promise: "configurations are copied: what becomes of the caller's bytes, given or received, changes nothing",
	},
	{
		name: "create/exists", need: anyStore, run: createExists,
		promise: "Create of a bucket that exists is ErrExists, and the bucket keeps its configuration",
	},
	{
		name: "create/exists with records", need: durable, run: createExistsLog,
		promise: "Create of a bucket that exists leaves the bucket's log as it is",
	},
	{
		name: "create/log", need: durable, run: createLog,
		promise: "the log that Create opens is the bucket's",
	},
	{
		name: "configure", need: anyStore, run: configure,
		promise: "Configure replaces the configuration of that bucket, also while its log is open, and only that",
	},
	{
		name: "configure/kept", need: durable, run: configureKept,
		promise: "a configuration given to Configure is there when the place is opened again, and the log is untouched",
	},
	{
		name: "delete", need: anyStore, run: deleteBucket,
		promise: "a deleted bucket is no longer listed, and the others are",
	},
	{
		name: "delete/kept", need: durable, run: deleteKept,
		promise: "a deleted bucket stays away when the place is opened again",
	},
	{
		name: "delete/again", need: durable, run: deleteAgain,
		promise: "a bucket that is made again after it was deleted starts empty, at revision 1, with its new configuration",
	},
	{
		name: "missing", need: anyStore, run: missing,
		promise: "Open, Configure and Delete of a bucket that does not exist are ErrNotFound, and make none",
	},
	{
		name: "backend/close twice", need: anyStore, run: backendCloseTwice,
		promise: "a second Close of a backend returns nil",
	},
	{
		name: "backend/closed", need: anyStore, run: backendClosed,
		promise: "after Close all calls of a backend return ErrClosed",
	},
}

func bucketsOrder(r *trial) {
	r.wantBuckets()
	for _, name := range []string{"b", "a", "c", "_x", "C", "10", "9"} {
		r.create(name)
	}
	r.wantBuckets("10", "9", "C", "_x", "a", "b", "c")
}

func bucketsKept(r *trial) {
	for _, name := range []string{"b", "a", "empty"} {
		r.create(name)
	}
	for range 2 {
		r.reopen()
		r.wantBuckets("a", "b", "empty")
	}
}

func bucketsNames(r *trial) {
	names := []string{
		"-", "--", "0", "CON", "KV_x", "LOCK", "_", "a", "A", "con", "lock", "tmp", strings.Repeat("n", 252),
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-",
	}
	for i, name := range names {
		r.append(r.create(name), puts(uint64(i+1)), nil)
	}
	slices.Sort(names)
	r.wantBuckets(names...)
}

func bucketsConfig(r *trial) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	configs := map[string][]byte{
		"binary": all, "empty": {}, "large": bytes.Repeat(all, 1<<10), "line": []byte("{}\n"), "none": nil,
	}
	for name, config := range configs {
		log, err := r.backend.Create(name, slices.Clone(config))
		r.must(err, "create bucket %q", name)
		r.logs = append(r.logs, log)
	}
	for range 2 {
		buckets := r.buckets()
		if len(buckets) != len(configs) {
			r.Fatalf("there are %d buckets, want %d", len(buckets), len(configs))
		}
		for _, b := range buckets {
			if !bytes.Equal(b.Config, configs[b.Name]) {
				r.Fatalf("the config of bucket %q is %s, want %s", b.Name, brief(b.Config), brief(configs[b.Name]))
			}
		}
		r.reopen()
	}
}

func bucketsPrivate(r *trial) {
	given := []byte("config of b")
	log, err := r.backend.Create("b", given)
	r.must(err, "create")
	r.logs = append(r.logs, log)
	given[0] = '!'
	r.wantBuckets("b")
	received := r.buckets()[0].Config
	received[0] = '!'
	r.wantBuckets("b")
	given = []byte("config of b")
	r.must(r.backend.Configure("b", given), "configure")
	given[0] = '!'
	r.wantBuckets("b")
}

func createExists(r *trial) {
	log := r.filled("b", 1)
	other, err := r.backend.Create("b", []byte("another config"))
	r.wantErr(err, store.ErrExists, "create b again")
	if other != nil {
		r.Fatalf("the refused Create returns a log")
	}
	r.wantBuckets("b")
	r.append(log, puts(2), nil)
}

func createExistsLog(r *trial) {
	log := r.filled("b", 1)
	_, err := r.backend.Create("b", []byte("another config"))
	r.wantErr(err, store.ErrExists, "create b again")
	r.append(log, puts(2), nil)
	r.reopen()
	r.wantBuckets("b")
	r.wantRevisions(r.log("b"), 1, 2)
}

func createLog(r *trial) {
	r.filled("a", 1, 2)
	r.filled("b", 5)
	r.reopen()
	r.wantRevisions(r.log("b"), 5)
	r.wantRevisions(r.log("a"), 1, 2)
}

func configure(r *trial) {
	r.create("a")
	log := r.create("b")
	r.must(r.backend.Configure("b", []byte("new")), "configure")
	b := r.buckets()
	if len(b) != 2 || string(b[0].Config) != "config of a" || string(b[1].Config) != "new" {
		r.Fatalf("the buckets are %q", b)
	}
	r.append(log, puts(1), nil)
	r.must(r.backend.Configure("b", []byte("config of b")), "configure")
	r.wantBuckets("a", "b")
}

func configureKept(r *trial) {
	r.create("a")
	log := r.filled("b", 1, 2)
	r.must(r.backend.Configure("b", []byte("shorter")), "configure")
	r.append(log, puts(3), nil)
	for range 2 {
		r.reopen()
		if b := r.buckets(); len(b) != 2 || string(b[0].Config) != "config of a" || string(b[1].Config) != "shorter" {
			r.Fatalf("the buckets are %q", b)
		}
		r.wantRevisions(r.log("b"), 1, 2, 3)
	}
}

func deleteBucket(r *trial) {
	r.create("a")
	log := r.filled("b", 1)
	r.create("c")
	r.must(log.Close(), "close the log")
	r.must(r.backend.Delete("b"), "delete")
	r.wantBuckets("a", "c")
	_, err := r.backend.Open("b")
	r.wantErr(err, store.ErrNotFound, "open the deleted bucket")
}

func deleteKept(r *trial) {
	r.filled("a", 1)
	r.must(r.filled("b", 1).Close(), "close the log")
	r.must(r.backend.Delete("b"), "delete")
	r.reopen()
	r.wantBuckets("a")
	r.wantRevisions(r.log("a"), 1)
}

func deleteAgain(r *trial) {
	log, err := r.backend.Create("b", []byte("old"))
	r.must(err, "create")
	r.append(log, puts(1, 2, 3), nil)
	r.must(log.Close(), "close the log")
	r.must(r.backend.Delete("b"), "delete")
	log = r.create("b")
	r.wantReplay(log, nil)
	if n := log.Newest(); n != 0 {
		r.Fatalf("the newest revision is %d, want 0", n)
	}
	r.append(log, puts(1), nil)
	log = r.reopened("b")
	r.wantBuckets("b")
	r.wantRevisions(log, 1)
}

func missing(r *trial) {
	r.create("b")
	_, err := r.backend.Open("none")
	r.wantErr(err, store.ErrNotFound, "open")
	r.wantErr(r.backend.Configure("none", nil), store.ErrNotFound, "configure")
	r.wantErr(r.backend.Delete("none"), store.ErrNotFound, "delete")
	r.wantBuckets("b")
}

func backendCloseTwice(r *trial) {
	r.must(r.create("b").Close(), "close the log")
	r.must(r.backend.Close(), "close the backend")
	r.must(r.backend.Close(), "close the backend again")
}

func backendClosed(r *trial) {
	r.must(r.create("b").Close(), "close the log")
	r.must(r.backend.Close(), "close the backend")
	_, err := r.backend.Buckets()
	r.wantErr(err, store.ErrClosed, "list the buckets")
	_, err = r.backend.Create("c", nil)
	r.wantErr(err, store.ErrClosed, "create")
	_, err = r.backend.Open("b")
	r.wantErr(err, store.ErrClosed, "open")
	r.wantErr(r.backend.Configure("b", nil), store.ErrClosed, "configure")
	r.wantErr(r.backend.Delete("b"), store.ErrClosed, "delete")
}

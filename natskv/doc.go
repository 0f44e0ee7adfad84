// Package natskv runs code that was written for NATS's Key-Value buckets without a server: a database of package kv as a
// jetstream.KeyValueManager, its buckets as jetstream.KeyValue.
//
//	js := natskv.New(kv.New()) // in memory; or kv.Open(dir)
//	b, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "orders", History: 5})
//	rev, err := b.Put(ctx, "1024", []byte("paid"))
//
// [JetStream] is for code that takes all of jetstream.JetStream, [Legacy] for code that uses the older interfaces of package
// nats. They may all be used on one database at once, and the database's own methods too: it is one set of buckets.
//
// [Copy] moves a bucket with its history between any two jetstream.KeyValue: from here to a server, or home.
//
// # What is the same
//
// Everything that a client of one real server can observe: results, revisions, order, every option, error values and texts, API
// codes, what watchers deliver and when the nil entry comes, sizes as the server counts them with headers, TTLs cut to
// seconds, and configurations as the server reports them. Server 2.15 and nats.go 1.55 are the measure; see ADR-8, ADR-43
// and ADR-48 for the rules.
//
// Storage and Compression are labels here: a bucket says what it was given, and counts its bytes as that storage does, but is
// kept where the database is. So a bucket with MemoryStorage in a database in a folder is still there after a restart.
// Placement is kept and ignored, as by a single server.
//
// # What is different
//
// Mirrors, sources and RePublish are refused with an [UnsupportedError], and so is an option that this package does not know:
// nothing is accepted in silence.
//
// What loses data or hangs on a server does not here. A key whose limit marker would not fit expires all the same; an expired
// revision never makes an older one the newest again; PurgeDeletes leaves keys alone that are written meanwhile; Keys and
// watches miss no key because of concurrent writes; a watch of a deleted bucket ends at once, and a new bucket of its name can
// be made at once; listings with UpdatesOnly end at once; a wildcard that is glued to text matches nothing; a key of more than
// 4000 bytes is refused and does no harm; the older interface of package nats knows limit markers, and does not show expired keys
// as empty values.
//
// Time is exact: a TTL of a second is over after a second, and not up to a quarter of one later. Delta of live updates is 0,
// as with a server that is never busy and counts no update twice because two patterns match it. A MaxBytes is refused if it is
// 2^60 or more, whatever the room on the disk. If a database in a folder is opened again, Bytes counts the headers of values as
// if all had been written with Put, and of markers as if without a condition.
//
// A status is not a *jetstream.KeyValueBucketStatus, which cannot be made outside of the client. It has StreamInfo too, but does
// not know when the bucket was made.
//
// # Goroutines
//
// There is one for each open watcher and for each lister of keys, until Stop, the end of its context, Close of the database or,
// for a lister, the end of the list. Other calls start none, and nothing needs closing. All of it works in a
// testing/synctest bubble.
package natskv

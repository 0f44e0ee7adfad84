// Package kv is NATS JetStream's Key-Value buckets as an embedded library, without a server.
//
// A [DB] holds buckets. A [Bucket] holds keys. A key holds a log of revisions, each an [Entry] whose [Operation] is a put or
// a marker: [Delete] or [Purge]. The revisions of all keys of a bucket are numbered together, from 1. Of each key the
// newest revisions are kept, as many as the bucket's depth ([Config].History) says. A [Watcher] follows the log.
//
//	db := kv.New() // in memory; kv.Open(dir) keeps the buckets in a folder
//	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "Bucket1", History: 3})
//	rev, err := b.Create(ctx, "Key1", []byte("Value1"))
//	rev, err = b.Update(ctx, "Key1", []byte("Value2"), rev)
//	entries, err := b.History(ctx, "Key1")
//
// Names, options and rules are those of jetstream.KeyValue, described in NATS's ADR-8, ADR-43 and ADR-48 and measured on a
// real server; what is different here is said where it is. In short: a TTL is any positive duration on any write and
// means what it says, Apply writes several keys at once, listings are consistent, and nothing that is acknowledged is
// lost.
//
// A DB in memory, from [New], runs no goroutine unless a revision has a deadline and needs no Close. It works inside a
// testing/synctest bubble, where a day of TTL passes at once.
//
// A DB in a folder, from [Open], keeps what is acknowledged through a crash of the process and, with [SyncAlways], which is the
// default, through a power cut. One process writes to a folder; others can look with [OpenReadOnly]. Values stay on disk, so
// memory grows with keys and revisions only.
package kv

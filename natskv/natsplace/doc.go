// Package natsplace shows the buckets behind a jetstream.KeyValueManager to the suite of package kvtest: those of a NATS server,
// those of module natskv, or those of whatever else implements NATS's interface.
//
//	place.go    a jetstream.KeyValueManager as a kvtest.Place
//	bucket.go   a jetstream.KeyValue as a kvtest.Bucket
//	watcher.go  a jetstream.KeyWatcher as a kvtest.Watcher
//	errors.go   which error of package kv each error of the client stands for
package natsplace

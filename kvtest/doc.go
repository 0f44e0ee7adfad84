// Package kvtest tests buckets. It has what an implementation of them needs to prove that it is one, and what helps the
// tests of programs that use them.
//
// # The suite
//
// The rules of a bucket are a list of cases, each a name, a promise in one sentence, and a function that finds out whether
// the promise is kept. [Run] runs all of them on a [Place]: whatever holds buckets, through a shim that forwards each
// call. The engine's own shims are [Engine] and [DurableEngine]:
//
//	func TestBuckets(t *testing.T) {
//		kvtest.Run(t, func(testing.TB) kvtest.Place { return kvtest.Engine(kv.New()) })
//	}
//
// The names of the tests then read as the list of what is promised, and a failure prints the promise that was not kept:
//
//	--- FAIL: TestBuckets/update/stale (0.00s)
//	    update "color" with revision 1: got error "<nil>", want one that matches "key revision mismatch"
//	    promise: Update with a revision that is no longer the newest fails with ErrRevisionMismatch and changes nothing.
//
// The groups, by what they are about:
//
//	sequence                                          revisions: one sequence a bucket, none lost, none twice
//	create update delete purge revert                 what a write compares and what it leaves
//	get revision history keys list                    what a read finds
//	pattern watch purge-deletes bucket limit          the rest of the rules that NATS's buckets have
//	linear                                            what concurrent callers can rely on
//	batch                                             a batch is whole or absent
//	watcher                                           what a watcher is sure to get, whoever is slow
//	private                                           whose bytes a value's are
//	expiry key-ttl limit-marker                       expired is gone
//	rest                                              nothing runs when nothing is to be done
//	bad-input                                         bad input gets an error and changes nothing
//	durable                                           what is there after a restart
//
// A [Bucket] of a Place has the operations of jetstream.KeyValue, so that the suite runs on a NATS server too, in real time
// ([RunInRealTime]). The module kvtest/servertest does that; package natskv/natsplace is its shim. What revkv adds to a
// server's rules, and what only some places can promise, are a case's Needs: where one is missing the case is skipped, and
// says so.
//
// No case waits for an event or for another goroutine without a limit: what is broken fails and does not hang. That the cases
// notice what they are for is tested with implementations that break one promise each.
//
// # Dumps
//
// [Dump] writes down all that a bucket keeps, and [Diff] compares two such texts.
package kvtest

package main

import "github.com/revkv/kv"

// script is the tour.
var script = []step{
	say("A new bucket. Nothing is configured but its name."),
	addBucket(kv.Config{Bucket: "Bucket1"}),
	say("Create writes a key that has no value yet. An empty value is a value too, so the second call is too late."),
	create("Bucket1", "Key1", ""),
	create("Bucket1", "Key1", ""),
	say("The key is listed, and can be read, with nothing in it."),
	listKeys("Bucket1"),
	get("Bucket1", "Key1"),
	history("Bucket1", "Key1"),

	say("Once more from the start, with a depth of 3: the newest three revisions of each key are kept."),
	deleteBuckets(),
	addBucket(kv.Config{Bucket: "Bucket1", History: 3}),
	create("Bucket1", "Key1", "Value1"),
	history("Bucket1", "Key1"),

	say("Update wants to be told the revision that it replaces. Revision 0 says: there is none."),
	update("Bucket1", "Key1", "Value2", 0),
	history("Bucket1", "Key1"),
	update("Bucket1", "Key1", "Value2", 1),
	history("Bucket1", "Key1"),

	say("A second bucket, with depth 1: the update leaves its own revision and nothing before it."),
	addBucket(kv.Config{Bucket: "Bucket2", History: 1}),
	create("Bucket2", "Key1", "Value1"),
	update("Bucket2", "Key1", "Value2", 1),
	history("Bucket2", "Key1"),

	say("The first bucket fills its depth, and with the fourth revision the first one leaves."),
	update("Bucket1", "Key1", "Value3", 2),
	history("Bucket1", "Key1"),
	update("Bucket1", "Key1", "Value4", 3),
	history("Bucket1", "Key1"),

	say("Put asks for no revision: it writes whatever is there."),
	put("Bucket1", "Key1", "Value5"),
	history("Bucket1", "Key1"),

	say("Revert puts an old value again. That is a new revision: nothing of the past is rewritten."),
	getRevision("Bucket1", "Key1", 3),
	revert("Bucket1", "Key1", 3),
	history("Bucket1", "Key1"),
}

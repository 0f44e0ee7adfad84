package main

import "github.com/revkv/kv/natskv"

// openNATSKV returns this library behind NATS's interface: what code pays that was written for a server.
func openNATSKV(o options) (engine, error) {
	db, err := openDB(o)
	if err != nil {
		return nil, err
	}
	return openBucket(o, natskv.New(db), db.Close)
}

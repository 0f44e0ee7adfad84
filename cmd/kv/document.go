package main

import (
	"encoding/base64"
	"time"
	"unicode/utf8"

	"github.com/revkv/kv"
)

// An entryDocument is an entry as --json shows it, in the words of "kv export".
type entryDocument struct {
	Bucket    string     `json:"bucket"`
	Key       string     `json:"key"`
	Revision  uint64     `json:"revision"`
	Operation string     `json:"operation"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires,omitempty"`
	Delta     uint64     `json:"delta"`
	Value     *string    `json:"value,omitempty"`  // of a put, if it is UTF-8
	Base64    string     `json:"base64,omitempty"` // else
}

func documentOf(e kv.Entry) entryDocument {
	d := entryDocument{
		Bucket: e.Bucket, Key: e.Key, Revision: e.Revision, Operation: e.Operation.String(), Created: e.Created, Delta: e.Delta,
	}
	if !e.Expires.IsZero() {
		d.Expires = &e.Expires
	}
	if e.Operation != kv.Put {
		return d
	}
	if value := string(e.Value); utf8.ValidString(value) {
		d.Value = &value
	} else {
		d.Base64 = base64.StdEncoding.EncodeToString(e.Value)
	}
	return d
}

func documentsOf(entries []kv.Entry) []entryDocument {
	list := make([]entryDocument, len(entries))
	for i, e := range entries {
		list[i] = documentOf(e)
	}
	return list
}

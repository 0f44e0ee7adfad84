// Package wire knows how many bytes a revision takes on a NATS server, where it is a message with a subject and headers.
// The limits and the sizes of module natskv go by it.
//
// The headers are those that NATS's client and server write; each function names them. All sums were compared with a server
// 2.15, in memory and in files.
package wire

import (
	"time"

	"github.com/revkv/kv/store"
)

// MaxPayload is the most bytes of value and headers together that a client sends to a server in its default configuration.
const MaxPayload = 1 << 20

// A Message is what the headers of a revision depend on.
type Message struct {
	Operation store.Operation
	Limit     bool   // it is a limit marker, which the bucket writes
	Checked   bool   // it was written on condition that Expected is the newest revision of the key
	Expected  uint64 // 0: that there is none
	TTL       string // "" if it has none
}

// frame is what surrounds headers: the version before them and the empty line behind.
const frame = len("NATS/1.0\r\n") + len("\r\n")

// Header returns how many bytes the headers take. It is less than 256.
func (m *Message) Header() uint8 {
	n := 0
	switch {
	case m.Limit:
		n += line("Nats-Marker-Reason", len("MaxAge")) + line("Nats-Rollup", len("sub"))
	case m.Operation == store.Delete:
		n += line("KV-Operation", len("DEL"))
	case m.Operation == store.Purge:
		n += line("KV-Operation", len("PURGE")) + line("Nats-Rollup", len("sub"))
	}
	if m.Checked {
		n += line("Nats-Expected-Last-Subject-Sequence", digits(m.Expected))
	}
	if m.TTL != "" {
		n += line("Nats-TTL", len(m.TTL))
	}
	if n > 0 {
		n += frame
	}
	return uint8(min(n, 255))
}

// line returns the length of one header.
func line(name string, value int) int { return len(name) + len(": ") + value + len("\r\n") }

// digits returns the length of n in decimal.
func digits(n uint64) int {
	d := 1
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// Seconds returns a TTL as a server takes it: what is left of a second is cut off.
func Seconds(d time.Duration) time.Duration { return d.Truncate(time.Second) }

// A Rate is what a server counts for a message beside its key, its value and its headers.
type Rate struct {
	Message int64 // for each
	Headers int64 // for each that has headers
}

// StorageLabel is the label of a bucket's configuration that says which storage the bucket has on a server: MemoryStorage, or
// none for file storage, which is the default there.
const (
	StorageLabel  = "storage"
	MemoryStorage = "memory"
)

// RateOf returns the rate of a bucket.
func RateOf(bucket string, labels map[string]string) Rate {
	subject := int64(len("$KV.") + len(bucket) + len("."))
	if labels[StorageLabel] == MemoryStorage {
		return Rate{Message: subject + 16}
	}
	return Rate{Message: subject + 30, Headers: 4}
}

// Size returns what the server counts for a message.
func (r *Rate) Size(key string, value int, header uint8) int64 {
	n := r.Message + int64(len(key)+value) + int64(header)
	if header > 0 {
		n += r.Headers
	}
	return n
}

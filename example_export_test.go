package kv_test

import (
	"context"
	"log"
	"os"
	"strings"

	"github.com/revkv/kv"
)

// A bucket goes from one database to another as text, with its history and the number of its newest revision. On the way it
// can be read, and edited.
func ExampleDB_Import() {
	ctx := context.Background()
	text := `{"format":"revkv-export","version":1,"config":{"bucket":"settings","history":3},"newest":9}
{"revision":4,"key":"color","operation":"PUT","created":"2026-01-02T15:04:05.123456789Z","value":"red"}
{"revision":6,"key":"lease","operation":"PUT","created":"2026-01-02T15:04:06Z","deadline":"2099-12-31T00:00:00Z","base64":"/wA="}
{"revision":7,"key":"size","operation":"DELETE","created":"2026-01-02T15:04:07.5Z"}
{"records":3}
`
	text = strings.Replace(text, `"red"`, `"blue"`, 1)

	b, err := kv.New().Import(ctx, strings.NewReader(text))
	if err != nil {
		log.Fatal(err)
	}
	if err := b.Export(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
	// Output:
	// {"format":"revkv-export","version":1,"config":{"bucket":"settings","history":3,"max_value_size":-1,"max_bytes":-1},"newest":9}
	// {"revision":4,"key":"color","operation":"PUT","created":"2026-01-02T15:04:05.123456789Z","value":"blue"}
	// {"revision":6,"key":"lease","operation":"PUT","created":"2026-01-02T15:04:06Z","deadline":"2099-12-31T00:00:00Z","base64":"/wA="}
	// {"revision":7,"key":"size","operation":"DELETE","created":"2026-01-02T15:04:07.5Z"}
	// {"records":3}
}

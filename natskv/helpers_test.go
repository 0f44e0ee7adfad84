package natskv_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// databases are the places where buckets can be.
var databases = []struct {
	name string
	open func(testing.TB) *kv.DB
}{
	{"memory", func(testing.TB) *kv.DB { return kv.New() }},
	{"folder", func(t testing.TB) *kv.DB { return openFolder(t, crashfs.New()) }},
}

func openFolder(t testing.TB, disk *crashfs.FS) *kv.DB {
	t.Helper()
	db, err := kv.Open("db", kv.FileSystem(disk))
	require.NoError(t, err)
	return db
}

// inBubbles runs f with an empty database of each kind in a bubble, in which time passes at once. The bubble fails the test if
// a goroutine is left in it.
func inBubbles(t *testing.T, f func(t *testing.T, db *kv.DB)) {
	t.Helper()
	for _, d := range databases {
		t.Run(d.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				db := d.open(t)
				defer func() { require.NoError(t, db.Close()) }()
				f(t, db)
			})
		})
	}
}

// newBucket makes a bucket, named B unless cfg says otherwise.
func newBucket(t testing.TB, db *kv.DB, cfg jetstream.KeyValueConfig) jetstream.KeyValue {
	t.Helper()
	if cfg.Bucket == "" {
		cfg.Bucket = "B"
	}
	b, err := natskv.New(db).CreateKeyValue(t.Context(), cfg)
	require.NoError(t, err)
	return b
}

// play writes what a script says: "k" puts k, "-k" deletes and "!k" purges it. The value is v.
func play(t testing.TB, b jetstream.KeyValue, script string) {
	t.Helper()
	for word := range strings.FieldsSeq(script) {
		var err error
		switch word[0] {
		case '-':
			err = b.Delete(t.Context(), word[1:])
		case '!':
			err = b.Purge(t.Context(), word[1:])
		default:
			_, err = b.PutString(t.Context(), word, "v")
		}
		require.NoError(t, err)
	}
}

// draw shows an entry as key, revision, and D or P for markers: "q10P".
func draw(e jetstream.KeyValueEntry) string {
	if e == nil {
		return "nil"
	}
	mark := map[jetstream.KeyValueOp]string{jetstream.KeyValueDelete: "D", jetstream.KeyValuePurge: "P"}
	return fmt.Sprintf("%s%d%s", e.Key(), e.Revision(), mark[e.Operation()])
}

// drain returns what a watcher has to tell without anything else happening, and "closed" if its channel is.
func drain(w jetstream.KeyWatcher) string {
	var words []string
	for {
		select {
		case e, open := <-w.Updates():
			if !open {
				return strings.Join(append(words, "closed"), " ")
			}
			words = append(words, draw(e))
		case <-time.After(time.Nanosecond):
			return strings.Join(words, " ")
		}
	}
}

// history shows the history of a key or a pattern, "" if there is none.
func history(t testing.TB, b jetstream.KeyValue, key string) string {
	t.Helper()
	entries, err := b.History(t.Context(), key)
	if err != nil {
		require.Equal(t, jetstream.ErrKeyNotFound, err)
	}
	var words []string
	for _, e := range entries {
		words = append(words, draw(e))
	}
	return strings.Join(words, " ")
}

package kv_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/storetest"
)

// FuzzImport imports any text: it is refused and leaves nothing behind, or makes a bucket whose export makes the same one
// again, and the same one on every kind of store.
func FuzzImport(f *testing.F) {
	seeds := []string{
		"", goodHeader, goodHeader + "\n" + goodPut + "\n" + goodEnd,
		strings.Replace(goodHeader, `"max_bytes":-1`, `"ttl":5,"limit_marker_ttl":7,"metadata":{"a":"b"}`, 1) + `
{"revision":1,"key":"a","operation":"DELETE","created":"1999-01-02T15:04:05Z"}
{"revision":2,"key":"a.b","operation":"PUT","created":"2000-01-01T00:00:00Z","deadline":"2000-01-01T00:00:01Z","base64":"/w=="}
{"revision":5,"key":"b","operation":"PURGE","created":"2030-01-02T15:04:05.7+01:00"}
{"revision":7,"key":"c","operation":"PUT","created":"2262-04-11T23:47:16.854775806Z","value":"\ud834\udd1e"}
{"records":4}
`,
	}
	for i, seed := range seeds {
		_, err := kv.New().Import(context.Background(), strings.NewReader(seed))
		require.Equal(f, i < 2, err != nil, seed)
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		synctest.Test(t, func(t *testing.T) {
			inMemory := importAnything(t, kv.New(), text)
			for _, kind := range diskKinds {
				require.Equal(t, inMemory, importAnything(t, openBackend(t, kind.new().MustOpen()), text), kind.name)
			}
		})
	})
}

// importAnything imports a text and returns the export of what that gives, "" if it is refused.
func importAnything(t *testing.T, db *kv.DB, text string) string {
	t.Helper()
	b, err := db.Import(t.Context(), strings.NewReader(text))
	if err != nil {
		requireErr(t, err, kv.ErrInvalidImport)
		noBuckets(t, db)
		require.NoError(t, db.Close())
		return ""
	}
	first := exportOf(t, b)
	require.NoError(t, db.Close())
	disk := storetest.NewValueDisk()
	db = openBackend(t, disk.MustOpen())
	require.Equal(t, first, exportOf(t, mustImport(t, db, first)))
	require.NoError(t, db.Close())
	db = openBackend(t, disk.MustOpen())
	b, err = db.Bucket(t.Context(), b.Name())
	require.NoError(t, err)
	require.Equal(t, first, exportOf(t, b))
	require.NoError(t, db.Close())
	return strings.Replace(first, `,"compression":true`, "", 1) // which a database in memory leaves out
}

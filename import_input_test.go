package kv_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// The pieces of a good export.
const (
	goodHeader = `{"format":"revkv-export","version":1,"config":{"bucket":"B","history":2,"max_value_size":-1,"max_bytes":-1},"newest":9}`
	goodPut    = `{"revision":3,"key":"k","operation":"PUT","created":"2026-01-02T15:04:05Z","value":"v"}`
	goodEnd    = `{"records":1}`
)

// replaced returns a line with one thing put for another, which must be there once.
func replaced(t testing.TB, line, old, with string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(line, old), "%q in %q", old, line)
	return strings.Replace(line, old, with, 1)
}

// refused imports a text, which must be refused because of a line, everywhere, and leaves nothing behind.
func refused(t *testing.T, text string, line int, reason string) {
	t.Helper()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b, err := db.Import(t.Context(), strings.NewReader(text))
		require.Nil(t, b)
		requireErr(t, err, kv.ErrInvalidImport)
		e := asError[*kv.ImportError](t, err)
		bucket := "B"
		if line == 1 {
			bucket = ""
		}
		require.Equal(t, kv.ImportError{Bucket: bucket, Line: line, Reason: e.Reason}, *e)
		require.Contains(t, e.Reason, reason)
		noBuckets(t, db)
		newBucket(t, db, kv.Config{})
	})
}

func TestImportErrorText(t *testing.T) {
	db := kv.New()
	for text, want := range map[string]string{
		"":                        `kv: import: invalid import: line 1: the input ends without the line that counts the records`,
		goodHeader + "\n{\"x\":1": `kv: import bucket "B": invalid import: line 2: unknown field "x"`,
	} {
		require.EqualError(t, errOf(db.Import(t.Context(), strings.NewReader(text))), want)
	}
}

// What is wrong with the first line.
func TestImportOfABadHeader(t *testing.T) {
	for _, row := range []struct{ old, with, reason string }{
		{goodHeader, "null", "not the first line of an export"},
		{goodHeader, "\x00", "not the first line of an export"},
		{goodHeader, "[]", "not the first line of an export"},
		{goodHeader, goodPut, "the format is \"\""},
		{goodHeader, goodEnd, "the format is \"\""},
		{"revkv-export", "revkv-EXPORT", `the format is "revkv-EXPORT", and not "revkv-export"`},
		{`"version":1`, `"version":2,"more":{}`, "the version is 2, this program knows 1"},
		{`"version":1`, `"version":0`, "the version is 0"},
		{`"version":1`, `"version":"1"`, "version"},
		{`"version":1,`, ``, "the version is 0"},
		{`,"newest":9`, ``, "the newest revision is missing"},
		{`"newest":9`, `"newest":null`, `field "newest": it is null`},
		{`"newest":9`, `"newest":-1`, `field "newest"`},
		{`"newest":9`, `"newest":1.5`, `field "newest"`},
		{`"newest":9`, `"newest":4611686018427387905`, `the newest revision is 4611686018427387905, the most is 4611686018427387904`},
		{`"newest":9`, `"newest":18446744073709551616`, `field "newest"`},
		{`"newest":9`, `"newest":9,"newest":9`, `field "newest" comes twice`},
		{`"newest":9`, `"newest":9,"Newest":9`, `unknown field "Newest"`},
		{`"newest":9}`, `"newest":9}}`, "after top-level value"},
		{`"newest":9}`, `"newest":9} {}`, "after top-level value"},
		{`"bucket":"B",`, ``, `invalid bucket name: it is empty`},
		{`"bucket":"B"`, `"bucket":"a.b"`, `invalid bucket name: it has "." at byte 1`},
		{`"bucket":"B"`, `"bucket":"B","bucket":"B"`, `field "config": field "bucket" comes twice`},
		{`"history":2`, `"history":65`, "history too large: History is 65, the most is 64"},
		{`"history":2`, `"history":256`, `field "history"`},
		{`"history":2`, `"history":null`, `field "config": field "history": it is null`},
		{`"history":2`, `"histories":2`, `field "config": unknown field "histories"`},
		{`"history":2`, `"importing":true`, `unknown field "importing"`},
		{`"history":2`, `"ttl":-1`, "invalid config: TTL is negative"},
		{`"history":2`, `"storage":3`, "invalid config: Storage"},
		{`"history":2`, `"description":"` + strings.Repeat("x", 4097) + `"`, "invalid config: Description"},
		{`"history":2`, `"description":"\ud800"`, "surrogate"},
		{`"history":2`, "\"description\":\"\xff\"", "not UTF-8"},
		{`{"bucket":"B","history":2,"max_value_size":-1,"max_bytes":-1}`, `null`, "not a JSON object"},
		{`{"bucket":"B","history":2,"max_value_size":-1,"max_bytes":-1}`, `"B"`, ""},
	} {
		t.Run(row.with, func(t *testing.T) {
			refused(t, replaced(t, goodHeader, row.old, row.with)+"\n"+goodPut+"\n"+goodEnd+"\n", 1, row.reason)
		})
	}
}

// What is wrong with the line of a revision.
func TestImportOfABadRecord(t *testing.T) {
	for _, row := range []struct{ old, with, reason string }{
		{goodPut, "{", "EOF"},
		{goodPut, `{"value":"\ud800`, "half of a surrogate pair"},
		{goodPut, `{"value":"\`, "escape"},
		{goodPut, "{}", `field "revision" is missing`},
		{goodPut, "null", "not a JSON object"},
		{goodPut, "7", "not a JSON object"},
		{goodPut, "[{}]", "not a JSON object"},
		{goodPut, goodHeader, `unknown field "format"`},
		{goodPut, strings.Repeat(`{"key":`, 20000), ""},
		{goodPut, goodPut + goodPut, "something follows the JSON object"},
		{`"key":"k",`, `"key":"k",,`, ""},
		{`"value":"v"}`, `"value":"v",}`, ""},
		{`"revision":3,`, ``, `field "revision" is missing`},
		{`"revision":3`, `"revision":0`, "revision 0: the first revision is 1"},
		{`"revision":3`, `"revision":-3`, `field "revision"`},
		{`"revision":3`, `"revision":"3"`, `field "revision"`},
		{`"revision":3`, `"revision":3e0`, `field "revision"`},
		{`"revision":3`, `"revision":03`, ""},
		{`"revision":3`, `"revision":null`, `field "revision": it is null`},
		{`"revision":3`, `"revision":10`, "revision 10 is greater than the newest, which is 9"},
		{`"revision":3`, `"revision":3,"revision":3`, `field "revision" comes twice`},
		{`"revision":3`, `"Revision":3`, `unknown field "Revision"`},
		{`"key":"k",`, ``, `field "key" is missing`},
		{`"key":"k"`, `"key":""`, "the key is not valid: it is empty"},
		{`"key":"k"`, `"key":"a b"`, `the key is not valid: it has " " at byte 1`},
		{`"key":"k"`, `"key":"` + strings.Repeat("k", 4001) + `"`, "it has 4001 bytes, the most is 4000"},
		{`"operation":"PUT",`, ``, `field "operation" is missing`},
		{`"operation":"PUT"`, `"operation":"put"`, `operation "put" is none of PUT, DELETE and PURGE`},
		{`"operation":"PUT"`, `"operation":1`, `field "operation"`},
		{`"operation":"PUT"`, `"operation":"DELETE"`, "a marker with a value"},
		{`"operation":"PUT"`, `"operation":"PURGE"`, "a marker with a value"},
		{`"created":"2026-01-02T15:04:05Z",`, ``, `field "created" is missing`},
		{`2026-01-02T15:04:05Z`, `2026-01-02 15:04:05`, `field "created"`},
		{`2026-01-02T15:04:05Z`, `2026-02-30T15:04:05Z`, `field "created"`},
		{`2026-01-02T15:04:05Z`, `1600-01-02T15:04:05Z`, `field "created": 1600-01-02T15:04:05Z does not fit`},
		{`2026-01-02T15:04:05Z`, `2262-04-11T23:47:16.854775807Z`, "it was created at the end of time"},
		{`2026-01-02T15:04:05Z`, `2263-01-02T15:04:05Z`, `does not fit`},
		{`"value":"v"`, `"deadline":"2026-01-02T15:04:05Z","value":"v"`, "the deadline is not after the creation"},
		{`"value":"v"`, `"deadline":"1970-01-01T00:00:00Z","value":"v"`, "the deadline is not after the creation"},
		{`"value":"v"`, `"deadline":"2300-01-02T15:04:05Z","value":"v"`, `field "deadline": 2300-01-02T15:04:05Z does not fit`},
		{`"value":"v"`, `"deadline":"","value":"v"`, `field "deadline"`},
		{`"value":"v"`, `"deadline":null,"value":"v"`, `field "deadline": it is null`},
		{`,"value":"v"`, ``, "a put without a value"},
		{`"value":"v"`, `"value":null`, `field "value": it is null`},
		{`"value":"v"`, `"value":7`, `field "value"`},
		{`"value":"v"`, `"value":"v","base64":""`, "there are two values"},
		{`"value":"v"`, `"base64":"/w"`, `field "base64"`},
		{`"value":"v"`, `"base64":"_w=="`, `field "base64"`},
		{`"value":"v"`, `"base64":"/x=="`, `field "base64"`},
		{`"value":"v"`, `"base64":[255]`, `field "base64"`},
		{`"value":"v"`, `"base64":null`, `field "base64": it is null`},
		{`"value":"v"`, `"value":"v","x":"` + strings.Repeat("x", 1<<20) + `"`, `unknown field "x"`},
		{`"value":"v"`, "\"value\":\"\xff\"", "it is not UTF-8"},
		{`"value":"v"`, "\"value\":\"\n\"", ""},
		{`"value":"v"`, `"value":"\ud800"`, `half of a surrogate pair`},
		{`"value":"v"`, `"value":"\uDC00\ud800"`, `half of a surrogate pair`},
		{`"value":"v"`, `"value":"\ud800\u0041"`, `half of a surrogate pair`},
		{`"value":"v"`, `"value":"\\\ud800x"`, `half of a surrogate pair`},
		{`"value":"v"`, `"value":"\ud8`, ""},
		{`"value":"v"`, `"value":"\`, ""},
		{`"value":"v"`, `"value":"v","records":1`, "it has a field beside records"},
	} {
		t.Run(fmt.Sprintf("%.60s", row.with), func(t *testing.T) {
			refused(t, goodHeader+"\n"+replaced(t, goodPut, row.old, row.with)+"\n"+goodEnd+"\n", 2, row.reason)
		})
	}
}

// What is wrong with lines that are good by themselves.
func TestImportOfBadLines(t *testing.T) {
	put := func(revision int, key, more string) string {
		return fmt.Sprintf(`{"revision":%d,"key":"%s","operation":"PUT","created":"2026-01-02T15:04:0%dZ","value":"v"%s}`, revision, key, revision, more)
	}
	purge := func(revision int, key string) string {
		return fmt.Sprintf(`{"revision":%d,"key":"%s","operation":"PURGE","created":"2026-01-02T15:04:0%dZ"}`, revision, key, revision)
	}
	for _, row := range []struct {
		name   string
		lines  []string
		line   int
		reason string
	}{
		{"same revision", []string{put(3, "a", ""), put(3, "b", "")}, 3, "revision 3 does not come after 3"},
		{"falling revision", []string{put(3, "a", ""), put(2, "b", "")}, 3, "revision 2 does not come after 3"},
		{"falling time", []string{put(3, "a", ""), strings.Replace(put(4, "b", ""), ":04Z", ":02Z", 1)}, 3,
			"it was created before the revision before it"},
		{"depth", []string{put(1, "a", ""), put(2, "b", ""), put(3, "a", ""), put(4, "a", ""), "?"}, 5,
			`one revision more of key "a" than the depth, which is 2`},
		{"before a purge", []string{put(1, "a", ""), purge(2, "b"), purge(3, "a")}, 4, `a purge leaves no older revisions`},
		{"too many counted", []string{put(1, "a", ""), `{"records":2}`}, 3, "it counts 2 records, and there are 1"},
		{"too few counted", []string{put(1, "a", ""), `{"records":0}`}, 3, "it counts 0 records, and there are 1"},
		{"bad count", []string{`{"records":-1}`}, 2, `field "records"`},
		{"no count", []string{`{"records":null}`}, 2, `field "records": it is null`},
		{"two counts", []string{`{"records":0}`, `{"records":0}`}, 3, "it comes after the line that counts the records"},
		{"something behind blank lines", []string{`{"records":0}`, ``, ` `, `x`}, 5, "it is not a JSON object"},
		{"another export", []string{`{"records":0}`, goodHeader}, 3, "it comes after"},
		{"no end", []string{put(1, "a", "")}, 3, "the input ends without the line that counts the records"},
	} {
		t.Run(row.name, func(t *testing.T) {
			refused(t, goodHeader+"\n"+strings.Join(row.lines, "\n")+"\n", row.line, row.reason)
		})
	}
}

// A file that is cut anywhere is refused, but for the last line's end.
func TestImportOfACutFile(t *testing.T) {
	text := goodHeader + "\n" + goodPut + "\n" + goodEnd + "\n"
	for n := range len(text) - 1 {
		everywhere(t, func(t *testing.T, db *kv.DB) {
			_, err := db.Import(t.Context(), strings.NewReader(text[:n]))
			requireErr(t, err, kv.ErrInvalidImport)
			noBuckets(t, db)
		})
	}
	mustImport(t, kv.New(), text[:len(text)-1])
}

// What editors and people do to a text, and readers to the pieces of it, does no harm.
func TestImportOfAnEditedFile(t *testing.T) {
	good := goodHeader + "\n" + goodPut + "\n" + goodEnd + "\n"
	want := exportOf(t, mustImport(t, kv.New(), good))
	require.Equal(t, good, want)
	for name, text := range map[string]string{
		"white space":      strings.NewReplacer("{", "\t{ ", "}", " }", `":`, `" : `, `,"`, ` , "`, "\n", " \r\n").Replace(good),
		"blank lines":      "\n" + strings.ReplaceAll(good, "\n", "\n\n \r\n") + "\n\t\n",
		"escapes":          replaced(t, good, `"value":"v"`, `"v\u0061lue":"\u0076"`),
		"base64":           replaced(t, good, `"value":"v"`, `"base64":"dg=="`),
		"order of fields":  replaced(t, replaced(t, good, `"revision":3,`, ``), `"value":"v"`, `"value":"v","revision":3`),
		"defaults":         replaced(t, good, `,"max_value_size":-1,"max_bytes":-1`, ``),
		"more defaults":    replaced(t, good, `"max_value_size":-1`, `"max_value_size":0,"metadata":{},"description":""`),
		"another timezone": replaced(t, good, `2026-01-02T15:04:05Z`, `2026-01-02T16:04:05.000+01:00`),
	} {
		assert.Equal(t, want, exportOf(t, mustImport(t, kv.New(), text)), name)
	}
	for name, read := range map[string]func(io.Reader) io.Reader{
		"byte by byte": iotest.OneByteReader, "with its end": iotest.DataErrReader, "in halves": iotest.HalfReader,
	} {
		b, err := kv.New().Import(t.Context(), read(strings.NewReader(good)))
		require.NoError(t, err, name)
		require.Equal(t, want, exportOf(t, b), name)
	}
}

// Times from before 1970 and far from now are times.
func TestImportOfFarTimes(t *testing.T) {
	text := goodHeader + `
{"revision":1,"key":"a","operation":"PUT","created":"1677-09-21T00:12:43.145224192Z","value":""}
{"revision":2,"key":"b","operation":"PUT","created":"1969-12-31T23:59:59.999999999Z","deadline":"2262-04-11T23:47:16.854775807Z","value":""}
{"revision":3,"key":"c","operation":"PUT","created":"1970-01-01T00:00:00Z","value":""}
{"revision":4,"key":"d","operation":"PUT","created":"2262-04-11T23:47:16.854775806Z","deadline":"2262-04-11T23:47:16.854775807Z","value":""}
{"records":4}
`
	require.Equal(t, text, exportOf(t, mustImport(t, kv.New(), text)))
	refused(t, replaced(t, text, "1677-09-21T00:12:43.145224192Z", "1677-09-21T00:12:43.145224191Z"), 2, "does not fit")
	refused(t, replaced(t, text, `999Z","deadline":"2262-04-11T23:47:16.854775807Z"`, `999Z","deadline":"1970-01-01T00:00:00Z"`), 3,
		"the deadline is not after the creation")
}

// Surrogate pairs, and what looks like half of one, get through.
func TestImportOfSurrogates(t *testing.T) {
	for escaped, want := range map[string]string{
		`\ud834\udd1e`: "𝄞", `\\ud834`: `\ud834`, `\uD834\uDD1E\ufffd`: "𝄞\uFFFD", `\\\ud834\udd1e\\`: `\𝄞\`,
	} {
		text := goodHeader + "\n" + replaced(t, goodPut, `"value":"v"`, `"value":"`+escaped+`"`) + "\n" + goodEnd
		e, err := mustImport(t, kv.New(), text).Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, want, string(e.Value))
	}
}

// Values of many sizes, in more than one chunk, with buffers that do not fit.
func TestImportOfLargeValues(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{Bucket: "A", History: 64})
		for _, size := range []int{1 << 16, 1<<20 - 2, 0, 1<<20 + 1, 1, 1 << 19, 1<<19 - 2} {
			value := bytes.Repeat([]byte{byte(random.Uint32())}, size)
			require.NoError(t, errOf(b.Put(t.Context(), "k", value)))
		}
		text := exportOf(t, b)
		imported := mustImport(t, db, text, kv.ImportAs("B"))
		require.True(t, text == strings.Replace(exportOf(t, imported), `"bucket":"B"`, `"bucket":"A"`, 1))
	})
}

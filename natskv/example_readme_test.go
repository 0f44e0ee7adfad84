package natskv_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// The Go in the README is from examples and tests that are run.
func TestReadmeIsFromExamples(t *testing.T) {
	files, err := filepath.Glob("example*_test.go")
	require.NoError(t, err)
	var examples string
	for _, name := range files {
		examples += readFile(t, name)
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllStringSubmatch(readFile(t, "README.md"), -1)
	require.NotEmpty(t, blocks)
	for _, block := range blocks {
		assert.True(t, strings.Contains(unindented(examples), unindented(block[1])), "in no example:\n%s", block[1])
	}
}

// unindented returns the lines of a text without the blanks around them.
func unindented(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		s.WriteString(strings.TrimSpace(line) + "\n")
	}
	return s.String()
}

// Links to files of the project lead somewhere.
func TestReadmeLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(readFile(t, "README.md"), -1)
	require.NotEmpty(t, links)
	for _, link := range links {
		_, err := os.Stat(link[1])
		assert.NoError(t, err)
	}
}

// The tests that the README names exist.
func TestReadmeNamesTests(t *testing.T) {
	var tests string
	for _, pattern := range []string{"*_test.go", "natstest/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range files {
			tests += readFile(t, name)
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(readFile(t, "README.md"), -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		assert.True(t, strings.Contains(tests, "\nfunc "+name[1]+"("), "there is no %s", name[1])
	}
}

// The tables of the README have a row for every method, every option and every field of a configuration.
func TestReadmeIsWhole(t *testing.T) {
	text := readFile(t, "README.md")
	for _, want := range slices.Concat(
		methods[jetstream.KeyValueManager](), methods[jetstream.KeyValue](), methods[jetstream.KeyWatcher](),
		methods[jetstream.KeyLister](), methods[jetstream.KeyValueEntry](), methods[jetstream.KeyValueStatus](),
		methods[nats.KeyValueManager](), methods[nats.KeyValue](), methods[nats.KeyWatcher](), methods[nats.KeyValueStatus](),
		fields[jetstream.KeyValueConfig](), fields[nats.KeyValueConfig](),
		[]string{ // TestOptionsOfTheClient knows if there are more
			"IncludeHistory", "UpdatesOnly", "IgnoreDeletes", "MetaOnly", "ResumeFromRevision", "KeyTTL", "LastRevision", "PurgeTTL",
			"DeleteMarkersOlderThan", "Context",
		},
	) {
		row := regexp.MustCompile("(?m)^\\|[^|]*`" + want + "`[^|]*\\|")
		assert.True(t, row.MatchString(text), "no table has a row for %s", want)
	}
}

func methods[T any]() (names []string) {
	i := reflect.TypeFor[T]()
	for m := range i.NumMethod() {
		names = append(names, i.Method(m).Name)
	}
	return names
}

func fields[T any]() (names []string) {
	s := reflect.TypeFor[T]()
	for f := range s.NumField() {
		names = append(names, s.Field(f).Name)
	}
	return names
}

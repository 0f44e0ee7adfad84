package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("update", false, "rewrite the files in testdata")

// In a bubble it is always midnight of 1 January 2000 when the tour begins, and a minute between two steps takes no time.
func TestTour(t *testing.T) {
	const file = "testdata/transcript.txt"
	var got bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, tour(&got, func() { time.Sleep(time.Minute) }))
	})
	if *rewrite {
		require.NoError(t, os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

func TestDrawTable(t *testing.T) {
	columns := []column{{head: "Key"}, {head: "Rev", right: true}}
	tests := []struct {
		name  string
		table table
		want  string
	}{
		{
			name:  "columns make the width, and the title stands in the middle",
			table: table{title: "abc", columns: columns, rows: [][]string{{"colour", "7"}, {"k", "1024"}}},
			want: `
╭───────────────╮
│      abc      │
├────────┬──────┤
│ Key    │ Rev  │
├────────┼──────┤
│ colour │    7 │
│ k      │ 1024 │
╰────────┴──────╯
`,
		},
		{
			name:  "the title makes the width, and the last column gives way",
			table: table{title: "a title that is long", columns: columns, rows: [][]string{{"k", "1"}}},
			want: `
╭──────────────────────╮
│ a title that is long │
├─────┬────────────────┤
│ Key │ Rev            │
├─────┼────────────────┤
│ k   │              1 │
╰─────┴────────────────╯
`,
		},
		{
			name:  "characters count, not bytes",
			table: table{title: "ü", columns: columns, rows: [][]string{{"größe", "1"}}},
			want: `
╭─────────────╮
│      ü      │
├───────┬─────┤
│ Key   │ Rev │
├───────┼─────┤
│ größe │   1 │
╰───────┴─────╯
`,
		},
		{
			name:  "an odd rest goes before the title",
			table: table{title: "ab", columns: columns},
			want: `
╭───────────╮
│     ab    │
├─────┬─────┤
│ Key │ Rev │
├─────┼─────┤
╰─────┴─────╯
`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, strings.Trim(test.want, "\n"), test.table.draw())
		})
	}
}

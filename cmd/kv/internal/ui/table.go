package ui

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A Table is rows below a title and a header, in a box. Numbers stand on the right.
type Table struct{ rows table.Writer }

// NewTable returns a table without rows.
func NewTable(title string, header ...string) *Table {
	t := &Table{rows: table.NewWriter()}
	style := table.StyleRounded
	style.Title.Align = text.AlignCenter
	style.Format.Header = text.FormatDefault
	t.rows.SetStyle(style)
	t.rows.SetTitle("%s", title)
	row := make(table.Row, len(header))
	for i, name := range header {
		row[i] = name
	}
	t.rows.AppendHeader(row)
	return t
}

// Add adds a row.
func (t *Table) Add(cells ...any) { t.rows.AppendRow(cells) }

// Table writes a table.
func (s *Screen) Table(t *Table) {
	if s.OutTerminal {
		t.rows.Style().Size.WidthMax = s.Width()
	}
	fmt.Fprintln(s.Out, t.rows.Render())
}

// A Sheet is named values in sections, the names on the left up to a colon.
type Sheet struct {
	heading string
	lines   []sheetLine
}

type sheetLine struct {
	section     bool
	name, value string
}

// NewSheet returns a sheet without values.
func NewSheet(heading string) *Sheet { return &Sheet{heading: heading} }

// Section begins a section.
func (t *Sheet) Section(title string) {
	t.lines = append(t.lines, sheetLine{section: true, name: title})
}

// Add adds a value.
func (t *Sheet) Add(name string, value any) {
	t.lines = append(t.lines, sheetLine{name: name, value: fmt.Sprint(value)})
}

// Sheet writes a sheet.
func (s *Screen) Sheet(t *Sheet) {
	longest := 0
	for _, l := range t.lines {
		if !l.section {
			longest = max(longest, utf8.RuneCountInString(l.name))
		}
	}
	s.Printf("%s\n", t.heading)
	for _, l := range t.lines {
		if l.section {
			s.Printf("\n%s:\n\n", l.name)
			continue
		}
		s.Printf("  %s%s: %s\n", strings.Repeat(" ", longest-utf8.RuneCountInString(l.name)), l.name, l.value)
	}
}

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/revkv/kv"
)

// A table has a title over columns of text.
type table struct {
	title   string
	columns []column
	rows    [][]string
}

type column struct {
	head  string
	right bool // whether its cells, not the head, stand to the right
}

// historyTable returns the table of the history of one key, which is not empty.
func historyTable(entries []kv.Entry) *table {
	t := &table{
		title: fmt.Sprintf("History for %s > %s", entries[0].Bucket, entries[0].Key),
		columns: []column{
			{head: "Key"}, {head: "Revision", right: true}, {head: "Op"}, {head: "Created"}, {head: "Length"}, {head: "Value"},
		},
	}
	for _, e := range entries {
		t.rows = append(t.rows, []string{
			e.Key, strconv.FormatUint(e.Revision, 10), e.Operation.String(), e.Created.Format(time.DateTime),
			strconv.Itoa(len(e.Value)), string(e.Value),
		})
	}
	return t
}

// draw returns the table as lines of text.
func (t *table) draw() string {
	widths := t.widths()
	heads := make([]string, len(t.columns))
	for i, c := range t.columns {
		heads[i] = pad(c.head, widths[i], false)
	}
	lines := []string{
		rule(widths, "╭", "─", "╮"),
		row(centre(t.title, innerWidth(widths))),
		rule(widths, "├", "┬", "┤"),
		row(heads...),
		rule(widths, "├", "┼", "┤"),
	}
	for _, texts := range t.rows {
		cells := make([]string, len(texts))
		for i, text := range texts {
			cells[i] = pad(text, widths[i], t.columns[i].right)
		}
		lines = append(lines, row(cells...))
	}
	lines = append(lines, rule(widths, "╰", "┴", "╯"))
	return strings.Join(lines, "\n")
}

// rule returns a line without text.
func rule(widths []int, left, between, right string) string {
	bars := make([]string, len(widths))
	for i, w := range widths {
		bars[i] = strings.Repeat("─", w+2)
	}
	return left + strings.Join(bars, between) + right
}

// row returns a line of cells.
func row(cells ...string) string { return "│ " + strings.Join(cells, " │ ") + " │" }

// widths returns how wide the columns are: as their widest text, and the last one as wide as the title needs.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.head)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	if missing := utf8.RuneCountInString(t.title) - innerWidth(widths); missing > 0 {
		widths[len(widths)-1] += missing
	}
	return widths
}

// innerWidth returns how much text fits into a row without bars.
func innerWidth(widths []int) int {
	sum := 3 * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}

// pad fills text with blanks to a width.
func pad(text string, width int, right bool) string {
	blanks := strings.Repeat(" ", width-utf8.RuneCountInString(text))
	if right {
		return blanks + text
	}
	return text + blanks
}

// centre puts text in the middle of a width, to the right of it if there is no middle.
func centre(text string, width int) string {
	length := utf8.RuneCountInString(text)
	return pad(pad(text, length+(width-length+1)/2, true), width, false)
}

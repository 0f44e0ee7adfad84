package ui

import (
	"encoding/base64"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How times are shown.
const (
	timeFormat = "2006-01-02 15:04:05" // in tables, in local time
	longFormat = "02 Jan 06 15:04 MST" // of a single entry, in UTC
)

// Time returns a time for a table.
func Time(t time.Time) string { return t.Local().Format(timeFormat) }

// UTC returns a time for a line of text.
func UTC(t time.Time) string { return t.UTC().Format(longFormat) }

// IsText reports whether a value can be shown as it is: UTF-8 without characters that control a terminal, but for tabs and
// ends of lines.
func IsText(value []byte) bool {
	for rest := string(value); rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && n == 1:
			return false
		case unicode.IsPrint(r), strings.ContainsRune(harmless, r), strings.HasPrefix(rest, "\r\n"):
		default:
			return false
		}
		rest = rest[n:]
	}
	return true
}

// harmless characters do not print but belong to texts: two of them join letters, or keep them apart.
const harmless = "\n\t\u200c\u200d"

// Value returns a value as text: as it is, or in base64.
func Value(value []byte) string {
	if IsText(value) {
		return string(value)
	}
	return base64.StdEncoding.EncodeToString(value)
}

// Text is Value for what a bucket has as a string, which may have characters that control a terminal too.
func Text(s string) string { return Value([]byte(s)) }

// What of a long value a table shows.
const (
	cellLength = 40
	cellEnd    = 15
)

// Cell returns a value for a table, of a long one its beginning and its end.
func Cell(value []byte) string {
	runes := []rune(strings.ReplaceAll(Value(value), "\r\n", "\n"))
	if len(runes) <= cellLength {
		return string(runes)
	}
	return string(runes[:cellEnd]) + "..." + string(runes[len(runes)-cellEnd:])
}

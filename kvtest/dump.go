package kvtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/revkv/kv"
)

// Dump returns everything that a bucket keeps as text, a line for each revision in rising order: for failure messages,
// for golden files, and to compare buckets with [Diff].
//
//	1 color=red
//	3 motto="two words"
//	4 color DELETE
//	5 photo=[48213 bytes, sha256 5e884898da280471]
//
// Times are left out, so the same writes give the same text. Values that are not just letters, digits and - _ . / : are
// quoted, and long ones are told by length and hash.
func Dump(ctx context.Context, b *kv.Bucket) (string, error) {
	entries, err := everything(ctx, engineBucket{b})
	if err != nil {
		return "", fmt.Errorf("kvtest: dump bucket %q: %w", b.Name(), err)
	}
	var text strings.Builder
	for i := range entries {
		text.WriteString(dumpLine(&entries[i]) + "\n")
	}
	return text.String(), nil
}

// longValue is from how many bytes on a dump tells a value by its hash.
const longValue = 200

func dumpLine(e *kv.Entry) string {
	if len(e.Value) < longValue {
		return line(e)
	}
	hash := sha256.Sum256(e.Value)
	return fmt.Sprintf("%d %s=[%d bytes, sha256 %x]", e.Revision, e.Key, len(e.Value), hash[:8])
}

// Diff compares two dumps. It returns the lines that only one of them has in order of revision, '-' before one that only a
// has and '+' before one that only b has; the empty string if a and b are the same revisions.
//
//	-4 color=green
//	+4 color=blue
//	+5 size DELETE
func Diff(a, b string) string {
	diff := append(only("-", a, b), only("+", b, a)...)
	slices.SortStableFunc(diff, func(x, y string) int { return cmp.Compare(revisionOf(x[1:]), revisionOf(y[1:])) })
	return strings.Join(diff, "")
}

// only returns the lines of text that are not in other, each behind a sign.
func only(sign, text, other string) (lines []string) {
	have := map[string]bool{}
	for l := range strings.Lines(other) {
		have[l] = true
	}
	for l := range strings.Lines(text) {
		if !have[l] {
			lines = append(lines, sign+l)
		}
	}
	return lines
}

// revisionOf returns the number at the beginning of a line, 0 if there is none.
func revisionOf(line string) (revision uint64) {
	_, _ = fmt.Sscan(line, &revision)
	return revision
}

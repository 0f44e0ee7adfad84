// Package units reads and writes durations and sizes as people give them to "nats".
package units

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

const day = 24 * time.Hour

// longUnits are those that time.ParseDuration does not know.
var longUnits = map[byte]time.Duration{'d': day, 'w': 7 * day, 'M': 30 * day, 'y': 365 * day}

// ParseDuration reads a duration as time.ParseDuration does, and knows days, weeks, months of 30 days (M) and years of
// 365 days, which come first: 1d12h. It is not negative.
func ParseDuration(text string) (time.Duration, error) {
	var sum time.Duration
	rest := text
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits == len(rest) || longUnits[rest[digits]] == 0 {
			break
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		unit := longUnits[rest[digits]]
		if err != nil || n > (math.MaxInt64-int64(sum))/int64(unit) {
			return 0, fmt.Errorf("%q is too long a duration", text)
		}
		sum += time.Duration(n) * unit
		rest = rest[digits+1:]
	}
	if rest == "" && text != "" {
		return sum, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-sum {
		return 0, fmt.Errorf("%q is not a duration such as 90s, 1h30m or 7d", text)
	}
	return sum + d, nil
}

// FormatDuration returns a duration as ParseDuration reads it.
func FormatDuration(d time.Duration) string {
	switch {
	case d < day:
		return d.String()
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dd%s", d/day, d%day)
}

// FormatAge returns how long ago something was, without a fraction of a second.
func FormatAge(d time.Duration) string { return FormatDuration(d.Round(time.Second)) }

// sizeUnits are powers of 1024, as nats has them, by the first letter.
const sizeUnits = "BKMGT"

// ParseSize reads a number of bytes, or of 1024, 1024², ... of them with K, M, G or T, which may have B or iB behind.
// A negative number means no limit, and gives -1.
func ParseSize(text string, limit int64) (int64, error) {
	digits := len(text) - len(strings.TrimLeft(text, "-0123456789"))
	n, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size such as 512, 64K or 10MB", text)
	}
	unit := strings.ToUpper(text[digits:])
	power := 0
	if unit != "" {
		power = strings.Index(sizeUnits, unit[:1])
		if tail := unit[1:]; power < 0 || tail != "" && tail != "B" && tail != "IB" || power == 0 && tail != "" {
			return 0, fmt.Errorf("%q is not a size: its unit must be B, K, KB, M, MB, G, GB, T or TB", text)
		}
	}
	if n < 0 {
		return -1, nil
	}
	if n > limit>>(10*power) {
		return 0, fmt.Errorf("%q is too large, the most is %d", text, limit)
	}
	return n << (10 * power), nil
}

// FormatSize returns a number of bytes in units of 1024.
func FormatSize(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// FormatLimit is FormatSize for a limit, of which -1 is none.
func FormatLimit(bytes int64) string {
	if bytes < 0 {
		return "unlimited"
	}
	return FormatSize(bytes)
}

// FormatCount returns a number with commas.
func FormatCount[N int | uint64](n N) string { return humanize.Comma(int64(n)) }

package units

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0":        0,
		"90s":      90 * time.Second,
		"1h30m":    90 * time.Minute,
		"250ms":    250 * time.Millisecond,
		"1.5h":     90 * time.Minute,
		"1d":       24 * time.Hour,
		"7d":       7 * 24 * time.Hour,
		"1w":       7 * 24 * time.Hour,
		"1M":       30 * 24 * time.Hour,
		"1y":       365 * 24 * time.Hour,
		"1d12h":    36 * time.Hour,
		"1y2w3d4m": (365+14+3)*24*time.Hour + 4*time.Minute,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "d", "soon", "-1s", "1d-1s", "5", "1d5", "1000y", "200y200y", "12h1d", "99999999999999999999d"} {
		_, err := ParseDuration(text)
		require.Error(t, err, text)
	}
}

func TestFormatDurationIsWhatParseDurationReads(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                 "0s",
		1500 * time.Millisecond:           "1.5s",
		90 * time.Minute:                  "1h30m0s",
		24 * time.Hour:                    "1d",
		36*time.Hour + 5*time.Millisecond: "1d12h0m0.005s",
		math.MaxInt64:                     "106751d23h47m16.854775807s",
	} {
		require.Equal(t, want, FormatDuration(d))
		back, err := ParseDuration(want)
		require.NoError(t, err)
		require.Equal(t, d, back)
	}
	require.Equal(t, "2s", FormatAge(1700*time.Millisecond))
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "512B": 512, "64K": 64 << 10, "64kb": 64 << 10, "10MiB": 10 << 20, "1G": 1 << 30, "2TB": 2 << 40,
		"-1": -1, "-5M": -1,
	} {
		got, err := ParseSize(text, math.MaxInt64)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "K", "ten", "1X", "1KK", "1BB", "1 K", "1.5K", "9999999T"} {
		_, err := ParseSize(text, math.MaxInt64)
		require.Error(t, err, text)
	}
	_, err := ParseSize("2G", math.MaxInt32)
	require.ErrorContains(t, err, "too large")
}

func TestFormats(t *testing.T) {
	require.Equal(t, "0 B", FormatSize(0))
	require.Equal(t, "64 KiB", FormatLimit(64<<10))
	require.Equal(t, "unlimited", FormatLimit(-1))
	require.Equal(t, "12,345", FormatCount(12345))
}

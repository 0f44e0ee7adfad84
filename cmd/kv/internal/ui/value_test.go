package ui

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestValue(t *testing.T) {
	for value, want := range map[string]string{
		"":                "",
		"Value1":          "Value1",
		"two\n\tlines":    "two\n\tlines",
		"Grüße, 世界":       "Grüße, 世界",
		"two\r\nlines":    "two\r\nlines",
		"👨\u200d👩\u200d👧": "👨\u200d👩\u200d👧",
		"\xff":            "/w==",
		"\x1b[31mred":     "G1szMW1yZWQ=",
		"over\rwritten":   "b3Zlcg13cml0dGVu",
		"a\x00b":          "YQBi",
		"\u202egnorw":     "4oCuZ25vcnc=",
	} {
		require.Equal(t, want, Value([]byte(value)), "%q", value)
	}
}

func TestCellShortensLongValues(t *testing.T) {
	forty := strings.Repeat("ä", 40)
	require.Equal(t, forty, Cell([]byte(forty)))
	require.Equal(t, "abcdefghijklmno...ABCDEFGHIJKLMNO", Cell([]byte("abcdefghijklmno and what is between ABCDEFGHIJKLMNO")))
	require.Equal(t, strings.Repeat("/", 15)+"..."+strings.Repeat("/", 12)+"w==", Cell([]byte(strings.Repeat("\xff", 31))), "of base64")
}

func TestTimes(t *testing.T) {
	at := time.Date(2025, 1, 19, 3, 54, 59, 999, time.UTC)
	require.Equal(t, "19 Jan 25 03:54 UTC", UTC(at.In(time.FixedZone("", -5*3600))))
	require.Equal(t, at.Local().Format(time.DateTime), Time(at))
}

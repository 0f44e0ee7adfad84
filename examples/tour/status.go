package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/revkv/kv"
)

// describe returns what is known of a bucket, a line for each thing.
func describe(st kv.Status) string {
	things := []struct{ name, value string }{
		{"Bucket Name", st.Config.Bucket},
		{"History Kept", strconv.Itoa(int(st.Config.History))},
		{"Values Stored", strconv.Itoa(st.Values)},
		{"Newest Revision", strconv.FormatUint(st.Newest, 10)},
		{"Bucket Size", fmt.Sprintf("%d B", st.Bytes)},
		{"Maximum Bucket Size", size(st.Config.MaxBytes)},
		{"Maximum Value Size", size(int64(st.Config.MaxValueSize))},
		{"Maximum Age", age(st)},
		{"Storage", "memory"},
	}
	lines := []string{"What is known of " + st.Config.Bucket, ""}
	for _, t := range things {
		lines = append(lines, fmt.Sprintf("%21s: %s", t.name, t.value))
	}
	return strings.Join(lines, "\n")
}

func size(limit int64) string {
	if limit < 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%d B", limit)
}

func age(st kv.Status) string {
	if st.Config.TTL == 0 {
		return "unlimited"
	}
	return st.Config.TTL.String()
}

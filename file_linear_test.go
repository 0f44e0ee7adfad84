package kv_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// TestLinearFiles has values so long that each write but the smallest rolls the segment: reads and writes meet compaction
// everywhere.
func TestLinearFiles(t *testing.T) {
	rounds := max(1, linearRounds()/30)
	for _, p := range filePolicies {
		t.Run(p.name, func(t *testing.T) {
			db := openFiles(t, t.TempDir(), p.policy, kv.CompactAt(0.01))
			for name, calls := range linearMixes {
				t.Run(name, func(t *testing.T) {
					for round := range rounds {
						b := newBucket(t, db, kv.Config{Bucket: fmt.Sprint("B", round)})
						checkLinear(t, linearHistory(b, calls, round, strings.Repeat(".", 300)))
						require.NoError(t, db.DeleteBucket(t.Context(), b.Name()))
					}
				})
			}
			require.NoError(t, db.Close())
		})
	}
}

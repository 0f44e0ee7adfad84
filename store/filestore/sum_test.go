package filestore

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAddToSum compares with the standard library.
func TestAddToSum(t *testing.T) {
	for range 1000 {
		sum, v := rand.Uint32(), rand.Uint64()
		require.Equal(t, crc32.Update(sum, castagnoli, binary.LittleEndian.AppendUint64(nil, v)), addToSum(sum, v), "%x %x", sum, v)
	}
}

package wire

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/revkv/kv/store"
)

func TestHeader(t *testing.T) {
	for _, test := range []struct {
		name string
		m    Message
		want uint8
	}{
		{"put", Message{Operation: store.Put}, 0},
		{"create", Message{Operation: store.Put, Checked: true}, 52},
		{"update at 7", Message{Operation: store.Put, Checked: true, Expected: 7}, 52},
		{"update at 1234", Message{Operation: store.Put, Checked: true, Expected: 1234}, 55},
		{"create for 90s", Message{Operation: store.Put, Checked: true, TTL: (90 * time.Second).String()}, 52 + 12 + 5},
		{"delete", Message{Operation: store.Delete}, 31},
		{"delete at 10", Message{Operation: store.Delete, Checked: true, Expected: 10}, 31 + 41},
		{"purge", Message{Operation: store.Purge}, 51},
		{"purge for 4s", Message{Operation: store.Purge, TTL: "4s"}, 51 + 14},
		{"limit marker", Message{Operation: store.Purge, Limit: true, TTL: "30s"}, 73},
		{"longest", Message{
			Operation: store.Purge, Checked: true, Expected: math.MaxUint64, TTL: time.Duration(math.MaxInt64).String(),
		}, 51 + 39 + 20 + 12 + 24},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, test.m.Header()) })
	}
}

func TestRate(t *testing.T) {
	memory := RateOf("B001", map[string]string{StorageLabel: MemoryStorage})
	assert.EqualValues(t, 27, memory.Size("k", 1, 0))
	assert.EqualValues(t, 79, memory.Size("k", 1, 52))
	file := RateOf("B001", nil)
	assert.EqualValues(t, 41, file.Size("k", 1, 0))
	assert.EqualValues(t, 41+52+4, file.Size("k", 1, 52))
}

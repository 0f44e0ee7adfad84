//go:build unix && !386 && !arm && !mips && !mipsle

package kv_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// A value that is longer than any bucket takes is refused without a look at its bytes: these cannot be read.
func TestMaxValueLength(t *testing.T) {
	huge, err := syscall.Mmap(-1, 0, kv.MaxValueLength+1, syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Skip("no address space to spare: ", err)
	}
	defer func() { require.NoError(t, syscall.Munmap(huge)) }()
	everywhere(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		for _, err := range []error{
			errOf(b.Put(t.Context(), "k", huge)),
			errOf(b.Create(t.Context(), "k", huge)),
			errOf(b.Update(t.Context(), "k", huge, 7)),
			applyOps(t.Context(), b, kv.PutOp("k", huge)),
		} {
			requireErr(t, err, kv.ErrValueTooLarge)
			e := asError[*kv.SizeError](t, err)
			assert.Equal(t, int64(kv.MaxValueLength+1), e.Size)
			assert.Equal(t, int64(kv.MaxValueLength), e.Limit)
		}
		assert.Zero(t, statusOf(t, b).Newest)
	})
}

package crashfs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestContent does the same to contents and to slices of bytes, and makes copies of both on the way.
func TestContent(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			contents, models := []*content{{}}, [][]byte{nil}
			for range 400 {
				i := rng.IntN(len(contents))
				c, model := contents[i], &models[i]
				size := rng.IntN(3 * pageSize)
				switch rng.IntN(4) {
				case 0, 1:
					p := bytes.Repeat([]byte{byte(1 + rng.IntN(255))}, rng.IntN(2*pageSize))
					c.writeAt(p, int64(size))
					if len(p) > 0 {
						*model = append(*model, make([]byte, max(0, size+len(p)-len(*model)))...)
						copy((*model)[size:], p)
					}
				case 2:
					c.truncate(int64(size))
					*model = append(*model, make([]byte, max(0, size-len(*model)))...)[:size:size]
				case 3:
					if len(contents) < 5 {
						copied := c.clone()
						contents, models = append(contents, &copied), append(models, bytes.Clone(*model))
					}
				}
				for i := range contents {
					require.True(t, bytes.Equal(models[i], contents[i].all()))
				}
			}
		})
	}
}

func TestContentOfNothing(t *testing.T) {
	var c content
	c.writeAt(nil, 10)
	require.Empty(t, c.all())
}

// TestContentIsShared checks that a copy costs no bytes, and a write to it those of one page.
func TestContentIsShared(t *testing.T) {
	var c content
	c.writeAt(make([]byte, 10*pageSize), 0)
	copied := c.clone()
	require.Equal(t, 10, shared(&c, &copied))
	copied.writeAt([]byte("x"), 3*pageSize)
	require.Equal(t, 9, shared(&c, &copied))
	c.writeAt([]byte("x"), 3*pageSize)
	c.writeAt([]byte("x"), 4*pageSize)
	require.Equal(t, 8, shared(&c, &copied))
	c.truncate(1 << 35)
	require.Len(t, c.pages, 10, "zeros need no pages")
}

func shared(a, b *content) (n int) {
	for i := range a.pages {
		if a.pages[i] == b.pages[i] {
			n++
		}
	}
	return n
}

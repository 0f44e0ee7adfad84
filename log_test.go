package kv

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// logBench is a log with the histories it lists, driven as a bucket does it.
type logBench struct {
	log       revisionLog
	histories []history
	kept      map[uint64]*history
	last      uint64
	spare     spareRoom
}

func newLogBench(keys int) *logBench {
	return &logBench{histories: make([]history, keys), kept: map[uint64]*history{}}
}

// write adds a revision, skip numbers later, to a history of the given depth.
func (b *logBench) write(key, depth int, skip uint64) {
	h := &b.histories[key]
	for h.len() >= depth {
		b.drop(h, 0)
	}
	b.last += 1 + skip
	*h.add(&b.spare) = revision{number: b.last}
	b.log.append(b.last, h)
	b.kept[b.last] = h
}

func (b *logBench) drop(h *history, i int) {
	delete(b.kept, h.at(i).number)
	h.remove(i, &b.spare)
	b.log.remove()
}

// check compares what the log lists, from several places, with what the histories hold.
func (b *logBench) check(t *testing.T, r *rand.Rand) {
	t.Helper()
	require.Equal(t, len(b.kept), b.log.count)
	oldest, _ := b.log.oldest()
	head, _ := b.log.dropHead()
	require.Equal(t, oldest, head)
	for _, from := range []uint64{1, oldest, 1 + r.Uint64N(b.last+1), b.last} {
		listed, before := 0, from
		for c := b.log.from(from); ; {
			number, h, ok := c.next()
			if !ok {
				break
			}
			require.GreaterOrEqual(t, number, before)
			before = number + 1
			if h != nil {
				require.Same(t, b.kept[number], h)
				listed++
			}
		}
		want := 0
		for number, h := range b.kept {
			if number >= from {
				want++
			}
			require.Same(t, h, b.log.find(number))
		}
		require.Equal(t, want, listed)
		if from == 1 {
			require.True(t, want == 0 && oldest == 0 || b.kept[oldest] != nil)
		}
	}
}

// slots returns how many there are, in pieces that rise and are not empty.
func (b *logBench) slots(t *testing.T) int {
	t.Helper()
	n := 0
	for i, p := range b.log.pieces {
		if len(p.slots) == 0 || i > 0 && p.first <= b.log.pieces[i-1].first {
			require.FailNow(t, "a piece that is empty or does not rise")
		}
		n += len(p.slots)
	}
	return n
}

func TestLogAgainstMap(t *testing.T) {
	for _, depth := range []int{1, 3} {
		for _, keys := range []int{1, 40, 700, 3000} {
			for _, skip := range []uint64{0, 5, 1 << 33} {
				r := rand.New(rand.NewPCG(uint64(keys), skip))
				b := newLogBench(keys)
				for step := range 12_000 {
					key := r.IntN(keys)
					if r.IntN(3) == 0 {
						key = 0 // one key is written all the time
					}
					if h := &b.histories[key]; r.IntN(10) == 0 && h.len() > 0 {
						b.drop(h, r.IntN(h.len()))
						continue
					}
					gap := uint64(0)
					if r.IntN(50) == 0 {
						gap = skip
					}
					b.write(key, depth, gap)
					b.slots(t)
					if step%3000 == 0 {
						b.check(t, r)
					}
				}
				b.check(t, r)
			}
		}
	}
}

// TestLogStaysSmall: the log has room for what is kept, not for what was written.
func TestLogStaysSmall(t *testing.T) {
	for name, pick := range map[string]func(r *rand.Rand, step int) int{
		"one key":             func(*rand.Rand, int) int { return 0 },
		"keys in turn":        func(_ *rand.Rand, step int) int { return step % 5000 },
		"keys at random":      func(r *rand.Rand, _ int) int { return r.IntN(5000) },
		"old keys, hot key":   func(r *rand.Rand, step int) int { return max(0, 5000-step/50) % 5000 * (step % 50 / 49) },
		"half of them stable": func(r *rand.Rand, step int) int { return min(step, 2500+r.IntN(2500)) },
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			b := newLogBench(5000)
			for step := range 300_000 {
				b.write(pick(r, step), 1, 0)
				if step > 20_000 {
					require.LessOrEqual(t, b.slots(t), 2*len(b.kept)+4*pieceSize)
				}
			}
			require.LessOrEqual(t, len(b.log.pieces), 2*b.slots(t)/pieceSize+4)
			b.check(t, r)
		})
	}
}

package natstest

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// TestDiffer plays random operations on a server and on natskv and compares every answer. A difference is shown with its seed
// and with a short program that makes it too.
//
//	go test -run TestDiffer -differ.seeds 1000 -differ.from 201   looks further
//	go test -run TestDiffer -differ.seed 17 -differ.show          plays one seed, and shows all answers of natskv
var (
	differSeeds = flag.Int("differ.seeds", 200, "how many random programs are played")
	differFrom  = flag.Uint64("differ.from", 1, "the seed of the first random program")
	differOps   = flag.Int("differ.ops", 300, "how many operations a random program has")
	differSeed  = flag.Uint64("differ.seed", 0, "the only seed that is played; 0 for all")
	differShow  = flag.Bool("differ.show", false, "show the operations and their answers")
)

// lanes is how many programs are played at a time. Much of the time they wait: for an answer, or for a bucket to come back.
const lanes = 16

func TestDiffer(t *testing.T) {
	first, n := *differFrom, *differSeeds
	if *differSeed != 0 {
		first, n = *differSeed, 1
	} else if testing.Short() || underRace {
		n /= 10
	}
	seeds := make(chan uint64, n)
	for i := range n {
		seeds <- first + uint64(i)
	}
	close(seeds)
	var playing sync.WaitGroup
	for _, l := range startLanes(t, min(lanes, n)) {
		playing.Go(func() {
			for seed := range seeds {
				if r := differSeedOn(t, l, seed); r != "" {
					t.Errorf("-differ.seed %d: %s", seed, r)
				}
			}
		})
	}
	playing.Wait()
}

// differSeedOn plays the program of one seed. It returns "" if all answers are the same.
func differSeedOn(t *testing.T, l *lane, seed uint64) string {
	p := newProgram(seed, *differOps)
	if *differShow {
		for i, answer := range playOurs(t, p, inMemory).answers {
			fmt.Printf("%s\n\t%s\n", p.text(i), strings.Join(answer, "\n\t"))
		}
	}
	if d := differ(t, l, p); d != nil {
		return report(t, l, p, d)
	}
	return ""
}

// A program that makes a difference is shortened to the operations that it takes.
func TestShrink(t *testing.T) {
	p := make(program, 300)
	for i := range p {
		p[i].text = fmt.Sprintf("A.Call%d(ctx)", i)
	}
	play := func(p program) *difference {
		seen := map[string]bool{}
		for i, o := range p {
			seen[o.text] = true
			switch {
			case seen["A.Call17(ctx)"] && o.text == "A.Call203(ctx)":
				return &difference{i, []string{"same", "wrong 1"}, []string{"same", "right 2"}}
			case seen["A.Call17(ctx)"] && o.text == "A.Call18(ctx)" && !seen["A.Call16(ctx)"]:
				return &difference{i, []string{"another"}, []string{"kind"}}
			}
		}
		return nil
	}
	short, d := shrink(p, play(p), play)
	if len(short) != 2 || short[0].text != p[17].text || short[1].text != p[203].text || d.at != 1 {
		t.Errorf("%v\n%s", short, d.show(short))
	}
}

package kv_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
)

var (
	modelRuns = flag.Int("model.runs", 1, "how many random seeds the model tests play for each kind of store")
	modelOps  = flag.Int("model.ops", 0, "how many operations a run of the model tests has; 0 for a few thousand")
	modelSeed = flag.Uint64("model.seed", 0, "the only seed that the model tests play; 0 for the usual ones")
)

// TestModelMemory, TestModelDurable and TestModelDurableValues play random operations on the engine and on the model, and
// compare each answer. A difference is reported with its seed, and a short script to keep in modelScripts.
func TestModelMemory(t *testing.T)        { playSeeds(t, &modelKinds[0], 20_000) }
func TestModelDurable(t *testing.T)       { playSeeds(t, &modelKinds[1], 5_000) }
func TestModelDurableValues(t *testing.T) { playSeeds(t, &modelKinds[2], 5_000) }

// playSeeds plays a fixed set of seeds and random ones.
func playSeeds(t *testing.T, kind *modelKind, ops int) {
	seeds := []uint64{1, 2, 3, 4}
	for range *modelRuns {
		seeds = append(seeds, rand.Uint64())
	}
	if *modelSeed != 0 {
		seeds = []uint64{*modelSeed}
	}
	if *modelOps > 0 {
		ops = *modelOps
	}
	if testing.Short() {
		ops /= 10
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			s := modelRandom(seed)
			cfg := modelGoodConfig(s)
			script := make(modelScript, ops)
			for i := range script {
				script[i] = s.op()
			}
			checkScript(t, kind, cfg, script)
		})
	}
}

// modelGoodConfig chooses a configuration without faults.
func modelGoodConfig(s modelSource) kv.Config {
	for {
		if cfg := s.config(); modelConfigFault(cfg) == nil {
			return cfg
		}
	}
}

// checkScript fails if an answer is wrong, and shows a script that is as short as possible.
func checkScript(t *testing.T, kind *modelKind, cfg kv.Config, script modelScript) {
	t.Helper()
	at, wrong := playScript(t, kind, cfg, script)
	if wrong == "" {
		return
	}
	short := shortenScript(script[:min(at+1, len(script))], func(s modelScript) bool {
		_, wrong := playScript(t, kind, cfg, s)
		return wrong != ""
	})
	_, shortWrong := playScript(t, kind, cfg, short)
	t.Errorf("%s, %+v\noperation %d: %s\n\nthe same in short: %s\n%v", kind.name, cfg, at, wrong, shortWrong, short)
}

// playScript plays a script in a bubble of its own.
func playScript(t *testing.T, kind *modelKind, cfg kv.Config, script modelScript) (at int, wrong string) {
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				wrong = fmt.Sprintf("panic: %v", p)
			}
		}()
		r, err := newModelRun(kind, cfg)
		if err == nil {
			at, wrong = r.play(script)
			err = r.close()
		}
		if wrong == "" && err != nil {
			wrong = err.Error()
		}
	})
	return at, wrong
}

// shortenScript leaves out operations as long as the script fails: first many at a time, then few.
func shortenScript(script modelScript, fails func(modelScript) bool) modelScript {
	giveUp := time.Now().Add(30 * time.Second)
	for size := len(script) / 2; size > 0; {
		shorter := false
		for from := 0; from < len(script) && time.Now().Before(giveUp); {
			without := slices.Concat(script[:from], script[min(from+size, len(script)):])
			if fails(without) {
				script, shorter = without, true
			} else {
				from += size
			}
		}
		if size > 1 {
			size /= 2
		} else if !shorter || time.Now().After(giveUp) {
			break
		}
	}
	return script
}

// modelScripts are scripts that showed a difference once.
var modelScripts = []struct {
	name   string
	cfg    kv.Config
	script modelScript
}{}

func TestModelScripts(t *testing.T) {
	for _, s := range modelScripts {
		t.Run(s.name, func(t *testing.T) {
			for i := range modelKinds {
				checkScript(t, &modelKinds[i], s.cfg, s.script)
			}
		})
	}
}

// FuzzOperations lets the bytes choose the store, the configuration and the operations.
func FuzzOperations(f *testing.F) {
	for seed := range uint64(8) {
		data := make([]byte, 400)
		for i, s := 0, modelRandom(seed); i < len(data); i++ {
			data[i] = byte(s(256))
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, more := modelBytesSource(data)
		kind := &modelKinds[s(len(modelKinds))]
		cfg := modelGoodConfig(s)
		var script modelScript
		for more() {
			script = append(script, s.op())
		}
		checkScript(t, kind, cfg, script)
	})
}

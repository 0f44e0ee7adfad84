package kv_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

var (
	modelRuns = flag.Int("model.runs", 1, "how many random seeds the model tests play for each kind of store")
	modelOps  = flag.Int("model.ops", 0, "how many operations the model tests play for a seed; 0 for a few thousand")
	modelSeed = flag.Uint64("model.seed", 0, "the only seed that the model tests play; 0 for the usual ones")
)

// These tests play random operations on the engine and on the model, and compare each answer. A difference is reported with
// its seed, and with a short script to keep in modelScripts.
//
//	go test -run TestModel -model.runs 1000                     looks longer
//	go test -run TestModelMemory -model.seed 1098457948322299218  plays one seed
//	go test -run - -fuzz FuzzOperations                         lets coverage choose the operations

func TestModelMemory(t *testing.T)        { playSeeds(t, &modelKinds[0], 20_000, randomScript) }
func TestModelDurable(t *testing.T)       { playSeeds(t, &modelKinds[1], 5_000, randomScript) }
func TestModelDurableValues(t *testing.T) { playSeeds(t, &modelKinds[2], 5_000, randomScript) }

func TestModelFiles(t *testing.T) {
	for i := range modelKinds[3:] {
		kind := &modelKinds[3+i]
		t.Run(kind.name, func(t *testing.T) { playSeeds(t, kind, 3_000, randomScript) })
	}
}

// TestModelWide plays with so many keys that listings and watchers do their work in several steps.
func TestModelWide(t *testing.T) {
	for i := range modelKinds {
		t.Run(modelKinds[i].name, func(t *testing.T) { playSeeds(t, &modelKinds[i], 1_000, wideScript) })
	}
}

// playSeeds plays the scripts of a fixed set of seeds and of random ones.
func playSeeds(t *testing.T, kind *modelKind, ops int, script func(s modelSource, ops int) modelScript) {
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
			checkScript(t, kind, cfg, script(s, ops))
		})
	}
}

func randomScript(s modelSource, ops int) modelScript {
	script := make(modelScript, ops)
	for i := range script {
		script[i] = s.op()
	}
	return script
}

// wideScript first writes hundreds of keys, and then plays with these as well.
func wideScript(s modelSource, ops int) modelScript {
	const keys = 700
	key := func() string { return fmt.Sprintf("n.%03d", s(keys)) }
	var script modelScript
	for range keys {
		script = append(script, modelOp{do: "put", key: key(), value: "v"})
	}
	for _, op := range randomScript(s, ops) {
		if op.key != "" && s.one(2) {
			op.key = key()
		}
		if op.list.after != "" && s.one(2) {
			op.list.after = key()
		}
		op.list.limit *= 1 + s(200)
		if s.one(2) {
			op.patterns = s(2) * (len(modelPatterns) - 8) // all keys or n.>
		}
		script = append(script, op)
	}
	return script
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
	play := func(script modelScript) (at int, wrong string) { return playScript(t, kind, cfg, script, nil) }
	if report := reportScript(script, play); report != "" {
		t.Errorf("%s, %+v\n%s", kind.name, cfg, report)
	}
}

// reportScript says at which operation of a script the answer is wrong, and shows the shortest script found for which one
// is. It returns "" if all answers are right.
func reportScript(script modelScript, play func(modelScript) (at int, wrong string)) string {
	at, wrong := play(script)
	if wrong == "" {
		return ""
	}
	short := shortenScript(script[:min(at+1, len(script))], func(s modelScript) bool {
		_, wrong := play(s)
		return wrong != ""
	})
	_, shortWrong := play(short)
	return fmt.Sprintf("operation %d: %s\n\nthe same in short: %s\n%v", at, wrong, shortWrong, short)
}

// playScript plays a script in a bubble of its own. prepare, if not nil, is called with the run before it begins.
func playScript(t *testing.T, kind *modelKind, cfg kv.Config, script modelScript, prepare func(*modelRun)) (at int, wrong string) {
	synctest.Test(t, func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				wrong = fmt.Sprintf("panic: %v", p)
			}
		}()
		r, err := newModelRun(kind, cfg)
		if err == nil {
			if prepare != nil {
				prepare(r)
			}
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
	for size := max(len(script)/2, 1); ; {
		shorter := false
		for from := 0; from < len(script) && time.Now().Before(giveUp); {
			without := slices.Concat(script[:from], script[min(from+size, len(script)):])
			if fails(without) {
				script, shorter = without, true
			} else {
				from += size
			}
		}
		switch {
		case size > 1:
			size /= 2
		case !shorter:
			return script
		}
	}
}

// TestModelFindsDifferences gives the model faults, which stand for faults of the engine, and expects a short script.
func TestModelFindsDifferences(t *testing.T) {
	faults := map[string]func(*modelRun){
		"depth":    func(r *modelRun) { r.model.cfg.History++ },
		"revision": func(r *modelRun) { r.model.last++ },
		"clock":    func(r *modelRun) { r.model.now = r.model.now.Add(time.Nanosecond) },
		"bytes":    func(r *modelRun) { r.model.cfg.MaxBytes = 200 },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			play := func(script modelScript) (at int, wrong string) {
				return playScript(t, &modelKinds[0], kv.Config{History: 2}, script, fault)
			}
			script := slices.DeleteFunc(randomScript(modelRandom(1), 2000), func(op modelOp) bool {
				return op.do == "configure" || op.do == "delete bucket" || op.do == "status"
			})
			_, short, isScript := strings.Cut(reportScript(script, play), "modelScript{\n")
			require.True(t, isScript, "the difference is reported")
			require.LessOrEqual(t, strings.Count(short, "\n"), 10, short)
		})
	}
}

// TestModelScriptIsGo checks that a script is shown in a way that can be kept.
func TestModelScriptIsGo(t *testing.T) {
	script := modelScript{
		{do: "put", key: "a", value: "\n", ttl: time.Second, hasTTL: true},
		{do: "batch", batch: []modelOp{{do: "update", rev: modelRev{key: "b", back: 1, plus: 2}}, {do: "purge", cond: true}}},
		{do: "configure", cfg: kv.Config{History: 3, TTL: time.Second}},
		{do: "watch", patterns: 2, watch: modelWatchOptions{metaOnly: true}, slot: 1},
	}
	require.Equal(t, `modelScript{
	{do: "put", key: "a", value: "\n", ttl: 1000000000, hasTTL: true},
	{do: "batch", batch: []modelOp{{do: "update", rev: modelRev{key: "b", back: 1, plus: 2}}, {do: "purge", cond: true}}},
	{do: "configure", cfg: kv.Config{History: 3, TTL: 1000000000}},
	{do: "watch", patterns: 2, watch: modelWatchOptions{metaOnly: true}, slot: 1},
}`, script.String())
}

// TestModelMeetsEverything checks that the fixed seeds lead to each operation, and to each error that they can lead to.
func TestModelMeetsEverything(t *testing.T) {
	answers := map[string]bool{}
	operations := map[string]bool{}
	for seed := range uint64(4) {
		playScript(t, &modelKinds[1], kv.Config{History: 3, MaxValueSize: 10, MaxBytes: 100}, randomScript(modelRandom(seed), 5000),
			func(r *modelRun) {
				r.note = func(op *modelOp, answer string) { operations[op.do], answers[answer] = true, true }
			})
	}
	for do := range modelSteps {
		require.True(t, operations[do], do)
	}
	met := strings.Join(slices.Sorted(maps.Keys(answers)), "\n")
	for _, err := range sentinels {
		if !slices.Contains(modelNever, err) {
			require.True(t, strings.Contains(met, ": "+err.Error()), "no answer was: %v", err)
		}
	}
}

// modelNever are errors that scripts do not lead to.
var modelNever = []error{
	kv.ErrInvalidContext, kv.ErrInvalidBucketName, kv.ErrInvalidImport, kv.ErrReadOnly, errors.ErrUnsupported,
	kv.ErrLocked, kv.ErrCorrupt, kv.ErrFormatVersion,
	context.DeadlineExceeded, // it stands for nothing
}

// modelScripts are scripts that showed a difference once.
var modelScripts = []struct {
	name   string
	cfg    kv.Config
	script modelScript
}{
	{
		"a key that is created while removed ones are swept out of the index", kv.Config{TTL: 20e6, LimitMarkerTTL: 10e6},
		modelScript{
			{do: "put", key: "b.b", value: "aaaaaaaaa", ttl: 9223372036854775807, hasTTL: true},
			{do: "purge", key: "a.b"},
			{do: "pass", age: 1860000000000},
			{do: "put", key: "a.b", value: "ssssss"},
			{do: "keys", patterns: 9},
		},
	},
	{
		"CaughtUp waits for the next one of a key whose newest expired, not for an older one", kv.Config{History: 10},
		modelScript{
			{do: "create", key: "a.b.c"},
			{do: "put", key: "a.b.c", value: "mmm", ttl: 60000000000, hasTTL: true},
			{do: "watch", rev: modelRev{key: "a-b", back: 2, plus: 1}, patterns: 7, watch: modelWatchOptions{resume: 1}},
			{do: "put", key: "a.b.c", value: "jjj"},
			{do: "pass", age: 60000000000},
			{do: "next"},
			{do: "next"},
			{do: "next"},
		},
	},
	{
		"a watcher is not told of what was not the newest when it began", kv.Config{History: 10},
		modelScript{
			{do: "purge", key: "b.b"},
			{do: "put", key: "b.b", value: "dddddddddddd", ttl: 50000000, hasTTL: true},
			{do: "watch", patterns: 6},
			{do: "put", key: "b.b", value: "gggggg"},
			{do: "pass", age: 20000000000},
			{do: "next"},
		},
	},
	{
		"what a watcher has read ahead lives longer with a longer TTL", kv.Config{TTL: 1e9},
		modelScript{
			{do: "watch", patterns: 10},
			{do: "put", key: "a.b.c", value: "eee"},
			{do: "next"},
			{do: "configure", cfg: kv.Config{TTL: 3600000000000}},
			{do: "pass", age: 20000000000},
			{do: "next"},
		},
	},
	{
		"what a watcher has read ahead expires with a shorter TTL", kv.Config{TTL: 3600e9},
		modelScript{
			{do: "put", key: "b", value: "zzzzzzzzz"},
			{do: "watch"},
			{do: "purge", key: "A"},
			{do: "put", key: "b", value: "ttt"},
			{do: "next"},
			{do: "configure", cfg: kv.Config{TTL: 20000000}},
			{do: "pass", age: 1860000000000},
			{do: "next"},
		},
	},
}

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

package main

import (
	"fmt"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this program available to scripts as "kv", and beside it those that help them.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kv":     main,
		"owner":  ownerMain,
		"tell":   tellMain,
		"pester": pesterMain,
		"until":  untilMain,
	})
}

// TestScript runs the scripts: each command has one of its name, and article is the transcript that newcomers follow.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: false,
		Setup: func(env *testscript.Env) error {
			env.Setenv("KV_DIR", env.WorkDir+"/buckets")
			env.Setenv("TZ", "America/New_York")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second more with the race detector
			return nil
		},
		Condition: func(cond string) (bool, error) {
			if cond == "tty" {
				return runtime.GOOS == "linux" || runtime.GOOS == "darwin", nil
			}
			return false, fmt.Errorf("unknown condition %s", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"same":     same,
			"snapshot": snapshotFolder,
			"flip":     flipByte,
			"await":    awaitFile,
		},
	})
}

// times are how the program shows points in time.
var times = regexp.MustCompile(strings.Join([]string{
	`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`,
	`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`,
	`\d\d [A-Z][a-z]{2} \d\d \d\d:\d\d UTC`,
}, "|"))

// same compares two files, but for the times and the folder in them.
func same(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same file want")
	}
	mask := func(name string) string {
		text := times.ReplaceAllStringFunc(ts.ReadFile(name), func(at string) string {
			return strings.Repeat("t", min(len(at), len("2006-01-02 15:04:05")))
		})
		return strings.ReplaceAll(text, ts.Getenv("WORK"), "$WORK")
	}
	got, want := mask(args[0]), mask(args[1])
	if got != want {
		ts.Fatalf("%s", diff.Diff(args[1], []byte(want), args[0], []byte(got)))
	}
}

// snapshotFolder writes what is in the folder of buckets, byte for byte, to a file.
func snapshotFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: snapshot file")
	}
	text, err := folderText(ts.Getenv("KV_DIR"))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

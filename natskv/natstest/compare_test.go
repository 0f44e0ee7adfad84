package natstest

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// slots is how many scripts run at a time. Most of the time they wait.
var slots = make(chan struct{}, 4*runtime.GOMAXPROCS(0))

// TestCompare runs every script on a server and on natskv.
func TestCompare(t *testing.T) {
	for _, s := range slices.Concat(
		configScripts, nameScripts, readScripts, writeScripts, limitScripts, watchScripts, listScripts, cornerCallScripts,
		cornerBucketScripts, cornerRaceScripts, legacyScripts, deletedScripts, closedScripts, streamScripts,
	) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			var ours []string
			synctest.Test(t, func(t *testing.T) { ours = onAdapter(s) })
			server := onServer(t, s)
			for i := range max(len(server), len(ours)) {
				if theirs, own := at(server, i), at(ours, i); theirs != own {
					t.Errorf("line %d\nserver %s\nnatskv %s", i+1, theirs, own)
				}
			}
			if slices.Contains(server, stopped) {
				t.Error("the script has not come to its end")
			}
			if t.Failed() {
				t.Logf("server:\n%s", strings.Join(server, "\n"))
			}
		})
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

func onServer(t *testing.T, s script) []string {
	t.Helper()
	nc := connect(t)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	old, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	return play(s, &notes{js: js, old: old, close: nc.Close})
}

// onAdapter runs a script on natskv, in a bubble, so that it takes no time.
func onAdapter(s script) []string {
	db := kv.New()
	n := &notes{js: natskv.New(db), old: natskv.Legacy(db), close: func() { _ = db.Close() }}
	defer n.close()
	return play(s, n)
}

// stopped is what is written down when a script cannot go on.
const stopped = "(stopped)"

// play runs a script to its end.
func play(s script, n *notes) (lines []string) {
	defer func() {
		if r := recover(); r != nil {
			if r != (stop{}) {
				panic(r)
			}
			n.note(stopped)
		}
		lines = n.lines
	}()
	s.run(n)
	return n.lines
}

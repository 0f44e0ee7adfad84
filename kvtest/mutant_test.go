package kvtest_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/kvtest"
)

// The suite is tested with mutants: places in which the good engine is broken in one way. A case has to fail on the
// mutants that name it, and every case has to be named by one.

// A mutant is one way to be broken.
type mutant struct {
	broken string           // in which way, in a sentence
	fails  []string         // cases that have to notice
	bend   func(*bentPlace) // breaks a good place
}

// mutants returns all of them.
func mutants() []mutant {
	return slices.Concat(
		sequenceMutants, writeMutants, readMutants, watchMutants, placeMutants, timeMutants, inputMutants,
	)
}

func TestEveryCaseHasAMutant(t *testing.T) {
	killed := map[string]bool{}
	for _, m := range mutants() {
		for _, name := range m.fails {
			killed[name] = true
		}
	}
	for _, c := range kvtest.Cases() {
		assert.True(t, killed[c.Name], "no mutant is to fail %s", c.Name)
		delete(killed, c.Name)
	}
	assert.Empty(t, killed, "mutants name cases that do not exist")
}

func TestCasesFailOnMutants(t *testing.T) {
	cases := map[string]kvtest.Case{}
	for _, c := range kvtest.Cases() {
		cases[c.Name] = c
	}
	for _, m := range mutants() {
		t.Run(m.broken, func(t *testing.T) {
			for _, name := range m.fails {
				t.Run(name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { requireFailure(t, cases[name], m) })
				})
			}
		})
	}
}

// requireFailure runs a case on a mutant.
func requireFailure(t *testing.T, c kvtest.Case, m mutant) {
	good := durable(t, newDisk(false)).(fullPlace)
	quit := make(chan struct{})
	place := newBentPlace(good, quit)
	m.bend(place)
	r := record(c, place)
	close(quit)
	require.NoError(t, good.Close())
	require.Empty(t, r.skipped, "the case was skipped")
	require.NotEmpty(t, r.errors, "the case did not notice that %s", m.broken)
	require.Contains(t, r.errors[0], c.Promise, "the failure does not print the promise")
}

// record runs a case and returns what it reported.
func record(c kvtest.Case, p kvtest.Place) *recorder {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Run(r, p)
	}()
	<-done
	return r
}

// A recorder is a T that remembers.
type recorder struct {
	mu      sync.Mutex
	errors  []string
	skipped string
}

var _ kvtest.T = (*recorder)(nil)

func (r *recorder) Helper()  {}
func (r *recorder) FailNow() { runtime.Goexit() }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *recorder) Skipf(format string, args ...any) {
	r.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

package kvtest

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
)

// T is what a case reports to: the part of testing.T that it uses. FailNow and Skipf do not return.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	FailNow()
	Skipf(format string, args ...any)
}

// A Case tests one promise.
type Case struct {
	Name    string // group and subject, as in "update/stale"
	Promise string // one sentence, printed when the case fails
	Needs   []Need // what a place must have; on others the case is skipped
	run     func(*tester)
}

// Cases returns the suite, grouped by what the promises are about.
func Cases() []Case {
	return slices.Concat(
		sequenceCases,
		createCases, updateCases, deleteCases, purgeCases, revertCases,
		readCases, historyCases, keysCases, listCases, patternCases, watchCases, purgeDeletesCases,
		bucketCases, limitCases,
		linearCases,
		batchCases,
		watcherCases,
		privateCases,
		expiryCases, keyTTLCases, limitMarkerCases,
		restCases,
		badInputCases,
		durableCases,
	)
}

// Run runs every case as a subtest on a place of its own, each in a testing/synctest bubble: time passes at once, and
// what waits for ever fails at once. Open is called inside the bubble; what is to be released it gives to tb.Cleanup.
//
// Memory is measured, so no other test should run at the same time.
func Run(t *testing.T, open func(tb testing.TB) Place) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.Run(t, open(t)) })
		})
	}
}

// RunInRealTime is Run without bubbles, for places that reach outside of this process, such as a NATS server.
func RunInRealTime(t *testing.T, open func(tb testing.TB) Place) {
	t.Helper()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, open(t)) })
	}
}

// Run runs the case on a place that nothing else uses. If the case fails, or is skipped, FailNow or Skipf of t end the
// goroutine.
func (c Case) Run(t T, p Place) {
	t.Helper()
	for _, n := range c.Needs {
		if !has(p, n) {
			t.Skipf("the place has not got %s", n)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	tt := &tester{T: t, c: &c, place: p, ctx: ctx, cancel: cancel}
	defer tt.end()
	c.run(tt)
}

package kvtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revkv/kv"
)

const (
	callLimit = 10 * time.Second // bounds the wait for one call or event
	workLimit = time.Minute      // bounds the wait for goroutines that make many calls
)

// A tester is what a case works with: its place, a context that ends with it, and checks. Checks that fail end the case.
// They are for the case's own goroutine; others return errors, see together.
type tester struct {
	T
	c        *Case
	place    Place
	ctx      context.Context
	cancel   context.CancelFunc
	watchers []Watcher
	working  sync.WaitGroup // goroutines of start
}

// end stops the watchers of the case and waits for its goroutines, which a failure leaves in the middle of their work.
func (t *tester) end() {
	t.cancel()
	for _, w := range t.watchers {
		w.Stop()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.working.Wait()
	}()
	limit := time.NewTimer(callLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	}
}

// fatalf ends the case, and prints its promise.
func (t *tester) fatalf(format string, args ...any) {
	t.Helper()
	t.Errorf("%s\npromise: %s", fmt.Sprintf(format, args...), t.c.Promise)
	t.FailNow()
}

// ok ends the case if err is not nil.
func (t *tester) ok(err error, format string, args ...any) {
	t.Helper()
	if err != nil {
		t.fatalf("%s: unexpected error: %v", fmt.Sprintf(format, args...), err)
	}
}

// is ends the case if err does not match want.
func (t *tester) is(err, want error, format string, args ...any) {
	t.Helper()
	if !errors.Is(err, want) {
		t.fatalf("%s: got error %q, want one that matches %q", fmt.Sprintf(format, args...), fmt.Sprint(err), want)
	}
}

// isNot ends the case if err is nil or matches wrong.
func (t *tester) isNot(err, wrong error, format string, args ...any) {
	t.Helper()
	if err == nil || errors.Is(err, wrong) {
		t.fatalf("%s: got error %q, want one that does not match %q", fmt.Sprintf(format, args...), fmt.Sprint(err), wrong)
	}
}

// equal ends the case if got is not want.
func equal[V comparable](t *tester, got, want V, format string, args ...any) {
	t.Helper()
	if got != want {
		t.fatalf("%s: got %v, want %v", fmt.Sprintf(format, args...), got, want)
	}
}

// same ends the case if got and want are not the same lines.
func (t *tester) same(got, want []string, format string, args ...any) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.fatalf("%s\n got: %s\nwant: %s", fmt.Sprintf(format, args...), list(got), list(want))
	}
}

func list(lines []string) string { return "{" + strings.Join(lines, ", ") + "}" }

// try makes one call with a bounded context.
func (t *tester) try(call func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(t.ctx, callLimit)
	defer cancel()
	return call(ctx)
}

// together calls f n times at once, with 0 to n-1, and waits until all have returned. An error of any ends the case.
func (t *tester) together(n int, f func(i int) error) {
	t.Helper()
	t.wait(t.start(n, f))
}

// start is together without waiting.
func (t *tester) start(n int, f func(i int) error) (result <-chan error) {
	errs := make([]error, n)
	begin := make(chan struct{})
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-begin
			errs[i] = f(i)
		})
	}
	done := make(chan error, 1)
	close(begin)
	t.working.Go(func() {
		running.Wait()
		done <- errors.Join(errs...)
	})
	return done
}

// wait waits for what start returned.
func (t *tester) wait(result <-chan error) {
	t.Helper()
	limit := time.NewTimer(workLimit)
	defer limit.Stop()
	select {
	case err := <-result:
		t.ok(err, "at the same time")
	case <-limit.C:
		t.fatalf("calls made at the same time have not returned after %v", workLimit)
	}
}

// unit is the place's unit of time.
func (t *tester) unit() time.Duration { return t.place.Unit() }

// quarter is a part of the unit in which nothing expires that should not, also on a slow machine.
func (t *tester) quarter() time.Duration { return t.unit() / 4 }

// bucket makes a bucket, named "B" unless the configuration has a name, and skips the case if it has not got what the case
// needs.
func (t *tester) bucket(cfg kv.Config) *bucket {
	t.Helper()
	if cfg.Bucket == "" {
		cfg.Bucket = "B"
	}
	var b Bucket
	t.ok(t.try(func(ctx context.Context) (err error) {
		b, err = t.place.CreateBucket(ctx, cfg)
		return err
	}), "create bucket %q", cfg.Bucket)
	for _, n := range t.c.Needs {
		if !bucketHas(b, n) {
			t.Skipf("the place has not got %s", n)
		}
	}
	return &bucket{t: t, name: cfg.Bucket, Bucket: b}
}

// open returns another handle to a bucket.
func (t *tester) open(name string) *bucket {
	t.Helper()
	var b Bucket
	t.ok(t.try(func(ctx context.Context) (err error) {
		b, err = t.place.Bucket(ctx, name)
		return err
	}), "open bucket %q", name)
	return &bucket{t: t, name: name, Bucket: b}
}

// reconfigure updates a bucket's configuration.
func (t *tester) reconfigure(cfg kv.Config) {
	t.Helper()
	if cfg.Bucket == "" {
		cfg.Bucket = "B"
	}
	t.ok(t.try(func(ctx context.Context) error {
		_, err := t.place.UpdateBucket(ctx, cfg)
		return err
	}), "update bucket %q", cfg.Bucket)
}

// deleteBucket deletes a bucket.
func (t *tester) deleteBucket(name string) {
	t.Helper()
	t.ok(t.try(func(ctx context.Context) error { return t.place.DeleteBucket(ctx, name) }), "delete bucket %q", name)
}

// line returns an entry as a line of text: "5 color=red" or "6 color DELETE". A value that is not just letters, digits and a
// few signs is quoted, so no two entries that differ in revision, key, operation or value have the same line.
func line(e *kv.Entry) string {
	if e.Operation != kv.Put {
		return fmt.Sprintf("%d %s %v", e.Revision, e.Key, e.Operation)
	}
	return fmt.Sprintf("%d %s=%s", e.Revision, e.Key, show(e.Value))
}

// show returns a value as text.
func show(value []byte) string {
	for _, c := range value {
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-_./:", c) >= 0
		if !plain {
			return fmt.Sprintf("%q", value)
		}
	}
	if len(value) == 0 {
		return `""`
	}
	return string(value)
}

func lines(entries []kv.Entry) []string {
	text := make([]string, len(entries))
	for i := range entries {
		text[i] = line(&entries[i])
	}
	return text
}

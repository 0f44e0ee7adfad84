package kvtest_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

func TestCaseNames(t *testing.T) {
	seen := map[string]bool{}
	group, past := "", map[string]bool{}
	for _, c := range kvtest.Cases() {
		assert.False(t, seen[c.Name], "%s is there twice", c.Name)
		seen[c.Name] = true
		assert.Regexp(t, `^[a-z]+(-[a-z]+)*/[a-z]+(-[a-z]+)*$`, c.Name)
		assert.Regexp(t, `^[A-Z].*\.$`, c.Promise, "the promise of %s is a sentence", c.Name)
		now, _, _ := strings.Cut(c.Name, "/")
		if now != group {
			assert.False(t, past[now], "the cases of %s are not side by side", now)
			past[now], group = true, now
		}
	}
}

// A narrowPlace has what every place has, and nothing of what only some have.
type narrowPlace struct{ kvtest.Place }

func (p narrowPlace) CreateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return narrow(p.Place.CreateBucket(ctx, cfg))
}

func (p narrowPlace) UpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return narrow(p.Place.UpdateBucket(ctx, cfg))
}

func (p narrowPlace) CreateOrUpdateBucket(ctx context.Context, cfg kv.Config) (kvtest.Bucket, error) {
	return narrow(p.Place.CreateOrUpdateBucket(ctx, cfg))
}

func (p narrowPlace) Bucket(ctx context.Context, name string) (kvtest.Bucket, error) {
	return narrow(p.Place.Bucket(ctx, name))
}

func narrow(b kvtest.Bucket, err error) (kvtest.Bucket, error) {
	return struct{ kvtest.Bucket }{b}, err
}

func TestCasesRunOnPlacesThatHaveOnlyWhatTheyNeed(t *testing.T) {
	for _, c := range kvtest.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := record(c, narrowPlace{kvtest.Engine(kv.New())})
				require.Empty(t, r.errors)
				lacking := slices.DeleteFunc(slices.Clone(c.Needs), func(n kvtest.Need) bool { return n == kvtest.Bubble })
				if len(lacking) == 0 {
					require.Empty(t, r.skipped)
					return
				}
				said := func(n kvtest.Need) bool { return strings.Contains(r.skipped, string(n)) }
				require.True(t, slices.ContainsFunc(lacking, said), "skipped because %q, lacking are %q", r.skipped, lacking)
			})
		})
	}
}

func TestBubbleCasesAreSkippedOutside(t *testing.T) {
	for _, c := range kvtest.Cases() {
		if slices.Contains(c.Needs, kvtest.Bubble) {
			r := record(c, durable(t, newDisk(false)))
			assert.Contains(t, r.skipped, string(kvtest.Bubble), c.Name)
		}
	}
}

func TestCasesReturnsACopy(t *testing.T) {
	first := kvtest.Cases()
	name := first[0].Name
	first[0].Name = "changed"
	assert.Equal(t, name, kvtest.Cases()[0].Name)
}

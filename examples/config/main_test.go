package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/revkv/kv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newConfig(t *testing.T) *config[settings] {
	t.Helper()
	b, err := kv.New().CreateBucket(t.Context(), kv.Config{Bucket: "config", History: 10})
	require.NoError(t, err)
	return &config[settings]{bucket: b, key: "service"}
}

// add returns an edit that adds workers.
func add(n int) func(*settings) error {
	return func(s *settings) error {
		s.Workers += n
		return nil
	}
}

func requireSettings(t *testing.T, c *config[settings], want settings) {
	t.Helper()
	got, _, err := c.get(t.Context())
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// The service that follows may begin late, but what it says of a revision is always the same.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		require.NoError(t, run(&out))
		said := strings.SplitAfter(out.String(), "\n")
		require.Equal(t, "revision 8: workers 5, stop true\n", said[len(said)-2])
		for _, line := range said {
			require.Contains(t, `revision 1: workers 1, stop false
revision 2: workers 2, stop false
revision 3: workers 3, stop false
revision 4: workers 4, stop false
revision 5: workers 5, stop false
revision 6: workers 0, stop false
revision 7: workers 5, stop false
revision 8: workers 5, stop true
`, line)
		}
	})
}

func TestNoEditIsLost(t *testing.T) {
	const operators, edits = 8, 50
	c := newConfig(t)
	var all sync.WaitGroup
	for range operators {
		all.Go(func() {
			for range edits {
				_, err := c.edit(t.Context(), add(1))
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	requireSettings(t, c, settings{Workers: operators * edits})
}

// An edit is done again on top of what came in between.
func TestEditSeesWhatCameBetween(t *testing.T) {
	tests := []struct {
		name    string
		between func(t *testing.T, c *config[settings])
		want    int
	}{
		{"an edit", func(t *testing.T, c *config[settings]) {
			_, err := c.edit(t.Context(), add(10))
			require.NoError(t, err)
		}, 12},
		{"a delete", func(t *testing.T, c *config[settings]) {
			require.NoError(t, c.bucket.Delete(t.Context(), c.key))
		}, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newConfig(t)
			_, err := c.edit(t.Context(), add(1))
			require.NoError(t, err)
			calls := 0
			_, err = c.edit(t.Context(), func(s *settings) error {
				if calls++; calls == 1 {
					test.between(t, c)
				}
				return add(1)(s)
			})
			require.NoError(t, err)
			require.Equal(t, 2, calls)
			requireSettings(t, c, settings{Workers: test.want})
		})
	}
}

func TestRefusedEditWritesNothing(t *testing.T) {
	c := newConfig(t)
	first, err := c.edit(t.Context(), add(1))
	require.NoError(t, err)
	errRefused := errors.New("too many workers")
	_, err = c.edit(t.Context(), func(s *settings) error {
		s.Workers = 1000
		return errRefused
	})
	require.ErrorIs(t, err, errRefused)
	value, revision, err := c.get(t.Context())
	require.NoError(t, err)
	require.Equal(t, settings{Workers: 1}, value)
	require.Equal(t, first, revision)
}

func TestRestore(t *testing.T) {
	c := newConfig(t)
	good, err := c.edit(t.Context(), add(4))
	require.NoError(t, err)
	_, err = c.edit(t.Context(), add(-4))
	require.NoError(t, err)
	revision, err := c.restore(t.Context(), good)
	require.NoError(t, err)
	require.EqualValues(t, 3, revision)
	requireSettings(t, c, settings{Workers: 4})
}

func TestFollowersHaveEveryChangeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConfig(t)
		ctx, cancel := context.WithCancel(t.Context())
		var followers sync.WaitGroup
		var seen [3]settings
		for i := range seen {
			followers.Go(func() {
				err := c.follow(ctx, func(s settings, _ uint64) error {
					seen[i] = s
					return nil
				})
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		requireSeen := func(want settings) {
			t.Helper()
			synctest.Wait()
			require.Equal(t, [3]settings{want, want, want}, seen)
		}
		requireSeen(settings{})
		for n := 1; n <= 20; n++ {
			_, err := c.edit(ctx, add(1))
			require.NoError(t, err)
			requireSeen(settings{Workers: n})
		}
		require.NoError(t, c.bucket.Delete(ctx, c.key))
		requireSeen(settings{})
		cancel()
		followers.Wait()
	})
}

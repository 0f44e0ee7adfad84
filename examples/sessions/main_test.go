package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/revkv/kv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	idle = 30 * time.Minute
	life = 24 * time.Hour
)

// inBubble runs f where time passes at once, with nobody logged in.
func inBubble(t *testing.T, f func(t *testing.T, s *sessions)) {
	synctest.Test(t, func(t *testing.T) {
		s, err := newSessions(t.Context(), kv.New(), idle, life)
		require.NoError(t, err)
		f(t, s)
	})
}

func login(t *testing.T, s *sessions) (token string) {
	t.Helper()
	token, err := s.login(t.Context(), "ann")
	require.NoError(t, err)
	return token
}

func requireUser(t *testing.T, s *sessions, token, want string) {
	t.Helper()
	user, err := s.user(t.Context(), token)
	require.NoError(t, err)
	require.Equal(t, want, user)
}

func requireLoggedOut(t *testing.T, s *sessions, token string) {
	t.Helper()
	_, err := s.user(t.Context(), token)
	require.ErrorIs(t, err, errLoggedOut)
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		require.NoError(t, run(&out, time.Hour))
		require.Equal(t, "logged in: ann\nafter 1h0m0s without use: not logged in\n", out.String())
	})
}

func TestSessionInUseLastsADay(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		begin := time.Now()
		token := login(t, s)
		for time.Since(begin) < life-20*time.Minute {
			time.Sleep(20 * time.Minute)
			requireUser(t, s, token, "ann")
		}
		time.Sleep(20*time.Minute - time.Nanosecond)
		requireUser(t, s, token, "ann")
		time.Sleep(time.Nanosecond)
		requireLoggedOut(t, s, token)
	})
}

func TestSessionEndsWhenIdle(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		token := login(t, s)
		time.Sleep(idle - time.Nanosecond)
		requireUser(t, s, token, "ann")
		time.Sleep(idle)
		requireLoggedOut(t, s, token)
	})
}

func TestLogout(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		ann, other := login(t, s), login(t, s)
		require.NoError(t, s.logout(t.Context(), ann))
		requireLoggedOut(t, s, ann)
		requireUser(t, s, other, "ann")
	})
}

func TestStrangerIsNotLoggedIn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		for _, token := range []string{"guess", "", "not a key"} {
			requireLoggedOut(t, s, token)
		}
	})
}

// nextEnd waits for the next marker and returns its key.
func nextEnd(t *testing.T, w *kv.Watcher) (token string) {
	t.Helper()
	for event, err := range w.Events(t.Context()) {
		require.NoError(t, err)
		if event.Entry.Operation != kv.Put {
			return event.Entry.Key
		}
	}
	return ""
}

func TestEndIsTold(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, s *sessions, token string)
		want time.Duration
	}{
		{"when idle", func(*testing.T, *sessions, string) {}, idle},
		{"at a logout", func(t *testing.T, s *sessions, token string) {
			time.Sleep(time.Minute)
			require.NoError(t, s.logout(t.Context(), token))
		}, time.Minute},
		{"a day after the login", func(t *testing.T, s *sessions, token string) {
			for range life/(20*time.Minute) - 1 {
				time.Sleep(20 * time.Minute)
				requireUser(t, s, token, "ann")
			}
		}, life},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *sessions) {
				begin := time.Now()
				token := login(t, s)
				w, err := s.ended(t.Context())
				require.NoError(t, err)
				defer w.Stop()
				test.end(t, s, token)
				require.Equal(t, token, nextEnd(t, w))
				require.Equal(t, test.want, time.Since(begin))
			})
		})
	}
}

func TestManyUsesAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		token := login(t, s)
		time.Sleep(idle - time.Nanosecond)
		for range 50 {
			go func() {
				user, err := s.user(t.Context(), token)
				assert.NoError(t, err)
				assert.Equal(t, "ann", user)
			}()
		}
		synctest.Wait()
		time.Sleep(idle - time.Nanosecond)
		requireUser(t, s, token, "ann")
	})
}

// What is over leaves nothing behind: the markers of ended sessions expire too.
func TestNothingIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, s *sessions) {
		for range 100 {
			login(t, s)
		}
		require.NoError(t, s.logout(t.Context(), login(t, s)))
		time.Sleep(life)
		status, err := s.bucket.Status(t.Context())
		require.NoError(t, err)
		require.Zero(t, status.Keys)
		require.Zero(t, status.Bytes)
	})
}

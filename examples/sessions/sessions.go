package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/revkv/kv"
)

// errLoggedOut is the error for a token of no session: it never was one, was given back, or its time is over.
var errLoggedOut = errors.New("not logged in")

// sessions are who is logged in. Each is a key, its token, that expires. It has no clean-up of its own: an expired key is
// gone.
type sessions struct {
	bucket *kv.Bucket
	idle   time.Duration // a session ends when it is not used for so long
	life   time.Duration // and so long after the login in any case
}

type session struct {
	User  string
	Until time.Time // when it ends at the latest
}

func newSessions(ctx context.Context, db *kv.DB, idle, life time.Duration) (*sessions, error) {
	b, err := db.CreateBucket(ctx, kv.Config{Bucket: "sessions", LimitMarkerTTL: time.Minute})
	return &sessions{bucket: b, idle: idle, life: life}, err
}

// login begins a session and returns its token.
func (s *sessions) login(ctx context.Context, user string) (token string, err error) {
	token = rand.Text()
	value, err := json.Marshal(session{User: user, Until: time.Now().Add(s.life)})
	if err != nil {
		return "", err
	}
	_, err = s.bucket.Create(ctx, token, value, kv.KeyTTL(min(s.idle, s.life)))
	return token, err
}

// user returns who has the session of a token. That is a use of it.
func (s *sessions) user(ctx context.Context, token string) (string, error) {
	for {
		e, err := s.bucket.Get(ctx, token)
		if errors.Is(err, kv.ErrKeyNotFound) || errors.Is(err, kv.ErrInvalidKey) {
			return "", errLoggedOut
		}
		if err != nil {
			return "", err
		}
		var found session
		if err := json.Unmarshal(e.Value, &found); err != nil {
			return "", err
		}
		err = s.use(ctx, e, found)
		if errors.Is(err, kv.ErrRevisionMismatch) {
			continue // it was used, or has ended, in between
		}
		return found.User, err
	}
}

// use makes a session last until it has been idle again.
func (s *sessions) use(ctx context.Context, e kv.Entry, found session) error {
	left := time.Until(found.Until)
	if left <= 0 {
		return errLoggedOut
	}
	_, err := s.bucket.Update(ctx, e.Key, e.Value, e.Revision, kv.KeyTTL(min(s.idle, left)))
	return err
}

// logout ends a session, if there is one.
func (s *sessions) logout(ctx context.Context, token string) error {
	return s.bucket.Purge(ctx, token, kv.PurgeTTL(time.Minute))
}

// ended returns the watcher that is told, by a marker, of every session that ends from now on.
func (s *sessions) ended(ctx context.Context) (*kv.Watcher, error) {
	return s.bucket.Watch(ctx, ">", kv.UpdatesOnly())
}

package kv_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// A crashState is what a database holds: a model of each bucket, by name.
type crashState map[string]*crashBucket

// A crashBucket is the model of a bucket, from one making of it to its deletion.
type crashBucket struct {
	*model
	made int // which making it is of, of all buckets
}

func (b *crashBucket) clone() *crashBucket {
	c := *b.model
	c.keys = make(map[string][]modelRevision, len(b.keys))
	for key, history := range b.keys {
		c.keys[key] = slices.Clone(history)
	}
	return &crashBucket{&c, b.made}
}

func (s crashState) clone() crashState {
	c := make(crashState, len(s))
	for name, b := range s {
		c[name] = b.clone()
	}
	return c
}

// at is clone for a time that has come. What has expired by then does so at that moment.
func (s crashState) at(now time.Time) crashState {
	c := s.clone()
	for _, b := range c {
		b.now = now
		b.expire()
	}
	return c
}

// deadline returns when the next revision expires.
func (s crashState) deadline() (first time.Time, ok bool) {
	for _, b := range s {
		if _, _, at, one := b.nextToExpire(); one && (!ok || at.Before(first)) {
			first, ok = at, true
		}
	}
	return first, ok
}

// contents returns what is read of the bucket.
func (b *crashBucket) contents() contents {
	return contents{b.status(), b.revisionsAfter(0, []string{">"})}
}

// contents returns what is read of a database.
func (s crashState) contents() crashFound {
	found := crashFound{}
	for name, b := range s {
		found[name] = b.contents()
	}
	return found
}

// A crashFound is what was read of a database.
type crashFound map[string]contents

func crashRead(t testing.TB, db *kv.DB) crashFound {
	t.Helper()
	found := crashFound{}
	names, err := db.BucketNames(t.Context())
	require.NoError(t, err)
	for _, name := range names {
		b, err := db.Bucket(t.Context(), name)
		require.NoError(t, err)
		found[name] = contentsOf(t, b)
	}
	return found
}

func (f crashFound) equal(other crashFound) bool { return reflect.DeepEqual(f, other) }

// unmarked returns what a database shows that can write no limit markers. Status may count what has expired.
func (f crashFound) unmarked() crashFound {
	shown := crashFound{}
	for name, c := range f {
		c.Status = kv.Status{Config: c.Status.Config}
		isLimitMarker := func(e kv.Entry) bool { return e.Operation == kv.Purge && !e.Expires.IsZero() }
		c.Entries = slices.DeleteFunc(slices.Clone(c.Entries), isLimitMarker)
		shown[name] = c
	}
	return shown
}

// String shows a bucket a line, and the values below.
func (f crashFound) String() string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		c := f[name]
		fmt.Fprintf(&text, "%s: %+v\n\t%s\n\t", name, c.Status, draw(c.Entries...))
		for _, e := range c.Entries {
			fmt.Fprintf(&text, " %d:%.12s(%d)", e.Revision, e.Value, len(e.Value))
			if !e.Expires.IsZero() {
				fmt.Fprintf(&text, "-%v", e.Expires.Sub(e.Created))
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}

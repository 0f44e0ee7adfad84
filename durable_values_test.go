package kv_test

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/storetest"
)

// once makes f run at the beginning of the next reading of a value from the disk: after the engine has looked up what to
// read.
func (d *durable) once(f func()) {
	d.disk.Before(storetest.Value, func() error {
		d.disk.Before(storetest.Value, nil)
		f()
		return nil
	})
}

// TestValueTrimmedMeanwhile trims values between the engine's look at its index and at the disk.
func TestValueTrimmedMeanwhile(t *testing.T) {
	ctx := t.Context()
	overwrite := func(t *testing.T, d *durable) { play(t, d.b, "k k") }
	purge := func(t *testing.T, d *durable) { play(t, d.b, "!k") }
	read := map[string]func(b *kv.Bucket) string{
		"get": func(b *kv.Bucket) string { return show(b.Get(ctx, "k")) },
		"get revision": func(b *kv.Bucket) string {
			return show(b.GetRevision(ctx, "k", 1))
		},
		"history": func(b *kv.Bucket) string {
			entries, err := b.History(ctx, "k")
			if err != nil {
				return show(kv.Entry{}, err)
			}
			return draw(entries...)
		},
		"revert": func(b *kv.Bucket) string {
			r, err := b.Revert(ctx, "k", 1)
			return show(kv.Entry{Key: "k", Revision: r, Operation: kv.Put}, err)
		},
	}
	tests := []struct {
		read      string
		meanwhile func(*testing.T, *durable)
		want      string
	}{
		{"get", overwrite, "k4=v4"},
		{"get", purge, "not found"},
		{"get revision", overwrite, "not found"},
		{"get revision", purge, "not found"},
		{"history", overwrite, "k3 k4"},
		{"history", purge, "k3P"},
		{"revert", overwrite, "not found"},
		{"revert", purge, "not found"},
	}
	for _, test := range tests {
		t.Run(test.read, func(t *testing.T) {
			onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
				play(t, d.b, "k k")
				d.once(func() { test.meanwhile(t, d) })
				require.Equal(t, test.want, read[test.read](d.b))
			})
		})
	}
}

// show shows a read in short.
func show(e kv.Entry, err error) string {
	switch {
	case err == nil:
		return fmt.Sprintf("%s%d=%s", e.Key, e.Revision, e.Value)
	case strings.Contains(err.Error(), kv.ErrKeyNotFound.Error()):
		return "not found"
	}
	return err.Error()
}

// TestValueIsReadOutsideOfLocks writes while a value is being read: neither waits for the other.
func TestValueIsReadOutsideOfLocks(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		play(t, d.b, "k")
		gate := d.disk.Hold(storetest.Value)
		t.Cleanup(gate.Open)
		get := begin(func() (uint64, error) {
			e, err := d.b.Get(t.Context(), "k")
			return e.Revision, err
		})
		get.waits(t)
		play(t, d.b, "k l -l")
		gate.Open()
		get.returns(t, 1, nil)
	})
}

// pull begins a listing and returns how to go on with it.
func pull(t *testing.T, b *kv.Bucket, opts ...kv.ListOption) func() string {
	t.Helper()
	next, stop := iter.Pull2(b.Entries(t.Context(), ">", opts...))
	t.Cleanup(stop)
	return func() string {
		e, err, ok := next()
		if !ok {
			return "end"
		}
		return show(e, err)
	}
}

// TestValueOfAListing overwrites, purges and trims what a listing has yet to yield.
func TestValueOfAListing(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b b c d")
		next := pull(t, d.b)
		require.Equal(t, "a1=v1", next())
		play(t, d.b, "b b b !c -d d d e !a")
		require.NoError(t, d.b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		require.Equal(t, "b3=v3", next())
		d.configure(t, func(c *kv.Config) { c.History = 1 })
		require.Equal(t, "c4=v4", next())
		require.Equal(t, "d5=v5", next())
		require.Equal(t, "end", next())
	})
}

// TestValueOfAListingThatBeganDuringAppend begins listings while an Append has trimmed values, and has not returned.
func TestValueOfAListingThatBeganDuringAppend(t *testing.T) {
	writes := map[string]func(t *testing.T, d *durable) error{
		"put":   func(t *testing.T, d *durable) error { return errOf(d.b.PutString(t.Context(), "b", "new")) },
		"purge": func(t *testing.T, d *durable) error { return d.b.Purge(t.Context(), "b") },
		"lower the depth": func(t *testing.T, d *durable) error {
			return errOf(d.db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: 1}))
		},
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
				play(t, d.b, "a b b c")
				gate := d.holdReturn(t)
				writing := do(func() error { return write(t, d) })
				writing.waits(t)
				require.Equal(t, "b3=v3", show(d.b.Get(t.Context(), "b")), "while the Append is held")
				require.Equal(t, "b2=v2", show(d.b.GetRevision(t.Context(), "b", 2)), "while the Append is held")
				require.Equal(t, "b2 b3", drawHistory(t, d.b, "b"), "while the Append is held")
				before, after := pull(t, d.b), pull(t, d.b, kv.Reverse())
				require.Equal(t, "a1=v1", before())
				require.Equal(t, "c4=v4", after())
				gate.Open()
				writing.returns(t, 0, nil)
				play(t, d.b, "x x x")
				require.Equal(t, "b3=v3", before())
				require.Equal(t, "b3=v3", after())
				require.Equal(t, "c4=v4", before())
				require.Equal(t, "a1=v1", after())
			})
		})
	}
}

// TestValuesOfAWatcher trims values that a watcher has yet to deliver in its initial phase.
func TestValuesOfAWatcher(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b c d -e")
		w, err := d.b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		require.Equal(t, "a1", nextEvent(t, w))
		play(t, d.b, "b b c !d")
		require.Equal(t, "c3 e5D b6 b7 c8 d9P CaughtUp", drain(t, w),
			"b's and d's states at the start have gone, so CaughtUp waits for the next ones")
	})
}

// TestValueOfAWatcherTrimmedMeanwhile trims a value after the watcher has found it, and before it has read it.
func TestValueOfAWatcherTrimmedMeanwhile(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b")
		w, err := d.b.Watch(t.Context(), ">")
		require.NoError(t, err)
		defer w.Stop()
		d.once(func() { play(t, d.b, "a x") })
		require.Equal(t, "b2 a3 CaughtUp x4", drain(t, w), "CaughtUp waits for a's newest state")
		d.once(func() { play(t, d.b, "a") })
		play(t, d.b, "a c")
		require.Equal(t, "c6 a7", drain(t, w))
	})
}

// TestValueReadError fails the reading of a value: the read fails with the disk's error, and nothing else does.
func TestValueReadError(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		ctx := t.Context()
		play(t, d.b, "k k")
		w, err := d.b.Watch(ctx, ">", kv.IncludeHistory())
		require.NoError(t, err)
		defer w.Stop()
		reads := map[string]func() error{
			"get":          func() error { return errOf(d.b.Get(ctx, "k")) },
			"get revision": func() error { return errOf(d.b.GetRevision(ctx, "k", 1)) },
			"history":      func() error { return errOf(d.b.History(ctx, "k")) },
			"revert":       func() error { return errOf(d.b.Revert(ctx, "k", 1)) },
			"entries":      func() error { return lastError(d.b.Entries(ctx, ">")) },
			"watch":        func() error { return errOf(w.Next(ctx)) },
		}
		for name, read := range reads {
			d.disk.Fail(storetest.Value, 1, errDisk)
			err := read()
			require.ErrorIs(t, err, errDisk, name)
			require.NotErrorIs(t, err, kv.ErrReadOnly, name)
			require.ErrorContains(t, err, `"k"`, name)
		}
		play(t, d.b, "k")
		require.Equal(t, "v3", d.value(t, "k"))
	})
}

// TestValueLost asks for a value that the store should have and does not: that is an error, and not an endless search.
func TestValueLost(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
		ctx := t.Context()
		play(t, d.b, "k k")
		w, err := d.b.Watch(ctx, ">")
		require.NoError(t, err)
		defer w.Stop()
		d.disk.Before(storetest.Value, func() error { return store.ErrNotFound })
		for name, err := range map[string]error{
			"get":          errOf(d.b.Get(ctx, "k")),
			"get revision": errOf(d.b.GetRevision(ctx, "k", 1)),
			"history":      errOf(d.b.History(ctx, "k")),
			"revert":       errOf(d.b.Revert(ctx, "k", 1)),
			"entries":      lastError(d.b.Entries(ctx, ">")),
			"watch":        errOf(w.Next(ctx)),
		} {
			require.Error(t, err, name)
			require.NotErrorIs(t, err, kv.ErrKeyNotFound, name)
		}
	})
}

// TestValueReadDuringClose closes the database, or deletes the bucket, while a value is read.
func TestValueReadDuringClose(t *testing.T) {
	ends := map[string]struct {
		end  func(t *testing.T, d *durable) error
		want error
	}{
		"close":  {func(_ *testing.T, d *durable) error { return d.db.Close() }, kv.ErrClosed},
		"delete": {func(t *testing.T, d *durable) error { return d.db.DeleteBucket(t.Context(), "B") }, kv.ErrBucketDeleted},
	}
	reads := map[string]func(t *testing.T, b *kv.Bucket) error{
		"get":          func(t *testing.T, b *kv.Bucket) error { return errOf(b.Get(t.Context(), "k")) },
		"get revision": func(t *testing.T, b *kv.Bucket) error { return errOf(b.GetRevision(t.Context(), "k", 1)) },
		"history":      func(t *testing.T, b *kv.Bucket) error { return errOf(b.History(t.Context(), "k")) },
		"revert":       func(t *testing.T, b *kv.Bucket) error { return errOf(b.Revert(t.Context(), "k", 1)) },
		"entries":      func(t *testing.T, b *kv.Bucket) error { return lastError(b.Entries(t.Context(), ">")) },
		"watch": func(t *testing.T, b *kv.Bucket) error {
			w, err := b.Watch(t.Context(), ">")
			require.NoError(t, err)
			defer w.Stop()
			return errOf(w.Next(t.Context()))
		},
	}
	for end, e := range ends {
		for name, read := range reads {
			t.Run(end+"/"+name, func(t *testing.T) {
				onDisk(t, storetest.NewValueDisk(), kv.Config{History: 2}, func(t *testing.T, d *durable) {
					play(t, d.b, "k k")
					d.once(func() { require.NoError(t, e.end(t, d)) })
					requireErr(t, read(t, d.b), e.want)
				})
			})
		}
	}
}

// TestValueOfAListingAfterClose ends a listing that has pinned values.
func TestValueOfAListingAfterClose(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{}, func(t *testing.T, d *durable) {
		play(t, d.b, "a b c")
		next := pull(t, d.b)
		require.Equal(t, "a1=v1", next())
		require.NoError(t, d.db.Close())
		require.Contains(t, next(), kv.ErrClosed.Error())
		require.Equal(t, "end", next())
	})
}

// TestValuesAreNotPinnedForGood lists, writes and looks at what the disk can still read: pins must end with what they are for.
func TestValuesAreNotPinnedForGood(t *testing.T) {
	onDisk(t, storetest.NewValueDisk(), kv.Config{}, func(t *testing.T, d *durable) {
		pins := &pinCounter{ValueReader: nil}
		require.NoError(t, d.db.Close())
		d.db = openBackend(t, &pinBackend{Backend: d.disk.MustOpen(), pins: pins})
		var err error
		d.b, err = d.db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		play(t, d.b, "a b c")
		next := pull(t, d.b)
		require.Equal(t, "a1=v1", next())
		gate := d.holdReturn(t)
		write := d.put(t, "c", "")
		for range d.b.Entries(t.Context(), ">") {
			break
		}
		gate.Open()
		write.returns(t, 4, nil)
		require.Equal(t, "b2=v2", next())
		require.Equal(t, "c3=v3", next())
		require.Equal(t, "end", next())
		synctest.Wait()
		require.Zero(t, pins.held, "pins that are held")
		require.Positive(t, pins.taken)
	})
}

// A pinBackend counts pins.
type pinBackend struct {
	store.Backend
	pins *pinCounter
}

type pinCounter struct {
	store.ValueReader
	taken, held int
}

func (b *pinBackend) Open(name string) (store.Store, error) {
	log, err := b.Backend.Open(name)
	if err != nil {
		return nil, err
	}
	b.pins.ValueReader = log.(store.ValueReader)
	return b.pins, nil
}

func (p *pinCounter) Pin() func() {
	p.taken++
	p.held++
	release := p.ValueReader.Pin()
	return func() {
		p.held--
		release()
	}
}

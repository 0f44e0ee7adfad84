package natskv_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

var errCut = errors.New("cut off")

// A line is a bucket behind a connection that breaks at a write, before or after that has arrived.
type line struct {
	jetstream.KeyValue
	left    int  // writes that are answered
	arrives bool // the one after them does too
}

func (l *line) Put(ctx context.Context, key string, value []byte) (revision uint64, err error) {
	err = l.send(func() error {
		revision, err = l.KeyValue.Put(ctx, key, value)
		return err
	})
	if err != nil {
		return 0, err
	}
	return revision, nil
}

func (l *line) Delete(ctx context.Context, key string, _ ...jetstream.KVDeleteOpt) error {
	return l.send(func() error { return l.KeyValue.Delete(ctx, key) })
}

func (l *line) Purge(ctx context.Context, key string, _ ...jetstream.KVDeleteOpt) error {
	return l.send(func() error { return l.KeyValue.Purge(ctx, key) })
}

func (l *line) send(write func() error) error {
	if l.left > 0 {
		l.left--
		return write()
	}
	if l.arrives {
		if err := write(); err != nil {
			return err
		}
	}
	return errCut
}

// A copy that is cut off at any entry, before or after that has arrived, and is resumed leaves what one leaves that is not.
func TestCopyResume(t *testing.T) {
	for name, resume := range map[string]func(returned, told natskv.CopyProgress) natskv.CopyProgress{
		"from what was returned": func(returned, _ natskv.CopyProgress) natskv.CopyProgress { return returned },
		"from what was told":     func(_, told natskv.CopyProgress) natskv.CopyProgress { return told },
		"from the beginning":     func(_, _ natskv.CopyProgress) natskv.CopyProgress { return natskv.CopyProgress{} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				source := fill(t, db, "S", 4, 7, 40)
				all := contents(t, source)
				for cut := range all {
					for _, arrives := range []bool{false, true} {
						target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: fmt.Sprintf("T%d-%t", cut, arrives), History: 4})
						var told natskv.CopyProgress
						tell := natskv.OnCopied(func(p natskv.CopyProgress) { told = p })
						p, err := natskv.Copy(t.Context(), &line{target, cut, arrives}, source, tell)
						require.ErrorIs(t, err, errCut)
						require.Equal(t, cut, p.Entries)

						p, err = natskv.Copy(t.Context(), target, source, natskv.Resume(resume(p, told)))
						require.NoError(t, err)
						require.Equal(t, all, contents(t, target))
						require.Equal(t, uint64(len(all)), newest(t, target), "nothing was written twice")
						require.Equal(t, natskv.CopyProgress{
							Source: newest(t, source), Target: uint64(len(all)), Entries: len(all), Bytes: int64(puts(all)), Complete: true,
						}, p)
					}
				}
			})
		})
	}
}

// The same with a line that is cut off at every entry of one copy, and with targets that do not keep all entries, are not empty,
// or were emptied before.
func TestCopyResumeAgainAndAgain(t *testing.T) {
	for name, row := range map[string]struct {
		depth   uint8
		prepare func(t *testing.T, target jetstream.KeyValue)
		opts    []natskv.CopyOption
	}{
		"as deep": {depth: 4},
		"flat":    {depth: 1},
		"not empty": {
			4, func(t *testing.T, target jetstream.KeyValue) { play(t, target, "a b c e -d") }, []natskv.CopyOption{natskv.Append()},
		},
		"emptied": {depth: 4, prepare: func(t *testing.T, target jetstream.KeyValue) {
			play(t, target, "a b !b !a")
			require.NoError(t, target.PurgeDeletes(t.Context(), jetstream.DeleteMarkersOlderThan(-1)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				for seed := range uint64(8) {
					source := fill(t, db, fmt.Sprint("S", seed), 4, seed, 30)
					if seed%2 == 0 { // the first entry is a marker
						source = newBucket(t, db, jetstream.KeyValueConfig{Bucket: fmt.Sprint("S", seed, "-"), History: 4})
						play(t, source, "-x -x !y a -a -a !a b b -b")
					}
					var targets [2]jetstream.KeyValue
					for i := range targets {
						targets[i] = newBucket(t, db, jetstream.KeyValueConfig{Bucket: fmt.Sprint("T", seed, "-", i), History: row.depth})
						if row.prepare != nil {
							row.prepare(t, targets[i])
						}
					}
					whole, err := natskv.Copy(t.Context(), targets[0], source, row.opts...)
					require.NoError(t, err)

					arrives := false
					p, err := natskv.Copy(t.Context(), &line{targets[1], int(seed / 2 % 3), arrives}, source, row.opts...)
					for runs := 0; err != nil; runs++ {
						require.ErrorIs(t, err, errCut)
						require.Less(t, runs, 100)
						arrives = !arrives
						left := 1
						if arrives {
							left = 0
						}
						p, err = natskv.Copy(t.Context(), &line{targets[1], left, arrives}, source, natskv.Resume(p))
					}
					require.Equal(t, whole, p)
					require.Equal(t, contents(t, targets[0]), contents(t, targets[1]))
				}
			})
		})
	}
}

// A copy that catches up with the source can be cut off like any other.
func TestCopyResumeCatchingUp(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 5})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: 5})
		play(t, source, "a b -c")
		p, err := natskv.Copy(t.Context(), target, source)
		require.NoError(t, err)
		play(t, source, "a -c !d")
		for cut := range 3 {
			p, err = natskv.Copy(t.Context(), &line{target, 0, true}, source, natskv.Resume(p))
			require.ErrorIs(t, err, errCut)
			require.Equal(t, 3+cut, p.Entries)
			require.False(t, p.Complete)
		}
		p, err = natskv.Copy(t.Context(), target, source, natskv.Resume(p))
		require.NoError(t, err)
		require.Equal(t, 6, p.Entries)
		require.Equal(t, "a1 b2 c3D a4 c5D d6P", history(t, target, ">"))
	})
}

// The end of the context ends a copy at once, and it can be resumed.
func TestCopyCancelled(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := fill(t, db, "S", 4, 3, 40)
		all := contents(t, source)
		for cut := 1; cut < len(all); cut++ {
			target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: fmt.Sprint("T", cut), History: 4})
			ctx, cancel := context.WithCancel(t.Context())
			p, err := natskv.Copy(ctx, target, source, natskv.OnCopied(func(p natskv.CopyProgress) {
				if p.Entries == cut {
					cancel()
				}
			}))
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, cut, p.Entries)
			require.Len(t, contents(t, target), cut)
			_, err = natskv.Copy(t.Context(), target, source, natskv.Resume(p))
			require.NoError(t, err)
			require.Equal(t, all, contents(t, target))
		}
	})
}

// A cutClient is a bucket as the client of a server shows it when a context ends early: the channel of a watch stays open, and of a
// history a part comes without an error.
type cutClient struct {
	jetstream.KeyValue
	cancel     context.CancelFunc // when the history is read
	cancelling bool               // when the watch begins
}

type openWatcher chan jetstream.KeyValueEntry

func (w openWatcher) Updates() <-chan jetstream.KeyValueEntry { return w }
func (w openWatcher) Stop() error                             { return nil }

func (c *cutClient) WatchAll(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	if !c.cancelling {
		return c.KeyValue.WatchAll(ctx, opts...)
	}
	c.cancel()
	return make(openWatcher, 256), nil
}

func (c *cutClient) History(ctx context.Context, key string, opts ...jetstream.WatchOpt) ([]jetstream.KeyValueEntry, error) {
	history, err := c.KeyValue.History(ctx, key, opts...)
	c.cancel()
	return history[:1], err
}

func TestCopyCancelledByClient(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 2})
		target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: 2})
		play(t, source, "a a")
		p, err := natskv.Copy(t.Context(), target, source)
		require.NoError(t, err)
		play(t, source, "-a")

		for _, watching := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			cut := &cutClient{KeyValue: target, cancel: cancel, cancelling: watching}
			q, err := natskv.Copy(ctx, cut, source, natskv.Resume(natskv.CopyProgress{Source: p.Source, Target: p.Target}))
			require.ErrorIs(t, err, context.Canceled, "watching: %t", watching)
			require.Equal(t, p.Target, q.Target, "watching: %t", watching)
		}
		p, err = natskv.Copy(t.Context(), target, source, natskv.Resume(natskv.CopyProgress{Source: p.Source, Target: p.Target}))
		require.NoError(t, err)
		require.Equal(t, uint64(3), p.Target)
	})
}

// A target that is not what an interrupted copy has left is found out, and nothing is written to it.
func TestCopyResumeDiffers(t *testing.T) {
	for name, row := range map[string]struct {
		depth          uint8
		source, target string
		from           natskv.CopyProgress
		want           string
	}{
		"other key": {4, "a b c", "a c", natskv.CopyProgress{},
			"the source has KeyValuePutOp of \"b\" with 1 bytes at revision 2, the target KeyValuePutOp of \"c\" with 1 bytes at revision 2"},
		"other operation": {4, "a -b c", "a !b", natskv.CopyProgress{},
			"the source has KeyValueDeleteOp of \"b\" with 0 bytes at revision 2, the target KeyValuePurgeOp of \"b\" with 0 bytes at revision 2"},
		"more": {4, "a b", "a b c", natskv.CopyProgress{},
			"the source has nothing more, the target KeyValuePutOp of \"c\" with 1 bytes at revision 3"},
		"not as deep": {1, "a a b", "a a b", natskv.CopyProgress{},
			"the source has KeyValuePutOp of \"a\" with 1 bytes at revision 2, the target KeyValuePutOp of \"b\" with 1 bytes at revision 3"},
		"behind the progress": {4, "a b c d", "a b d", natskv.CopyProgress{Source: 2, Target: 2, Entries: 2},
			"the source has KeyValuePutOp of \"c\" with 1 bytes at revision 3, the target KeyValuePutOp of \"d\" with 1 bytes at revision 3"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				source := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S", History: 4})
				target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T", History: row.depth})
				play(t, source, row.source)
				play(t, target, row.target)
				before := history(t, target, ">")
				p, err := natskv.Copy(t.Context(), target, source, natskv.Resume(row.from))
				require.ErrorIs(t, err, natskv.ErrTargetDiffers)
				var difference *natskv.DifferenceError
				require.ErrorAs(t, err, &difference)
				assert.Equal(t, "target holds something else than was copied: "+row.want, difference.Error())
				assert.Equal(t, before, history(t, target, ">"))
				assert.False(t, p.Complete)
			})
		})
	}
	t.Run("other value", func(t *testing.T) {
		inBubbles(t, func(t *testing.T, db *kv.DB) {
			source, target := newBucket(t, db, jetstream.KeyValueConfig{Bucket: "S"}), newBucket(t, db, jetstream.KeyValueConfig{Bucket: "T"})
			play(t, source, "a")
			_, err := target.PutString(t.Context(), "a", "w")
			require.NoError(t, err)
			_, err = natskv.Copy(t.Context(), target, source, natskv.Resume(natskv.CopyProgress{}))
			require.ErrorIs(t, err, natskv.ErrTargetDiffers)
		})
	})
}

package kv

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/storetest"
)

// A watchedDisk is a disk that calls functions at Append and at Publish of its stores.
type watchedDisk struct {
	store.Backend
	append, publish func()
}

func (d *watchedDisk) Create(name string, config []byte) (store.Store, error) {
	log, err := d.Backend.Create(name, config)
	return watchedLog{log.(store.ValueReader), d}, err
}

type watchedLog struct {
	store.ValueReader
	disk *watchedDisk
}

func (l watchedLog) Append(recs []store.Record, trim []uint64) error {
	l.disk.append()
	return l.ValueReader.Append(recs, trim)
}

func (l watchedLog) Publish() {
	l.disk.publish()
	l.ValueReader.Publish()
}

// onWatchedDisk runs a test on a bucket whose store is watched.
func onWatchedDisk(t *testing.T, cfg Config, test func(t *testing.T, d *watchedDisk, db *DB, b *Bucket)) {
	synctest.Test(t, func(t *testing.T) {
		d := &watchedDisk{storetest.NewValueDisk().MustOpen(), func() {}, func() {}}
		db, err := OpenBackend(d)
		require.NoError(t, err)
		cfg.Bucket = "B"
		b, err := db.CreateBucket(t.Context(), cfg)
		require.NoError(t, err)
		test(t, d, db, b)
	})
}

// A store publishes at the moment at which reads get to see what was written: no read comes between the two.
func TestPublishIsOneMoment(t *testing.T) {
	onWatchedDisk(t, Config{History: 3, LimitMarkerTTL: time.Hour}, func(t *testing.T, d *watchedDisk, db *DB, b *Bucket) {
		var published atomic.Int32
		d.publish = func() {
			published.Add(1)
			if b.mu.TryRLock() {
				b.mu.RUnlock()
				assert.Fail(t, "somebody could read")
			}
		}
		ctx := t.Context()
		put := func(key string, opts ...PutOption) func() error {
			return func() error {
				_, err := b.Put(ctx, key, []byte("value"), opts...)
				return err
			}
		}
		for i, write := range []func() error{
			put("a"), put("a"), put("a"), put("a"), put("b", KeyTTL(time.Minute)),
			func() error { return b.Delete(ctx, "a") },
			func() error { return b.Purge(ctx, "a") },
			func() error {
				_, err := b.Apply(ctx, PutOp("a", nil), PutOp("b", nil, KeyTTL(time.Second)))
				return err
			},
			func() error { time.Sleep(time.Second); synctest.Wait(); return nil },
			func() error { return b.Delete(ctx, "a") },
			func() error { return b.PurgeDeletes(ctx, DeleteMarkersOlderThan(-1)) },
			put("c"), put("c"),
			func() error {
				_, err := db.UpdateBucket(ctx, Config{Bucket: "B", LimitMarkerTTL: time.Hour})
				return err
			},
		} {
			before := published.Load()
			require.NoError(t, write(), i)
			require.Greater(t, published.Load(), before, i)
		}
		require.NoError(t, db.Close())
	})
}

// Should the store panic, and the caller survive that, nobody is told that he has written, and nobody waits for ever.
func TestPanicInTheStore(t *testing.T) {
	for _, at := range []string{"append", "publish"} {
		t.Run(at, func(t *testing.T) {
			onWatchedDisk(t, Config{}, func(t *testing.T, d *watchedDisk, db *DB, b *Bucket) {
				ctx := context.Background()
				_, err := b.Put(ctx, "k", []byte("old"))
				require.NoError(t, err)
				calls, first := 0, make(chan struct{})
				d.append = func() {
					if calls++; calls == 1 {
						<-first
					} else if at == "append" {
						panic("the store")
					}
				}
				d.publish = func() {
					if at == "publish" && calls == 2 {
						panic("the store")
					}
				}
				outcomes := map[string]int{}
				done := make(chan string)
				for i := range 5 {
					go func() {
						defer func() {
							if recover() != nil {
								done <- "panic"
							}
						}()
						_, err := b.Put(ctx, fmt.Sprintf("k.%d", i), nil)
						if err == nil {
							done <- "written"
							return
						}
						assert.ErrorIs(t, err, ErrReadOnly)
						assert.ErrorContains(t, err, "panicked")
						done <- "refused"
					}()
					synctest.Wait()
				}
				close(first)
				for range 5 {
					outcomes[<-done]++
				}
				require.Equal(t, map[string]int{"written": 1, "panic": 1, "refused": 3}, outcomes)
				e, err := b.Get(ctx, "k")
				require.NoError(t, err)
				require.Equal(t, "old", string(e.Value))
				_, err = b.Get(ctx, "k.1")
				require.ErrorIs(t, err, ErrKeyNotFound)
				_, err = b.Put(ctx, "k", nil)
				require.ErrorIs(t, err, ErrReadOnly)
				require.NoError(t, db.Close())
			})
		})
	}
}

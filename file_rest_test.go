package kv_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// churn overwrites a few keys often enough that their bucket is compacted.
func churn(t testing.TB, b *kv.Bucket, writes int) {
	t.Helper()
	for i := range writes {
		_, err := b.Put(t.Context(), fmt.Sprintf("churn.%d", i%7), make([]byte, 200))
		require.NoError(t, err)
	}
}

// inFiles runs f in a bubble for each policy, with an empty database in files.
func inFiles(t *testing.T, f func(t *testing.T, disk *crashfs.FS, db *kv.DB)) {
	t.Helper()
	for _, p := range filePolicies {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := crashfs.New()
				db := openFiles(t, "db", kv.FileSystem(disk), p.policy)
				t.Cleanup(func() { require.NoError(t, db.Close()) })
				f(t, disk, db)
			})
		})
	}
}

// At rest nothing runs, and nothing is done to the files. After Close none is open.
func TestFilesAtRest(t *testing.T) {
	inFiles(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2})
		for range 3 {
			churn(t, b, 200)
			time.Sleep(time.Second)
			synctest.Wait()
			require.Empty(t, engineStacks())
			calls := disk.Calls()
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			require.Equal(t, calls, disk.Calls())
		}
		churn(t, b, 200)
		require.NoError(t, db.Close())
		require.Empty(t, engineStacks())
		require.Empty(t, disk.Unclosed())
		calls := disk.Calls()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.Equal(t, calls, disk.Calls())
	})
}

// TestFilesStacksAreFound checks that the test above would find compaction.
func TestFilesStacksAreFound(t *testing.T) {
	inFiles(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		gate := make(chan struct{})
		disk.Before(func(c crashfs.Call) {
			if c.Kind == crashfs.ReadAt {
				<-gate
			}
		})
		for n := 0; n < 200 && len(engineStacks()) == 0; n++ { // with many more the writer would wait too
			churn(t, b, 1)
			synctest.Wait()
		}
		require.Len(t, engineStacks(), 1)
		close(gate)
		synctest.Wait()
		require.Empty(t, engineStacks())
	})
}

// TestSyncPolicies cuts the power after a write: at once, and after the time that SyncEvery has.
func TestSyncPolicies(t *testing.T) {
	inFiles(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB) {
		b := newBucket(t, db, kv.Config{})
		kept := func() bool {
			left := openFiles(t, "db", kv.FileSystem(disk.Strict()))
			defer func() { require.NoError(t, left.Close()) }()
			return drawAll(t, bucketB(t, left)) == drawAll(t, b)
		}
		for range 3 {
			play(t, b, "a")
			atOnce := kept()
			time.Sleep(time.Millisecond)
			synctest.Wait()
			switch t.Name() {
			case "TestSyncPolicies/always":
				assert.True(t, atOnce)
				assert.True(t, kept())
			case "TestSyncPolicies/every_millisecond":
				assert.False(t, atOnce)
				assert.True(t, kept())
			case "TestSyncPolicies/never":
				assert.False(t, kept())
			default:
				t.Fatal(t.Name())
			}
		}
		require.NoError(t, db.Close())
		left := openFiles(t, "db", kv.FileSystem(disk.Strict()))
		assert.Equal(t, "a3", drawAll(t, bucketB(t, left)))
		require.NoError(t, left.Close())
	})
}

// Deadlines go on over openings and compactions, to the nanosecond.
func TestFilesKeepDeadlines(t *testing.T) {
	inFiles(t, func(t *testing.T, disk *crashfs.FS, db *kv.DB) {
		b := newBucket(t, db, kv.Config{History: 2, LimitMarkerTTL: time.Hour})
		play(t, b, "a")
		ttls := []time.Duration{time.Minute, 2 * time.Hour, 24 * time.Hour}
		for _, ttl := range ttls {
			_, err := b.Put(t.Context(), fmt.Sprintf("a.%v", ttl), nil, kv.KeyTTL(ttl))
			require.NoError(t, err)
		}
		begin := time.Now()
		entry := func(ttl time.Duration) kv.Operation {
			t.Helper()
			history, err := b.History(t.Context(), fmt.Sprintf("a.%v", ttl))
			if err != nil {
				requireErr(t, err, kv.ErrKeyNotFound)
				return 0
			}
			require.Len(t, history, 1)
			return history[0].Operation
		}
		reopen := func() {
			t.Helper()
			churn(t, b, 200)
			synctest.Wait()
			db, b = reopenFiles(t, db, "db", kv.FileSystem(disk))
			churn(t, b, 200)
			synctest.Wait()
		}
		for _, ttl := range ttls {
			reopen()
			time.Sleep(time.Until(begin.Add(ttl - 1)))
			synctest.Wait()
			require.Equal(t, kv.Put, entry(ttl))
			reopen()
			require.Equal(t, kv.Put, entry(ttl))
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			require.Equal(t, kv.Purge, entry(ttl), "the limit marker")
			reopen()
			require.Equal(t, kv.Purge, entry(ttl))
			time.Sleep(time.Hour - 1)
			synctest.Wait()
			require.Equal(t, kv.Purge, entry(ttl))
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			require.Zero(t, entry(ttl))
		}
	})
}

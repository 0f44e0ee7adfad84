package kv_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// sizedOps reads a script of writes with sizes: "k:9" puts nine bytes under k, "-k" deletes it, "!k" purges it, "=k:1"
// writes k as it was at revision 1.
func sizedOps(t testing.TB, script string) []kv.Op {
	t.Helper()
	var ops []kv.Op
	for _, word := range strings.Fields(script) {
		key, n, _ := strings.Cut(word, ":")
		size, _ := strconv.Atoi(n)
		switch word[0] {
		case '-':
			ops = append(ops, kv.DeleteOp(key[1:]))
		case '!':
			ops = append(ops, kv.PurgeOp(key[1:]))
		case '=':
			ops = append(ops, kv.RevertOp(key[1:], uint64(size)))
		default:
			ops = append(ops, kv.PutOp(key, make([]byte, size)))
		}
	}
	return ops
}

// playSized writes a script of sizedOps, one after the other.
func playSized(t testing.TB, b *kv.Bucket, script string) {
	t.Helper()
	for _, op := range sizedOps(t, script) {
		require.NoError(t, applyOps(t.Context(), b, op))
	}
}

// The limit on values counts their bytes, and nothing else.
func TestMaxValueSize(t *testing.T) {
	long := strings.Repeat("k", 1000)
	for _, row := range []struct {
		name  string
		limit int32
		write func(ctx context.Context, b *kv.Bucket) error
		size  int64 // of a value that is refused
	}{
		{"put that fits", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "k", "12345")) }, 0},
		{"the key is not counted", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, long, "12345")) }, 0},
		{"a TTL is not counted", 5, func(ctx context.Context, b *kv.Bucket) error {
			return errOf(b.PutString(ctx, "k", "12345", kv.KeyTTL(time.Hour)))
		}, 0},
		{"create that fits", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "new", []byte("12345"))) }, 0},
		{"update that fits", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", []byte("12345"), 1)) }, 0},
		{"delete", 1, func(ctx context.Context, b *kv.Bucket) error { return b.Delete(ctx, "k", kv.LastRevision(1)) }, 0},
		{"purge", 1, func(ctx context.Context, b *kv.Bucket) error { return b.Purge(ctx, "k", kv.LastRevision(1)) }, 0},
		{"empty value", 1, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", nil)) }, 0},
		{"no limit", 0, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Put(ctx, "k", make([]byte, 2<<20))) }, 0},
		{"put", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.PutString(ctx, "k", "123456")) }, 6},
		{"create", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Create(ctx, "new", []byte("123456"))) }, 6},
		{"update", 5, func(ctx context.Context, b *kv.Bucket) error { return errOf(b.Update(ctx, "k", []byte("123456"), 1)) }, 6},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{MaxValueSize: row.limit})
				require.NoError(t, errOf(b.Put(t.Context(), "k", nil)))
				before := contentsOf(t, b)
				err := row.write(t.Context(), b)
				if row.size == 0 {
					require.NoError(t, err)
					return
				}
				requireErr(t, err, kv.ErrValueTooLarge)
				e := asError[*kv.SizeError](t, err)
				assert.Equal(t, row.size, e.Size)
				assert.Equal(t, int64(row.limit), e.Limit)
				assert.Equal(t, before, contentsOf(t, b))
			})
		})
	}
}

func TestMaxBytes(t *testing.T) {
	for _, row := range []struct {
		name  string
		depth uint8
		limit int64
		state string // written without a limit
		write string
		after int64 // bytes after the write; negative if it is refused because that many would be there
	}{
		{"room left", 1, 20, "a:9", "b:9", 20},
		{"full: another key", 1, 20, "a:9 b:9", "c:0", -21},
		{"full: the same size", 1, 20, "a:9 b:9", "a:9", 20},
		{"full: smaller", 1, 20, "a:9 b:9", "a:3", 14},
		{"full: larger", 1, 20, "a:9 b:9", "a:10", -21},
		{"larger, and fits afterwards", 1, 20, "a:9 b:4", "b:9", 20},
		{"full: delete", 1, 20, "a:9 b:9", "-a", 11},
		{"full: purge", 1, 20, "a:9 b:9", "!a", 11},
		{"full: delete of an empty value", 1, 2, "a:0 b:0", "-a", 2},
		{"full: delete of another key", 1, 2, "a:0 b:0", "-c", 3},
		{"full: purge of another key", 1, 2, "a:0 b:0", "!c", 3},
		{"full: revert", 3, 19, "a:8 a:9", "=a:1", -28},
		{"depth 3, full: put displaces as much", 3, 40, "a:9 a:9 a:9 b:9", "a:9", 40},
		{"depth 3, full: put displaces less", 3, 40, "a:8 a:9 a:10 b:9", "a:9", -41},
		{"depth 3, full: delete displaces more", 3, 40, "a:9 a:9 a:9 b:9", "-a", 31},
		{"depth 3, full: put displaces nothing", 3, 40, "a:9 a:9 a:9 b:9", "b:0", -41},
		{"depth 3, full: delete displaces nothing", 3, 40, "a:9 a:9 a:9 b:9", "-b", 41},
		{"depth 3, full: purge", 3, 40, "a:9 a:9 a:9 b:9", "!a", 11},
		{"depth 3, full: purge of one", 3, 40, "a:9 a:9 a:9 b:9", "!b", 31},
		{"limit below one entry", 1, 1, "", "a:1", -2},
		{"limit below one entry: empty value", 1, 1, "", "a:0", 1},
		{"limit below one entry: delete", 1, 1, "", "-long", 4},
		{"lowered under the content: the same size", 1, 5, "a:9 b:9", "a:9", 20},
		{"lowered under the content: smaller", 1, 5, "a:9 b:9", "a:7", 18},
		{"lowered under the content: larger", 1, 5, "a:9 b:9", "a:10", -21},
		{"lowered under the content: delete", 1, 5, "a:9 b:9", "-a", 11},
		{"lowered under the content, depth 5: put", 5, 5, "a:9 b:9", "a:1", -22},
		{"lowered under the content, depth 5: delete", 5, 5, "a:9 b:9", "-a", 21},
		{"lowered under the content, depth 5: purge", 5, 5, "a:9 b:9", "!a", 11},
		{"no limit", 1, 0, "a:9", "b:1000", 1011},
	} {
		t.Run(row.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, db *kv.DB) {
				b := newBucket(t, db, kv.Config{History: row.depth})
				playSized(t, b, row.state)
				require.NoError(t, errOf(db.UpdateBucket(t.Context(), kv.Config{Bucket: "B", History: row.depth, MaxBytes: row.limit})))
				before := contentsOf(t, b)
				err := applyOps(t.Context(), b, sizedOps(t, row.write)[0])
				if row.after >= 0 {
					require.NoError(t, err)
					assert.Equal(t, row.after, statusOf(t, b).Bytes)
					return
				}
				requireErr(t, err, kv.ErrBucketFull)
				e := asError[*kv.SizeError](t, err)
				assert.Equal(t, -row.after, e.Size, "bytes of the bucket after the write")
				assert.Equal(t, row.limit, e.Limit)
				assert.Equal(t, before, contentsOf(t, b), "nothing is evicted")
			})
		})
	}
}

// A full bucket can be emptied through the API, and by time.
func TestFullBucketCanBeEmptied(t *testing.T) {
	for _, row := range []struct {
		name  string
		cfg   kv.Config
		empty func(t *testing.T, b *kv.Bucket)
	}{
		{"by deletes", kv.Config{}, func(t *testing.T, b *kv.Bucket) {
			play(t, b, "-a -b")
			require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(-1)))
		}},
		{"by the TTL", kv.Config{TTL: time.Hour}, func(*testing.T, *kv.Bucket) { time.Sleep(time.Hour) }},
		{"by the TTL, with limit markers", kv.Config{TTL: time.Hour, LimitMarkerTTL: time.Minute},
			func(*testing.T, *kv.Bucket) { time.Sleep(time.Hour + time.Minute) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			inBubbles(t, func(t *testing.T, db *kv.DB) {
				row.cfg.MaxBytes = 20
				row.cfg.Bucket = ""
				b := newBucket(t, db, row.cfg)
				playSized(t, b, "a:9 b:9")
				requireErr(t, errOf(b.Put(t.Context(), "c", make([]byte, 19))), kv.ErrBucketFull)
				row.empty(t, b)
				synctest.Wait()
				assert.Zero(t, statusOf(t, b).Bytes)
				playSized(t, b, "c:19")
			})
		})
	}
}

// Limit markers are written whatever the limits are, so that what has expired is gone.
func TestLimitMarkersAlwaysFit(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, kv.Config{MaxBytes: 3, MaxValueSize: 1, TTL: time.Hour, LimitMarkerTTL: time.Minute})
		for _, key := range []string{"a", "b", "c"} {
			require.NoError(t, errOf(b.Put(t.Context(), key, nil)))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		assert.Equal(t, "a4P b5P c6P", drawAll(t, b))
		requireErr(t, errOf(b.Put(t.Context(), "d", nil)), kv.ErrBucketFull)
		require.NoError(t, errOf(b.Put(t.Context(), "a", nil)), "it takes the place of a marker")
	})
}

// What a refused write is told of the bucket's bytes is what Status tells, whatever has happened.
func TestMaxBytesCountsWhatStatusShows(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		const limit = 10000
		random := rand.New(rand.NewPCG(3, 4))
		cfg := kv.Config{Bucket: "B", History: 3, MaxBytes: limit, TTL: hour, LimitMarkerTTL: minute}
		b := newBucket(t, db, cfg)
		for range 1000 {
			key := strings.Repeat("k", random.IntN(9)+1)
			switch random.IntN(9) {
			case 0:
				require.NoError(t, b.Delete(t.Context(), key))
			case 1:
				require.NoError(t, b.Purge(t.Context(), key, kv.PurgeTTL(minute)))
			case 2:
				mustPut(t, b, key, key, kv.KeyTTL(time.Duration(random.IntN(20)+1)*minute))
			case 3:
				require.NoError(t, applyOps(t.Context(), b, kv.PutOp(key, []byte(key)), kv.DeleteOp("other")))
			case 4:
				require.NoError(t, b.PurgeDeletes(t.Context(), kv.DeleteMarkersOlderThan(5*minute)))
			case 5:
				cfg.History = uint8(random.IntN(4) + 1)
				require.NoError(t, errOf(db.UpdateBucket(t.Context(), cfg)))
			default:
				mustPut(t, b, key, strings.Repeat("v", random.IntN(50)))
			}
			time.Sleep(time.Duration(random.IntN(3)) * minute)
			synctest.Wait()
			_, err := b.Put(t.Context(), "probe", make([]byte, limit))
			requireErr(t, err, kv.ErrBucketFull)
			require.Equal(t, statusOf(t, b).Bytes+int64(len("probe"))+limit, asError[*kv.SizeError](t, err).Size)
		}
		counted := int64(0)
		for _, e := range contentsOf(t, b).Entries {
			counted += int64(len(e.Key) + len(e.Value))
		}
		require.Equal(t, counted, statusOf(t, b).Bytes)
	})
}

func TestSizeErrorText(t *testing.T) {
	b := newBucket(t, kv.New(), kv.Config{MaxValueSize: 5, MaxBytes: 7})
	_, err := b.PutString(t.Context(), "k", "123456")
	require.EqualError(t, err, `kv: put "k" in bucket "B": value too large: 6 bytes, the limit is 5`)
	mustPut(t, b, "k", "12345")
	_, err = b.PutString(t.Context(), "l", "1")
	require.EqualError(t, err, `kv: put "l" in bucket "B": bucket full: 8 bytes, the limit is 7`)
}

package kvtest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/kvtest"
)

func TestDumpHasALineForEachKeptRevision(t *testing.T) {
	ctx := context.Background()
	b, err := kv.New().CreateBucket(ctx, kv.Config{Bucket: "B", History: 2})
	require.NoError(t, err)
	for _, put := range [][2]string{
		{"color", "trimmed"}, {"color", "red"}, {"color", "blue"},
		{"motto", "two words"}, {"empty", ""}, {"bytes", "a\x00\n"}, {"quote", `"`}, {"a.=", "x=y"},
		{"long", strings.Repeat("x", 200)}, {"gone", "1"}, {"gone.for.good", "1"},
	} {
		_, err := b.PutString(ctx, put[0], put[1])
		require.NoError(t, err)
	}
	require.NoError(t, b.Delete(ctx, "gone"))
	require.NoError(t, b.Purge(ctx, "gone.for.good"))

	want := `2 color=red
3 color=blue
4 motto="two words"
5 empty=""
6 bytes="a\x00\n"
7 quote="\""
8 a.=="x=y"
9 long=[200 bytes, sha256 aa20c23e32018340]
10 gone=1
12 gone DELETE
13 gone.for.good PURGE
`
	assert.Equal(t, want, dump(t, b))
	assert.Equal(t, want, dump(t, b), "a dump changes nothing")
}

func TestDumpOfAnEmptyBucketIsEmpty(t *testing.T) {
	b, err := kv.New().CreateBucket(context.Background(), kv.Config{Bucket: "B"})
	require.NoError(t, err)
	assert.Empty(t, dump(t, b))
}

func TestDumpReportsAnError(t *testing.T) {
	db := kv.New()
	b, err := db.CreateBucket(context.Background(), kv.Config{Bucket: "B"})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	_, err = kvtest.Dump(context.Background(), b)
	require.ErrorIs(t, err, kv.ErrClosed)
	assert.ErrorContains(t, err, `dump bucket "B"`)
}

func TestDiff(t *testing.T) {
	for _, test := range []struct{ name, a, b, want string }{
		{"the same", "1 a=x\n2 b=y\n", "1 a=x\n2 b=y\n", ""},
		{"both empty", "", "", ""},
		{"another value", "1 a=x\n2 b=y\n", "1 a=x\n2 b=z\n", "-2 b=y\n+2 b=z\n"},
		{"more at the end", "1 a=x\n", "1 a=x\n2 a DELETE\n", "+2 a DELETE\n"},
		{"in order of number, not text", "2 a=x\n10 a=x\n", "9 b=x\n", "-2 a=x\n+9 b=x\n-10 a=x\n"},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, kvtest.Diff(test.a, test.b)) })
	}
}

func dump(t *testing.T, b *kv.Bucket) string {
	t.Helper()
	text, err := kvtest.Dump(context.Background(), b)
	require.NoError(t, err)
	return text
}

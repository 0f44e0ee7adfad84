package filestore_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/revkv/kv/store"
	"github.com/revkv/kv/store/filestore"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// The example in FORMAT.md is what this package writes.
func TestFormatExample(t *testing.T) {
	begin := time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC).UnixNano()
	lease := begin + 1
	batches := [][]store.Record{{
		{Revision: 1, Operation: store.Put, Key: "color", Value: []byte("red"), Created: begin},
		{Revision: 2, Operation: store.Put, Key: "lease", Value: []byte{0xff}, Created: lease, Deadline: lease + int64(time.Minute)},
	}, {
		{Revision: 3, Operation: store.Delete, Key: "color", Value: []byte{}, Created: begin + int64(2*time.Second)},
	}}
	disk := crashfs.New()
	require.NoError(t, disk.MakeDir("demo"))
	require.NoError(t, filestore.WriteExample(disk, "demo", batches, [][]uint64{nil, {1}}))

	written, err := disk.ReadFile("demo/00000001.seg")
	require.NoError(t, err)
	require.Equal(t, hex.Dump(written), hex.Dump(dumped(t, formatBlock(t, "hexdump"))))
	manifest, err := disk.ReadFile("demo/MANIFEST")
	require.NoError(t, err)
	require.Equal(t, string(manifest), filestore.SealText(formatBlock(t, "json")))

	got, err := formatReader{disk.ReadFile}.bucket("demo")
	require.NoError(t, err)
	require.Equal(t, []store.Record{batches[0][1], batches[1][0]}, got.Records)
}

// formatBlock returns the first block of a language in FORMAT.md.
func formatBlock(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile("FORMAT.md")
	require.NoError(t, err)
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	match := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(text)
	require.NotNil(t, match)
	return string(match[1])
}

// dumped returns the bytes of a dump: lines of an offset, bytes, and what they are, in columns.
func dumped(t *testing.T, dump string) (data []byte) {
	t.Helper()
	for line := range strings.Lines(dump) {
		line = fmt.Sprintf("%-29s", strings.TrimRight(line, "\n"))
		if strings.TrimSpace(line) == "" {
			continue
		}
		offset, err := strconv.ParseInt(line[:4], 16, 64)
		require.NoError(t, err)
		require.Equal(t, int64(len(data)), offset)
		part, err := hex.DecodeString(strings.ReplaceAll(line[6:29], " ", ""))
		require.NoError(t, err)
		data = append(data, part...)
	}
	return data
}

// readFormat reads the folder "db" of a disk.
func readFormat(disk *crashfs.FS) (map[string]state, error) {
	names, err := disk.List("db")
	if err != nil {
		return nil, err
	}
	return formatReader{disk.ReadFile}.folder("db", names)
}

// Whatever is in a folder, this package and who reads it by FORMAT.md read the same.
func TestFormatIsEnoughToRead(t *testing.T) {
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 1))
		disk := crashfs.New()
		options := filestore.Options{FS: disk, SegmentSize: filestore.MinSegmentSize, Sync: filestore.SyncNever()}
		requireSameRead := func() {
			still := disk.Everything() // compaction may go on
			got, err := readFormat(still)
			require.NoError(t, err)
			require.Equal(t, statesOf(t, "db", filestore.Options{FS: still, ReadOnly: true}), got)
		}
		backend := openStore(t, "db", options)
		logs := []store.ValueReader{createStore(t, backend, "A"), createStore(t, backend, strings.Repeat("long", 63))}
		var revision uint64
		for range 100 {
			n := rng.IntN(4)
			var records []store.Record
			for range n {
				revision += rng.Uint64N(3) + 1
				records = append(records, randomRecord(rng, revision))
			}
			var trim []uint64
			for range rng.IntN(4) {
				trim = append(trim, rng.Uint64N(revision+5))
			}
			require.NoError(t, appendTo(logs[rng.IntN(2)], records, trim))
		}
		require.NoError(t, logs[0].Close()) // sealed, the other one has an active segment
		requireSameRead()
		require.NoError(t, backend.Close())
		requireSameRead()
	}
}

func randomRecord(rng *rand.Rand, revision uint64) store.Record {
	r := store.Record{
		Revision: revision, Operation: store.Operation(rng.IntN(3) + 1), Key: strings.Repeat("k", rng.IntN(300)),
		Value: make([]byte, rng.IntN(300)), Created: int64(rng.Uint64() >> rng.IntN(64)),
	}
	if rng.IntN(2) == 0 {
		r.Created = -r.Created
	}
	if rng.IntN(2) == 0 {
		r.Deadline = int64(rng.Uint64())
	}
	for i := range r.Value {
		r.Value[i] = byte(rng.Uint32())
	}
	return r
}

// They agree too on what is a torn tail and what is damage, wherever an active segment is cut or changed.
func TestFormatTellsTornTailsFromDamage(t *testing.T) {
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			disk := crashfs.New()
			backend := openStore(t, "db", filestore.Options{FS: disk, Sync: policy})
			log := createStore(t, backend, "b")
			rng := rand.New(rand.NewPCG(1, 2))
			for revision := uint64(1); revision < 6; revision++ {
				record := putOf(revision, "key", rng.IntN(20))
				require.NoError(t, appendTo(log, []store.Record{record}, []uint64{revision - 2}))
			}
			const file = "db/1-b/00000001.seg"
			data, err := disk.ReadFile(file)
			require.NoError(t, err)
			damaged := 0
			requireSameJudgement := func(changed []byte, what string) {
				copied := disk.Everything()
				require.NoError(t, copied.WriteFile(file, changed))
				want, wantErr := readStates("db", filestore.Options{FS: copied, ReadOnly: true})
				got, err := readFormat(copied)
				require.Equal(t, wantErr == nil, err == nil, "%s: %v, %v", what, wantErr, err)
				require.Equal(t, want, got, what)
				if err != nil {
					damaged++
				}
			}
			for i := range data {
				requireSameJudgement(data[:i], fmt.Sprint("cut at ", i))
				changed := bytes.Clone(data)
				changed[i] ^= byte(1 << rng.IntN(8))
				requireSameJudgement(changed, fmt.Sprint("changed at ", i))
			}
			require.Less(t, damaged, 2*len(data))
			if name == "always" {
				require.Greater(t, damaged, len(data)/2)
			}
		})
	}
}

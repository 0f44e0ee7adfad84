package natskv_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
	"github.com/revkv/kv/store/filestore/vfs/crashfs"
)

// full is a configuration with all that can be set.
var full = jetstream.KeyValueConfig{
	Bucket: "B", Description: "what it is", MaxValueSize: 1000, History: 5, TTL: time.Hour, MaxBytes: 1 << 20,
	Storage: jetstream.MemoryStorage, Replicas: 1, Placement: &jetstream.Placement{Cluster: "C", Tags: []string{"a"}},
	Compression: true, LimitMarkerTTL: 2500 * time.Millisecond, Metadata: map[string]string{"a": "b"},
}

// reported is full as a server reports it.
func reported() jetstream.KeyValueConfig {
	cfg := full
	cfg.Metadata = map[string]string{"a": "b", "_nats.ver": "2.15.2", "_nats.level": "5", "_nats.req.level": "1"}
	return cfg
}

func configOf(t testing.TB, b jetstream.KeyValue) jetstream.KeyValueConfig {
	t.Helper()
	s, err := b.Status(t.Context())
	require.NoError(t, err)
	return s.Config()
}

// A configuration is what it was after the database is opened again, and sizes are, but for conditions.
func TestConfigReopened(t *testing.T) {
	disk := crashfs.New()
	db := openFolder(t, disk)
	b := newBucket(t, db, full)
	assert.Equal(t, reported(), configOf(t, b))
	play(t, b, "a a -a a !a b")
	before, err := b.Status(t.Context())
	require.NoError(t, err)
	require.NoError(t, db.Close())
	db = openFolder(t, disk)
	defer func() { require.NoError(t, db.Close()) }()
	b, err = natskv.New(db).CreateKeyValue(t.Context(), full)
	require.NoError(t, err, "it is the same configuration")
	assert.Equal(t, reported(), configOf(t, b))
	after, err := b.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, before.Bytes(), after.Bytes())
	assert.Equal(t, before.Values(), after.Values())
}

// A bucket of the engine is one here too: with the storage that a server chooses by default.
func TestBucketOfTheEngine(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		engine, err := db.CreateBucket(t.Context(), kv.Config{Bucket: "B"})
		require.NoError(t, err)
		_, err = engine.Put(t.Context(), "k", []byte("v"), kv.KeyTTL(time.Millisecond*1500))
		require.NoError(t, err)
		b, err := natskv.New(db).CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"})
		require.NoError(t, err)
		e, err := b.Get(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, "v", string(e.Value()))
		s, err := b.Status(t.Context())
		require.NoError(t, err)
		assert.Equal(t, jetstream.FileStorage, s.Config().Storage)
		assert.EqualValues(t, len("$KV.B.kv")+34+12+12+4, s.Bytes()) // the header of a TTL of 1.5s

		_, err = b.Update(t.Context(), "k", []byte("w"), 1)
		require.NoError(t, err)
		own, err := engine.Get(t.Context(), "k")
		require.NoError(t, err)
		assert.Equal(t, "w", string(own.Value))
	})
}

// The engine's own Delete fits into any bucket; through this package it does not, as on a server.
func TestRulesGoWithTheCaller(t *testing.T) {
	inBubbles(t, func(t *testing.T, db *kv.DB) {
		b := newBucket(t, db, jetstream.KeyValueConfig{MaxValueSize: 30})
		engine, err := db.Bucket(t.Context(), "B")
		require.NoError(t, err)
		require.ErrorIs(t, b.Delete(t.Context(), "k"), jetstream.ErrStreamMessageExceedsMaximum)
		require.NoError(t, engine.Delete(t.Context(), "k"))
	})
}

// What one process has not got is refused by name.
func TestUnsupportedConfig(t *testing.T) {
	source := &jetstream.StreamSource{Name: "A"}
	for name, cfg := range map[string]jetstream.KeyValueConfig{
		"Mirror":    {Mirror: source},
		"Sources":   {Sources: []*jetstream.StreamSource{source}},
		"RePublish": {RePublish: &jetstream.RePublish{Destination: "x.>"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := natskv.New(kv.New())
			cfg.Bucket = "B"
			_, err := m.CreateKeyValue(t.Context(), cfg)
			requireUnsupported(t, err, name)
			_, err = m.CreateOrUpdateKeyValue(t.Context(), cfg)
			requireUnsupported(t, err, name)
			_, err = m.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"})
			require.NoError(t, err)
			_, err = m.UpdateKeyValue(t.Context(), cfg)
			requireUnsupported(t, err, name)
		})
	}
	old := natskv.Legacy(kv.New())
	for name, cfg := range map[string]nats.KeyValueConfig{
		"Mirror":    {Mirror: &nats.StreamSource{Name: "A"}},
		"Sources":   {Sources: []*nats.StreamSource{{Name: "A"}}},
		"RePublish": {RePublish: &nats.RePublish{Destination: "x.>"}},
	} {
		cfg.Bucket = "B"
		_, err := old.CreateKeyValue(&cfg)
		requireUnsupported(t, err, name)
	}
}

func requireUnsupported(t testing.TB, err error, what string) {
	t.Helper()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	var unsupported *natskv.UnsupportedError
	require.ErrorAs(t, err, &unsupported)
	require.Contains(t, unsupported.What, what)
	require.ErrorContains(t, err, "natskv: "+unsupported.What+": unsupported operation: "+unsupported.Why)
}

// A database that takes no writes says so as a server does whose store fails, and says why.
func TestReadOnly(t *testing.T) {
	disk := crashfs.New()
	db := openFolder(t, disk)
	play(t, newBucket(t, db, jetstream.KeyValueConfig{}), "k")
	require.NoError(t, db.Close())
	db, err := kv.OpenReadOnly("db", kv.FileSystem(disk))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	b, err := natskv.New(db).KeyValue(t.Context(), "B")
	require.NoError(t, err)
	_, err = b.Get(t.Context(), "k")
	require.NoError(t, err)
	_, err = b.PutString(t.Context(), "k", "")
	require.ErrorIs(t, err, kv.ErrReadOnly)
	var api *jetstream.APIError
	require.ErrorAs(t, err, &api)
	assert.EqualValues(t, 10077, api.ErrorCode)
	require.ErrorIs(t, b.PurgeDeletes(t.Context()), kv.ErrReadOnly)

	old, err := natskv.Legacy(db).KeyValue("B")
	require.NoError(t, err)
	_, err = old.PutString("k", "")
	require.ErrorIs(t, err, kv.ErrReadOnly)
	var oldAPI *nats.APIError
	require.ErrorAs(t, err, &oldAPI)
	assert.EqualValues(t, 10077, oldAPI.ErrorCode)
	_, err = natskv.New(db).CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "C"})
	require.ErrorIs(t, err, kv.ErrReadOnly)
}

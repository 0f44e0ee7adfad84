package natskv

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
)

// The structs behind the options have the fields that this module reads, and no others.
func TestStructsOfTheClient(t *testing.T) {
	for name, row := range map[string]struct {
		option any
		want   []string
	}{
		"watch": {jetstream.MetaOnly(), []string{
			"ignoreDeletes bool", "includeHistory bool", "updatesOnly bool", "metaOnly bool", "resumeFromRevision uint64",
		}},
		"delete": {jetstream.LastRevision(1), []string{"purge bool", "revision uint64", "ttl time.Duration"}},
		"create": {jetstream.KeyTTL(1), []string{"ttl time.Duration"}},
		"old watch": {nats.MetaOnly(), []string{
			"ctx context.Context", "ignoreDeletes bool", "includeHistory bool", "updatesOnly bool", "metaOnly bool",
		}},
		"old delete": {nats.LastRevision(1), []string{"purge bool", "revision uint64"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, isOption(reflect.TypeOf(row.option)))
			of := reflect.TypeOf(row.option).In(0).Elem()
			var fields []string
			for i := range of.NumField() {
				fields = append(fields, fmt.Sprint(of.Field(i).Name, " ", of.Field(i).Type))
			}
			assert.Equal(t, row.want, fields)
		})
	}
}

// The configurations have the fields that this module knows, and no others.
func TestConfigsOfTheClient(t *testing.T) {
	assert.Equal(t, fieldsOf[jetstream.KeyValueConfig](), configFields)
	assert.Equal(t, fieldsOf[nats.KeyValueConfig](), legacyConfigFields)
	assert.Equal(t, fieldsOf[jetstream.Placement](), placementFields)
	assert.Equal(t, fieldsOf[nats.Placement](), placementFields)
}

func fieldsOf[T any]() (names []string) {
	of := reflect.TypeFor[T]()
	for i := range of.NumField() {
		names = append(names, of.Field(i).Name)
	}
	return names
}

func TestUnknownField(t *testing.T) {
	type later struct {
		Bucket string
		Colour *string
	}
	unknown := unknownFields[later]([]string{"Bucket"})
	require.NoError(t, checkFields(&later{Bucket: "B"}, unknown))
	require.NoError(t, checkFields[later](nil, unknown))
	err := checkFields(&later{Colour: new(string)}, unknown)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	require.ErrorContains(t, err, "Colour")
}

// Users can give options names, put them into structs, and these into others.
type (
	namedOption struct {
		jetstream.WatchOpt
		name string
	}
	nested     struct{ *namedOption }
	unexported struct{ namedOption }
	olderThan  struct {
		jetstream.DeleteMarkersOlderThan
	}
	deepAndFlat struct {
		namedOption
		jetstream.WatchOpt
	}
	deepAndContext struct {
		*oldOption
		nats.ContextOpt
	}
	oldOption struct{ nats.WatchOpt }
	wide      struct{ Described }
	narrow    struct{ described }

	// Described is an interface of a user's.
	Described interface {
		jetstream.WatchOpt
		String() string
	}
	described = Described
)

func (o namedOption) String() string { return o.name }

func TestReadWatch(t *testing.T) {
	named := namedOption{jetstream.ResumeFromRevision(7), "seven"}
	for name, row := range map[string]struct {
		opts []jetstream.WatchOpt
		want watchOptions
	}{
		"none": {nil, watchOptions{}},
		"nil":  {[]jetstream.WatchOpt{nil, nil}, watchOptions{}},
		"all": {
			[]jetstream.WatchOpt{
				jetstream.IncludeHistory(), jetstream.IgnoreDeletes(), jetstream.MetaOnly(), jetstream.ResumeFromRevision(1 << 63),
			},
			watchOptions{includeHistory: true, ignoreDeletes: true, metaOnly: true, resume: 1 << 63},
		},
		"updates":       {[]jetstream.WatchOpt{jetstream.UpdatesOnly()}, watchOptions{updatesOnly: true}},
		"the last one":  {[]jetstream.WatchOpt{jetstream.ResumeFromRevision(3), jetstream.ResumeFromRevision(0)}, watchOptions{}},
		"wrapped":       {[]jetstream.WatchOpt{named}, watchOptions{resume: 7}},
		"pointer":       {[]jetstream.WatchOpt{&named, jetstream.MetaOnly()}, watchOptions{resume: 7, metaOnly: true}},
		"twice wrapped": {[]jetstream.WatchOpt{nested{&named}}, watchOptions{resume: 7}},
		"unexported":    {[]jetstream.WatchOpt{unexported{named}, &nested{&named}}, watchOptions{resume: 7}},
		"two, the deeper first": {
			[]jetstream.WatchOpt{deepAndFlat{named, jetstream.MetaOnly()}}, watchOptions{metaOnly: true},
		},
		"in a wider interface": {[]jetstream.WatchOpt{wide{named}}, watchOptions{resume: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := readWatch(row.opts)
			require.NoError(t, err)
			assert.Equal(t, row.want, o)
		})
	}
}

// Options that contradict each other are refused with the client's own error.
func TestReadContradictions(t *testing.T) {
	_, err := readWatch([]jetstream.WatchOpt{jetstream.UpdatesOnly(), jetstream.IncludeHistory()})
	require.ErrorIs(t, err, jetstream.ErrInvalidOption)
	require.EqualError(t, err, "nats: invalid jetstream option: include history cannot be used with updates only")
	_, err = readLegacyWatch([]nats.WatchOpt{nats.IncludeHistory(), nats.UpdatesOnly()})
	require.EqualError(t, err, "nats: updates only can not be used with include history")
}

func TestReadWriteOptions(t *testing.T) {
	d, err := readDelete([]jetstream.KVDeleteOpt{jetstream.LastRevision(9), nil, jetstream.PurgeTTL(-1), jetstream.PurgeTTL(time.Hour)})
	require.NoError(t, err)
	assert.Equal(t, deleteOptions{revision: 9, ttl: time.Hour}, d)
	c, err := readCreate([]jetstream.KVCreateOpt{jetstream.KeyTTL(time.Hour), jetstream.KeyTTL(time.Minute)})
	require.NoError(t, err)
	assert.Equal(t, createOptions{time.Minute}, c)
	wrapped := olderThan{jetstream.DeleteMarkersOlderThan(time.Second)}
	for _, opt := range []jetstream.KVPurgeOpt{wrapped.DeleteMarkersOlderThan, &wrapped.DeleteMarkersOlderThan, wrapped, &wrapped} {
		age, err := readPurge([]jetstream.KVPurgeOpt{jetstream.DeleteMarkersOlderThan(1), opt})
		require.NoError(t, err)
		assert.Equal(t, time.Second, age)
	}
}

func TestReadLegacyOptions(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "this one")
	w, err := readLegacyWatch([]nats.WatchOpt{nats.Context(ctx), nats.MetaOnly(), nil, nats.IgnoreDeletes()})
	require.NoError(t, err)
	assert.Equal(t, watchOptions{metaOnly: true, ignoreDeletes: true, ctx: ctx}, w)
	w, err = readLegacyWatch([]nats.WatchOpt{deepAndContext{&oldOption{nats.MetaOnly()}, nats.Context(ctx)}})
	require.NoError(t, err)
	assert.Equal(t, watchOptions{ctx: ctx}, w)
	d, err := readLegacyDelete([]nats.DeleteOpt{nats.LastRevision(9)})
	require.NoError(t, err)
	assert.Equal(t, deleteOptions{revision: 9}, d)
	p, err := readLegacyPurge([]nats.PurgeOpt{nats.Context(ctx), nats.DeleteMarkersOlderThan(-1)})
	require.NoError(t, err)
	assert.Equal(t, purgeOptions{-1, ctx}, p)
}

// Options that are embedded where package reflect may not look. (An alias gives the field its name.)
type (
	createOpt        = jetstream.KVCreateOpt
	deleteOpt        = jetstream.KVDeleteOpt
	purgeOpt         = jetstream.KVPurgeOpt
	unreadableCreate struct{ createOpt }
	unreadableDelete struct{ deleteOpt }
	unreadablePurge  struct{ purgeOpt }
)

// A call with an option that cannot be read is refused, and does nothing.
func TestUnreadableOption(t *testing.T) {
	ctx := t.Context()
	b, err := New(kv.New()).CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "B", LimitMarkerTTL: time.Minute})
	require.NoError(t, err)
	watch := narrow{namedOption{jetstream.MetaOnly(), "meta"}}
	del := unreadableDelete{jetstream.LastRevision(0)}
	for name, call := range map[string]func() error{
		"Create": func() error {
			_, err := b.Create(ctx, "k", nil, unreadableCreate{jetstream.KeyTTL(time.Hour)})
			return err
		},
		"Delete":       func() error { return b.Delete(ctx, "k", del) },
		"Purge":        func() error { return b.Purge(ctx, "k", del) },
		"PurgeDeletes": func() error { return b.PurgeDeletes(ctx, unreadablePurge{jetstream.DeleteMarkersOlderThan(-1)}) },
		"Watch":        func() error { _, err := b.Watch(ctx, "k", watch); return err },
		"WatchAll":     func() error { _, err := b.WatchAll(ctx, watch); return err },
		"Keys":         func() error { _, err := b.Keys(ctx, watch); return err },
		"ListKeys":     func() error { _, err := b.ListKeys(ctx, watch); return err },
		"History":      func() error { _, err := b.History(ctx, "k", watch); return err },
	} {
		err := call()
		require.ErrorIs(t, err, ErrUnknownOption, name)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
		require.ErrorContains(t, err, "is no option of the client that this module knows", name)
	}
	revision, err := b.Put(ctx, "k", nil)
	require.NoError(t, err)
	assert.EqualValues(t, 1, revision)
}

// What stands for options of a later client. As methods of an option are not exported by it, they are behind an interface
// of our own.
type (
	LaterOption  interface{ later() }
	laterStruct  struct{ metaOnly, colour bool }
	laterFunc    func(*laterStruct) error
	otherStruct  struct{ metaOnly bool }
	otherFunc    func(*otherStruct) error
	typedStruct  struct{ metaOnly int }
	typedFunc    func(*typedStruct) error
	laterNumber  int
	laterPointer struct{ LaterOption }
	hidden       = LaterOption
	laterHidden  struct{ hidden }
	strangeFunc  func(int) error
)

func (laterFunc) later()   {}
func (otherFunc) later()   {}
func (typedFunc) later()   {}
func (laterNumber) later() {}
func (strangeFunc) later() {}

func TestUnknownOption(t *testing.T) {
	meta := laterFunc(func(o *laterStruct) error { o.metaOnly = true; return nil })
	colour := laterFunc(func(o *laterStruct) error { o.colour = true; return nil })
	other := otherFunc(func(o *otherStruct) error { o.metaOnly = true; return nil })
	typed := typedFunc(func(o *typedStruct) error { o.metaOnly = 1; return nil })
	for name, row := range map[string]struct {
		opts []LaterOption
		says string
	}{
		"known":                 {[]LaterOption{meta}, ""},
		"unknown field":         {[]LaterOption{meta, colour}, "one sets colour"},
		"unknown and wrapped":   {[]LaterOption{laterPointer{colour}}, "one sets colour"},
		"no function":           {[]LaterOption{laterNumber(7)}, "natskv.laterNumber is no option of the client"},
		"embedded out of reach": {[]LaterOption{laterHidden{meta}}, "natskv.laterHidden is no option of the client"},
		"nothing inside":        {[]LaterOption{laterPointer{}}, "natskv.laterPointer is no option of the client"},
		"nil function":          {[]LaterOption{laterFunc(nil)}, "natskv.laterFunc is no option of the client"},
		"nil pointer":           {[]LaterOption{(*laterPointer)(nil)}, "*natskv.laterPointer is no option of the client"},
		"other kind":            {[]LaterOption{meta, other}, "natskv.otherFunc is of another kind"},
		"field of another type": {[]LaterOption{typed}, "metaOnly is of type int"},
		"strange function":      {[]LaterOption{strangeFunc(func(int) error { return nil })}, "natskv.strangeFunc is no option"},
	} {
		t.Run(name, func(t *testing.T) {
			var set bool
			err := readOptions("LaterOption", row.opts, nil, []field{{"metaOnly", &set}})
			if row.says == "" {
				require.NoError(t, err)
				assert.True(t, set)
				return
			}
			require.ErrorIs(t, err, ErrUnknownOption)
			require.ErrorIs(t, err, errors.ErrUnsupported)
			require.ErrorContains(t, err, row.says)
		})
	}
	var set bool
	err := readOptions("LaterOption", []LaterOption{meta}, nil, []field{{"metaOnly", &set}, {"gone", &set}})
	require.ErrorIs(t, err, ErrUnknownOption)
	require.ErrorContains(t, err, "have not got all of metaOnly, gone")
}

package natskv

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every option of the client that this module was made for, by the interface that it is given out as. When this fails the
// client has changed: look at what the new option asks for before adding it here.
func TestOptionsOfTheClient(t *testing.T) {
	for path, want := range map[string]map[string][]string{
		"github.com/nats-io/nats.go/jetstream": {
			"WatchOpt":    {"IgnoreDeletes", "IncludeHistory", "MetaOnly", "ResumeFromRevision", "UpdatesOnly"},
			"KVCreateOpt": {"KeyTTL"},
			"KVDeleteOpt": {"LastRevision", "PurgeTTL"},
			"KVPurgeOpt":  {"DeleteMarkersOlderThan"},
		},
		"github.com/nats-io/nats.go": {
			"WatchOpt":  {"ContextOpt", "IgnoreDeletes", "IncludeHistory", "MetaOnly", "UpdatesOnly"},
			"DeleteOpt": {"LastRevision"},
			"PurgeOpt":  {"ContextOpt", "DeleteMarkersOlderThan"},
		},
	} {
		t.Run(path, func(t *testing.T) { assert.Equal(t, want, optionsIn(t, path)) })
	}
}

// optionsIn finds the exported functions that return an option of a bucket, and the exported types that are one.
func optionsIn(t *testing.T, path string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	methods := map[string]string{ // what makes a type an option
		"configureWatcher": "WatchOpt", "configureCreate": "KVCreateOpt", "configureDelete": "KVDeleteOpt",
		"configurePurge": "KVPurgeOpt",
	}
	kinds := []string{"WatchOpt", "KVCreateOpt", "KVDeleteOpt", "KVPurgeOpt"}
	if !strings.HasSuffix(path, "jetstream") {
		methods = map[string]string{
			"configureWatcher": "WatchOpt", "configureDelete": "DeleteOpt", "configurePurge": "PurgeOpt",
		}
		kinds = []string{"WatchOpt", "DeleteOpt", "PurgeOpt"}
	}
	for _, f := range functionsIn(t, path) {
		switch {
		case f.Recv != nil:
			kind, ok := methods[f.Name.Name]
			if name := typeName(f.Recv.List[0].Type); ok && ast.IsExported(name) {
				found[kind] = append(found[kind], name)
			}
		case f.Name.IsExported() && f.Type.Results != nil:
			if kind := typeName(f.Type.Results.List[0].Type); slices.Contains(kinds, kind) {
				found[kind] = append(found[kind], f.Name.Name)
			}
		}
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}

// functionsIn parses a package.
func functionsIn(t *testing.T, path string) (functions []*ast.FuncDecl) {
	t.Helper()
	p, err := build.Import(path, ".", 0)
	require.NoError(t, err)
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				functions = append(functions, f)
			}
		}
	}
	require.NotEmpty(t, functions)
	return functions
}

func typeName(e ast.Expr) string {
	if name, ok := e.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

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
)

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
	d, err := readLegacyDelete([]nats.DeleteOpt{nats.LastRevision(9)})
	require.NoError(t, err)
	assert.Equal(t, deleteOptions{revision: 9}, d)
	p, err := readLegacyPurge([]nats.PurgeOpt{nats.Context(ctx), nats.DeleteMarkersOlderThan(-1)})
	require.NoError(t, err)
	assert.Equal(t, purgeOptions{-1, ctx}, p)
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

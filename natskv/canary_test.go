package natskv_test

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the client is, as this module was made for it. When one of these tests fails the client has changed: look at what the
// new thing asks for before adding it here. (An interface that has grown stops the build before that.)

// Every option, by the interface that a bucket takes it as.
func TestOptionsOfTheClient(t *testing.T) {
	assert.Equal(t, map[string][]string{
		"WatchOpt":    {"IgnoreDeletes", "IncludeHistory", "MetaOnly", "ResumeFromRevision", "UpdatesOnly"},
		"KVCreateOpt": {"KeyTTL"},
		"KVDeleteOpt": {"LastRevision", "PurgeTTL"},
		"KVPurgeOpt":  {"DeleteMarkersOlderThan"},
	}, optionsIn(jetstreamPackage(t)))
	assert.Equal(t, map[string][]string{
		"WatchOpt":  {"Context", "ContextOpt", "IgnoreDeletes", "IncludeHistory", "MetaOnly", "UpdatesOnly"},
		"DeleteOpt": {"LastRevision"},
		"PurgeOpt":  {"Context", "ContextOpt", "DeleteMarkersOlderThan"},
	}, optionsIn(natsPackage(t)))
}

// Every method of what a database is shown as.
func TestMethodsOfTheClient(t *testing.T) {
	now, old := jetstreamPackage(t), natsPackage(t)
	status := "Bucket Bytes Config History IsCompressed LimitMarkerTTL Metadata TTL Values BackingStore"
	for name, want := range map[string]string{
		"KeyValueManager": "KeyValue CreateKeyValue UpdateKeyValue CreateOrUpdateKeyValue DeleteKeyValue KeyValueStoreNames " +
			"KeyValueStores",
		"KeyValue": "Bucket Create Delete Get GetRevision History Keys ListKeys ListKeysFiltered Purge PurgeDeletes Put PutString " +
			"Status Update Watch WatchAll WatchFiltered",
		"KeyValueStatus":       status,
		"KeyValueBucketStatus": status + " StreamInfo",
		"KeyValueEntry":        "Bucket Created Delta Key Operation Revision Value",
		"KeyWatcher":           "Stop Updates",
		"KeyLister":            "Keys Stop",
		"KeyValueLister":       "Error Status",
		"KeyValueNamesLister":  "Error Name",
	} {
		assert.ElementsMatch(t, strings.Fields(want), methodsOf(now, name), name)
	}
	status = "Bucket Bytes Config History IsCompressed TTL Values BackingStore"
	for name, want := range map[string]string{
		"KeyValueManager": "KeyValue CreateKeyValue DeleteKeyValue KeyValueStoreNames KeyValueStores",
		"KeyValue": "Bucket Create Delete Get GetRevision History Keys ListKeys Purge PurgeDeletes Put PutString Status Update " +
			"Watch WatchAll WatchFiltered",
		"KeyValueStatus":       status,
		"KeyValueBucketStatus": status + " StreamInfo",
		"KeyValueEntry":        "Bucket Created Delta Key Operation Revision Value",
		"KeyWatcher":           "Context Error Stop Updates",
		"KeyLister":            "Error Keys Stop",
	} {
		assert.ElementsMatch(t, strings.Fields(want), methodsOf(old, name), name)
	}
}

// Everything else that the client's files about buckets export.
func TestNamesOfTheClient(t *testing.T) {
	constants := []string{"AllKeys", "KeyValueDelete", "KeyValueMaxHistory", "KeyValuePurge", "KeyValuePut"}
	own := []string{
		"KeyLister", "KeyValue", "KeyValueBucketStatus", "KeyValueConfig", "KeyValueEntry", "KeyValueManager", "KeyValueOp",
		"KeyValueStatus", "KeyWatcher",
	}
	assert.ElementsMatch(t, slices.Concat(constants, own, []string{"KeyValueLister", "KeyValueNamesLister"}),
		otherNamesIn(jetstreamPackage(t)))
	errs := []string{
		"ErrBadBucket", "ErrBucketNotFound", "ErrHistoryToLarge", "ErrInvalidBucketName", "ErrInvalidKey", "ErrKeyDeleted",
		"ErrKeyExists", "ErrKeyNotFound", "ErrKeyRevisionMismatch", "ErrKeyValueConfigRequired", "ErrKeyWatcherTimeout", "ErrNoKeysFound",
	}
	assert.ElementsMatch(t, slices.Concat(constants, own, errs), otherNamesIn(natsPackage(t)))
}

func jetstreamPackage(t *testing.T) *client {
	t.Helper()
	return load(t, "github.com/nats-io/nats.go/jetstream")
}

func natsPackage(t *testing.T) *client {
	t.Helper()
	return load(t, "github.com/nats-io/nats.go")
}

// A client is one of its packages as the compiler has it.
type client struct {
	*types.Package
	files *token.FileSet
}

// load has the go command say where the compiler's output is.
func load(t *testing.T, path string) *client {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(t, err)
	compiled := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		compiled[path] = file
	}
	c := &client{files: token.NewFileSet()}
	open := func(path string) (io.ReadCloser, error) { return os.Open(compiled[path]) }
	c.Package, err = importer.ForCompiler(c.files, "gc", open).Import(path)
	require.NoError(t, err)
	return c
}

// exported returns what the package exports.
func (c *client) exported() (objects []types.Object) {
	for _, name := range c.Scope().Names() {
		if o := c.Scope().Lookup(name); o.Exported() {
			objects = append(objects, o)
		}
	}
	return objects
}

// kinds returns the options that the methods of a bucket take.
func (c *client) kinds() map[string]*types.Interface {
	kinds := map[string]*types.Interface{}
	for m := range c.Scope().Lookup("KeyValue").Type().Underlying().(*types.Interface).Methods() {
		s := m.Signature()
		if !s.Variadic() {
			continue
		}
		last := s.Params().At(s.Params().Len() - 1).Type().(*types.Slice).Elem()
		if named, ok := last.(*types.Named); ok {
			kinds[named.Obj().Name()] = named.Underlying().(*types.Interface)
		}
	}
	return kinds
}

// isOption reports whether something exported is an option or makes one.
func isOption(o types.Object, kind *types.Interface) bool {
	provided := []types.Type{o.Type()}
	if f, ok := o.(*types.Func); ok {
		provided = nil
		for v := range f.Signature().Results().Variables() {
			provided = append(provided, v.Type())
		}
	}
	return slices.ContainsFunc(provided, func(t types.Type) bool {
		return types.Implements(t, kind) || types.Implements(types.NewPointer(t), kind)
	})
}

// optionsIn returns the names of the options of each kind, without those of the kinds.
func optionsIn(c *client) map[string][]string {
	found := map[string][]string{}
	kinds := c.kinds()
	for _, o := range c.exported() {
		for name, kind := range kinds {
			if kinds[o.Name()] == nil && isOption(o, kind) {
				found[name] = append(found[name], o.Name())
			}
		}
	}
	return found
}

// methodsOf returns the names of the exported methods of a type and of pointers to it.
func methodsOf(c *client, name string) (names []string) {
	of := c.Scope().Lookup(name).Type()
	if !types.IsInterface(of) {
		of = types.NewPointer(of)
	}
	for m := range types.NewMethodSet(of).Methods() {
		if m.Obj().Exported() {
			names = append(names, m.Obj().Name())
		}
	}
	return names
}

// otherNamesIn returns what the files about buckets export, without options.
func otherNamesIn(c *client) (names []string) {
	options := slices.Concat(slices.Collect(maps.Values(optionsIn(c)))...)
	kinds := c.kinds()
	for _, o := range c.exported() {
		file := filepath.Base(c.files.Position(o.Pos()).Filename)
		if strings.HasPrefix(file, "kv") && kinds[o.Name()] == nil && !slices.Contains(options, o.Name()) {
			names = append(names, o.Name())
		}
	}
	return names
}

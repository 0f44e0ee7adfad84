package natskv

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The options of NATS's client are opaque: what they set is in structs that are not exported. But each is a function that takes a
// pointer to such a struct, so that package reflect can make one, give it to all options of a call in turn, as the
// client does, and read the fields. This needs no package unsafe. It goes by the names of the fields, though, which only the
// client's authors promise to each other: so what is not known here is refused, and TestOptionsOfTheClient fails when
// the client's options change.

// watchOptions are the options of a watch.
type watchOptions struct {
	ignoreDeletes, includeHistory, updatesOnly, metaOnly bool
	resume                                               uint64          // 0 is none
	ctx                                                  context.Context // of package nats; nil is none
}

// deleteOptions are the options of Delete and Purge.
type deleteOptions struct {
	purge    bool
	revision uint64        // 0 is none
	ttl      time.Duration // 0 and less are none
}

type createOptions struct{ ttl time.Duration }

type purgeOptions struct {
	age time.Duration
	ctx context.Context // of package nats; nil is none
}

// A field is one that the client's options set.
type field struct {
	name string
	into any // *bool, *uint64 or *time.Duration
}

func readWatch(opts []jetstream.WatchOpt) (o watchOptions, err error) {
	err = readOptions("WatchOpt", opts, nil, o.fields(field{"resumeFromRevision", &o.resume}))
	return o, err
}

// readKeys is readWatch for listings of keys, which add options of their own.
func readKeys(opts []jetstream.WatchOpt) (watchOptions, error) {
	if len(opts) == 0 {
		return watchOptions{ignoreDeletes: true, metaOnly: true}, nil
	}
	return readWatch(append(slices.Clip(opts), jetstream.IgnoreDeletes(), jetstream.MetaOnly()))
}

// readHistory is readWatch for History, which adds an option of its own.
func readHistory(opts []jetstream.WatchOpt) (watchOptions, error) {
	if len(opts) == 0 {
		return watchOptions{includeHistory: true}, nil
	}
	return readWatch(append(slices.Clip(opts), jetstream.IncludeHistory()))
}

func readDelete(opts []jetstream.KVDeleteOpt) (o deleteOptions, err error) {
	err = readOptions("KVDeleteOpt", opts, nil, []field{{"purge", &o.purge}, {"revision", &o.revision}, {"ttl", &o.ttl}})
	return o, err
}

func readCreate(opts []jetstream.KVCreateOpt) (o createOptions, err error) {
	err = readOptions("KVCreateOpt", opts, nil, []field{{"ttl", &o.ttl}})
	return o, err
}

func readPurge(opts []jetstream.KVPurgeOpt) (age time.Duration, err error) {
	exported := func(opt any) bool {
		older, ok := opt.(jetstream.DeleteMarkersOlderThan)
		if ok {
			age = time.Duration(older)
		}
		return ok
	}
	err = readOptions("KVPurgeOpt", opts, exported, nil)
	return age, err
}

func readLegacyWatch(opts []nats.WatchOpt) (o watchOptions, err error) {
	exported := func(opt any) bool {
		c, ok := opt.(nats.ContextOpt)
		if ok {
			o.ctx = c.Context
		}
		return ok
	}
	err = readOptions("WatchOpt", opts, exported, o.fields())
	return o, err
}

func readLegacyDelete(opts []nats.DeleteOpt) (o deleteOptions, err error) {
	err = readOptions("DeleteOpt", opts, nil, []field{{"purge", &o.purge}, {"revision", &o.revision}})
	return o, err
}

func readLegacyPurge(opts []nats.PurgeOpt) (o purgeOptions, err error) {
	exported := func(opt any) bool {
		switch opt := opt.(type) {
		case nats.DeleteMarkersOlderThan:
			o.age = time.Duration(opt)
		case nats.ContextOpt:
			o.ctx = opt.Context
		default:
			return false
		}
		return true
	}
	err = readOptions("PurgeOpt", opts, exported, nil)
	return o, err
}

// fields returns the fields of a watch in both packages, and more.
func (o *watchOptions) fields(more ...field) []field {
	return append([]field{
		{"ignoreDeletes", &o.ignoreDeletes}, {"includeHistory", &o.includeHistory},
		{"updatesOnly", &o.updatesOnly}, {"metaOnly", &o.metaOnly},
	}, more...)
}

// readOptions calls the options of one call, in order, and reads the fields that they set. Options that are not functions but
// of a type that the client exports are what exported takes.
func readOptions[O any](kind string, opts []O, exported func(any) bool, fields []field) error {
	var set reflect.Value // a pointer to the struct
	for _, opt := range opts {
		if any(opt) == nil {
			continue
		}
		core, ok := unwrap[O](reflect.ValueOf(opt), exported)
		switch {
		case !ok:
			return unknownOption(kind, fmt.Sprintf("%T is no option of the client that this module knows", opt))
		case !core.IsValid(): // exported has taken it
			continue
		case !set.IsValid():
			set = reflect.New(core.Type().In(0).Elem())
		case set.Type() != core.Type().In(0):
			return unknownOption(kind, fmt.Sprintf("%T is of another kind than the option before it", opt))
		}
		if result := core.Call([]reflect.Value{set})[0]; !result.IsNil() {
			return result.Interface().(error)
		}
	}
	if !set.IsValid() {
		return nil
	}
	return readFields(kind, set.Elem(), fields)
}

// unwrap returns the function that an option is. Users can wrap an option by embedding it in a struct of theirs. If exported
// takes what is inside the function is not valid.
func unwrap[O any](v reflect.Value, exported func(any) bool) (function reflect.Value, ok bool) {
	for v.IsValid() {
		if exported != nil && v.CanInterface() && exported(v.Interface()) {
			return reflect.Value{}, true
		}
		switch v.Kind() {
		case reflect.Func:
			return v, !v.IsNil() && v.CanInterface() && isOption(v.Type())
		case reflect.Pointer, reflect.Interface:
			v = v.Elem()
		case reflect.Struct:
			v = embedded[O](v)
		default:
			return reflect.Value{}, false
		}
	}
	return reflect.Value{}, false
}

// embedded returns the embedded field that makes a struct an option: of several that which is least deep, as for the compiler.
// Structs of other packages than the client's are options only because of what they embed.
func embedded[O any](v reflect.Value) reflect.Value {
	option := reflect.TypeFor[O]()
	for level := []reflect.Value{v}; len(level) > 0; {
		var deeper []reflect.Value
		for _, v := range level {
			for i := range v.NumField() {
				if f := v.Type().Field(i); !f.Anonymous || !f.Type.Implements(option) {
					continue
				}
				inner := reflect.Indirect(v.Field(i))
				if inner.Kind() != reflect.Struct || inner.Type().PkgPath() == option.PkgPath() {
					return v.Field(i)
				}
				deeper = append(deeper, inner)
			}
		}
		level = deeper
	}
	return reflect.Value{}
}

// isOption reports whether a function is func(*struct) error.
func isOption(t reflect.Type) bool {
	return t.NumIn() == 1 && t.In(0).Kind() == reflect.Pointer && t.In(0).Elem().Kind() == reflect.Struct &&
		t.NumOut() == 1 && t.Out(0) == reflect.TypeFor[error]()
}

// readFields reads the fields of the client's struct. One that is not known may not be set.
func readFields(kind string, set reflect.Value, fields []field) error {
	found := 0
	for i, name := range namesOf(set.Type()) {
		v := set.Field(i)
		at := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		switch {
		case at < 0 && !v.IsZero():
			return unknownOption(kind, fmt.Sprintf("one sets %s, which this module does not know", name))
		case at < 0:
		case fields[at].read(v):
			found++
		default:
			return unknownOption(kind, fmt.Sprintf("%s is of type %s, which is not expected", name, v.Type()))
		}
	}
	if found < len(fields) {
		return unknownOption(kind, "the client's options have not got all of "+names(fields))
	}
	return nil
}

// fieldNames has the names of the fields of the client's structs, []string by reflect.Type: package reflect makes each anew.
var fieldNames sync.Map

// namesOf returns the names of the fields of a struct.
func namesOf(t reflect.Type) []string {
	if names, ok := fieldNames.Load(t); ok {
		return names.([]string)
	}
	var names []string
	for f := range t.Fields() {
		names = append(names, f.Name)
	}
	fieldNames.Store(t, names)
	return names
}

// read reads the field if it is of the type expected and, being set, replaces what is there.
func (f *field) read(v reflect.Value) bool {
	switch into := f.into.(type) {
	case *bool:
		if v.Kind() != reflect.Bool {
			return false
		}
		*into = v.Bool()
	case *uint64:
		if v.Kind() != reflect.Uint64 {
			return false
		}
		*into = v.Uint()
	case *time.Duration:
		if v.Type() != reflect.TypeFor[time.Duration]() {
			return false
		}
		*into = time.Duration(v.Int())
	}
	return true
}

func names(fields []field) string {
	var list []string
	for _, f := range fields {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

func unknownOption(kind, why string) error {
	return &UnsupportedError{What: "option " + kind, Why: why, Err: ErrUnknownOption}
}

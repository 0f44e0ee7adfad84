package natskv_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// The half of jetstream.JetStream that is about buckets works.
func TestJetStreamBuckets(t *testing.T) {
	db := kv.New()
	js := natskv.JetStream(db)
	b, err := js.CreateOrUpdateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "B"})
	require.NoError(t, err)
	play(t, b, "k")
	other, err := natskv.New(db).KeyValue(t.Context(), "B")
	require.NoError(t, err)
	assert.Equal(t, "k1", history(t, other, "k"))
}

// Every other method returns an error that says which it is, or does nothing. None panics.
func TestJetStreamRest(t *testing.T) {
	js := natskv.JetStream(kv.New())
	manager := reflect.TypeFor[jetstream.KeyValueManager]()
	quiet := map[string]bool{
		"Conn": true, "Options": true, "PublishAsyncPending": true, "PublishAsyncComplete": true, "CleanupPublisher": true,
	}
	of := reflect.TypeFor[jetstream.JetStream]()
	for i := range of.NumMethod() {
		name := of.Method(i).Name
		if _, ok := manager.MethodByName(name); ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			results := callWithZeros(reflect.ValueOf(js).MethodByName(name))
			if quiet[name] {
				return
			}
			err := errorIn(results)
			requireUnsupported(t, err, "JetStream."+name)
			for _, r := range results[:len(results)-1] {
				assert.True(t, r.IsZero())
			}
		})
	}
	<-js.PublishAsyncComplete()
	assert.Nil(t, js.Conn())
}

// callWithZeros calls a method with a context and otherwise nothing.
func callWithZeros(method reflect.Value) []reflect.Value {
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		in := method.Type().In(i)
		switch {
		case in == reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(context.Background()))
		case method.Type().IsVariadic() && i == method.Type().NumIn()-1:
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	return method.Call(args)
}

// errorIn returns the last result, or the error of the lister that it is, whose channel must be closed.
func errorIn(results []reflect.Value) error {
	last := results[len(results)-1]
	if err, ok := last.Interface().(error); ok {
		return err
	}
	for _, channel := range []string{"Info", "Name", "Status"} {
		m := last.MethodByName(channel)
		if !m.IsValid() {
			continue
		}
		if _, open := m.Call(nil)[0].Recv(); open {
			return errors.New("the channel is open")
		}
	}
	for _, name := range []string{"Err", "Error"} {
		if m := last.MethodByName(name); m.IsValid() {
			return m.Call(nil)[0].Interface().(error)
		}
	}
	return nil
}

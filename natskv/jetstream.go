package natskv

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// JetStream returns the buckets of a database for code that takes the whole of NATS's interface and uses the half that is
// about Key-Value buckets. Everything else (streams, consumers, publishing, object stores) returns an [UnsupportedError]; what
// cannot return an error does nothing: Conn returns nil, PublishAsyncPending 0.
func JetStream(db *kv.DB) jetstream.JetStream { return &jetStream{newManager(db)} }

type jetStream struct{ *manager }

var _ jetstream.JetStream = (*jetStream)(nil)

// noStreams is the error of all that is not about buckets.
func noStreams(method string) error {
	return unsupported("JetStream."+method, "there are Key-Value buckets here and nothing else of JetStream")
}

// none is a lister of things that are not there.
type none[T any] struct {
	found chan T
	err   error
}

func newNone[T any](method string) *none[T] {
	l := &none[T]{make(chan T), noStreams(method)}
	close(l.found)
	return l
}

func (l *none[T]) Info() <-chan T   { return l.found }
func (l *none[T]) Name() <-chan T   { return l.found }
func (l *none[T]) Status() <-chan T { return l.found }
func (l *none[T]) Err() error       { return l.err }
func (l *none[T]) Error() error     { return l.err }

func (*jetStream) Conn() *nats.Conn { return nil }

func (*jetStream) Options() jetstream.JetStreamOptions {
	return jetstream.JetStreamOptions{DefaultTimeout: 5 * time.Second}
}

func (*jetStream) AccountInfo(context.Context) (*jetstream.AccountInfo, error) {
	return nil, noStreams("AccountInfo")
}

func (*jetStream) Publish(context.Context, string, []byte, ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return nil, noStreams("Publish")
}

func (*jetStream) PublishMsg(context.Context, *nats.Msg, ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	return nil, noStreams("PublishMsg")
}

func (*jetStream) PublishAsync(string, []byte, ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return nil, noStreams("PublishAsync")
}

func (*jetStream) PublishMsgAsync(*nats.Msg, ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	return nil, noStreams("PublishMsgAsync")
}

func (*jetStream) PublishAsyncPending() int { return 0 }

func (*jetStream) PublishAsyncComplete() <-chan struct{} {
	complete := make(chan struct{})
	close(complete)
	return complete
}

func (*jetStream) CleanupPublisher() {}

func (*jetStream) CreateStream(context.Context, jetstream.StreamConfig) (jetstream.Stream, error) {
	return nil, noStreams("CreateStream")
}

func (*jetStream) UpdateStream(context.Context, jetstream.StreamConfig) (jetstream.Stream, error) {
	return nil, noStreams("UpdateStream")
}

func (*jetStream) CreateOrUpdateStream(context.Context, jetstream.StreamConfig) (jetstream.Stream, error) {
	return nil, noStreams("CreateOrUpdateStream")
}

func (*jetStream) Stream(context.Context, string) (jetstream.Stream, error) {
	return nil, noStreams("Stream")
}

func (*jetStream) StreamNameBySubject(context.Context, string) (string, error) {
	return "", noStreams("StreamNameBySubject")
}

func (*jetStream) DeleteStream(context.Context, string) error { return noStreams("DeleteStream") }

func (*jetStream) ListStreams(context.Context, ...jetstream.StreamListOpt) jetstream.StreamInfoLister {
	return newNone[*jetstream.StreamInfo]("ListStreams")
}

func (*jetStream) StreamNames(context.Context, ...jetstream.StreamListOpt) jetstream.StreamNameLister {
	return newNone[string]("StreamNames")
}

func (*jetStream) CreateOrUpdateConsumer(context.Context, string, jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return nil, noStreams("CreateOrUpdateConsumer")
}

func (*jetStream) CreateConsumer(context.Context, string, jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return nil, noStreams("CreateConsumer")
}

func (*jetStream) UpdateConsumer(context.Context, string, jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	return nil, noStreams("UpdateConsumer")
}

func (*jetStream) OrderedConsumer(context.Context, string, jetstream.OrderedConsumerConfig) (jetstream.Consumer, error) {
	return nil, noStreams("OrderedConsumer")
}

func (*jetStream) Consumer(context.Context, string, string) (jetstream.Consumer, error) {
	return nil, noStreams("Consumer")
}

func (*jetStream) DeleteConsumer(context.Context, string, string) error {
	return noStreams("DeleteConsumer")
}

func (*jetStream) PauseConsumer(context.Context, string, string, time.Time) (*jetstream.ConsumerPauseResponse, error) {
	return nil, noStreams("PauseConsumer")
}

func (*jetStream) ResumeConsumer(context.Context, string, string) (*jetstream.ConsumerPauseResponse, error) {
	return nil, noStreams("ResumeConsumer")
}

func (*jetStream) ResetConsumer(context.Context, string, string) (*jetstream.ConsumerResetResponse, error) {
	return nil, noStreams("ResetConsumer")
}

func (*jetStream) ResetConsumerToSequence(
	context.Context, string, string, uint64,
) (*jetstream.ConsumerResetResponse, error) {
	return nil, noStreams("ResetConsumerToSequence")
}

func (*jetStream) CreateOrUpdatePushConsumer(
	context.Context, string, jetstream.ConsumerConfig,
) (jetstream.PushConsumer, error) {
	return nil, noStreams("CreateOrUpdatePushConsumer")
}

func (*jetStream) CreatePushConsumer(context.Context, string, jetstream.ConsumerConfig) (jetstream.PushConsumer, error) {
	return nil, noStreams("CreatePushConsumer")
}

func (*jetStream) UpdatePushConsumer(context.Context, string, jetstream.ConsumerConfig) (jetstream.PushConsumer, error) {
	return nil, noStreams("UpdatePushConsumer")
}

func (*jetStream) PushConsumer(context.Context, string, string) (jetstream.PushConsumer, error) {
	return nil, noStreams("PushConsumer")
}

func (*jetStream) ObjectStore(context.Context, string) (jetstream.ObjectStore, error) {
	return nil, noStreams("ObjectStore")
}

func (*jetStream) CreateObjectStore(context.Context, jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	return nil, noStreams("CreateObjectStore")
}

func (*jetStream) UpdateObjectStore(context.Context, jetstream.ObjectStoreConfig) (jetstream.ObjectStore, error) {
	return nil, noStreams("UpdateObjectStore")
}

func (*jetStream) CreateOrUpdateObjectStore(
	context.Context, jetstream.ObjectStoreConfig,
) (jetstream.ObjectStore, error) {
	return nil, noStreams("CreateOrUpdateObjectStore")
}

func (*jetStream) DeleteObjectStore(context.Context, string) error {
	return noStreams("DeleteObjectStore")
}

func (*jetStream) ObjectStoreNames(context.Context) jetstream.ObjectStoreNamesLister {
	return newNone[string]("ObjectStoreNames")
}

func (*jetStream) ObjectStores(context.Context) jetstream.ObjectStoresLister {
	return newNone[jetstream.ObjectStoreStatus]("ObjectStores")
}

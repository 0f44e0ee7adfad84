package natskv

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
)

// A status is a jetstream.KeyValueStatus. Like that of the client it can show the stream too:
//
//	info := status.(interface{ StreamInfo() *jetstream.StreamInfo }).StreamInfo()
//
// (The client's own type, *jetstream.KeyValueBucketStatus, cannot be made outside of the client.)
type status struct {
	kv.Status
	cfg   jetstream.KeyValueConfig
	bytes uint64
}

var _ jetstream.KeyValueStatus = (*status)(nil)

// newStatus returns the status of a bucket as it is in a listing.
func newStatus(ctx context.Context, b *kv.Bucket) (*status, error) {
	st, err := b.Status(ctx)
	if err != nil {
		return nil, err
	}
	return &status{st, clientConfig(&st.Config), uint64(adapter.Bytes(b))}, nil
}

// status returns the status of the bucket, or the errors of NATS.
func (h *handle) status(ctx context.Context) (s *status, err error) {
	err = h.use(ctx, func(b *kv.Bucket) (err error) {
		s, err = newStatus(ctx, b)
		return err
	})
	if err != nil {
		return nil, statusError(err)
	}
	addVersion(s.cfg.Metadata)
	return s, nil
}

func (s *status) Bucket() string                   { return s.cfg.Bucket }
func (s *status) Values() uint64                   { return uint64(s.Status.Values) }
func (s *status) History() int64                   { return int64(s.cfg.History) }
func (s *status) TTL() time.Duration               { return s.cfg.TTL }
func (s *status) BackingStore() string             { return "JetStream" }
func (s *status) Bytes() uint64                    { return s.bytes }
func (s *status) IsCompressed() bool               { return s.cfg.Compression }
func (s *status) LimitMarkerTTL() time.Duration    { return s.cfg.LimitMarkerTTL }
func (s *status) Metadata() map[string]string      { return s.cfg.Metadata }
func (s *status) Config() jetstream.KeyValueConfig { return s.cfg }

// StreamInfo returns the status as that of the stream that the bucket would be on a server. What a database does not know is
// left zero: when the bucket was made, the times of its first and last entry, and the cluster.
func (s *status) StreamInfo() *jetstream.StreamInfo {
	state := jetstream.StreamState{
		Msgs: s.Values(), Bytes: s.bytes, FirstSeq: s.Oldest, LastSeq: s.Newest, NumSubjects: uint64(s.Keys), Consumers: s.Watchers,
	}
	if state.Msgs == 0 && state.LastSeq > 0 {
		state.FirstSeq = state.LastSeq + 1
	} else if state.Msgs > 0 {
		state.NumDeleted = int(state.LastSeq - state.FirstSeq + 1 - state.Msgs)
	}
	return &jetstream.StreamInfo{Config: streamConfig(&s.cfg), State: state, TimeStamp: time.Now().UTC()}
}

// streamConfig returns the configuration of the stream that a bucket is on a server.
func streamConfig(c *jetstream.KeyValueConfig) jetstream.StreamConfig {
	duplicates := 2 * time.Minute
	if c.TTL > 0 && c.TTL < duplicates {
		duplicates = c.TTL
	}
	cfg := jetstream.StreamConfig{
		Name:                   "KV_" + c.Bucket,
		Description:            c.Description,
		Subjects:               []string{"$KV." + c.Bucket + ".>"},
		MaxMsgsPerSubject:      int64(c.History),
		MaxBytes:               c.MaxBytes,
		MaxAge:                 c.TTL,
		MaxMsgSize:             c.MaxValueSize,
		Storage:                c.Storage,
		Replicas:               c.Replicas,
		Placement:              c.Placement,
		AllowRollup:            true,
		DenyDelete:             true,
		Duplicates:             duplicates,
		MaxMsgs:                -1,
		MaxConsumers:           -1,
		AllowDirect:            true,
		Discard:                jetstream.DiscardNew,
		AllowMsgTTL:            c.LimitMarkerTTL > 0,
		SubjectDeleteMarkerTTL: c.LimitMarkerTTL,
		Metadata:               c.Metadata,
	}
	if c.Compression {
		cfg.Compression = jetstream.S2Compression
	}
	return cfg
}

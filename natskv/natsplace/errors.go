package natsplace

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// Error codes of a server that the client has no names for.
const (
	codeInvalidConfig jetstream.ErrorCode = 10052
	codeStoreFailed   jetstream.ErrorCode = 10077 // on a bucket without replicas: MaxBytes
)

// sentinels tells which error of package kv an error of the client stands for. The first that matches counts: a stale
// revision matches jetstream.ErrKeyExists too.
var sentinels = []struct{ theirs, ours error }{
	{jetstream.ErrKeyRevisionMismatch, kv.ErrRevisionMismatch},
	{jetstream.ErrKeyExists, kv.ErrKeyExists},
	{jetstream.ErrKeyNotFound, kv.ErrKeyNotFound},
	{jetstream.ErrInvalidKey, kv.ErrInvalidKey},
	{jetstream.ErrInvalidOption, kv.ErrInvalidOption},
	{jetstream.ErrInvalidBucketName, kv.ErrInvalidBucketName},
	{jetstream.ErrBucketNotFound, kv.ErrBucketNotFound},
	{jetstream.ErrBucketExists, kv.ErrBucketExists},
	{jetstream.ErrHistoryTooLarge, kv.ErrHistoryTooLarge},
	{jetstream.ErrStreamMessageExceedsMaximum, kv.ErrValueTooLarge},
	{nats.ErrOverlappingFilterSubjects, kv.ErrOverlappingPatterns}, // that of package jetstream does not match it
}

var codes = map[jetstream.ErrorCode]error{
	codeInvalidConfig: kv.ErrInvalidConfig,
	codeStoreFailed:   kv.ErrBucketFull,
}

// translate makes an error of the client match the error of package kv that it stands for. Others, such as a context's,
// stay as they are.
func translate(err error) error {
	if err == nil {
		return nil
	}
	for _, s := range sentinels {
		if errors.Is(err, s.theirs) {
			return fmt.Errorf("%w: %w", s.ours, err)
		}
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && codes[api.ErrorCode] != nil {
		return fmt.Errorf("%w: %w", codes[api.ErrorCode], err)
	}
	return err
}

// translatePattern is translate for calls that take patterns: the client calls a bad one a bad key.
func translatePattern(err error) error {
	if errors.Is(err, jetstream.ErrInvalidKey) {
		return fmt.Errorf("%w: %w", kv.ErrInvalidPattern, err)
	}
	return translate(err)
}

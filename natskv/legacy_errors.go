package natskv

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// legacySentinels are the errors that both packages have, each its own.
var legacySentinels = []struct{ jetstream, nats error }{
	{jetstream.ErrKeyNotFound, nats.ErrKeyNotFound},
	{jetstream.ErrNoKeysFound, nats.ErrNoKeysFound},
	{jetstream.ErrInvalidKey, nats.ErrInvalidKey},
	{errInvalidPattern, fmt.Errorf("%w: %s", nats.ErrInvalidKey, "key cannot be empty and must be a valid NATS subject")},
	{jetstream.ErrInvalidBucketName, nats.ErrInvalidBucketName},
	{jetstream.ErrBucketNotFound, nats.ErrBucketNotFound},
	{jetstream.ErrStreamNotFound, nats.ErrStreamNotFound},
	{jetstream.ErrHistoryTooLarge, nats.ErrHistoryToLarge},
	{jetstream.ErrNoStreamResponse, nats.ErrNoStreamResponse},
}

// legacyError returns an error of package jetstream as package nats has it.
func legacyError(err error) error {
	for _, s := range legacySentinels {
		if err == s.jetstream {
			return s.nats
		}
	}
	switch {
	case errors.Is(err, jetstream.ErrBucketExists):
		return nats.ErrStreamNameAlreadyInUse
	case errors.Is(err, jetstream.ErrBucketNotFound): // from DeleteKeyValue
		return nats.ErrStreamNotFound
	}
	answer, ok := errors.AsType[*jetstream.APIError](err)
	if !ok {
		return err
	}
	api := &nats.APIError{Code: answer.Code, ErrorCode: nats.ErrorCode(answer.ErrorCode), Description: answer.Description}
	foreign, ok := errors.AsType[*foreignError](err)
	switch {
	case ok:
		return &foreignError{api, foreign.engine}
	case errors.Is(err, jetstream.ErrKeyRevisionMismatch):
		return fmt.Errorf("%w: %w", api, nats.ErrKeyRevisionMismatch)
	case errors.Is(err, jetstream.ErrKeyExists):
		return fmt.Errorf("%w: %s", api, "key exists")
	}
	return api
}

package natskv

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/internal/adapter"
)

// ErrUnknownOption is what an option matches that is none of those of the nats.go that this module was made for, so that
// natskv cannot tell what it asks for. Such a call does nothing. The error matches errors.ErrUnsupported too.
var ErrUnknownOption = errors.New("unknown option")

// An UnsupportedError is about something that a bucket of one process has not got, such as a mirror. It matches
// errors.ErrUnsupported. The call has changed nothing.
type UnsupportedError struct {
	What string // "RePublish", "JetStream.CreateStream", ...
	Why  string
	Err  error // errors.ErrUnsupported, or ErrUnknownOption
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("natskv: %s: %v: %s", e.What, e.Err, e.Why)
}

// Unwrap returns errors.ErrUnsupported, and what else it is.
func (e *UnsupportedError) Unwrap() []error {
	if e.Err == errors.ErrUnsupported {
		return []error{e.Err}
	}
	return []error{e.Err, errors.ErrUnsupported}
}

// unsupported returns an UnsupportedError.
func unsupported(what, why string) error {
	return &UnsupportedError{What: what, Why: why, Err: errors.ErrUnsupported}
}

// Codes of a server's errors. The client has names for few of them.
const (
	codeInsufficientMemory    jetstream.ErrorCode = 10028
	codeInsufficientResources jetstream.ErrorCode = 10047
	codeInvalidConfig         jetstream.ErrorCode = 10052
	codeReplicas              jetstream.ErrorCode = 10074
	codeStoreFailed           jetstream.ErrorCode = 10077
	codeNegativeReplicas      jetstream.ErrorCode = 10133
	codeTTLInvalid            jetstream.ErrorCode = 10165
	codeTTLDisabled           jetstream.ErrorCode = 10166
)

func apiError(status int, code jetstream.ErrorCode, description string) *jetstream.APIError {
	return &jetstream.APIError{Code: status, ErrorCode: code, Description: description}
}

// errInvalidPattern is what the client calls a pattern that is not one.
var errInvalidPattern = fmt.Errorf("%w: %s", jetstream.ErrInvalidKey, "key cannot be empty and must be a valid NATS subject")

// A foreignError is an error as NATS has it, for which the engine knows a cause that is worth looking at.
type foreignError struct {
	nats   error
	engine error
}

func (e *foreignError) Error() string   { return e.nats.Error() }
func (e *foreignError) Unwrap() []error { return []error{e.nats, e.engine} }

// published returns what the client makes of a server's answer to a write. The prefix that comes twice is the client's.
func published(api *jetstream.APIError) error { return fmt.Errorf("nats: %w", api) }

// readError returns what a read of one key returns in NATS.
func readError(err error) error {
	switch {
	case errors.Is(err, kv.ErrKeyNotFound):
		return jetstream.ErrKeyNotFound
	case errors.Is(err, kv.ErrInvalidKey):
		return jetstream.ErrInvalidKey
	case errors.Is(err, kv.ErrBucketDeleted):
		return nats.ErrNoResponders
	}
	return anyError(err)
}

// writeError returns what a write returns in NATS.
func writeError(err error) error {
	if stale, ok := errors.AsType[*kv.RevisionError](err); ok {
		return staleError(stale)
	}
	switch {
	case errors.Is(err, kv.ErrInvalidKey):
		return jetstream.ErrInvalidKey
	case errors.Is(err, kv.ErrValueTooLarge):
		return published(jetstream.ErrStreamMessageExceedsMaximum.APIError())
	case errors.Is(err, kv.ErrBucketFull):
		return published(apiError(503, codeStoreFailed, "maximum bytes exceeded"))
	case errors.Is(err, adapter.ErrTTLDisabled):
		return published(apiError(400, codeTTLDisabled, "per-message TTL is disabled"))
	case errors.Is(err, adapter.ErrTTLInvalid):
		return published(apiError(400, codeTTLInvalid, "invalid per-message TTL"))
	case errors.Is(err, kv.ErrReadOnly):
		return &foreignError{published(apiError(503, codeStoreFailed, err.Error())), err}
	}
	return anyError(err)
}

// staleError returns what a write on a condition returns that is not met.
func staleError(e *kv.RevisionError) error {
	err := published(apiError(400, jetstream.JSErrCodeStreamWrongLastSequence, fmt.Sprint("wrong last sequence: ", e.Newest)))
	if errors.Is(e, kv.ErrKeyExists) {
		return fmt.Errorf("%w: %s", err, "key exists")
	}
	return fmt.Errorf("%w: %w", err, jetstream.ErrKeyRevisionMismatch)
}

// watchError returns what a call returns in NATS that is a watch underneath.
func watchError(err error) error {
	switch {
	case errors.Is(err, kv.ErrInvalidPattern):
		return errInvalidPattern
	case errors.Is(err, kv.ErrOverlappingPatterns):
		return &nats.APIError{
			Code: 400, ErrorCode: nats.ErrorCode(jetstream.JSErrCodeOverlappingFilterSubjects),
			Description: "consumer subject filters cannot overlap",
		}
	case errors.Is(err, kv.ErrBucketDeleted), errors.Is(err, kv.ErrBucketNotFound):
		return nats.ErrStreamNotFound
	}
	return anyError(err)
}

// statusError returns what Status returns in NATS.
func statusError(err error) error {
	if errors.Is(err, kv.ErrBucketDeleted) {
		return jetstream.ErrStreamNotFound
	}
	return anyError(err)
}

// anyError returns what any call may return.
func anyError(err error) error {
	if errors.Is(err, kv.ErrClosed) {
		return nats.ErrConnectionClosed
	}
	return err
}

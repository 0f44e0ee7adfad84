package natskv

import (
	"reflect"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Fields of the client's configurations that this module knows. A later client may have more: what is set in those is
// refused, since nobody here knows what it asks for.
var (
	configFields = []string{
		"Bucket", "Description", "MaxValueSize", "History", "TTL", "MaxBytes", "Storage", "Replicas", "Placement", "RePublish",
		"Mirror", "Sources", "Compression", "LimitMarkerTTL", "Metadata",
	}
	legacyConfigFields = []string{
		"Bucket", "Description", "MaxValueSize", "History", "TTL", "MaxBytes", "Storage", "Replicas", "Placement", "RePublish",
		"Mirror", "Sources", "Compression",
	}
	placementFields = []string{"Cluster", "Tags"}

	unknownConfig          = unknownFields[jetstream.KeyValueConfig](configFields)
	unknownLegacyConfig    = unknownFields[nats.KeyValueConfig](legacyConfigFields)
	unknownPlacement       = unknownFields[jetstream.Placement](placementFields)
	unknownLegacyPlacement = unknownFields[nats.Placement](placementFields)
)

// unknownFields returns the places of the fields of a struct that are not known.
func unknownFields[T any](known []string) (unknown []int) {
	t := reflect.TypeFor[T]()
	for i := range t.NumField() {
		if !slices.Contains(known, t.Field(i).Name) {
			unknown = append(unknown, i)
		}
	}
	return unknown
}

// checkFields refuses a configuration in which one of the unknown fields is set.
func checkFields[T any](cfg *T, unknown []int) error {
	if len(unknown) == 0 || cfg == nil {
		return nil
	}
	v := reflect.ValueOf(cfg).Elem()
	for _, i := range unknown {
		if !v.Field(i).IsZero() {
			return unsupported(v.Type().Field(i).Name+" of "+v.Type().String(), "this module does not know the field")
		}
	}
	return nil
}

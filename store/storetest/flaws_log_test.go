package storetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/revkv/kv/store"
)

var errFlaw = errors.New("a flaw")

// logFlaws are ways in which a store can be wrong.
var logFlaws = []flaw{
	{
		name:   "any order is taken",
		breaks: []string{"append/order", "append/refused", "append/order after reopening", "value/unknown"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			newest := s.bucket.newest
			for _, r := range recs {
				s.bucket.records[r.Revision] = r
				newest = max(newest, r.Revision)
			}
			s.bucket.newest = newest
			return s.ValueReader.Append(nil, trim)
		},
	},
	{
		name:   "order is looked at from one Append to the next only",
		breaks: []string{"append/order", "append/refused"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			slices.SortFunc(recs, func(a, b store.Record) int {
				if a.Revision < b.Revision {
					return -1
				}
				return 1
			})
			recs = slices.CompactFunc(recs, func(a, b store.Record) bool { return a.Revision == b.Revision })
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "records before a wrong one are kept",
		breaks: []string{"append/refused"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			for i := range recs {
				if err := s.ValueReader.Append(recs[i:i+1], nil); err != nil {
					return err
				}
			}
			return s.ValueReader.Append(nil, trim)
		},
	},
	{
		name:   "a refused Append trims",
		breaks: []string{"append/refused"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			err := s.ValueReader.Append(recs, trim)
			if err != nil {
				_ = s.ValueReader.Append(nil, trim)
			}
			return err
		},
	},
	{
		name:   "order is known from the records that are left",
		breaks: []string{"append/order after reopening", "trim/everything", "newest"},
		open: func(b *flawedBackend, name string) (store.Store, error) {
			bucket := b.disk.buckets[name]
			bucket.newest = 0
			for revision := range bucket.records {
				bucket.newest = max(bucket.newest, revision)
			}
			s, err := b.Backend.Open(name)
			return b.wrap(name, s, err)
		},
	},
	{
		name:   "an Append of nothing is an error",
		breaks: []string{"append/nothing"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if len(recs) == 0 && len(trim) == 0 {
				return errFlaw
			}
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "a trim without records is an error",
		breaks: []string{"append/nothing"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if len(recs) == 0 && len(trim) > 0 {
				return errFlaw
			}
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "an Append is cut after a thousand records",
		breaks: []string{"append/whole"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			return s.ValueReader.Append(recs[:min(len(recs), 1000)], trim)
		},
	},
	{
		name:   "the caller's values are kept, not copied",
		breaks: []string{"append/private"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			given := slices.Clone(recs)
			err := s.ValueReader.Append(recs, trim)
			for _, r := range given {
				if _, ok := s.bucket.records[r.Revision]; ok {
					s.bucket.records[r.Revision] = r
				}
			}
			return err
		},
	},
	{
		name:   "a new log is not empty",
		breaks: []string{"records/empty"},
		replay: func(all []store.Replayed) []store.Replayed {
			if len(all) == 0 {
				all = append(all, store.Replayed{Record: put(1), Size: len(valueOf(1))})
			}
			return all
		},
		value: func(s *flawedStore, revision uint64) ([]byte, error) { return []byte(valueOf(revision)), nil },
	},
	{
		name:   "a new log has a newest revision",
		breaks: []string{"records/empty", "delete/again"},
		newest: func(s *flawedStore) uint64 { return max(s.ValueReader.Newest(), 1) },
	},
	{
		name: "the last record is lost",
		breaks: []string{
			"append/whole", "append/private", "records/order", "records/fields", "records/break", "records/private",
			"trim/gone", "trim/same append", "trim/unknown and repeated", "log/apart", "create/log", "configure/kept",
			"value/read", "create/exists with records",
		},
		replay: func(all []store.Replayed) []store.Replayed { return all[:max(len(all)-1, 0)] },
	},
	{
		name:   "records come back in no order",
		breaks: []string{"records/order", "records/fields"},
		replay: func(all []store.Replayed) []store.Replayed {
			slices.Reverse(all)
			return all
		},
	},
	{
		name:   "a record comes back twice",
		breaks: []string{"records/order"},
		replay: func(all []store.Replayed) []store.Replayed { return append(all, all[max(len(all)-1, 0):]...) },
	},
	{
		name:   "operations are forgotten",
		breaks: []string{"records/fields"},
		replay: changeRecords(func(r *store.Record) { r.Operation = store.Put }),
	},
	{
		name:   "times are kept to the millisecond",
		breaks: []string{"records/fields"},
		replay: changeRecords(func(r *store.Record) { r.Deadline -= r.Deadline % 1e6 }),
	},
	{
		name:   "times before 1970 are lost",
		breaks: []string{"records/fields"},
		replay: changeRecords(func(r *store.Record) { r.Created = max(r.Created, 0) }),
	},
	{
		name:   "keys end at a zero byte",
		breaks: []string{"records/binary"},
		replay: changeRecords(func(r *store.Record) { r.Key, _, _ = strings.Cut(r.Key, "\x00") }),
	},
	{
		name:   "values end at a line's end",
		breaks: []string{"records/binary", "value/read"},
		value: func(s *flawedStore, revision uint64) ([]byte, error) {
			value, err := s.ValueReader.Value(revision)
			value, _, _ = bytes.Cut(value, []byte("\n"))
			return value, err
		},
	},
	{
		name:   "sizes are wrong",
		breaks: []string{"records/order", "records/binary", "value/read"},
		replay: func(all []store.Replayed) []store.Replayed {
			for i := range all {
				all[i].Size++
			}
			return all
		},
	},
	{
		name:   "a log that is not read to its end takes no records",
		breaks: []string{"records/break"},
		records: func(s *flawedStore, yield func(store.Replayed, error) bool) {
			for r, err := range s.ValueReader.Records() {
				if !yield(r, err) {
					s.closed = true
					return
				}
			}
		},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if s.closed {
				return errFlaw
			}
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "Records hands out what it keeps",
		breaks: []string{"records/private"},
		records: func(s *flawedStore, yield func(store.Replayed, error) bool) {
			for r, err := range s.ValueReader.Records() {
				r.Value = s.bucket.records[r.Revision].Value
				if !yield(r, err) {
					return
				}
			}
		},
	},
	{
		name: "nothing is trimmed",
		breaks: []string{
			"trim/gone", "trim/same append", "trim/unknown and repeated", "trim/everything", "append/whole",
			"append/order after reopening", "newest", "value/unknown", "value/during appends", "pin/trimmed", "pin/several",
			"pin/not replayed", "pin/closed",
		},
		append: func(s *flawedStore, recs []store.Record, _ []uint64) error { return s.ValueReader.Append(recs, nil) },
	},
	{
		name:   "what is trimmed comes first",
		breaks: []string{"trim/same append"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if err := checkOrder(s.bucket.newest, recs); err != nil {
				return err
			}
			return errors.Join(s.ValueReader.Append(nil, trim), s.ValueReader.Append(recs, nil))
		},
	},
	{
		name:   "a trim cuts the log off",
		breaks: []string{"trim/gone", "trim/unknown and repeated", "log/apart"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			var below []uint64
			for _, revision := range trim {
				below = append(below, upTo(int(revision))...)
			}
			return s.ValueReader.Append(recs, below)
		},
	},
	{
		name:   "a trim of an unknown revision is an error",
		breaks: []string{"trim/unknown and repeated"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if err := s.ValueReader.Append(recs, nil); err != nil {
				return err
			}
			for _, revision := range trim {
				if _, ok := s.bucket.records[revision]; !ok {
					return store.ErrNotFound
				}
			}
			return s.ValueReader.Append(nil, trim)
		},
	},
	{
		name:   "the newest revision is that of the newest record",
		breaks: []string{"newest", "trim/everything"},
		newest: func(s *flawedStore) (newest uint64) {
			for revision := range s.bucket.records {
				newest = max(newest, revision)
			}
			return newest
		},
	},
	{
		name:   "all buckets have one log",
		breaks: []string{"log/apart", "create/log"},
		create: func(b *flawedBackend, name string, config []byte) (store.Store, error) {
			s, err := b.Backend.Create(name, config)
			for _, other := range b.disk.buckets {
				b.disk.buckets[name].records = other.records
			}
			return b.wrap(name, s, err)
		},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			for _, revision := range trim {
				delete(s.bucket.records, revision)
			}
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "a log can be closed once",
		breaks: []string{"log/close twice"},
		close: func(s *flawedStore) error {
			if s.closed {
				return store.ErrClosed
			}
			s.closed = true
			return s.ValueReader.Close()
		},
	},
	{
		name:   "a closed log takes records",
		breaks: []string{"log/closed"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if err := s.ValueReader.Append(recs, trim); !errors.Is(err, store.ErrClosed) {
				return err
			}
			return nil
		},
	},
	{
		name:   "a closed log is an empty log",
		breaks: []string{"log/closed"},
		records: func(s *flawedStore, yield func(store.Replayed, error) bool) {
			for r, err := range s.ValueReader.Records() {
				if err != nil || !yield(r, nil) {
					return
				}
			}
		},
	},

	{
		name:   "a missing value is an empty value",
		breaks: []string{"value/unknown", "value/read", "pin/trimmed", "pin/several", "pin/not replayed"},
		value: func(s *flawedStore, revision uint64) ([]byte, error) {
			value, err := s.ValueReader.Value(revision)
			if errors.Is(err, store.ErrNotFound) || revision == 9 {
				return nil, nil
			}
			return value, err
		},
	},
	{
		name:   "Value hands out what it keeps",
		breaks: []string{"value/private"},
		value: func(s *flawedStore, revision uint64) ([]byte, error) {
			if r, ok := s.bucket.records[revision]; ok {
				return r.Value, nil
			}
			return s.ValueReader.Value(revision)
		},
	},
	{
		name:   "a closed log has no values",
		breaks: []string{"value/closed"},
		value: func(s *flawedStore, revision uint64) ([]byte, error) {
			value, err := s.ValueReader.Value(revision)
			if errors.Is(err, store.ErrClosed) {
				return nil, store.ErrNotFound
			}
			return value, err
		},
	},
	{
		name:   "many Appends move the values away",
		breaks: []string{"value/during appends"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			s.appends.Add(1)
			return s.ValueReader.Append(recs, trim)
		},
		value: func(s *flawedStore, revision uint64) ([]byte, error) {
			if s.appends.Load() > 100 {
				return nil, errFlaw
			}
			return s.ValueReader.Value(revision)
		},
	},
	{
		name:   "what is trimmed is gone before it is published",
		breaks: []string{"publish/trimmed", "publish/by the next append"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			defer s.ValueReader.Publish()
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:    "only an Append publishes",
		breaks:  []string{"publish/trimmed", "publish/by the next append", "pin/trimmed", "value/read"},
		publish: func(*flawedStore) {},
	},
	{
		name:   "Publish of nothing trims",
		breaks: []string{"publish/nothing"},
		publish: func(s *flawedStore) {
			if s.appends.Swap(0) == 0 {
				delete(s.bucket.records, 1)
			}
			s.ValueReader.Publish()
		},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			err := s.ValueReader.Append(recs, trim)
			if err == nil {
				s.appends.Add(1)
			}
			return err
		},
	},
	{
		name:   "what is not published is lost",
		breaks: []string{"publish/closed"},
		close: func(s *flawedStore) error {
			for revision := range s.bucket.log.fresh {
				delete(s.bucket.records, revision)
			}
			return s.ValueReader.Close()
		},
	},
	{
		name:   "pins keep nothing",
		breaks: []string{"pin/trimmed", "pin/several"},
		pin:    func(*flawedStore) func() { return func() {} },
	},
	{
		name:   "the first release releases all",
		breaks: []string{"pin/several"},
		pin: func(s *flawedStore) func() {
			s.ValueReader.Pin()
			return func() {
				clear(s.bucket.log.pins)
				clear(s.bucket.log.pinned)
			}
		},
	},
	{
		name:   "what is pinned is not trimmed",
		breaks: []string{"pin/not replayed", "pin/trimmed"},
		append: func(s *flawedStore, recs []store.Record, trim []uint64) error {
			if len(s.bucket.log.pins) > 0 {
				trim = nil
			}
			return s.ValueReader.Append(recs, trim)
		},
	},
	{
		name:   "a pinned log cannot be closed",
		breaks: []string{"pin/closed", "pin/not replayed"},
		close: func(s *flawedStore) error {
			if !s.closed && len(s.bucket.log.pins) > 0 {
				return errFlaw
			}
			s.closed = true
			return s.ValueReader.Close()
		},
	},
}

// changeRecords returns a replay that changes each record.
func changeRecords(change func(*store.Record)) func([]store.Replayed) []store.Replayed {
	return func(all []store.Replayed) []store.Replayed {
		for i := range all {
			change(&all[i].Record)
		}
		return all
	}
}

package kv

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/revkv/kv/store"
)

// What the first line of an export says that it is.
const (
	exportFormat  = "revkv-export"
	exportVersion = 1
)

// A headerLine is the first line of an export.
type headerLine struct {
	Format  string  `json:"format"`
	Version int     `json:"version"`
	Config  Config  `json:"config"`
	Newest  *uint64 `json:"newest"`
}

// A recordLine is one of the other lines: a revision, or at the end the number of revisions alone.
type recordLine struct {
	Revision  *uint64    `json:"revision,omitempty"`
	Key       *string    `json:"key,omitempty"`
	Operation *string    `json:"operation,omitempty"`
	Created   *time.Time `json:"created,omitempty"`
	Deadline  *time.Time `json:"deadline,omitempty"`
	Value     *string    `json:"value,omitempty"`
	Base64    *string    `json:"base64,omitempty"`
	Records   *uint64    `json:"records,omitempty"`
}

// record returns the record of a line that holds one.
func (l *recordLine) record() (r store.Record, err error) {
	missing := func(field string) error { return fmt.Errorf("field %q is missing", field) }
	switch {
	case l.Revision == nil:
		return r, missing("revision")
	case *l.Revision == 0:
		return r, errors.New("revision 0: the first revision is 1")
	case l.Key == nil:
		return r, missing("key")
	case l.Operation == nil:
		return r, missing("operation")
	case l.Created == nil:
		return r, missing("created")
	}
	if fault := keyFault(*l.Key); fault != "" {
		return r, fmt.Errorf("the key is not valid: %s", fault)
	}
	r.Revision, r.Key = *l.Revision, *l.Key
	if r.Created, err = nanoseconds("created", *l.Created); err != nil {
		return r, err
	}
	if r.Created == never { // then there would be no time after it
		return r, errors.New("it was created at the end of time")
	}
	if l.Deadline != nil {
		r.Deadline, err = nanoseconds("deadline", *l.Deadline)
		if err == nil && r.Deadline <= max(r.Created, 0) {
			err = errors.New("the deadline is not after the creation")
		}
		if err != nil {
			return r, err
		}
	}
	r.Operation, r.Value, err = l.content()
	return r, err
}

// content returns the operation and the value, which only a put has.
func (l *recordLine) content() (op store.Operation, value []byte, err error) {
	switch {
	case l.Value != nil && l.Base64 != nil:
		return 0, nil, errors.New("there are two values")
	case l.Value != nil:
		value = []byte(*l.Value)
	case l.Base64 != nil:
		if value, err = base64.StdEncoding.Strict().DecodeString(*l.Base64); err != nil {
			return 0, nil, fmt.Errorf("field \"base64\": %w", err)
		}
	}
	if len(value) > MaxValueLength {
		return 0, nil, fmt.Errorf("the value has %d bytes, the most is %d", len(value), MaxValueLength)
	}
	has := l.Value != nil || l.Base64 != nil
	switch *l.Operation {
	case Put.String():
		if !has {
			return 0, nil, errors.New("a put without a value")
		}
		return store.Put, value, nil
	case Delete.String():
		op = store.Delete
	case Purge.String():
		op = store.Purge
	default:
		return 0, nil, fmt.Errorf("operation %q is none of PUT, DELETE and PURGE", *l.Operation)
	}
	if has {
		return 0, nil, errors.New("a marker with a value")
	}
	return op, nil, nil
}

// nanoseconds returns a time as nanoseconds since 1970.
func nanoseconds(field string, t time.Time) (int64, error) {
	n := t.UnixNano()
	if !time.Unix(0, n).Equal(t) {
		return 0, fmt.Errorf("field %q: %s does not fit into 64 bits of nanoseconds", field, t.Format(time.RFC3339))
	}
	return n, nil
}

// readObject reads a line with one JSON object into a struct. It is stricter than package json: each field has the name that
// the struct says, comes once, and is not null, and nothing that stands in a string gets lost.
func readObject(line []byte, into any) error {
	if !utf8.Valid(line) {
		return errors.New("it is not UTF-8")
	}
	if hasLoneSurrogate(line) {
		return errors.New(`half of a surrogate pair after \u`)
	}
	fields := reflect.ValueOf(into).Elem()
	var seen uint64
	d := json.NewDecoder(bytes.NewReader(line))
	token, err := d.Token()
	if err == nil && token != json.Delim('{') {
		err = errNoObject
	}
	for err == nil && d.More() {
		if token, err = d.Token(); err == nil {
			err = readField(d, token.(string), fields, &seen)
		}
	}
	if err == nil {
		_, err = d.Token()
	}
	if err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// readField reads the value of a field.
func readField(d *json.Decoder, name string, fields reflect.Value, seen *uint64) error {
	for i := range fields.NumField() {
		if tag, _, _ := strings.Cut(fields.Type().Field(i).Tag.Get("json"), ","); tag != name {
			continue
		}
		if *seen&(1<<i) != 0 {
			return fmt.Errorf("field %q comes twice", name)
		}
		*seen |= 1 << i
		if err := readValue(d, fields.Field(i)); err != nil {
			return fmt.Errorf("field %q: %w", name, err)
		}
		return nil
	}
	return fmt.Errorf("unknown field %q", name)
}

// readValue reads the value of a field to where it belongs.
func readValue(d *json.Decoder, to reflect.Value) error {
	if to.Kind() == reflect.Pointer { // so are the fields of records, of which there are many
		if err := d.Decode(to.Addr().Interface()); err != nil || !to.IsNil() {
			return err
		}
		return errNull
	}
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return err
	}
	if cfg, ok := to.Addr().Interface().(*Config); ok {
		return readObject(value, cfg)
	}
	if string(value) == "null" {
		return errNull
	}
	return json.Unmarshal(value, to.Addr().Interface())
}

var errNull = errors.New("it is null")

// hasLoneSurrogate finds an escaped half of a surrogate pair without the other one, which package json would replace.
func hasLoneSurrogate(line []byte) bool {
	for {
		i := bytes.IndexByte(line, '\\')
		if i < 0 || i+1 == len(line) {
			return false
		}
		line = line[i:]
		if r := escaped(line); !utf16.IsSurrogate(r) {
			line = line[2:]
		} else if utf16.DecodeRune(r, escaped(line[6:])) == unicode.ReplacementChar {
			return true
		} else {
			line = line[12:]
		}
	}
}

// escaped returns the number that text begins with in the form \uXXXX, -1 if it does not.
func escaped(text []byte) rune {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return -1
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(n)
}

// A lineReader cuts its input into lines.
type lineReader struct {
	r      *bufio.Reader
	limit  int64 // bytes of a line
	number int   // of the line that next returned last
	ended  bool
	line   []byte
}

// maxLine is how long a line of an export can be: the longest value in the form that takes most, six bytes for each of its
// own, and room for the rest.
const maxLine = min(6*MaxValueLength+1<<16, math.MaxInt/2)

// maxHeader is how long the first line can be, which has no value.
const maxHeader = 1 << 24

var (
	errLineTooLong = errors.New("line too long")
	errNoObject    = errors.New("it is not a JSON object")
)

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, exportBuffer), limit: maxHeader}
}

// next returns the next line that is not blank, without the white space before it, good until the next call, or io.EOF. It takes memory
// for what it has read, not for what it is told to come, and reads no more of a line than tells that it is none of an export. Before each
// piece that it reads it asks alive, and returns its error.
func (l *lineReader) next(alive func() error) ([]byte, error) {
	l.number++
	if cap(l.line) > importChunk {
		l.line = nil
	}
	l.line = l.line[:0]
	for {
		if err := alive(); err != nil {
			return nil, err
		}
		part, err := l.r.ReadSlice('\n')
		if len(l.line) == 0 {
			part = bytes.TrimLeft(part, " \t\r\n")
		}
		l.line = append(l.line, part...)
		switch {
		case err != nil && err != bufio.ErrBufferFull && err != io.EOF:
			return nil, err
		case len(l.line) > 0 && l.line[0] != '{':
			return nil, errNoObject
		case int64(len(l.line)) > l.limit:
			return nil, errLineTooLong
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(l.line) > 0:
			return l.line, nil
		case err == io.EOF:
			l.ended = true
			return nil, err
		case len(l.line) == 0:
			l.number++
		default:
			return l.line, nil
		}
	}
}

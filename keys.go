package kv

import (
	"fmt"
	"strings"
)

// Limits on names.
const (
	// MaxKeyLength is the most bytes that a key may have. NATS sets no limit of its own, but a server in its default
	// configuration ends the connection over longer ones (its protocol line holds 4096 bytes), and a bucket should be
	// able to move to a server.
	MaxKeyLength = 4000
	// MaxBucketNameLength is the most bytes that the name of a bucket may have, as on a NATS server.
	MaxBucketNameLength = 252
)

// What characters may stand where.
const (
	inKey        = 1 << iota // a-z A-Z 0-9 - / _ = .
	inBucketName             // a-z A-Z 0-9 - _
)

var characters = func() (table [256]uint8) {
	for c := range table {
		switch c := byte(c); {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
			table[c] = inKey | inBucketName
		case c == '/', c == '=', c == '.':
			table[c] = inKey
		}
	}
	return table
}()

// CheckKey reports what is wrong with a key: nil, or an error that matches ErrInvalidKey.
//
// A key is one or more of a-z A-Z 0-9 - / _ = and '.', at most MaxKeyLength bytes. It does not start or end with '.', and
// no two '.' stand side by side: the dots cut it into tokens, which patterns match. This is the rule of NATS (ADR-8).
//
//	orders.1024.state   /etc/hosts   A=b   _kv        are keys
//	.a   a.   a..b   a b   a*   ü                      are not
func CheckKey(key string) error {
	if reason := keyFault(key); reason != "" {
		return &KeyError{Op: "check key", Key: key, Reason: reason, Err: ErrInvalidKey}
	}
	return nil
}

// keyFault says what is wrong with a key, "" if nothing is.
func keyFault(key string) string {
	if len(key) > MaxKeyLength {
		return fmt.Sprintf("it has %d bytes, the most is %d", len(key), MaxKeyLength)
	}
	before := byte('.')
	for i := range len(key) {
		c := key[i]
		if characters[c]&inKey == 0 {
			return fmt.Sprintf("it has %q at byte %d", firstRune(key[i:]), i)
		}
		if c == '.' && before == '.' {
			return dotFault(key)
		}
		before = c
	}
	if before == '.' {
		return dotFault(key)
	}
	return ""
}

// dotFault says what is wrong with how a key or pattern is cut into tokens.
func dotFault(s string) string {
	switch {
	case s == "":
		return "it is empty"
	case s[0] == '.':
		return "it starts with '.'"
	case s[len(s)-1] == '.':
		return "it ends with '.'"
	case strings.Contains(s, ".."):
		return "it has two '.' side by side"
	}
	return ""
}

// firstRune returns the first character of s, for a message.
func firstRune(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// checkBucketName reports what is wrong with the name of a bucket.
func checkBucketName(op, name string) error {
	var reason string
	switch {
	case name == "":
		reason = "it is empty"
	case len(name) > MaxBucketNameLength:
		reason = fmt.Sprintf("it has %d bytes, the most is %d", len(name), MaxBucketNameLength)
	default:
		for i := range len(name) {
			if characters[name[i]]&inBucketName == 0 {
				reason = fmt.Sprintf("it has %q at byte %d", firstRune(name[i:]), i)
				break
			}
		}
	}
	if reason == "" {
		return nil
	}
	return &BucketError{Op: op, Bucket: name, Reason: reason, Err: ErrInvalidBucketName}
}

package kv

import (
	"fmt"
	"strings"
)

// A pattern is a parsed key pattern. A key matches token by token: '*' stands for any one token, '>' at the end for one
// or more, and both only where they are a whole token.
//
//	pattern    of the keys  a  b  a.b  b.b  a.b.c
//	a                       a
//	*                       a  b
//	a.*                           a.b
//	*.b                           a.b  b.b
//	a.>                           a.b       a.b.c
//	>                       a  b  a.b  b.b  a.b.c
//	a*                      nothing: a glued wildcard is no wildcard, and no key has that character
type pattern struct {
	text   string
	prefix string // what every matching key starts with
	exact  bool   // there is no wildcard: the prefix is the key
	never  bool   // no key can match
}

// CheckPattern reports what is wrong with a pattern: nil, or an error that matches ErrInvalidPattern.
//
// A pattern is written like a key (see CheckKey), with '*' anywhere and one '>' as its last character. Only a wildcard
// that is a whole token is one; see Bucket.Watch for what patterns match. The empty string is not a pattern: everything
// is ">".
func CheckPattern(text string) error {
	_, err := parsePattern("check pattern", text)
	return err
}

func parsePattern(op, text string) (pattern, error) {
	if reason := patternFault(text); reason != "" {
		return pattern{}, &KeyError{Op: op, Key: text, Reason: reason, Err: ErrInvalidPattern}
	}
	p := pattern{text: text, prefix: text, exact: true}
	for start := 0; start < len(text); {
		token, _, _ := strings.Cut(text[start:], ".")
		if token == "*" || token == ">" {
			if p.exact {
				p.prefix, p.exact = text[:start], false
			}
		} else if strings.ContainsAny(token, "*>") {
			p.never = true
		}
		start += len(token) + 1
	}
	return p, nil
}

// patternFault says what is wrong with a pattern, "" if nothing is.
func patternFault(text string) string {
	if len(text) > MaxKeyLength {
		return fmt.Sprintf("it has %d bytes, the most is %d", len(text), MaxKeyLength)
	}
	for i := range len(text) {
		wildcard := text[i] == '*' || text[i] == '>' && i == len(text)-1
		if characters[text[i]]&inKey == 0 && !wildcard {
			return fmt.Sprintf("it has %q at byte %d", firstRune(text[i:]), i)
		}
	}
	return dotFault(text)
}

// matches reports whether key matches.
func (p *pattern) matches(key string) bool {
	if p.exact {
		return key == p.text
	}
	if p.never || !strings.HasPrefix(key, p.prefix) {
		return false
	}
	return matchTokens(p.text[len(p.prefix):], key[len(p.prefix):])
}

// matchTokens matches what is left of a pattern against what is left of a key, both cut at a token's start.
func matchTokens(text, key string) bool {
	for {
		want, textRest, textMore := strings.Cut(text, ".")
		if want == ">" {
			return key != ""
		}
		have, keyRest, keyMore := strings.Cut(key, ".")
		if want != "*" && want != have {
			return false
		}
		if textMore != keyMore {
			return false
		}
		if !textMore {
			return have != ""
		}
		text, key = textRest, keyRest
	}
}

// keys returns the range of keys that the pattern's prefix leaves.
func (p *pattern) keys() keyRange {
	if p.exact {
		return keyRange{p.text, p.text + "\x00"}
	}
	if p.prefix == "" {
		return keyRange{}
	}
	// The prefix ends with '.', and '/' is the next character.
	return keyRange{p.prefix, p.prefix[:len(p.prefix)-1] + "/"}
}

// covers reports whether every key that q matches is matched by p too.
func (p *pattern) covers(q *pattern) bool {
	a, b := p.text, q.text
	for {
		want, aRest, aMore := strings.Cut(a, ".")
		have, bRest, bMore := strings.Cut(b, ".")
		if want == ">" {
			return true
		}
		if have == ">" || (want != "*" && want != have) || aMore != bMore {
			return false
		}
		if !aMore {
			return true
		}
		a, b = aRest, bRest
	}
}

// parsePatterns parses a list of patterns. An empty list is everything.
func parsePatterns(op string, texts []string) ([]pattern, error) {
	if len(texts) == 0 {
		texts = []string{">"}
	}
	patterns := make([]pattern, len(texts))
	for i, text := range texts {
		p, err := parsePattern(op, text)
		if err != nil {
			return nil, err
		}
		patterns[i] = p
	}
	for i := range patterns {
		for j := range patterns {
			if i != j && patterns[i].covers(&patterns[j]) {
				return nil, &KeyError{
					Op: op, Key: patterns[j].text, Err: ErrOverlappingPatterns,
					Reason: "all that it matches is matched by " + patterns[i].text,
				}
			}
		}
	}
	return patterns, nil
}

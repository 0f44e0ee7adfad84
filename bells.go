package kv

import "strings"

// bells find the watchers that a write concerns: a tree of pattern tokens, with the watchers at the patterns' ends. A write
// walks the few branches that its key takes, so watchers of other keys cost it nothing.
type bells struct {
	root     bellNode
	watchers map[*Watcher]struct{} // all of them
}

type bellNode struct {
	tokens   map[string]*bellNode // by literal token
	any      *bellNode            // for '*'
	rest     []*Watcher           // patterns that end here with '>'
	watchers []*Watcher           // patterns that end here
}

// add makes writes that match one of w's patterns wake w.
func (b *bells) add(w *Watcher) {
	if b.watchers == nil {
		b.watchers = map[*Watcher]struct{}{}
	}
	b.watchers[w] = struct{}{}
	for i := range w.patterns {
		if p := &w.patterns[i]; !p.never {
			b.root.add(p.text, w)
		}
	}
}

// remove undoes add. Branches that are left without watchers are cut.
func (b *bells) remove(w *Watcher) {
	delete(b.watchers, w)
	for i := range w.patterns {
		if p := &w.patterns[i]; !p.never {
			b.root.remove(p.text, w)
		}
	}
}

// A written revision has become visible.
type written struct {
	history  *history
	revision revision
	deadline int64  // of its own; 0 if it has none
	value    []byte // if revision has not got it
}

// ring tells the watchers of a key what is written.
func (b *bells) ring(what *written) {
	if len(b.watchers) > 0 {
		b.root.ring(what.history.key, what)
	}
}

func (n *bellNode) add(text string, w *Watcher) {
	token, rest, more := strings.Cut(text, ".")
	if token == ">" {
		n.rest = append(n.rest, w)
		return
	}
	child := n.child(token)
	if child == nil {
		child = &bellNode{}
		if token == "*" {
			n.any = child
		} else {
			if n.tokens == nil {
				n.tokens = map[string]*bellNode{}
			}
			n.tokens[token] = child
		}
	}
	if more {
		child.add(rest, w)
	} else {
		child.watchers = append(child.watchers, w)
	}
}

func (n *bellNode) child(token string) *bellNode {
	if token == "*" {
		return n.any
	}
	return n.tokens[token]
}

func (n *bellNode) remove(text string, w *Watcher) {
	token, rest, more := strings.Cut(text, ".")
	if token == ">" {
		n.rest = without(n.rest, w)
		return
	}
	child := n.child(token)
	if more {
		child.remove(rest, w)
	} else {
		child.watchers = without(child.watchers, w)
	}
	if !child.empty() {
		return
	}
	if token == "*" {
		n.any = nil
	} else {
		delete(n.tokens, token)
	}
}

func (n *bellNode) empty() bool {
	return len(n.tokens) == 0 && n.any == nil && len(n.rest) == 0 && len(n.watchers) == 0
}

func (n *bellNode) ring(key string, what *written) {
	for _, w := range n.rest {
		w.ring(what)
	}
	token, rest, more := strings.Cut(key, ".")
	for _, child := range [...]*bellNode{n.any, n.tokens[token]} {
		if child == nil {
			continue
		}
		if more {
			child.ring(rest, what)
			continue
		}
		for _, w := range child.watchers {
			w.ring(what)
		}
	}
}

package filestore

// skipDamage deals with what the scanner stands before, which is no whole frame, and moves it to where it can go on.
func (s *survey) skipDamage(c *scanner, reason string) error {
	at := c.at
	if c.reader.size-at >= headLen {
		buf, err := c.reader.bytes(at, headLen)
		if err != nil {
			return err
		}
		if h, fault := parseHead(buf, s.salt, at); fault == "" && h.kind == kindFrame {
			c.head, c.at = h, min(at+headLen+int64(h.length), c.reader.size)
			return s.salvage(c, at+headLen, reason)
		}
	}
	next, err := c.nextHead(at + 1)
	if err != nil {
		return err
	}
	c.at = next
	s.gap(at, next-at, reason)
	return nil
}

// nextHead returns where from an offset on the next head is, the end of the file if there is none.
func (s *scanner) nextHead(from int64) (int64, error) {
	for at := from; at+headLen <= s.reader.size; at++ {
		buf, err := s.reader.bytes(at, headLen)
		if err != nil {
			return 0, err
		}
		if _, reason := parseHead(buf, s.salt, at); reason == "" {
			return at, nil
		}
	}
	return s.reader.size, nil
}

// gap notes a damaged part of the frames.
func (s *survey) gap(offset, bytes int64, reason string) *region {
	r := s.corrupt(offset, bytes, "%s", reason)
	s.gaps = append(s.gaps, r)
	if !s.whole {
		s.leaveOpen(r)
	}
	return r
}

// mostSearched is how many bytes are looked at in search of items in one damaged frame. A search of bytes that look like
// items wherever one begins would never end.
const mostSearched = 1 << 32

// salvage takes the items that are whole from a frame that is not. The scanner stands behind it, and has its head.
func (s *survey) salvage(c *scanner, from int64, reason string) error {
	frame, err := c.reader.bytes(from, c.at-from)
	if err != nil {
		return err
	}
	gaps, kept := len(s.gaps), len(s.kept)
	search := itemSearch{frame: frame, salt: s.salt, head: &c.head, left: mostSearched}
	for at := 0; at < len(frame); {
		it, fault := search.item(at, c.newest)
		if fault != "" {
			next := search.next(at, c.newest)
			s.gap(from+int64(at), int64(next-at), fault)
			at = next
			continue
		}
		if it.key != nil {
			c.newest = it.record.Revision
		}
		if err := s.take(from+int64(at), &it); err != nil {
			return err
		}
		at += it.length
	}
	if len(frame) < int(c.head.length) {
		s.gap(c.at, 0, reason)
	}
	s.newest = max(s.newest, c.head.revision)
	for _, r := range s.gaps[gaps:] {
		r.from = max(r.from, c.head.revision)
		r.kept += len(s.kept) - kept
	}
	return nil
}

// An itemSearch finds whole items in a damaged frame.
type itemSearch struct {
	frame []byte
	salt  uint64
	head  *head
	left  int64 // bytes to look at
}

// item returns the item at an offset; reason says what is wrong with it, "" if nothing is.
func (x *itemSearch) item(at int, newest uint64) (it item, reason string) {
	it, reason = parseItem(x.frame[at:], x.salt, x.head)
	x.left -= int64(it.length)
	switch {
	case reason != "":
	case it.key == nil:
		it.trim = upTo(it.trim, max(newest, x.head.revision))
	case it.record.Revision <= newest:
		reason = "expected a revision that rises"
	}
	return it, reason
}

// next returns where behind an offset the next whole item begins, the end of the frame if there is none.
func (x *itemSearch) next(at int, newest uint64) int {
	for at++; at < len(x.frame) && x.left > 0; at++ {
		if !x.mayBeItem(at) {
			continue
		}
		if _, reason := x.item(at, newest); reason == "" {
			return at
		}
	}
	return len(x.frame)
}

// mayBeItem reports whether an item can begin at an offset. One of trimmed revisions ends the frame.
func (x *itemSearch) mayBeItem(at int) bool {
	rest := x.frame[at:]
	if len(rest) <= checksumLen {
		return false
	}
	if op := rest[checksumLen]; op != trimItem {
		op &^= deadlineFlag
		return op >= 1 && op < trimItem
	}
	x.left -= int64(len(rest))
	d := decoder{buf: rest[checksumLen+1:]}
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		d.uvarint()
	}
	return !d.bad && len(d.buf) == 0
}

package filestore

import (
	"fmt"
	"sort"

	"github.com/revkv/kv/store/filestore/vfs"
)

// A scanner reads the frames of a segment from front to back.
type scanner struct {
	reader *reader
	salt   uint64
	at     int64  // where the next frame begins
	newest uint64 // the greatest revision before it
	active bool   // behind the frames there may be zeros up to the end of the file

	head  head   // of the frame that next read
	items []item // its items; good until the next call

	looked struct{ at, size int64 } // where the file was read anew last, and how long it was
}

// again has the file read anew from where the frames end so far, as it is now. It is for damage that may be none: a process may have
// written a frame after its place was read, and later ones that were read. So damage is what is still there when its place is read after
// that. again returns false if that was done, and the file is as long as it was.
//
//	reader          A?           O: A was durable      A?  damaged, or there by now
//	writer              A  O
func (s *scanner) again(file vfs.File) bool {
	size, err := file.Size()
	look := struct{ at, size int64 }{s.at, size}
	if err != nil || look == s.looked {
		return false
	}
	s.looked = look
	s.reader.size, s.reader.buf = size, s.reader.buf[:0]
	return true
}

// next reads a frame. It returns false at the end of the frames: of the file, or where an index begins (the head is
// that of the index then), or where what follows is not a frame: reason says what is wrong there. An error is one of
// the file system.
func (s *scanner) next() (ok bool, reason string, err error) {
	if ok, reason, err = s.frame(); reason != "" && s.active {
		var empty bool
		if empty, err = s.reader.emptyFrom(s.at); empty {
			reason = ""
		}
	}
	return ok, reason, err
}

// frame is next, whatever the segment is.
func (s *scanner) frame() (ok bool, reason string, err error) {
	s.head = head{}
	left := s.reader.size - s.at
	if left == 0 {
		return false, "", nil
	}
	if left < headLen {
		return false, fmt.Sprintf("expected the head of a frame, found %d bytes", left), nil
	}
	buf, err := s.reader.bytes(s.at, headLen)
	if err != nil {
		return false, "", err
	}
	h, reason := parseHead(buf, s.salt, s.at)
	if reason != "" {
		return false, reason, nil
	}
	s.head = h
	if int64(h.length) > left-headLen {
		return false, fmt.Sprintf("expected a frame of %d bytes, found the end of the file after %d", h.length, left-headLen), nil
	}
	if h.kind == kindIndex {
		return false, "", nil
	}
	if buf, err = s.reader.bytes(s.at+headLen, int64(h.length)); err != nil {
		return false, "", err
	}
	if reason := s.parse(buf); reason != "" {
		return false, reason, nil
	}
	s.at += headLen + int64(h.length)
	return true, "", nil
}

// parse decodes the items of a frame.
func (s *scanner) parse(buf []byte) (reason string) {
	s.items = s.items[:0]
	newest := s.newest
	for len(buf) > 0 {
		it, reason := parseItem(buf, s.salt, &s.head)
		if reason != "" {
			return reason
		}
		if it.key != nil {
			if it.record.Revision <= newest {
				return fmt.Sprintf("expected a revision above %d, found %d", newest, it.record.Revision)
			}
			newest = it.record.Revision
		}
		it.trim = upTo(it.trim, max(newest, s.head.revision)) // what came later is not meant
		s.items = append(s.items, it)
		buf = buf[it.length:]
	}
	s.newest = newest
	return ""
}

// upTo returns those of some revisions, which rise, that are at most newest.
func upTo(revisions []uint64, newest uint64) []uint64 {
	return revisions[:sort.Search(len(revisions), func(i int) bool { return revisions[i] > newest })]
}

// judge returns nil if what is behind the last frame, and is no frame for a reason, is what a crash leaves, and otherwise what is damaged.
func (s *scanner) judge(reason string) error {
	if reason == "" {
		return nil
	}
	_, damaged, err := s.laterHead(s.at)
	if err == nil && damaged {
		err = s.reader.corrupt(s.at, "%s, and what was written later is there", reason)
	}
	return err
}

// laterHead looks for the head of a frame that was written when the file was known to be synced beyond offset at, where there
// is no frame: then one has been lost there that was to survive. Heads are bound to their place by their checksums,
// so what a value contains does not pass for one.
//
//	synced by then    |---------------------|
//	file              frame frame  ????????? frame      something is damaged
//	                  frame frame  ????????? frame      the tail is torn: the last frame was written before
//	                  |----------|                      what is missing was synced
func (s *scanner) laterHead(at int64) (found int64, damaged bool, err error) {
	for o := at + 1; o+headLen <= s.reader.size; o++ {
		buf, err := s.reader.bytes(o, headLen)
		if err != nil {
			return 0, false, err
		}
		if buf[5]|buf[6]|buf[7] != 0 {
			continue
		}
		if h, reason := parseHead(buf, s.salt, o); reason == "" && o-int64(h.unsynced) > at {
			return o, true, nil
		}
	}
	return 0, false, nil
}

package crashfs

// pageSize is the unit in which contents are shared. Files of tests are small, and most writes touch one page.
const pageSize = 4096

// A content is the bytes of a file, in pages that its copies share until one of them writes there. So a copy costs a pointer
// a page, however much is in it. The zero content is an empty file.
type content struct {
	size  int64
	pages []*page // may end before size; what has no page is zeros
	owner *owner
}

// A page is written by the content that has its owner, and by no other. Bytes past the end of the file are zeros.
type page struct {
	owner *owner
	bytes [pageSize]byte
}

// An owner is told from others by its address.
type owner struct{ _ byte }

// clone returns a copy. From now on neither may write to the pages of both.
func (c *content) clone() content {
	c.owner = new(owner)
	return content{size: c.size, pages: append([]*page(nil), c.pages...), owner: new(owner)}
}

// readAt fills p with the bytes from off on, as far as there are any, and returns how many these are.
func (c *content) readAt(p []byte, off int64) int {
	if off >= c.size {
		return 0
	}
	p = p[:min(int64(len(p)), c.size-off)]
	n := len(p)
	for len(p) > 0 {
		i, begin := off/pageSize, off%pageSize
		part := p[:min(int64(len(p)), pageSize-begin)]
		if i < int64(len(c.pages)) && c.pages[i] != nil {
			copy(part, c.pages[i].bytes[begin:])
		} else {
			clear(part)
		}
		p, off = p[len(part):], off+int64(len(part))
	}
	return n
}

// writeAt replaces the bytes from off on with p, and makes the file as long as that needs.
func (c *content) writeAt(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	c.extend(off + int64(len(p)))
	for len(p) > 0 {
		n := copy(c.page(off / pageSize)[off%pageSize:], p)
		p, off = p[n:], off+int64(n)
	}
}

// extend makes the file at least so long, with zeros.
func (c *content) extend(size int64) { c.size = max(c.size, size) }

// truncate makes the file just so long.
func (c *content) truncate(size int64) {
	if size < c.size {
		pages := (size + pageSize - 1) / pageSize
		c.pages = c.pages[:min(int64(len(c.pages)), pages)]
		if rest := size % pageSize; rest > 0 && pages == int64(len(c.pages)) && c.pages[pages-1] != nil {
			clear(c.page(pages - 1)[rest:])
		}
	}
	c.size = size
}

// page returns the bytes of a page to write to.
func (c *content) page(i int64) []byte {
	for int64(len(c.pages)) <= i {
		c.pages = append(c.pages, nil)
	}
	p := c.pages[i]
	if p == nil || p.owner != c.owner {
		mine := &page{owner: c.owner}
		if p != nil {
			mine.bytes = p.bytes
		}
		c.pages[i], p = mine, mine
	}
	return p.bytes[:]
}

// all returns a copy of the bytes.
func (c *content) all() []byte {
	p := make([]byte, c.size)
	c.readAt(p, 0)
	return p
}

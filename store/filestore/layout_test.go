package filestore

import (
	"path/filepath"

	"github.com/revkv/kv/store/filestore/vfs"
)

// A FramePlace says where a frame is.
type FramePlace struct {
	Bucket, File string
	Offset, End  int64
	Active, Last bool // in a segment that is active; the last one of its segment
	Items        []ItemPlace
}

// An ItemPlace says where an item is.
type ItemPlace struct {
	Revision    uint64 // 0 if the item is a list of trims
	Trim        []uint64
	Offset, End int64
}

// Frames returns where the frames of a folder are that is whole.
func Frames(fsys vfs.FS, dir string) (frames []FramePlace, err error) {
	names, err := fsys.List(dir)
	for _, folder := range names {
		if _, ok := bucketFolder(folder); !ok {
			continue
		}
		m, err := readManifest(fsys, filepath.Join(dir, folder))
		if err != nil {
			return nil, err
		}
		for _, sealed := range m.Segments {
			of, err := framesOf(fsys, path(filepath.Join(dir, folder), sealed.Number), FramePlace{Bucket: m.Bucket})
			if err != nil {
				return nil, err
			}
			frames = append(frames, of...)
		}
		if m.Active != 0 {
			name := path(filepath.Join(dir, folder), m.Active)
			of, err := framesOf(fsys, name, FramePlace{Bucket: m.Bucket, Active: true})
			if err != nil {
				return nil, err
			}
			frames = append(frames, of...)
		}
	}
	return frames, err
}

func framesOf(fsys vfs.FS, name string, like FramePlace) (frames []FramePlace, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	r, err := newReader(name, f)
	if err != nil {
		return nil, err
	}
	h, start, err := readHeader(r)
	s := scanner{reader: r, salt: h.salt, at: start}
	like.File = name
	for err == nil {
		p := like
		p.Offset = s.at
		var ok bool
		if ok, _, err = s.next(); !ok {
			break
		}
		p.End = s.at
		at := p.Offset + headLen
		for i := range s.items {
			end := at + int64(s.items[i].length)
			p.Items = append(p.Items, ItemPlace{s.items[i].record.Revision, s.items[i].trim, at, end})
			at = end
		}
		frames = append(frames, p)
	}
	if n := len(frames); n > 0 {
		frames[n-1].Last = true
	}
	return frames, err
}

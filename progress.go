package kv

import "io"

// A Progress tells how far a call has come that works through a whole bucket or database.
type Progress struct {
	Bucket string // the bucket that it is at; empty if that is not known yet, or it is none in particular
	Done   int64  // bytes so far
	Total  int64  // bytes in the end; 0 if that is not known
}

// A ToolOption is an option of the calls that work through a whole bucket or database, Export and Import among them.
type ToolOption interface {
	ImportOption
	tool()
}

// An ImportOption is an option of Import. Every ToolOption is one.
type ImportOption interface{ set(*toolOptions) }

type toolOptions struct {
	progress func(Progress)
	as       *string // name for the bucket that is imported; nil if it keeps its own
}

type toolOption func(*toolOptions)

func (f toolOption) set(o *toolOptions) { f(o) }
func (f toolOption) tool()              {}

type importOption func(*toolOptions)

func (f importOption) set(o *toolOptions) { f(o) }

// OnProgress makes a call tell how far it has come: now and then, and once more when all is done, with Total equal to Done.
// Done never falls. If the call fails that last word is missing. What is to be told runs in the goroutine of the call,
// which holds no lock meanwhile and waits for it.
func OnProgress(tell func(Progress)) ToolOption {
	return toolOption(func(o *toolOptions) { o.progress = tell })
}

// ImportAs gives the bucket that is imported another name.
func ImportAs(name string) ImportOption {
	return importOption(func(o *toolOptions) { o.as = &name })
}

// toolOptionsOf applies options.
func toolOptionsOf[O ImportOption](opts []O) (o toolOptions) {
	for _, opt := range opts {
		if any(opt) != nil {
			opt.set(&o)
		}
	}
	return o
}

// progressStep is how many bytes are done between two calls of OnProgress.
const progressStep = 1 << 18

// A meter counts what a call has done, and tells its OnProgress.
type meter struct {
	Progress
	tell func(Progress) // nil if nobody wants to know
	told int64          // what Done was when it was told last
}

// add counts n bytes.
func (m *meter) add(n int) {
	m.Done += int64(n)
	if m.tell != nil && m.Done-m.told >= progressStep {
		m.told = m.Done
		m.tell(m.Progress)
	}
}

// end tells that all is done.
func (m *meter) end() {
	m.Total = m.Done
	if m.tell != nil {
		m.tell(m.Progress)
	}
}

// A meteredWriter counts what is written.
type meteredWriter struct {
	*meter
	w io.Writer
}

func (m meteredWriter) Write(p []byte) (int, error) {
	n, err := m.w.Write(p)
	m.add(n)
	return n, err
}

// A meteredReader counts what is read.
type meteredReader struct {
	*meter
	r io.Reader
}

func (m meteredReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.add(n)
	return n, err
}

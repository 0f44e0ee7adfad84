package ui

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// A Progress is a bar on the terminal that standard error is. If it is none, nothing is shown. Close takes it away.
type Progress struct{ bar *progressbar.ProgressBar }

// Progress shows a bar for work of which the bytes are counted.
func (s *Screen) Progress(what string) *Progress {
	if !s.ErrTerminal {
		return &Progress{}
	}
	return &Progress{progressbar.NewOptions64(-1,
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWriter(s.Err),
		progressbar.OptionEnableColorCodes(false),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine: it would go on drawing after Close
		progressbar.OptionClearOnFinish(),
	)}
}

// Tell says that done of total bytes are done; a total of 0 is not known.
func (p *Progress) Tell(done, total int64) {
	if p.bar == nil {
		return
	}
	if total > 0 && total != p.bar.GetMax64() {
		p.bar.ChangeMax64(total)
	}
	_ = p.bar.Set64(done) // what cannot be shown is no reason to stop working
}

// Close ends the bar.
func (p *Progress) Close() {
	if p.bar != nil {
		_ = p.bar.Clear()
		_ = p.bar.Exit()
	}
}

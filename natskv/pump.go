package natskv

import (
	"context"

	"github.com/revkv/kv"
)

// channelSize is how many entries a watcher's channel holds, as in the client.
const channelSize = 256

// A pump passes on what a watch delivers through a channel.
type pump[T any] struct {
	*watch
	out   chan T
	errs  chan error // closed after out
	value func(*kv.Event) T
	once  bool     // it ends when the watch has caught up
	event kv.Event // the last one; here so that it is made once and not for each
}

func newPump[T any](w *watch, value func(*kv.Event) T) *pump[T] {
	return &pump[T]{watch: w, out: make(chan T, channelSize), errs: make(chan error), value: value}
}

// start fills the channel with what the watch has to begin with, so that no later write is in time to replace it, and leaves
// the rest to a goroutine. A server that is not busy is as quick as that.
func (p *pump[T]) start(initial bool) {
	for initial && len(p.out) < cap(p.out) {
		if !p.next() {
			p.close()
			return
		}
		p.out <- p.value(&p.event)
		initial = p.event.Kind != kv.CaughtUp
	}
	go p.run()
}

// next waits for the next event. It returns false if there are no more.
func (p *pump[T]) next() (ok bool) {
	var err error
	p.event, err = p.engine.Next(context.Background())
	return err == nil && !(p.once && p.event.Kind == kv.CaughtUp)
}

// run passes events on until the watch has ended.
func (p *pump[T]) run() {
	defer p.close()
	for p.next() {
		v := p.value(&p.event)
		select {
		case p.out <- v: // nearly always, and cheaper than to wait for both
			continue
		default:
		}
		select {
		case p.out <- v:
		case <-p.done:
			return
		}
	}
}

// close closes the channels.
func (p *pump[T]) close() {
	if p.once {
		p.end()
	}
	close(p.out)
	close(p.errs)
}

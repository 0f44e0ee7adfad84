package main

import (
	"github.com/revkv/kv"
	"github.com/revkv/kv/cmd/kv/internal/ui"
)

// progress shows a bar, and returns the option that moves it.
func (a *app) progress(what string) (*ui.Progress, kv.ToolOption) {
	bar := a.ui.Progress(what)
	return bar, kv.OnProgress(func(p kv.Progress) { bar.Tell(p.Done, p.Total) })
}

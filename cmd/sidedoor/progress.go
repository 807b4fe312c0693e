package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
)

const progressEvery = 100 * time.Millisecond

// progress shows on a terminal how far a long work is; elsewhere it is silent.
type progress struct {
	w   io.Writer
	bar *progressbar.ProgressBar
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{}
	}
	return &progress{w: w}
}

// file reports that read of total bytes are behind us, the last of them in
// the named file.
func (p *progress) file(name string, read, total int64) {
	p.show(filepath.Base(name), read, total, progressbar.OptionShowBytes(true))
}

// step reports that done of total steps of some work are behind us.
func (p *progress) step(what string, done, total int) {
	p.show(what, int64(done), int64(total), progressbar.OptionShowCount())
}

func (p *progress) show(what string, done, total int64, option progressbar.Option) {
	if p.w == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.w), option,
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(progressEvery))
	}
	p.bar.Describe(what)
	_ = p.bar.Set64(done) // a progress bar that cannot be drawn is no reason to stop
}

func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Finish() // as above
		fmt.Fprintln(p.w)
		p.bar = nil
	}
}

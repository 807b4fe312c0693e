package ingest

import (
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"
)

// Renewed returns a Knows function that read makes of some files, and makes
// anew when one of them has changed: tokens and authorities are rotated without
// a restart. While the new files cannot be read, the old ones count, and each
// request tries again: what is mended may leave no trace in size and time, as a
// permission does.
func Renewed(log *slog.Logger, files []string, read func() (func(*http.Request) error, error)) (func(*http.Request) error, error) {
	r := &renewed{log: log, files: files, read: read, stamps: stampsOf(files)}
	var err error
	if r.knows, err = read(); err != nil {
		return nil, err
	}
	return func(req *http.Request) error { return r.current()(req) }, nil
}

type renewed struct {
	log   *slog.Logger
	files []string
	read  func() (func(*http.Request) error, error)

	mu     sync.Mutex
	stamps []stamp
	failed string // why the files as they are could not be read; it is said once
	knows  func(*http.Request) error
}

// stamp is a file's state, by which a change is seen.
type stamp struct {
	size    int64
	changed time.Time
}

func stampsOf(files []string) []stamp {
	all := make([]stamp, len(files))
	for i, path := range files {
		if info, err := os.Stat(path); err == nil {
			all[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return all
}

func (r *renewed) current() func(*http.Request) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := stampsOf(r.files)
	same := true
	for i := range now {
		same = same && now[i].size == r.stamps[i].size && now[i].changed.Equal(r.stamps[i].changed)
	}
	if same && r.failed == "" {
		return r.knows
	}
	r.stamps = now
	knows, err := r.read()
	if err != nil {
		if r.failed != err.Error() {
			r.log.Error("a secret has changed and cannot be read; the one before counts", "err", err)
		}
		r.failed = err.Error()
		return r.knows
	}
	r.failed = ""
	r.log.Info("secret read anew", "files", r.files)
	r.knows = knows
	return r.knows
}

package tail_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"sidedoor/ingest/tail"
)

const maxLine = 10_000

// log is a log file with its writer, whose every change takes a second.
type log struct {
	t    fataler
	dir  string
	path string
	now  time.Time
}

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func newLog(t fataler, dir string) *log {
	return &log{t: t, dir: dir, path: filepath.Join(dir, "audit.log"), now: time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)}
}

func (l *log) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// touch says that a file has changed now.
func (l *log) touch(path string) {
	l.now = l.now.Add(time.Second)
	l.must(os.Chtimes(path, l.now, l.now))
}

func (l *log) write(text string) {
	l.t.Helper()
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	l.must(err)
	_, err = f.WriteString(text)
	l.must(err)
	l.must(f.Close())
	l.touch(l.path)
}

// rotate renames as the API server does.
func (l *log) rotate() string {
	l.now = l.now.Add(time.Second)
	to := filepath.Join(l.dir, "audit-"+l.now.Format("2006-01-02T15-04-05.000")+".log")
	l.must(os.Rename(l.path, to))
	return to
}

// shift makes room for audit.log.1, as logrotate does.
func (l *log) shift() string {
	names, err := filepath.Glob(filepath.Join(l.dir, "audit.log.*"))
	l.must(err)
	for n := len(names); n > 0; n-- {
		for _, packed := range []string{"", ".gz"} {
			from := fmt.Sprintf("%s.%d%s", l.path, n, packed)
			if _, err := os.Stat(from); err == nil {
				l.must(os.Rename(from, fmt.Sprintf("%s.%d%s", l.path, n+1, packed)))
			}
		}
	}
	return l.path + ".1"
}

func (l *log) copytruncate() string {
	to := l.shift()
	b, err := os.ReadFile(l.path)
	l.must(err)
	l.must(os.WriteFile(to, b, 0o600))
	l.touch(to)
	l.must(os.Truncate(l.path, 0))
	l.touch(l.path)
	return to
}

func (l *log) compress(path string) {
	b, err := os.ReadFile(path)
	l.must(err)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(b)
	l.must(err)
	l.must(z.Close())
	l.must(os.WriteFile(path+".gz", packed.Bytes(), 0o600))
	l.touch(path + ".gz")
	l.must(os.Remove(path))
}

// reader reads a log, and remembers what it read.
type reader struct {
	t        fataler
	path     string
	follower *tail.Follower
	kept     []byte
	got      []string
	lost     []string
}

func newReader(t fataler, l *log) *reader {
	r := &reader{t: t, path: l.path}
	r.start()
	return r
}

func (r *reader) start() {
	f, err := tail.New(r.path, maxLine, r.kept)
	if err != nil {
		r.t.Fatal(err)
	}
	r.follower = f
}

func (r *reader) restart() {
	r.follower.Close()
	r.start()
}

// step reads one chunk, and says whether there was one.
func (r *reader) step() bool {
	r.t.Helper()
	c, err := r.follower.Next()
	if err != nil {
		r.t.Fatal(err)
	}
	if r.kept = r.follower.Position(); c == nil {
		return false
	}
	for _, line := range c.Lines {
		text := string(line.Raw)
		if line.TooLong {
			text = fmt.Sprintf("<too long: %d>", len(line.Raw))
		}
		if line.Unended {
			text += "<unended>"
		}
		r.got = append(r.got, text)
	}
	if c.Lost != "" {
		r.lost = append(r.lost, c.Lost)
	}
	r.follower.Done()
	return true
}

func (r *reader) drain() {
	r.t.Helper()
	for range 1000 {
		if !r.step() {
			return
		}
	}
	r.t.Fatalf("there is no end: %q", r.got)
}

func (r *reader) expect(want ...string) {
	r.t.Helper()
	r.drain()
	if !slices.Equal(r.got, want) || len(r.lost) > 0 {
		r.t.Fatalf("got %q, lost %q\nwant %q", r.got, r.lost, want)
	}
}

// rotations are the ways of rotation; each returns the file that was rotated.
var rotations = map[string]func(*log) string{
	"renamed with the time": (*log).rotate,
	"renamed with a number": func(l *log) string {
		to := l.shift()
		l.must(os.Rename(l.path, to))
		return to
	},
	"renamed with the date": func(l *log) string {
		l.now = l.now.Add(24 * time.Hour)
		to := l.path + l.now.Format("-20060102")
		l.must(os.Rename(l.path, to))
		return to
	},
	"copied and truncated": (*log).copytruncate,
}

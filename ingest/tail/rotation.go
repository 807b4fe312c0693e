package tail

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// names knows what the rotated files of a file are called.
type names struct{ numbered, dated *regexp.Regexp }

func namesOf(base string) names {
	ext := filepath.Ext(base)
	whole, stem := regexp.QuoteMeta(base), regexp.QuoteMeta(strings.TrimSuffix(base, ext))
	const date = `(\d{4}[0-9T:.-]*)`
	return names{
		numbered: regexp.MustCompile(`^` + whole + `\.(\d{1,9})(?:\.gz)?$`),
		dated:    regexp.MustCompile(`^(?:` + whole + `-` + date + `|` + stem + `-` + date + regexp.QuoteMeta(ext) + `)(?:\.gz)?$`),
	}
}

// candidate is a file that lines may be in.
type candidate struct {
	path   string
	info   fs.FileInfo
	number int    // 1 is the newest
	date   string // sorts by time
}

// rotated says whether a name is that of a rotated file, and which.
func (n names) rotated(name string) (c candidate, ok bool) {
	if m := n.numbered.FindStringSubmatch(name); m != nil {
		c.number, _ = strconv.Atoi(m[1]) // digits
		return c, true
	}
	if m := n.dated.FindStringSubmatch(name); m != nil {
		c.date = m[1] + m[2]
		return c, true
	}
	return c, false
}

// older orders rotated files by what their names say, since a file that is
// compressed changes later; names of two kinds say nothing to each other.
func older(a, b candidate) int {
	switch {
	case a.number > 0 && b.number > 0:
		return cmp.Compare(b.number, a.number)
	case a.date != "" && b.date != "":
		return cmp.Compare(a.date, b.date)
	}
	return a.info.ModTime().Compare(b.info.ModTime())
}

// list returns the rotated files, oldest first, and behind them the file itself,
// as far as they are there.
func (f *Follower) list() ([]candidate, error) {
	dir := filepath.Dir(f.path)
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	plain := map[string]bool{}
	for _, e := range entries {
		plain[e.Name()] = true
	}
	var all []candidate
	for _, e := range entries {
		c, ok := f.names.rotated(e.Name())
		if unpacked, packed := strings.CutSuffix(e.Name(), ".gz"); !ok || (packed && plain[unpacked]) {
			continue // no rotated file, or one that is just being compressed
		}
		c.path = filepath.Join(dir, e.Name())
		if c.info, err = e.Info(); err == nil && c.info.Mode().IsRegular() {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, older)
	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return all, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file, so it cannot be followed", f.path)
	}
	return append(all, candidate{path: f.path, info: info}), nil
}

// stateOf says in which state files are.
func stateOf(files []candidate) string {
	var b strings.Builder
	for _, c := range files {
		fmt.Fprintf(&b, "%s %d %d\n", c.path, c.info.Size(), c.info.ModTime().UnixNano())
	}
	return b.String()
}

// newest is when the newest of the rotated files has changed.
func newest(files []candidate, live string) time.Time {
	var t time.Time
	for _, c := range files {
		if c.path != live && c.info.ModTime().After(t) {
			t = c.info.ModTime()
		}
	}
	return t
}

// firstAfter returns the index of the first file that has changed after the
// position was taken; the file itself counts in any case.
func (f *Follower) firstAfter(files []candidate) int {
	for i, c := range files {
		if c.path == f.path || c.info.ModTime().After(f.at.Modified) {
			return i
		}
	}
	return len(files)
}

// after returns the index of the file that comes after c.
func (f *Follower) after(files []candidate, c *file) int {
	for i, other := range files {
		if os.SameFile(other.info, c.info) {
			return i + 1
		}
	}
	// It was compressed, or removed when it was old enough; what was open was read.
	at, same, err := f.search(files)
	switch {
	case err != nil:
		return len(files) // not now
	case same != nil:
		same.close()
		return at + 1
	case at >= 0:
		return at
	}
	for i, other := range files {
		if other.path == f.path || other.info.ModTime().After(c.modified) {
			return i
		}
	}
	return len(files)
}

package offline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"sidedoor/event"
)

// DefaultMemory is how many bytes of matches a [Sorter] holds in memory.
const DefaultMemory = 32 << 20

// maxFiles bounds the files of a Sorter, and so what it holds open: when there
// are as many, they are merged into one.
const maxFiles = 64

// Sorter sorts matches by the time of their events, an external merge sort. It
// is not safe for concurrent use.
type Sorter struct {
	dir   string
	max   int
	size  int    // bytes of held
	held  []item // in memory
	files []*file
	grace time.Duration // the longest of any act
}

// NewSorter returns a sorter that, when it holds more than about maxMemory
// bytes, spills to files in dir; they hold what the matches hold, and are
// readable by their owner only. Zero means [DefaultMemory], an empty dir the
// system's.
func NewSorter(dir string, maxMemory int) *Sorter {
	if maxMemory == 0 {
		maxMemory = DefaultMemory
	}
	return &Sorter{dir: dir, max: maxMemory}
}

// Add takes a match in.
func (s *Sorter) Add(m event.Match) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("sort: match of rule %s: %w", m.Rule.Name, err)
	}
	s.note(m.Act, m.Parts)
	s.held = append(s.held, newItem(m, b))
	s.size += len(b) + itemOverhead
	if s.size <= s.max {
		return nil
	}
	return s.spill()
}

// note keeps the longest grace of an act, and of those that correlations may
// make.
func (s *Sorter) note(a *event.Act, parts []event.Part) {
	if a != nil {
		s.grace = max(s.grace, a.Grace)
	}
	for _, p := range parts {
		s.note(p.Act, p.Parts)
	}
}

// Close removes the files. The sorter is empty then.
func (s *Sorter) Close() error {
	err := closeAll(s.files)
	*s = Sorter{dir: s.dir, max: s.max}
	return err
}

func closeAll(files []*file) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.close())
	}
	return errors.Join(errs...)
}

// spill moves the matches in memory to a sorted file.
func (s *Sorter) spill() error {
	if len(s.files) == maxFiles {
		if err := s.compact(); err != nil {
			return err
		}
	}
	f, err := createFile(s.dir)
	if err != nil {
		return err
	}
	s.files = append(s.files, f)
	slices.SortFunc(s.held, order)
	for _, it := range s.held {
		if err := f.write(it); err != nil {
			return err
		}
	}
	clear(s.held) // for the garbage collector
	s.held, s.size = s.held[:0], 0
	return f.flush()
}

// compact merges all files into one.
func (s *Sorter) compact() error {
	merged, err := createFile(s.dir)
	if err != nil {
		return err
	}
	old := s.files
	s.files = append(slices.Clone(old), merged) // for Close, should this fail
	if err := merge(old, nil, merged.write); err != nil {
		return err
	}
	if err := merged.flush(); err != nil {
		return err
	}
	s.files = []*file{merged}
	return closeAll(old)
}

// each calls f for every match in order.
func (s *Sorter) each(f func(event.Match) error) error {
	slices.SortFunc(s.held, order)
	return merge(s.files, s.held, func(it item) error {
		var m event.Match
		if err := json.Unmarshal(it.json, &m); err != nil {
			return fmt.Errorf("sort: %w", err)
		}
		return f(m)
	})
}

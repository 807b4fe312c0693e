// Package offline folds matches from files with a virtual clock: it gives the
// verdicts that the stream would have given had every event arrived when it
// occurred.
//
// Matches are sorted by time on disk, so memory stays bounded whatever the
// size of the input, and approvals may lie in other files than the acts that
// they approve.
package offline

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"sidedoor/event"
)

// DefaultMemory is how many bytes of matches a [Sorter] holds in memory.
const DefaultMemory = 32 << 20

// Sorter sorts matches by the time of their events: an external merge sort.
type Sorter struct {
	dir    string
	max    int
	size   int
	chunk  []item
	spills []*os.File
}

// item is a match with what it is sorted by.
type item struct {
	at       int64 // Unix nanoseconds
	approval bool
	id       string
	json     []byte
}

// itemOverhead is roughly what an item takes beside its JSON.
const itemOverhead = 160

// NewSorter returns a sorter that spills to files in dir when it holds more
// than maxMemory bytes; 0 means [DefaultMemory].
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
		return fmt.Errorf("sorting match of rule %s: %w", m.Rule.Name, err)
	}
	it := newItem(m, b)
	s.chunk = append(s.chunk, it)
	s.size += len(b) + itemOverhead
	if s.size > s.max {
		return s.spill()
	}
	return nil
}

func newItem(m event.Match, b []byte) item {
	return item{at: m.Event.At().UnixNano(), approval: m.Approval != nil, id: m.ID(), json: b}
}

// order sorts by time; at the same time approvals come before the acts that
// they may approve.
func order(a, b item) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(rank(a), rank(b)), cmp.Compare(a.id, b.id))
}

func rank(i item) int {
	if i.approval {
		return 0
	}
	return 1
}

// spill writes the matches in memory to a sorted file.
func (s *Sorter) spill() error {
	slices.SortFunc(s.chunk, order)
	f, err := os.CreateTemp(s.dir, "sorted-*.jsonl")
	if err != nil {
		return fmt.Errorf("sorting matches: %w", err)
	}
	s.spills = append(s.spills, f)
	w := bufio.NewWriterSize(f, 1<<20)
	for _, it := range s.chunk {
		w.Write(it.json)  //nolint:errcheck // a bufio.Writer keeps its error for Flush
		w.WriteByte('\n') //nolint:errcheck // likewise
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("sorting matches: %w", err)
	}
	clear(s.chunk)
	s.chunk, s.size = s.chunk[:0], 0
	return nil
}

// Close removes the files.
func (s *Sorter) Close() error {
	var errs []error
	for _, f := range s.spills {
		errs = append(errs, f.Close(), os.Remove(f.Name()))
	}
	s.spills = nil
	return errors.Join(errs...)
}

// each calls f for every match in order, the same match only once.
func (s *Sorter) each(f func(event.Match) error) error {
	runs, err := s.runs()
	if err != nil {
		return err
	}
	last := ""
	for len(runs) > 0 {
		i := first(runs)
		it := runs[i].head
		if it.id != last {
			var m event.Match
			if err := json.Unmarshal(it.json, &m); err != nil {
				return fmt.Errorf("sorting matches: %w", err)
			}
			if err := f(m); err != nil {
				return err
			}
			last = it.id
		}
		more, err := runs[i].next()
		if err != nil {
			return err
		}
		if !more {
			runs = slices.Delete(runs, i, i+1)
		}
	}
	return nil
}

// first returns the run with the smallest head. There are few runs: one for
// each 32 MiB of matches.
func first(runs []*sorted) int {
	least := 0
	for i := range runs {
		if order(runs[i].head, runs[least].head) < 0 {
			least = i
		}
	}
	return least
}

// sorted is one run of the merge: a file, or what is still in memory.
type sorted struct {
	lines *bufio.Reader // nil: memory
	chunk []item
	head  item
}

func (s *Sorter) runs() ([]*sorted, error) {
	slices.SortFunc(s.chunk, order)
	all := []*sorted{{chunk: s.chunk}}
	for _, f := range s.spills {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, fmt.Errorf("sorting matches: %w", err)
		}
		all = append(all, &sorted{lines: bufio.NewReaderSize(f, 64<<10)})
	}
	runs := all[:0]
	for _, r := range all {
		more, err := r.next()
		if err != nil {
			return nil, err
		}
		if more {
			runs = append(runs, r)
		}
	}
	return runs, nil
}

func (r *sorted) next() (bool, error) {
	if r.lines == nil {
		if len(r.chunk) == 0 {
			return false, nil
		}
		r.head, r.chunk = r.chunk[0], r.chunk[1:]
		return true, nil
	}
	line, err := r.lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) && len(line) == 0 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("sorting matches: %w", err)
	}
	var m event.Match
	line = bytes.TrimSuffix(line, []byte("\n"))
	if err := json.Unmarshal(line, &m); err != nil {
		return false, fmt.Errorf("sorting matches: %w", err)
	}
	r.head = newItem(m, line)
	return true, nil
}

package offline

import (
	"bufio"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// file is a run of sorted items on disk, each as JSON behind its length as a
// uvarint.
type file struct {
	*os.File
	w *bufio.Writer
}

func createFile(dir string) (*file, error) {
	f, err := os.CreateTemp(dir, "sidedoor-sort-*")
	if err != nil {
		return nil, fmt.Errorf("sort: %w", err)
	}
	return &file{File: f, w: bufio.NewWriterSize(f, 64<<10)}, nil
}

func (f *file) write(it item) error {
	var length [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(length[:], uint64(len(it.json)))
	_, err := f.w.Write(length[:n])
	if err == nil {
		_, err = f.w.Write(it.json)
	}
	if err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	return nil
}

// flush ends the writing, and lets the buffer go.
func (f *file) flush() error {
	err := f.w.Flush()
	f.w = nil
	if err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	return nil
}

func (f *file) close() error { return errors.Join(f.Close(), os.Remove(f.Name())) }

// run is a sorted sequence in a merge: a file, or items in memory.
type run struct {
	head  item
	file  *bufio.Reader // nil for memory
	items []item
}

// next moves to the next item, and says whether there is one.
func (r *run) next() (bool, error) {
	if r.file == nil {
		if len(r.items) == 0 {
			return false, nil
		}
		r.head, r.items = r.items[0], r.items[1:]
		return true, nil
	}
	length, err := binary.ReadUvarint(r.file)
	if errors.Is(err, io.EOF) {
		return false, nil // inside a length it would be io.ErrUnexpectedEOF
	}
	if err != nil {
		return false, fmt.Errorf("sort: %w", err)
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r.file, b); err != nil {
		return false, fmt.Errorf("sort: a spilled match of %d bytes: %w", length, err)
	}
	r.head, err = parseItem(b)
	return err == nil, err
}

// merge calls f for every item of the files and of held, in order. What is in
// held is sorted already.
func merge(files []*file, held []item, f func(item) error) error {
	runs := runHeap{}
	sources := []*run{{items: held}}
	for _, file := range files {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("sort: %w", err)
		}
		sources = append(sources, &run{file: bufio.NewReaderSize(file, 64<<10)})
	}
	for _, r := range sources {
		more, err := r.next()
		if err != nil {
			return err
		}
		if more {
			heap.Push(&runs, r)
		}
	}
	for len(runs) > 0 {
		if err := f(runs[0].head); err != nil {
			return err
		}
		more, err := runs[0].next()
		if err != nil {
			return err
		}
		if more {
			heap.Fix(&runs, 0)
		} else {
			heap.Pop(&runs)
		}
	}
	return nil
}

// runHeap is a heap of runs by their heads.
type runHeap []*run

// Len implements [heap.Interface].
func (h runHeap) Len() int { return len(h) }

// Less implements [heap.Interface].
func (h runHeap) Less(i, k int) bool { return order(h[i].head, h[k].head) < 0 }

// Swap implements [heap.Interface].
func (h runHeap) Swap(i, k int) { h[i], h[k] = h[k], h[i] }

// Push implements [heap.Interface].
func (h *runHeap) Push(x any) { *h = append(*h, x.(*run)) }

// Pop implements [heap.Interface].
func (h *runHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	*h = (*h)[:last]
	return x
}

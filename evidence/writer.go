package evidence

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// writer adds records to the right edge of the tree, and writes tiles as they
// fill.
type writer struct {
	ledger *Ledger
	edge   edge
	size   int64 // records in the tree so far
}

func (w *writer) append(record []byte) error {
	w.edge.bundle = appendEntry(w.edge.bundle, record)
	if err := w.push(0, tlog.RecordHash(record)); err != nil {
		return err
	}
	w.size++
	if w.size%width != 0 {
		return nil
	}
	err := write(w.ledger.dir, tilePath(-1, w.size/width-1, width), w.edge.bundle)
	w.edge.bundle = w.edge.bundle[:0]
	return err
}

// push adds a hash to a level's last tile; a tile that is full is written, and
// its root goes up a level.
func (w *writer) push(level int, h tlog.Hash) error {
	if level == len(w.edge.levels) {
		w.edge.levels = append(w.edge.levels, nil)
	}
	w.edge.levels[level] = append(w.edge.levels[level], h)
	hashes := w.edge.levels[level]
	if len(hashes) < width {
		return nil
	}
	n := (w.size + 1) >> (height * (level + 1)) // full tiles of this level, this one included
	if err := write(w.ledger.dir, tilePath(level, n-1, width), joined(hashes)); err != nil {
		return err
	}
	root := fullRoot(hashes)
	w.edge.levels[level] = nil
	return w.push(level+1, root)
}

// flush writes the partial tiles.
func (w *writer) flush() error {
	if n := int(w.size % width); n > 0 {
		if err := write(w.ledger.dir, tilePath(-1, w.size/width, n), w.edge.bundle); err != nil {
			return err
		}
	}
	for level, hashes := range w.edge.levels {
		if len(hashes) == 0 {
			continue
		}
		n := w.size >> (height * (level + 1))
		if err := write(w.ledger.dir, tilePath(level, n, len(hashes)), joined(hashes)); err != nil {
			return err
		}
	}
	return nil
}

func joined(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*sha256.Size)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

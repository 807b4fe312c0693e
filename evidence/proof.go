package evidence

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a record is in the ledger under a checkpoint.
//
//	{"index":41,"size":1042,"hashes":["qfXM…=",…]}
type Proof struct {
	Index  uint64      `json:"index"`
	Size   uint64      `json:"size"` // of the checkpoint
	Hashes []tlog.Hash `json:"hashes"`
}

// maxSize bounds the sizes for which the tree's arithmetic holds.
const maxSize = 1 << 62

// Check says whether the proof shows that record is in the ledger whose root
// at the proof's size is root (RFC 6962, section 2.1.1).
func (p Proof) Check(record []byte, root tlog.Hash) error {
	if p.Index >= p.Size || p.Size > maxSize {
		return fmt.Errorf("record %d is not among %d", p.Index, p.Size)
	}
	return tlog.CheckRecord(tlog.RecordProof(p.Hashes), int64(p.Size), root, int64(p.Index), tlog.RecordHash(record))
}

// Proof returns the proof that a sealed record is under the last checkpoint.
func (l *Ledger) Proof(index uint64) (Proof, error) { return ProofIn(l.dir, index, uint64(l.sealed)) }

// ProofIn returns the proof that a record is in the first size records of the
// ledger in dir.
func ProofIn(dir string, index, size uint64) (Proof, error) {
	if index >= size {
		return Proof{}, fmt.Errorf("record %d is not sealed yet: the checkpoint covers %d", index, size)
	}
	hashes, err := tlog.ProveRecord(int64(size), int64(index), hashesOf(dir, int64(size)))
	return Proof{Index: index, Size: size, Hashes: hashes}, err
}

// hashes reads stored hashes of the first size records from the tiles of a
// folder. It takes them as they are; what they are worth shows in the root that
// they give.
type hashes struct {
	dir   string
	size  int64
	tiles map[tlog.Tile][]byte
}

func hashesOf(dir string, size int64) *hashes {
	return &hashes{dir: dir, size: size, tiles: map[tlog.Tile][]byte{}}
}

// ReadHashes implements [tlog.HashReader].
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		t := tlog.TileForIndex(height, index)
		t.W = int(min(width, h.size>>(height*t.L)-t.N*width))
		data, err := h.tile(t)
		if err != nil {
			return nil, err
		}
		if out[i], err = tlog.HashFromTile(t, data, index); err != nil {
			return nil, fmt.Errorf("%s: %w", tilePath(t.L, t.N, t.W), err)
		}
	}
	return out, nil
}

func (h *hashes) tile(t tlog.Tile) ([]byte, error) {
	if data, ok := h.tiles[t]; ok {
		return data, nil
	}
	data, err := h.read(t)
	if err != nil {
		return nil, err
	}
	h.tiles[t] = data
	return data, nil
}

// read reads a tile. While a ledger grows, a partial tile may have been
// replaced by a fuller one, which begins with the same hashes.
func (h *hashes) read(t tlog.Tile) ([]byte, error) {
	for w := t.W; ; w++ {
		data, err := readFile(h.dir, tilePath(t.L, t.N, w), maxTile)
		if errors.Is(err, fs.ErrNotExist) && w < width {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, missingFile(tilePath(t.L, t.N, t.W))
		}
		return data[:min(len(data), t.W*tlog.HashSize)], err
	}
}

// rootOf is the root of the first size records by the tiles of a folder.
func rootOf(dir string, size int64) (tlog.Hash, error) {
	if size == 0 {
		return tlog.TreeHash(0, nil)
	}
	return tlog.TreeHash(size, hashesOf(dir, size))
}

package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Ledger appends records to a folder. One process at a time may have it open;
// it is not safe for concurrent use.
//
// A crash at any moment leaves the last checkpoint with all that it covers:
// tiles and bundles are on disk before the checkpoint that speaks of them is.
// What lies beyond it is dropped when the ledger is opened again.
type Ledger struct {
	dir    string
	origin string
	signer note.Signer

	sealed  int64
	pending [][]byte // records that are not sealed yet
	edge    edge
}

// edge is the right edge of the tree: what the next records build on.
type edge struct {
	bundle []byte        // entries of the last bundle, if it is partial
	levels [][]tlog.Hash // hashes of the last tile of each level, if partial
}

// Open opens the ledger in dir, or begins one. It fails if the right edge of the
// tree, on which new records build, does not give the checkpoint's root; that
// all the rest is unchanged is for [Verify] to say, which reads it.
func Open(dir, signerKey, origin string) (*Ledger, error) {
	signer, err := note.NewSigner(signerKey)
	if err != nil {
		return nil, fmt.Errorf("the ledger's key: %w", err)
	}
	if signer.Name() != origin {
		return nil, fmt.Errorf("the ledger's key is of %q, and the ledger is to be of %q; the name cannot change", signer.Name(), origin)
	}
	verifier, err := verifierOf(signerKey, signer)
	if err != nil {
		return nil, err
	}
	l := &Ledger{dir: dir, origin: origin, signer: signer}
	if _, err := os.Stat(filepath.Join(dir, checkpointFile)); errors.Is(err, fs.ErrNotExist) {
		if err := l.leftovers(0); err != nil {
			return nil, err
		}
		return l, write(dir, keyFile, []byte(verifier+"\n"))
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if err != nil {
		return nil, err
	}
	c, err := openCheckpoint(b, v)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return l, l.resume(c)
}

// resume loads the right edge, and checks that it gives the checkpoint's root.
func (l *Ledger) resume(c Checkpoint) error {
	l.sealed = int64(c.Size)
	if err := l.leftovers(l.sealed); err != nil {
		return err
	}
	if l.sealed == 0 {
		return nil
	}
	root, err := rootOf(l.dir, l.sealed)
	if err != nil {
		return fmt.Errorf("the ledger's tiles: %w", err)
	}
	if root != c.Root {
		return fmt.Errorf("the ledger's tiles have root %v, and its checkpoint says %v: the ledger was changed; run sidedoor verify", root, c.Root)
	}
	if w := int(l.sealed % width); w > 0 {
		if l.edge.bundle, err = os.ReadFile(filepath.Join(l.dir, tilePath(-1, l.sealed/width, w))); err != nil {
			return err
		}
		if _, err := parseBundle(l.edge.bundle); err != nil {
			return err
		}
	}
	for count := l.sealed; count > 0; count >>= height {
		level := len(l.edge.levels)
		var hashes []tlog.Hash
		if w := int(count % width); w > 0 {
			b, err := os.ReadFile(filepath.Join(l.dir, tilePath(level, count/width, w)))
			if err != nil {
				return err
			}
			if hashes, err = parseHashes(b, w); err != nil {
				return err
			}
		}
		l.edge.levels = append(l.edge.levels, hashes)
	}
	return nil
}

// leftovers removes files that no tree of the given size has: what a crash
// left, and partial tiles that fuller ones replace.
func (l *Ledger) leftovers(size int64) error {
	keep := map[string]bool{checkpointFile: true, keyFile: true}
	if err := tilesOf(size, func(t tileAt) error { keep[t.path()] = true; return nil }); err != nil {
		return err
	}
	err := filepath.WalkDir(l.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(l.dir, path)
		if err != nil || keep[filepath.ToSlash(rel)] {
			return err
		}
		if !strings.HasPrefix(filepath.ToSlash(rel), "tile/") && !strings.HasSuffix(rel, temporary) {
			return nil // not ours; the verifier will name it
		}
		return os.Remove(path)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Size is the number of records, sealed or not.
func (l *Ledger) Size() uint64 { return uint64(l.sealed) + uint64(len(l.pending)) }

// Append takes records in. They are on disk, and covered by a signature, when
// the next Seal returns.
func (l *Ledger) Append(records ...[]byte) error {
	for _, r := range records {
		if len(r) > maxEntry {
			return fmt.Errorf("record %d has %d bytes, more than the %d that a ledger's entry may have", l.Size(), len(r), maxEntry)
		}
		l.pending = append(l.pending, append([]byte(nil), r...))
	}
	return nil
}

// Seal puts the records on disk and signs a checkpoint over all of them.
func (l *Ledger) Seal(now time.Time) (Checkpoint, error) {
	w := writer{ledger: l, edge: l.edge.clone(), size: l.sealed}
	for _, r := range l.pending {
		if err := w.append(r); err != nil {
			return Checkpoint{}, err
		}
	}
	if err := w.flush(); err != nil {
		return Checkpoint{}, err
	}
	root, err := rootOf(l.dir, w.size)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := sign(Checkpoint{Origin: l.origin, Size: uint64(w.size), Root: root, Time: now}, l.signer)
	if err != nil {
		return c, err
	}
	if err := write(l.dir, checkpointFile, c.Note); err != nil {
		return c, err
	}
	old := l.sealed
	l.sealed, l.edge, l.pending = w.size, w.edge, nil
	l.retire(old)
	return c, nil
}

// retire removes the partial tiles of the tree as it was, which fuller ones
// replace now.
func (l *Ledger) retire(old int64) {
	now := map[string]bool{}
	tilesOfEdge(l.sealed, func(t tileAt) { now[t.path()] = true })
	tilesOfEdge(old, func(t tileAt) {
		if t.w == width || now[t.path()] {
			return
		}
		path := filepath.Join(l.dir, t.path())
		// A leftover is removed on the next start; it harms nobody.
		_ = os.Remove(path)               // as said
		_ = os.Remove(filepath.Dir(path)) // only if empty
	})
}

// tilesOfEdge calls f for the last tile of each level.
func tilesOfEdge(size int64, f func(tileAt)) {
	for level := -1; ; level++ {
		count := size
		for range max(level, 0) {
			count >>= height
		}
		if count == 0 {
			return
		}
		n := (count - 1) / width
		f(tileAt{level: level, n: n, w: int(count - n*width)})
	}
}

func (e edge) clone() edge {
	c := edge{bundle: append([]byte(nil), e.bundle...)}
	for _, l := range e.levels {
		c.levels = append(c.levels, append([]tlog.Hash(nil), l...))
	}
	return c
}

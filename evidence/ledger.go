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
	untidy  bool // a seal failed, and may have left files
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
	b, err := readFile(dir, checkpointFile, maxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return l, l.begin(verifier)
	}
	if err != nil {
		return nil, err
	}
	v, err := note.NewVerifier(verifier)
	if err != nil {
		return nil, err
	}
	c, err := openCheckpoint(b, v)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := l.resume(c); err != nil {
		return nil, err
	}
	// Only now, when all that the checkpoint covers is known to be there.
	return l, l.leftovers(l.sealed)
}

// begin begins a ledger in a folder that has none. A checkpoint is there
// before the first tile is, so tiles without one are no ledger's beginning.
func (l *Ledger) begin(verifier string) error {
	if _, err := os.Stat(filepath.Join(l.dir, "tile")); err == nil {
		return fmt.Errorf("%s is missing from %s, and records are there: restore it from its backup", checkpointFile, l.dir)
	}
	if err := l.leftovers(0); err != nil {
		return err
	}
	return write(l.dir, keyFile, []byte(verifier+"\n"))
}

// resume loads the right edge, and checks that it gives the checkpoint's root.
func (l *Ledger) resume(c Checkpoint) error {
	l.sealed = int64(c.Size)
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
	for count := l.sealed; count > 0; count >>= height {
		level := len(l.edge.levels)
		var hashes []tlog.Hash
		if w := int(count % width); w > 0 {
			b, err := readFile(l.dir, tilePath(level, count/width, w), maxTile)
			if err != nil {
				return err
			}
			if hashes, err = parseHashes(b, w); err != nil {
				return err
			}
		}
		l.edge.levels = append(l.edge.levels, hashes)
	}
	return l.resumeBundle()
}

// resumeBundle loads the last bundle if it is partial, and checks its records:
// the next seal writes them again.
func (l *Ledger) resumeBundle() error {
	w := int(l.sealed % width)
	if w == 0 {
		return nil
	}
	path := tilePath(-1, l.sealed/width, w)
	b, err := readFile(l.dir, path, maxBundle)
	if err != nil {
		return err
	}
	records, err := parseBundle(b)
	if err = cmpErr(err, len(records), w); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	for i, r := range records {
		if tlog.RecordHash(r) != l.edge.levels[0][i] {
			return fmt.Errorf("record %d in %s is not what was sealed: the ledger was changed; run sidedoor verify", l.sealed-int64(w-i), path)
		}
	}
	l.edge.bundle = b
	return nil
}

// leftovers removes files that no tree of the given size has: what a crash
// left, and partial tiles that fuller ones replace.
func (l *Ledger) leftovers(size int64) error {
	keep := map[string]bool{checkpointFile: true, keyFile: true}
	if err := tilesOf(size, func(t tileAt) error { keep[t.path()] = true; return nil }); err != nil {
		return err
	}
	err := walk(l.dir, func(path string, _ fs.DirEntry) error {
		if keep[path] || (!strings.HasPrefix(path, "tile/") && !strings.HasSuffix(path, temporary)) {
			return nil // what is not ours, the verifier will name
		}
		return os.Remove(filepath.Join(l.dir, filepath.FromSlash(path)))
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

// Seal puts the records on disk and signs a checkpoint over all of them. If it
// fails, such as for a full disk, the records stay pending, and it may be called
// again, also after more of them.
func (l *Ledger) Seal(now time.Time) (Checkpoint, error) {
	c, err := l.seal(now)
	if err != nil {
		l.untidy = true
		return c, err
	}
	if l.untidy {
		// Only now: what failed may have come as far as the checkpoint. A leftover
		// that cannot be removed is the next seal's to remove.
		l.untidy = l.leftovers(l.sealed) != nil
	}
	return c, nil
}

func (l *Ledger) seal(now time.Time) (Checkpoint, error) {
	if l.sealed == 0 && len(l.pending) > 0 {
		if _, err := l.head(0, now); err != nil { // see begin
			return Checkpoint{}, err
		}
	}
	w := writer{ledger: l, edge: l.edge.clone(), size: l.sealed}
	for _, r := range l.pending {
		if err := w.append(r); err != nil {
			return Checkpoint{}, err
		}
	}
	if err := w.flush(); err != nil {
		return Checkpoint{}, err
	}
	c, err := l.head(w.size, now)
	if err != nil {
		return c, err
	}
	old := l.sealed
	l.sealed, l.edge, l.pending = w.size, w.edge, nil
	l.retire(old)
	return c, nil
}

// head signs a checkpoint over the first size records on disk, and replaces
// the last one with it.
func (l *Ledger) head(size int64, now time.Time) (Checkpoint, error) {
	root, err := rootOf(l.dir, size)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := sign(Checkpoint{Origin: l.origin, Size: uint64(size), Root: root, Time: now}, l.signer)
	if err != nil {
		return c, err
	}
	return c, write(l.dir, checkpointFile, c.Note)
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

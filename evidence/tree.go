package evidence

import (
	"bytes"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// treeCheck recomputes the tree from the records.
type treeCheck struct {
	dir    string
	size   int64
	report *Report
	levels [][]tlog.Hash // hashes of the tile at hand of each level
	tiles  []int64       // tiles done of each level
	// edge is what is only there until the ledger grows.
	edge map[string][]byte
}

// preload reads the partial tiles, so that a ledger that grows while its
// records are read does not take them away meanwhile: full ones stay.
func (t *treeCheck) preload() error {
	t.edge = map[string][]byte{}
	var all error
	tilesOfEdge(t.size, func(at tileAt) {
		if at.w == width || all != nil {
			return
		}
		t.edge[at.path()], all = readFile(t.dir, at.path(), at.limit())
	})
	return all
}

func (t *treeCheck) read(at tileAt) ([]byte, error) {
	if b, ok := t.edge[at.path()]; ok {
		return b, nil
	}
	return readFile(t.dir, at.path(), at.limit())
}

func (t *treeCheck) run() error {
	for n := int64(0); n*width < t.size; n++ {
		if err := t.bundle(n, int(min(t.size-n*width, width))); err != nil {
			return err
		}
	}
	for level := range t.levels {
		if err := t.partial(level); err != nil {
			return err
		}
	}
	root, err := rootOf(t.dir, t.size)
	if err != nil {
		return err
	}
	if root != t.report.Checkpoint.Root {
		return fmt.Errorf("%s: the records have root %s, the checkpoint says %s", checkpointFile, root, t.report.Checkpoint.Root)
	}
	return nil
}

// bundle checks the records of a bundle against the tile of their hashes.
func (t *treeCheck) bundle(n int64, w int) error {
	entries, tile := tileAt{level: -1, n: n, w: w}, tileAt{level: 0, n: n, w: w}
	b, err := t.read(entries)
	if err != nil {
		return err
	}
	records, bad := parseBundle(b)
	hb, err := t.read(tile)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(hb, w)
	if err != nil {
		return fmt.Errorf("%s: %w", tile.path(), err)
	}
	for i := range min(len(records), w) {
		if tlog.RecordHash(records[i]) != hashes[i] {
			return fmt.Errorf("record %d (%s) is not what was sealed: %s and %s differ", n*width+int64(i), describe(records[i]), entries.path(), tile.path())
		}
	}
	if err := cmpErr(bad, len(records), w); err != nil {
		return fmt.Errorf("%s: record %d: %w", entries.path(), n*width+int64(min(len(records), w)), err)
	}
	for i, r := range records {
		t.report.Types[typeOf(r)]++
		if err := t.push(0, hashes[i]); err != nil {
			return err
		}
	}
	return nil
}

// cmpErr says what is wrong with a bundle that holds got records.
func cmpErr(bad error, got, want int) error {
	if bad != nil || got == want {
		return bad
	}
	return fmt.Errorf("there are %d records, want %d", got, want)
}

// push adds a hash to a level; a tile that is full is compared with its file,
// and its root goes up a level.
func (t *treeCheck) push(level int, h tlog.Hash) error {
	if level == len(t.levels) {
		t.levels, t.tiles = append(t.levels, nil), append(t.tiles, 0)
	}
	t.levels[level] = append(t.levels[level], h)
	if len(t.levels[level]) < width {
		return nil
	}
	if err := t.compare(level); err != nil {
		return err
	}
	root := fullRoot(t.levels[level])
	t.levels[level] = nil
	t.tiles[level]++
	return t.push(level+1, root)
}

func (t *treeCheck) partial(level int) error {
	if len(t.levels[level]) == 0 {
		return nil
	}
	return t.compare(level)
}

// compare checks a tile's file against the hashes recomputed.
func (t *treeCheck) compare(level int) error {
	tile := tileAt{level: level, n: t.tiles[level], w: len(t.levels[level])}
	b, err := t.read(tile)
	if err != nil {
		return err
	}
	if want := joined(t.levels[level]); !bytes.Equal(b, want) {
		at := 0
		for at < len(b) && at < len(want) && b[at] == want[at] {
			at++
		}
		return fmt.Errorf("%s: hash %d is not that of what lies below it", tile.path(), at/hashSize)
	}
	return nil
}

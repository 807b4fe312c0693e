package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifyOptions say what the verifier knows from elsewhere.
type VerifyOptions struct {
	// VerifierKey is the ledger's public key; empty: the one in the folder,
	// which shows only that the folder agrees with itself.
	VerifierKey string
	// OldCheckpoint is a checkpoint that was kept from earlier: the ledger
	// must have grown from it.
	OldCheckpoint []byte
}

// Report says what was verified.
type Report struct {
	Checkpoint Checkpoint
	Key        string         // the key that verified it
	KeyGiven   bool           // the key came from elsewhere
	Grown      uint64         // size of the old checkpoint, if one was given
	Types      map[string]int // records by type
	Items      int            // of an exported folder
	Redacted   int            // raw events whose original digest cannot be recomputed
}

// String says it in sentences.
func (r Report) String() string {
	var b strings.Builder
	c := r.Checkpoint
	if r.Items > 0 || r.Types == nil {
		fmt.Fprintf(&b, "The exported folder verifies: %d items, each record proven under the checkpoint.\n", r.Items)
	} else {
		fmt.Fprintf(&b, "The ledger verifies: %d records.\n", c.Size)
	}
	fmt.Fprintf(&b, "Checkpoint of %s, size %d, root %s, signed at %s.\n", c.Origin, c.Size, c.Root, c.Time.UTC().Format(time.RFC3339))
	for _, t := range slices.Sorted(maps.Keys(r.Types)) {
		fmt.Fprintf(&b, "  %-10s %d\n", t, r.Types[t])
	}
	if r.Grown > 0 {
		fmt.Fprintf(&b, "It grew from the checkpoint of %d records that was given.\n", r.Grown)
	}
	if r.Redacted > 0 {
		fmt.Fprintf(&b, "%d raw events were redacted on arrival: their original digest cannot be recomputed.\n", r.Redacted)
	}
	if r.KeyGiven {
		fmt.Fprintf(&b, "Key: %s, as given.", r.Key)
	} else {
		fmt.Fprintf(&b, "Key: %s, found in the folder itself; compare it with the one that you keep.", r.Key)
	}
	return b.String()
}

// VerifyAny verifies a ledger's folder, a data folder that holds one, or an
// exported folder. The error names the first thing that does not fit.
func VerifyAny(dir string, opts VerifyOptions) (Report, error) {
	for _, c := range []struct {
		file   string
		verify func() (Report, error)
	}{
		{manifestFile, func() (Report, error) { return VerifyExport(dir, opts) }},
		{checkpointFile, func() (Report, error) { return Verify(dir, opts) }},
		{filepath.Join("ledger", checkpointFile), func() (Report, error) { return Verify(filepath.Join(dir, "ledger"), opts) }},
	} {
		if _, err := os.Stat(filepath.Join(dir, c.file)); err == nil {
			return c.verify()
		}
	}
	return Report{}, fmt.Errorf("there is neither a ledger nor an exported folder here: no %s, no %s", checkpointFile, manifestFile)
}

// Verify recomputes a ledger from its records: their hashes, each tile, the
// root, the signature. Every byte of every file in the folder counts.
//
// A ledger may grow meanwhile: then its checkpoint changes, or there are files
// of the next one already, and it is verified anew.
func Verify(dir string, opts VerifyOptions) (r Report, err error) {
	for range maxGrowths {
		before, readErr := os.ReadFile(filepath.Join(dir, checkpointFile))
		if r, err = verify(dir, opts); err == nil || readErr != nil {
			return r, err
		}
		early := errors.Is(err, errStray)
		if early {
			time.Sleep(growth)
		}
		after, readErr := os.ReadFile(filepath.Join(dir, checkpointFile))
		if readErr != nil || (bytes.Equal(before, after) && !early) {
			return r, err
		}
	}
	return r, err
}

const (
	// maxGrowths bounds how often a ledger is verified anew.
	maxGrowths = 10
	// growth is about how long a seal takes, from its first tile to its
	// checkpoint.
	growth = 50 * time.Millisecond
)

// errStray says that there is a file that the ledger does not have.
var errStray = errors.New("does not belong to a ledger")

func verify(dir string, opts VerifyOptions) (Report, error) {
	r := Report{Types: map[string]int{}}
	v, err := verifierFor(dir, opts, &r)
	if err != nil {
		return r, err
	}
	b, err := os.ReadFile(filepath.Join(dir, checkpointFile))
	if err != nil {
		return r, err
	}
	if r.Checkpoint, err = openCheckpoint(b, v); err != nil {
		return r, fmt.Errorf("%s: %w", checkpointFile, err)
	}
	if err := sameFiles(dir, int64(r.Checkpoint.Size)); err != nil {
		return r, err
	}
	t := &treeCheck{dir: dir, size: int64(r.Checkpoint.Size), report: &r}
	if err := t.run(); err != nil {
		return r, err
	}
	return r, grown(dir, opts, v, &r)
}

// verifierFor returns the key to verify with. A key file in the folder has to
// be the same key.
func verifierFor(dir string, opts VerifyOptions, r *Report) (note.Verifier, error) {
	b, err := os.ReadFile(filepath.Join(dir, keyFile))
	if err != nil {
		return nil, err
	}
	key := strings.TrimSuffix(string(b), "\n")
	if given := strings.TrimSpace(opts.VerifierKey); given != "" {
		if given != key {
			return nil, fmt.Errorf("%s is not the key that was given", keyFile)
		}
		r.KeyGiven = true
	}
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	_, encoded, _ := strings.Cut(strings.TrimPrefix(key, v.Name()+"+"), "+")
	if want := fmt.Sprintf("%s+%08x+%s\n", v.Name(), v.KeyHash(), encoded); string(b) != want {
		return nil, fmt.Errorf("%s is not written in its one canonical form", keyFile)
	}
	r.Key = key
	return v, nil
}

// grown checks that the ledger is a later state of an older checkpoint.
func grown(dir string, opts VerifyOptions, v note.Verifier, r *Report) error {
	if opts.OldCheckpoint == nil {
		return nil
	}
	old, err := openCheckpoint(opts.OldCheckpoint, v)
	if err != nil {
		return fmt.Errorf("the old checkpoint: %w", err)
	}
	if old.Size > r.Checkpoint.Size {
		return fmt.Errorf("the ledger has %d records and had %d: records were cut off", r.Checkpoint.Size, old.Size)
	}
	if old.Size > 0 {
		// The tiles are verified by now, so the older root can be computed.
		root, err := tlog.TreeHash(int64(old.Size), hashesOf(dir, int64(r.Checkpoint.Size)))
		if err != nil {
			return err
		}
		if root != old.Root {
			return fmt.Errorf("the first %d records are not those of the old checkpoint: history was rewritten", old.Size)
		}
	}
	r.Grown = old.Size
	return nil
}

// sameFiles checks that the folder holds the files of a ledger of this size
// and no others.
func sameFiles(dir string, size int64) error {
	want := map[string]bool{checkpointFile: true, keyFile: true}
	err := tilesOf(size, func(t tileAt) error {
		want[t.path()] = true
		if _, err := os.Stat(filepath.Join(dir, t.path())); err != nil {
			return fmt.Errorf("%s is missing", t.path())
		}
		return nil
	})
	if err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rel = filepath.ToSlash(rel); !want[rel] {
			return fmt.Errorf("%s %w of %d records", rel, errStray, size)
		}
		return nil
	})
}

// treeCheck recomputes the tree from the records.
type treeCheck struct {
	dir    string
	size   int64
	report *Report
	levels [][]tlog.Hash // hashes of the tile at hand of each level
	tiles  []int64       // tiles done of each level
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
	path := tilePath(-1, n, w)
	b, err := os.ReadFile(filepath.Join(t.dir, path))
	if err != nil {
		return err
	}
	records, bad := parseBundle(b)
	tile := tilePath(0, n, w)
	hb, err := os.ReadFile(filepath.Join(t.dir, tile))
	if err != nil {
		return err
	}
	hashes, err := parseHashes(hb, w)
	if err != nil {
		return fmt.Errorf("%s: %w", tile, err)
	}
	for i := range min(len(records), w) {
		if tlog.RecordHash(records[i]) != hashes[i] {
			return fmt.Errorf("record %d (%s) is not what was sealed: %s and %s differ", n*width+int64(i), describe(records[i]), path, tile)
		}
	}
	if bad != nil || len(records) != w {
		return fmt.Errorf("%s: record %d: %w", path, n*width+int64(min(len(records), w)), cmpErr(bad, len(records), w))
	}
	for i, r := range records {
		t.report.Types[typeOf(r)]++
		if err := t.push(0, hashes[i]); err != nil {
			return err
		}
	}
	return nil
}

func cmpErr(bad error, got, want int) error {
	if bad != nil {
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
	path := tilePath(level, t.tiles[level], len(t.levels[level]))
	b, err := os.ReadFile(filepath.Join(t.dir, path))
	if err != nil {
		return err
	}
	if want := joined(t.levels[level]); !bytes.Equal(b, want) {
		at := 0
		for at < len(b) && at < len(want) && b[at] == want[at] {
			at++
		}
		return fmt.Errorf("%s: hash %d is not that of what lies below it", path, at/sha256.Size)
	}
	return nil
}

// header is what the verifier looks at in a record.
type header struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func typeOf(record []byte) string {
	var h header
	if json.Unmarshal(record, &h) != nil || h.Type == "" {
		return "unknown"
	}
	return h.Type
}

// describe names a record, as far as its bytes still say.
func describe(record []byte) string {
	var h header
	if json.Unmarshal(record, &h) != nil || h.Type == "" {
		return "no longer readable"
	}
	return fmt.Sprintf("%s %.80q", h.Type, h.ID)
}

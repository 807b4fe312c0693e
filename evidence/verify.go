package evidence

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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

// ErrNoEvidence says that a folder is none that can be verified.
var ErrNoEvidence = errors.New("there is neither a ledger nor an exported folder here")

// VerifyAny verifies a ledger's folder, a data folder that holds one, or an
// exported folder. The error names the first thing that does not fit, or is
// [ErrNoEvidence].
func VerifyAny(dir string, opts VerifyOptions) (Report, error) {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			_, err := os.Lstat(filepath.Join(dir, name))
			return err == nil
		})
	}
	// Any part of a folder tells what it was: one that lost its checkpoint or
	// its manifest is a fault, and not another kind of folder.
	switch {
	case has(manifestFile, sealFile, populationFile):
		return VerifyExport(dir, opts)
	case has(checkpointFile, "tile"):
		return Verify(dir, opts)
	case has("ledger"):
		return Verify(filepath.Join(dir, "ledger"), opts)
	}
	return Report{}, fmt.Errorf("%w: no %s, no %s", ErrNoEvidence, checkpointFile, manifestFile)
}

// Verify recomputes a ledger from its records: their hashes, each tile, the
// root, the signature. Every byte of every file in the folder counts.
//
// A ledger may grow meanwhile: what is verified is the ledger as it was at the
// beginning.
func Verify(dir string, opts VerifyOptions) (r Report, err error) {
	defer func() { err = plain(err) }()
	for range maxGrowths {
		before, readErr := readFile(dir, checkpointFile, maxNote)
		if r, err = verify(dir, opts); err == nil || readErr != nil {
			return r, err
		}
		// A partial tile may have gone before it was read.
		after, readErr := readFile(dir, checkpointFile, maxNote)
		if readErr != nil || bytes.Equal(before, after) {
			return r, err
		}
	}
	return r, err
}

const (
	// maxGrowths bounds how often a ledger that grows is looked at again.
	maxGrowths = 20
	// growth is about how long a seal takes, from its first tile to its
	// checkpoint.
	growth = 25 * time.Millisecond
)

func verify(dir string, opts VerifyOptions) (Report, error) {
	r := Report{Types: map[string]int{}}
	v, err := head(dir, opts, &r)
	if err != nil {
		return r, err
	}
	strays, err := sameFiles(dir, int64(r.Checkpoint.Size))
	if err != nil {
		return r, err
	}
	t := &treeCheck{dir: dir, size: int64(r.Checkpoint.Size), report: &r}
	if err := t.preload(); err != nil {
		return r, err
	}
	if err := settled(dir, v, strays); err != nil {
		return r, err
	}
	if err := t.run(); err != nil {
		return r, err
	}
	return r, grown(dir, opts, v, &r)
}

// head reads the key and the checkpoint of a folder into the report.
func head(dir string, opts VerifyOptions, r *Report) (note.Verifier, error) {
	v, err := verifierFor(dir, opts, r)
	if err != nil {
		return nil, err
	}
	b, err := readFile(dir, checkpointFile, maxNote)
	if err != nil {
		return nil, err
	}
	if r.Checkpoint, err = openCheckpoint(b, v); err != nil {
		return nil, fmt.Errorf("%s: %w", checkpointFile, err)
	}
	return v, nil
}

// verifierFor returns the key to verify with. A key file in the folder has to
// be the same key.
func verifierFor(dir string, opts VerifyOptions, r *Report) (note.Verifier, error) {
	b, err := readFile(dir, keyFile, maxNote)
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

// header is what the verifier looks at in a record.
type header struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// maxType bounds what is taken for a record's type.
const maxType = 32

// typeOf is a record's type if it is one of our words; any other record counts
// as unknown.
func typeOf(record []byte) string {
	var h header
	strange := func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') }
	if json.Unmarshal(record, &h) != nil || h.Type == "" || len(h.Type) > maxType || strings.ContainsFunc(h.Type, strange) {
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
	return fmt.Sprintf("%.32s %.80q", h.Type, h.ID)
}

package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
)

// Files of an exported folder.
const (
	manifestFile   = "manifest.json"
	populationFile = "population.json"
	sampleFile     = "sample.json"
)

// Manifest lists what an exported folder holds. It is bound by a signature of
// the ledger's key over its digest; beyond that, each record is proven under
// the checkpoint, each raw event by the digest in its verdict's record, and
// population and sample by the record of the draw.
type Manifest struct {
	Files map[string]string `json:"files"` // path -> hexadecimal SHA-256
	Items []ManifestItem    `json:"items"`
}

// ManifestItem is one item of the sample.
type ManifestItem struct {
	ID      string           `json:"id"`
	Records []ManifestRecord `json:"records"`
	Events  []ManifestEvent  `json:"events"`
	Rules   []ManifestRule   `json:"rules"`
}

// ManifestRecord is a record with its proof.
type ManifestRecord struct {
	Record string `json:"record"` // paths
	Proof  string `json:"proof"`
}

// ManifestEvent is a raw event, and the record that gives its digest.
type ManifestEvent struct {
	Path     string `json:"path"`
	Verdict  string `json:"verdict"` // path of the verdict's record
	Redacted bool   `json:"redacted,omitempty"`
}

// ManifestRule is the text of a rule, and a record of a verdict made by it.
type ManifestRule struct {
	Path    string `json:"path"`
	Verdict string `json:"verdict"` // path of the verdict's record
}

// VerifyExport verifies an exported folder, offline and by itself. An older
// checkpoint has to be that of the folder: only the whole ledger shows that it
// grew.
func VerifyExport(dir string, opts VerifyOptions) (Report, error) {
	r, err := verifyExport(dir, opts)
	return r, plain(err)
}

func verifyExport(dir string, opts VerifyOptions) (Report, error) {
	r := Report{}
	v, err := head(dir, opts, &r)
	if err != nil {
		return r, err
	}
	if err := sameHead(opts, v, &r); err != nil {
		return r, err
	}
	m, err := openManifest(dir, v)
	if err != nil {
		return r, err
	}
	e := &exportCheck{dir: dir, manifest: m, report: &r}
	if err := e.files(); err != nil {
		return r, err
	}
	if err := e.draw(); err != nil {
		return r, err
	}
	for _, item := range m.Items {
		if err := e.item(item); err != nil {
			return r, fmt.Errorf("item %s: %w", item.ID, err)
		}
		r.Items++
	}
	return r, nil
}

// sameHead checks that an older checkpoint, if one is given, is of the very
// tree that the export was taken from.
func sameHead(opts VerifyOptions, v note.Verifier, r *Report) error {
	if opts.OldCheckpoint == nil {
		return nil
	}
	old, err := openCheckpoint(opts.OldCheckpoint, v)
	if err != nil {
		return fmt.Errorf("the old checkpoint: %w", err)
	}
	if old.Size != r.Checkpoint.Size {
		return fmt.Errorf("the old checkpoint is of %d records and the folder's of %d: an exported folder cannot show that one grew from the other; verify the ledger itself", old.Size, r.Checkpoint.Size)
	}
	if old.Root != r.Checkpoint.Root {
		return fmt.Errorf("the %d records are not those of the old checkpoint: history was rewritten", old.Size)
	}
	r.Grown = old.Size
	return nil
}

type exportCheck struct {
	dir      string
	manifest Manifest
	report   *Report
}

// read reads a file whose digest was checked.
func (e *exportCheck) read(path string, limit int64) ([]byte, error) {
	if _, ok := e.manifest.Files[path]; !ok {
		return nil, fmt.Errorf("%s is not in the manifest", path)
	}
	return readFile(e.dir, path, limit)
}

// unlisted are the files that the manifest does not list: they are checked by
// themselves.
var unlisted = []string{manifestFile, sealFile, checkpointFile, keyFile}

// files checks every file's digest, and that there is no other file.
func (e *exportCheck) files() error {
	seen := map[string]bool{}
	err := walk(e.dir, func(path string, _ fs.DirEntry) error {
		want, listed := e.manifest.Files[path]
		if !listed {
			if slices.Contains(unlisted, path) {
				return nil
			}
			return fmt.Errorf("%s is not in the manifest", path)
		}
		seen[path] = true
		b, err := readFile(e.dir, path, maxDocument)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			return fmt.Errorf("%s was changed: its digest is not the manifest's", path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(e.manifest.Files)) {
		if !seen[path] {
			return missingFile(path)
		}
	}
	return nil
}

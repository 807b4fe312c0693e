package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// VerifyExport verifies an exported folder, offline and by itself.
func VerifyExport(dir string, opts VerifyOptions) (Report, error) {
	r := Report{}
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

type exportCheck struct {
	dir      string
	manifest Manifest
	report   *Report
}

func (e *exportCheck) read(path string) ([]byte, error) {
	if !filepath.IsLocal(filepath.FromSlash(path)) {
		return nil, fmt.Errorf("%q leads out of the folder", path)
	}
	return os.ReadFile(filepath.Join(e.dir, filepath.FromSlash(path)))
}

// unlisted are the files that the manifest does not list: they are checked by
// themselves.
var unlisted = []string{manifestFile, sealFile, checkpointFile, keyFile}

// files checks every file's digest, and that there is no other file.
func (e *exportCheck) files() error {
	seen := 0
	err := filepath.WalkDir(e.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(e.dir, path)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		want, listed := e.manifest.Files[rel]
		if !listed {
			if slices.Contains(unlisted, rel) {
				return nil
			}
			return fmt.Errorf("%s is not in the manifest", rel)
		}
		seen++
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != want {
			return fmt.Errorf("%s was changed: its digest is not the manifest's", rel)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if seen != len(e.manifest.Files) {
		for path := range e.manifest.Files {
			if _, err := os.Stat(filepath.Join(e.dir, filepath.FromSlash(path))); err != nil {
				return fmt.Errorf("%s is missing", path)
			}
		}
	}
	return nil
}

// body is what the verifier looks at in a record's body.
type body struct {
	Type string `json:"type"`
	Body struct {
		ID    string `json:"id"`
		Event struct {
			Digest string `json:"digest"`
		} `json:"event"`
	} `json:"body"`
}

// item checks that an item's records are proven, that they are of the item,
// and that each verdict among them comes with its raw event.
func (e *exportCheck) item(item ManifestItem) error {
	verdicts := map[string]body{} // by path
	own := false
	for _, rec := range item.Records {
		b, err := e.proven(rec)
		if err != nil {
			return err
		}
		var r body
		if err := json.Unmarshal(b, &r); err != nil {
			return fmt.Errorf("%s: %w", rec.Record, err)
		}
		own = own || (r.Body.ID == item.ID && (r.Type == "verdict" || r.Type == "alert"))
		if r.Type == "verdict" {
			verdicts[rec.Record] = r
		}
	}
	if !own {
		return errors.New("none of its records is of it")
	}
	shown := map[string]bool{}
	for _, ev := range item.Events {
		v, ok := verdicts[ev.Verdict]
		if !ok {
			return fmt.Errorf("%s belongs to %s, which is no proven verdict of the item", ev.Path, ev.Verdict)
		}
		if err := e.event(ev, v); err != nil {
			return err
		}
		shown[v.Body.ID] = true
	}
	for path, v := range verdicts {
		if !shown[v.Body.ID] {
			return fmt.Errorf("the raw event of %s is missing", path)
		}
	}
	return nil
}

// proven reads a record and checks its proof.
func (e *exportCheck) proven(rec ManifestRecord) ([]byte, error) {
	b, err := e.read(rec.Record)
	if err != nil {
		return nil, err
	}
	p, err := e.proof(rec.Proof)
	if err != nil {
		return nil, err
	}
	if err := p.Check(b, e.report.Checkpoint.Root); err != nil {
		return nil, fmt.Errorf("%s is not proven under the checkpoint: %w", rec.Record, err)
	}
	return b, nil
}

func (e *exportCheck) proof(path string) (Proof, error) {
	var p Proof
	b, err := e.read(path)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if p.Size != e.report.Checkpoint.Size {
		return p, fmt.Errorf("%s: it is for a ledger of %d records, the checkpoint is of %d", path, p.Size, e.report.Checkpoint.Size)
	}
	return p, nil
}

// event checks a raw event against the digest that its verdict recorded when
// the event arrived.
func (e *exportCheck) event(ev ManifestEvent, v body) error {
	raw, err := e.read(ev.Path)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) == v.Body.Event.Digest {
		return nil
	}
	if ev.Redacted && strings.Contains(string(raw), "[redacted]") {
		e.report.Redacted++
		return nil
	}
	return fmt.Errorf("%s is not the event that %s was made from", ev.Path, ev.Verdict)
}

// Population is the list that a sample is drawn from, as it stands in
// population.json.
type Population struct {
	IDs []string `json:"ids"` // sorted
}

// draw draws the sample again.
func (e *exportCheck) draw() error {
	var p Population
	var s struct {
		Record string `json:"record"`
		Proof  string `json:"proof"`
	}
	for path, to := range map[string]any{populationFile: &p, sampleFile: &s} {
		b, err := e.read(path)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, to); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if !slices.IsSorted(p.IDs) {
		return fmt.Errorf("%s: the population is not sorted", populationFile)
	}
	rec, err := e.proven(ManifestRecord{Record: s.Record, Proof: s.Proof})
	if err != nil {
		return fmt.Errorf("the draw: %w", err)
	}
	return e.redraw(p, rec)
}

// redraw compares the record of the draw with a draw made anew.
func (e *exportCheck) redraw(p Population, rec []byte) error {
	var r struct {
		Body struct {
			Population string   `json:"population"`
			Count      int      `json:"count"`
			Seed       string   `json:"seed"`
			Size       int      `json:"size"`
			Items      []string `json:"items"`
		} `json:"body"`
	}
	if err := json.Unmarshal(rec, &r); err != nil {
		return fmt.Errorf("the record of the draw: %w", err)
	}
	root := PopulationRoot(p.IDs)
	if hex.EncodeToString(root[:]) != r.Body.Population || len(p.IDs) != r.Body.Count {
		return fmt.Errorf("%s is not the population of %d that the draw was made from", populationFile, r.Body.Count)
	}
	again := Draw(p.IDs, r.Body.Population, r.Body.Seed, r.Body.Size)
	if !slices.Equal(again, r.Body.Items) {
		return errors.New("the draw was not made as it says: drawing again with its seed gives other items")
	}
	ids := make([]string, len(e.manifest.Items))
	for i, it := range e.manifest.Items {
		ids[i] = it.ID
	}
	if !slices.Equal(ids, again) {
		return errors.New("the folder's items are not those that were drawn: " + strconv.Itoa(len(ids)) + " of " + strconv.Itoa(len(again)))
	}
	return nil
}

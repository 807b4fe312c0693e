package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/evidence"
)

// Archive finds what records refer to.
type Archive interface {
	// Raw returns an event as it is stored, redacted if it was.
	Raw(ctx context.Context, r event.Ref) ([]byte, error)
	// Document returns the exact text of a rule.
	Document(ctx context.Context, d event.Digest) ([]byte, error)
}

// ExportInput is what an export is made from. The same input gives the same
// files, byte for byte.
type ExportInput struct {
	Index      *Index
	Population Population
	SampleID   string // of the record of the draw
	Sample     event.Sample
	Archive    Archive
	LedgerDir  string // sealed beyond every record that is exported
	SignerKey  string // of the ledger
	Statement  string // who made it, with which version
}

// Export writes the evidence of a sample to a new folder.
func Export(ctx context.Context, dir string, in ExportInput) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o750); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil {
		return err
	}
	w := &exporter{dir: dir, in: in, manifest: evidence.Manifest{Files: map[string]string{}}}
	if err := w.run(ctx); err != nil {
		// Half an export would be in the way of the next try.
		return errors.Join(fmt.Errorf("export to %s: %w", dir, err), os.RemoveAll(dir))
	}
	return nil
}

type exporter struct {
	dir      string
	in       ExportInput
	manifest evidence.Manifest
	report   evidence.Report
	pages    []page
}

func (w *exporter) run(ctx context.Context) error {
	var err error
	if w.report, err = evidence.Verify(w.in.LedgerDir, evidence.VerifyOptions{}); err != nil {
		return fmt.Errorf("the ledger does not verify, so nothing is exported: %w", err)
	}
	// The ledger may have grown since, so the checkpoint is the one that was
	// verified.
	for name, content := range map[string][]byte{"checkpoint": w.report.Checkpoint.Note, "key.pub": []byte(w.report.Key + "\n")} {
		if err := os.WriteFile(filepath.Join(w.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	if err := w.draw(); err != nil {
		return err
	}
	for i, id := range w.in.Sample.Items {
		if err := w.item(ctx, i, id); err != nil {
			return fmt.Errorf("item %s: %w", id, err)
		}
	}
	if err := w.explain(); err != nil {
		return err
	}
	b, err := indented(w.manifest)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.dir, "manifest.json"), b, 0o600); err != nil {
		return err
	}
	return evidence.SealExport(w.dir, w.in.SignerKey)
}

// draw writes the population and the record of the draw.
func (w *exporter) draw() error {
	l, ok := w.in.Index.samples[w.in.SampleID]
	if !ok {
		return errors.New("the draw is not recorded")
	}
	rec, proof, err := w.record("draw", l)
	if err != nil {
		return err
	}
	if err := w.json("sample.json", struct {
		event.Sample
		Record string `json:"record"`
		Proof  string `json:"proof"`
	}{w.in.Sample, rec, proof}); err != nil {
		return err
	}
	return w.json("population.json", struct {
		evidence.Population
		About Population `json:"about"`
	}{evidence.Population{IDs: w.in.Population.IDs()}, w.in.Population})
}

// step is a record in an item's chain.
type step struct {
	Index  uint64     `json:"index"` // in the ledger
	Type   event.Type `json:"type"`
	ID     string     `json:"id"`
	Time   string     `json:"time"`
	Record string     `json:"record"`
	Proof  string     `json:"proof"`
	Text   string     `json:"text"` // what it says, for people
}

// chainFile is an item's chain.json.
type chainFile struct {
	ID      string   `json:"id"`
	Of      string   `json:"of"`
	Events  []string `json:"events"`
	Rules   []string `json:"rules"`
	Steps   []step   `json:"steps"`
	Missing []string `json:"missing,omitempty"`
}

// item writes an item's folder.
func (w *exporter) item(ctx context.Context, i int, id string) error {
	folder := fmt.Sprintf("items/%03d-%s", i+1, short(id))
	links, verdicts := w.in.Index.chain(w.in.Sample.Of, id)
	mi := evidence.ManifestItem{ID: id, Records: []evidence.ManifestRecord{}, Events: []evidence.ManifestEvent{}, Rules: []evidence.ManifestRule{}}
	chain := chainFile{ID: id, Of: w.in.Sample.Of}
	paths := map[uint64]string{}
	for _, l := range links {
		rec, proof, err := w.record(folder, l)
		if err != nil {
			return err
		}
		paths[l.index] = rec
		mi.Records = append(mi.Records, evidence.ManifestRecord{Record: rec, Proof: proof})
		chain.Steps = append(chain.Steps, step{
			Index: l.index, Type: l.typ, ID: l.id, Time: stamp(l.time), Record: rec, Proof: proof, Text: tell(l),
		})
	}
	if err := w.events(ctx, folder, verdicts, paths, &mi, &chain); err != nil {
		return err
	}
	chain.Missing = missing(links, w.in.Sample.Of)
	if err := w.json(folder+"/chain.json", chain); err != nil {
		return err
	}
	w.manifest.Items = append(w.manifest.Items, mi)
	at := slices.IndexFunc(w.in.Population.Items, func(it Item) bool { return it.ID == id })
	if at < 0 {
		return errors.New("it is not in the population")
	}
	w.pages = append(w.pages, page{Number: i + 1, Item: w.in.Population.Items[at], chainFile: chain})
	return nil
}

// events writes the raw events and rules behind an item's verdicts, each once.
func (w *exporter) events(ctx context.Context, folder string, verdicts []entry[event.Verdict], paths map[uint64]string, mi *evidence.ManifestItem, chain *chainFile) error {
	done := map[string]bool{}
	for _, v := range verdicts {
		if !done[v.body.ID] {
			done[v.body.ID] = true
			raw, err := w.in.Archive.Raw(ctx, v.body.Event)
			if err != nil {
				return fmt.Errorf("raw event of verdict %s: %w", v.body.ID, err)
			}
			redacted := event.DigestOf(raw) != v.body.Event.Digest
			if redacted && !bytes.Contains(raw, []byte(evidence.Redacted)) {
				return fmt.Errorf("raw event of verdict %s: it is not what the verdict was made from: it was changed in the store", v.body.ID)
			}
			name := fmt.Sprintf("%s/events/%03d-%s.json", folder, len(chain.Events)+1, short(v.body.ID))
			if err := w.file(name, raw); err != nil {
				return err
			}
			mi.Events = append(mi.Events, evidence.ManifestEvent{
				Path: name, Verdict: paths[v.index], Redacted: redacted,
			})
			chain.Events = append(chain.Events, name)
		}
		rule := fmt.Sprintf("%s/rules/%s-%s.yml", folder, safe(v.body.Rule.Name), v.body.Rule.Digest.Short())
		if done[rule] {
			continue
		}
		done[rule] = true
		text, err := w.in.Archive.Document(ctx, v.body.Rule.Digest)
		if err != nil {
			return fmt.Errorf("rule %s: %w", v.body.Rule.Name, err)
		}
		if err := w.file(rule, text); err != nil {
			return err
		}
		mi.Rules = append(mi.Rules, evidence.ManifestRule{Path: rule, Verdict: paths[v.index]})
		chain.Rules = append(chain.Rules, rule)
	}
	return nil
}

// record writes a record and its proof.
func (w *exporter) record(folder string, l link) (rec, proof string, err error) {
	p, err := evidence.ProofIn(w.in.LedgerDir, l.index, w.report.Checkpoint.Size)
	if err != nil {
		return "", "", err
	}
	if err := p.Check(l.raw, w.report.Checkpoint.Root); err != nil {
		return "", "", fmt.Errorf("record %d is not what the ledger has: %w", l.index, err)
	}
	rec = fmt.Sprintf("%s/records/%06d-%s.json", folder, l.index, l.typ)
	proof = fmt.Sprintf("%s/proofs/%06d.json", folder, l.index)
	return rec, proof, errors.Join(w.file(rec, l.raw), w.json(proof, p))
}

func (w *exporter) json(name string, v any) error {
	b, err := indented(v)
	if err != nil {
		return err
	}
	return w.file(name, b)
}

func indented(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	return append(b, '\n'), err
}

// file writes a file and lists it in the manifest.
func (w *exporter) file(name string, content []byte) error {
	to := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	w.manifest.Files[path.Clean(name)] = hex.EncodeToString(sum[:])
	return os.WriteFile(to, content, 0o600)
}

// short is the beginning of an ID, fit for a file's name.
func short(id string) string { return safe(id[:min(len(id), 16)]) }

// safe makes a name of the policy fit for a file's.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if (r >= 'a' && r <= 'z') || (r >= 'A' && r <= 'Z') || (r >= '0' && r <= '9') || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, s[:min(len(s), 80)])
}

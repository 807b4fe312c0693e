package audit_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/audit"
	"sidedoor/event"
	"sidedoor/evidence"
)

// reseal changes an export and signs it again, as who holds the key can: its
// manifest lists the files as they are then.
func reseal(t *testing.T, e *estate, dir string, change func(m *evidence.Manifest)) {
	t.Helper()
	path := filepath.Join(dir, "manifest.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m evidence.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	change(&m)
	for name := range m.Files {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content)
		m.Files[name] = hex.EncodeToString(sum[:])
	}
	if b, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := evidence.SealExport(dir, e.signer); err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, name, dir, want string) {
	t.Helper()
	if _, err := evidence.VerifyExport(dir, evidence.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

// replace changes a text in a file of an export.
func replace(t *testing.T, dir, file, was, is string) {
	t.Helper()
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), was) {
		t.Fatalf("%s does not hold %q: %v", file, was, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(b), was, is, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFilesThatWereRewrittenAndSignedAgainDoNotVerify(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(t *testing.T, dir string, m *evidence.Manifest)
	}{
		{"nothing", "", func(*testing.T, string, *evidence.Manifest) {}},
		{"a rule", "is not the rule", func(t *testing.T, dir string, m *evidence.Manifest) {
			replace(t, dir, m.Items[0].Rules[0].Path, "title", "TITLE")
		}},
		{"no rule", "the rule of", func(_ *testing.T, _ string, m *evidence.Manifest) { m.Items[0].Rules = nil }},
		{"a rule of an unproven verdict", "no proven verdict", func(_ *testing.T, _ string, m *evidence.Manifest) {
			m.Items[0].Rules[0].Verdict = m.Items[0].Events[0].Path
		}},
		{"a raw event", "is not the event", func(t *testing.T, dir string, m *evidence.Manifest) {
			replace(t, dir, m.Items[0].Events[0].Path, "auditID", "AUDITID")
		}},
		{"a record", "not proven", func(t *testing.T, dir string, m *evidence.Manifest) {
			replace(t, dir, m.Items[0].Records[1].Record, "bypass", "passed")
		}},
		{"a proof", "not proven", func(t *testing.T, dir string, m *evidence.Manifest) {
			replace(t, dir, m.Items[0].Records[0].Proof, `"index": `, `"index": 1`)
		}},
		{"a proof for another ledger", "the checkpoint is of", func(t *testing.T, dir string, m *evidence.Manifest) {
			replace(t, dir, m.Items[0].Records[0].Proof, `"size": `, `"size": 1`)
		}},
		{"the seed that people read", "does not say what the record", func(t *testing.T, dir string, _ *evidence.Manifest) {
			replace(t, dir, "sample.json", "12345678901234567890", "99999999999999999999")
		}},
		{"who drew, that people read", "does not say what the record", func(t *testing.T, dir string, _ *evidence.Manifest) {
			replace(t, dir, "sample.json", `"by": "sam"`, `"by": "eve"`)
		}},
		{"an ID of the population", "population.json", func(t *testing.T, dir string, _ *evidence.Manifest) {
			replace(t, dir, "population.json", "alert-0004", "alert-0009")
		}},
		{"an ID twice", "not sorted, each once", func(t *testing.T, dir string, _ *evidence.Manifest) {
			replace(t, dir, "population.json", "alert-0004", "alert-0003")
		}},
		{"what is told of an item", "is of another item", func(t *testing.T, dir string, _ *evidence.Manifest) {
			replace(t, dir, "population.json", `"id": "alert-0004"`, `"id": "alert-0003"`)
		}},
		{"the draw is another record", "no record of a draw", func(t *testing.T, dir string, m *evidence.Manifest) {
			var s map[string]any
			b, err := os.ReadFile(filepath.Join(dir, "sample.json"))
			if err != nil || json.Unmarshal(b, &s) != nil {
				t.Fatal(err)
			}
			replace(t, dir, "sample.json", s["record"].(string), m.Items[0].Records[0].Record)
			replace(t, dir, "sample.json", s["proof"].(string), m.Items[0].Records[0].Proof)
		}},
		{"a path that leads out", "leads out of the folder", func(_ *testing.T, dir string, m *evidence.Manifest) {
			m.Files["items/../../"+filepath.Base(dir)+"/README.txt"] = ""
		}},
		{"a record that the manifest does not list", "is not in the manifest", func(_ *testing.T, _ string, m *evidence.Manifest) {
			m.Items[0].Records[0].Record = "manifest.json"
		}},
	} {
		e := week(t)
		dir := e.export(audit.OfAlerts, 3)
		reseal(t, e, dir, func(m *evidence.Manifest) { c.change(t, dir, m) })
		if c.want == "" {
			if _, err := evidence.VerifyExport(dir, evidence.VerifyOptions{}); err != nil {
				t.Errorf("an export signed again: %v", err)
			}
			continue
		}
		wantFault(t, c.name, dir, c.want)
	}
}

// An alert that nobody reviewed must not look reviewed by a record of another.
func TestTheReviewOfAnotherAlertDoesNotCount(t *testing.T) {
	for _, typ := range []string{"review", "sign-off", "delivery", "alert", "verdict"} {
		e := week(t)
		dir := e.export(audit.OfAlerts, 5)
		reseal(t, e, dir, func(m *evidence.Manifest) {
			lender := slices.IndexFunc(m.Items, func(it evidence.ManifestItem) bool { return it.ID == "alert-0002" })
			at := slices.IndexFunc(m.Items[lender].Records, func(r evidence.ManifestRecord) bool {
				return strings.HasSuffix(r.Record, "-"+typ+".json")
			})
			borrower := slices.IndexFunc(m.Items, func(it evidence.ManifestItem) bool { return it.ID == "alert-0003" })
			m.Items[borrower].Records = append(m.Items[borrower].Records, m.Items[lender].Records[at])
		})
		wantFault(t, typ, dir, "is not about it")
	}
}

func TestAFolderInPlaceOfAFileIsAFileMissing(t *testing.T) {
	dir := week(t).export(audit.OfAlerts, 1)
	for _, f := range list(t, dir) {
		mine := filepath.Join(t.TempDir(), "mine")
		if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(mine, f)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o750); err != nil {
			t.Fatal(err)
		}
		wantFault(t, f, mine, filepath.ToSlash(f))
	}
}

func TestAFileMoreIsFoundWhereverItIs(t *testing.T) {
	dir := week(t).export(audit.OfAlerts, 1)
	for _, name := range []string{"note.txt", "items/more.json", ".hidden", "tile", "manifest.sig.bak"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		wantFault(t, name, dir, name+" is not in the manifest")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// An auditor's checkpoint is no use on an export of another one, and must not
// look as if it had been.
func TestAnOldCheckpointIsHeldAgainstAnExport(t *testing.T) {
	e := week(t)
	early, err := e.ledger.Seal(monday)
	if err != nil {
		t.Fatal(err)
	}
	dir := e.export(audit.OfAlerts, 2)
	same, err := evidence.ReadCheckpoint(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := evidence.VerifyExport(dir, evidence.VerifyOptions{OldCheckpoint: same.Note}); err != nil || r.Grown != same.Size {
		t.Errorf("its own checkpoint: %d, %v", r.Grown, err)
	}
	if _, err := evidence.VerifyExport(dir, evidence.VerifyOptions{OldCheckpoint: early.Note}); err == nil || !strings.Contains(err.Error(), "verify the ledger itself") {
		t.Errorf("an older one: %v", err)
	}
	if _, err := evidence.Verify(e.dir, evidence.VerifyOptions{OldCheckpoint: early.Note}); err != nil {
		t.Errorf("the ledger with the older one: %v", err)
	}
}

// changed is an archive whose events were changed in the store.
type changed struct{ *estate }

func (c changed) Raw(ctx context.Context, r event.Ref) ([]byte, error) {
	b, err := c.estate.Raw(ctx, r)
	return append(b, ' '), err
}

func TestAnEventThatWasChangedInTheStoreIsNotExportedAsRedacted(t *testing.T) {
	e := week(t)
	from := monday.Truncate(24 * time.Hour)
	pop := e.index().Population(control, from, from.AddDate(0, 0, 7), audit.OfAlerts)
	rec := audit.SampleRecord(pop, "1", 5, "sam", monday)
	e.add(rec)
	if _, err := e.ledger.Seal(monday); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "sample")
	in := audit.ExportInput{
		Index: e.index(), Population: pop, SampleID: rec.ID, Sample: *rec.Body.(*event.Sample), Archive: changed{e}, LedgerDir: e.dir, SignerKey: e.signer,
	}
	if err := audit.Export(t.Context(), dir, in); err == nil || !strings.Contains(err.Error(), "not what the verdict was made from") {
		t.Errorf("got %v", err)
	}
	in.Archive = e
	if err := audit.Export(t.Context(), dir, in); err != nil {
		t.Errorf("the export that failed is in the way: %v", err)
	}
}

func TestAChainSaysThatNobodyWasReachedAndThatNothingIsDecided(t *testing.T) {
	e := week(t)
	e.add(event.DeliveryRecord(event.Delivery{Alert: "alert-0001", Revision: 1, Receiver: "siem", Channel: "webhook", Attempt: 1, Outcome: event.Failed, Error: "refused"}, monday))
	e.add(event.Record{Type: event.TypeReview, ID: "alert-0001.1", Time: monday, Body: &event.Review{Alert: "alert-0001", Entry: 1, Reviewer: "bob", Disposition: event.NeedsInvestigation}})
	dir := e.export(audit.OfAlerts, 100)
	said := map[string][]string{}
	for _, f := range list(t, dir) {
		if filepath.Base(f) != "chain.json" {
			continue
		}
		var c struct {
			ID      string
			Missing []string
		}
		b, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil || json.Unmarshal(b, &c) != nil {
			t.Fatal(err)
		}
		said[c.ID] = c.Missing
	}
	for id, want := range map[string]string{
		"alert-0000": "",
		"alert-0001": "the week is not signed off yet|nobody was told: no delivery succeeded|the review is not decided yet: it needs investigation",
		"alert-0003": "nobody was told: there is no delivery|no review yet|the week is not signed off yet",
	} {
		if got := strings.Join(said[id], "|"); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

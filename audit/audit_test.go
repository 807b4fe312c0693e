package audit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidedoor/audit"
	"sidedoor/event"
	"sidedoor/evidence"
)

var monday = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// estate is a ledger with the records of a week, and what they refer to.
type estate struct {
	t      *testing.T
	dir    string
	signer string
	ledger *evidence.Ledger
	raws   [][]byte
	events map[string][]byte
	rule   []byte
}

const control = "CHG-03"

func newEstate(t *testing.T) *estate {
	t.Helper()
	signer, _, err := evidence.NewKey("sidedoor/test")
	if err != nil {
		t.Fatal(err)
	}
	e := &estate{t: t, dir: filepath.Join(t.TempDir(), "ledger"), signer: signer, events: map[string][]byte{}, rule: []byte("title: R\n")}
	if e.ledger, err = evidence.Open(e.dir, signer, "sidedoor/test"); err != nil {
		t.Fatal(err)
	}
	e.add(event.PolicyRecord(event.Policy{Loaded: monday, Rules: []event.RuleVersion{{Name: "r", Digest: event.DigestOf(e.rule)}}}, monday))
	return e
}

func (e *estate) add(r event.Record) {
	e.t.Helper()
	raw, err := r.Encode()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := e.ledger.Append(raw); err != nil {
		e.t.Fatal(err)
	}
	e.raws = append(e.raws, raw)
}

// act records verdict i, with an alert if it is a bypass, and the alert's whole
// way to the sign-off if it is even.
func (e *estate) act(i int, state event.State) {
	at := monday.Add(time.Duration(i) * time.Hour)
	raw := fmt.Appendf(nil, `{"auditID":"a-%d","user":{"username":"<script>alice</script>"}}`, i)
	if i == 1 { // redacted on arrival: what is kept is not what is digested
		e.events["a-1"] = []byte(`{"auditID":"a-1","requestObject":{"redacted":"[redacted]"}}`)
	} else {
		e.events[fmt.Sprintf("a-%d", i)] = raw
	}
	rule := event.RuleRef{ID: "1", Name: "r", Title: "Rule", Level: event.High, Digest: event.DigestOf(e.rule)}
	actor := event.Party{Name: "<script>alice</script>", Person: "alice"}
	v := event.Verdict{
		ID: fmt.Sprintf("verdict-%04d", i), Revision: 1, Verdict: state, Reason: "because <b>so</b>", Rule: rule, Control: control,
		Actor: actor, Resource: "prod/shop", Event: event.Ref{Source: "k", ID: fmt.Sprintf("a-%d", i), Digest: event.DigestOf(raw), Occurred: at, Received: at},
	}
	if state == event.Bypass {
		v.Alert = fmt.Sprintf("alert-%04d", i)
	}
	e.add(event.VerdictRecord(v, at))
	if state != event.Bypass {
		return
	}
	e.add(event.AlertRecord(event.Alert{
		ID: v.Alert, Revision: 1, State: state, Sentence: "alice did it", Rule: rule, Control: control, Actor: actor, Resource: v.Resource,
		Occurrences: 1, First: at, Last: at, Verdicts: []event.VerdictRef{{ID: v.ID, Revision: 1}},
	}, at))
	if i%2 == 1 {
		return
	}
	e.add(event.DeliveryRecord(event.Delivery{Alert: v.Alert, Revision: 1, Receiver: "siem", Channel: "webhook", Attempt: 1, Outcome: event.Delivered, Status: 200}, at))
	e.add(event.Record{Type: event.TypeReview, ID: v.Alert + ".1", Time: at, Body: &event.Review{Alert: v.Alert, Entry: 1, Reviewer: "bob", Disposition: event.PolicyViolation, Comment: "it was"}})
	e.add(event.Record{Type: event.TypeSignOff, ID: fmt.Sprintf("%s.%d", control, i), Time: at, Body: &event.SignOff{Control: control, Week: "2026-W47", Signer: "carol", Alerts: []event.SignedItem{{Alert: v.Alert}}}})
}

// Raw and Document make the estate an archive.
func (e *estate) Raw(_ context.Context, r event.Ref) ([]byte, error) {
	if b, ok := e.events[r.ID]; ok {
		return b, nil
	}
	return nil, errors.New("no such event")
}

func (e *estate) Document(_ context.Context, d event.Digest) ([]byte, error) {
	if d == event.DigestOf(e.rule) {
		return e.rule, nil
	}
	return nil, errors.New("no such document")
}

func (e *estate) index() *audit.Index {
	e.t.Helper()
	x := audit.NewIndex()
	for i, raw := range e.raws {
		if err := x.Add(uint64(i), raw); err != nil {
			e.t.Fatal(err)
		}
	}
	return x
}

// export draws a sample of the week and writes it.
func (e *estate) export(of string, size int) string {
	e.t.Helper()
	from := monday.Truncate(24 * time.Hour)
	pop := e.index().Population(control, from, from.AddDate(0, 0, 7), of)
	rec := audit.SampleRecord(pop, "12345678901234567890", size, "sam", monday)
	e.add(rec)
	if _, err := e.ledger.Seal(monday); err != nil {
		e.t.Fatal(err)
	}
	dir := filepath.Join(e.t.TempDir(), "sample")
	err := audit.Export(e.t.Context(), dir, audit.ExportInput{
		Index: e.index(), Population: pop, SampleID: rec.ID, Sample: *rec.Body.(*event.Sample), Archive: e, LedgerDir: e.dir,
		SignerKey: e.signer, Statement: "a test",
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return dir
}

func week(t *testing.T) *estate {
	e := newEstate(t)
	for i := range 8 {
		state := event.Bypass
		if i >= 5 {
			state = event.Approved
		}
		e.act(i, state)
	}
	return e
}

func TestAPopulationIsWhatHappenedInThePeriod(t *testing.T) {
	x := week(t).index()
	for _, c := range []struct {
		name, control, of string
		from, to          time.Time
		want              int
	}{
		{"all alerts", control, audit.OfAlerts, monday, monday.AddDate(0, 0, 7), 5},
		{"all verdicts, approved ones too", control, audit.OfVerdicts, monday, monday.AddDate(0, 0, 7), 8},
		{"the first instant counts, the last does not", control, audit.OfVerdicts, monday, monday.Add(time.Hour), 1},
		{"another control", "ACC-01", audit.OfVerdicts, monday, monday.AddDate(0, 0, 7), 0},
	} {
		p := x.Population(c.control, c.from, c.to, c.of)
		if p.Count != c.want || len(p.Items) != c.want || !slices.IsSorted(p.IDs()) {
			t.Errorf("%s: %d, want %d", c.name, p.Count, c.want)
		}
	}
	all := x.Population(control, monday, monday.AddDate(0, 0, 7), audit.OfAlerts)
	less := x.Population(control, monday, monday.Add(time.Hour), audit.OfAlerts)
	if all.Root == less.Root {
		t.Error("two populations have the same root")
	}
}

func TestAnExportVerifiesByItself(t *testing.T) {
	for _, of := range []string{audit.OfAlerts, audit.OfVerdicts} {
		dir := week(t).export(of, 4)
		r, err := evidence.VerifyAny(dir, evidence.VerifyOptions{})
		if err != nil || r.Items != 4 {
			t.Errorf("%s: %d items, %v", of, r.Items, err)
		}
	}
}

func TestAnExportSaysWhatIsMissingAndWhatWasRedacted(t *testing.T) {
	dir := week(t).export(audit.OfAlerts, 100)
	r, err := evidence.VerifyExport(dir, evidence.VerifyOptions{})
	if err != nil || r.Items != 5 || r.Redacted != 1 {
		t.Fatalf("%d items, %d redacted, %v", r.Items, r.Redacted, err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "index.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"no review yet", "the week is not signed off yet", "bob decided policy-violation: it was", "carol signed week 2026-W47"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(string(page), "<script>") || strings.Contains(string(page), "<b>so") {
		t.Error("what an event says is taken for markup")
	}
}

func TestTheSameSampleGivesTheSameBytes(t *testing.T) {
	e := week(t)
	a := e.export(audit.OfAlerts, 3)
	files := list(t, a)
	again := filepath.Join(t.TempDir(), "again")
	from := monday.Truncate(24 * time.Hour)
	pop := e.index().Population(control, from, from.AddDate(0, 0, 7), audit.OfAlerts)
	rec := audit.SampleRecord(pop, "12345678901234567890", 3, "sam", monday)
	err := audit.Export(t.Context(), again, audit.ExportInput{
		Index: e.index(), Population: pop, SampleID: rec.ID, Sample: *rec.Body.(*event.Sample), Archive: e, LedgerDir: e.dir,
		SignerKey: e.signer, Statement: "a test",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		x, _ := os.ReadFile(filepath.Join(a, f))
		y, err := os.ReadFile(filepath.Join(again, f))
		if err != nil || string(x) != string(y) {
			t.Errorf("%s differs: %v", f, err)
		}
	}
}

func TestADrawThatIsNotRecordedIsNotExported(t *testing.T) {
	e := week(t)
	if _, err := e.ledger.Seal(monday); err != nil {
		t.Fatal(err)
	}
	pop := e.index().Population(control, monday, monday.AddDate(0, 0, 7), audit.OfAlerts)
	rec := audit.SampleRecord(pop, "1", 3, "sam", monday)
	err := audit.Export(t.Context(), filepath.Join(t.TempDir(), "x"), audit.ExportInput{
		Index: e.index(), Population: pop, SampleID: rec.ID, Sample: *rec.Body.(*event.Sample), Archive: e, LedgerDir: e.dir, SignerKey: e.signer,
	})
	if err == nil || !strings.Contains(err.Error(), "not recorded") {
		t.Errorf("got %v", err)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestNoByteOfAnExportCanBeChangedUnnoticed(t *testing.T) {
	dir := week(t).export(audit.OfAlerts, 2)
	type place struct {
		file string
		at   int64
	}
	work := make(chan place)
	var wg sync.WaitGroup
	for range 2 {
		mine := filepath.Join(t.TempDir(), "mine")
		if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for p := range work {
				flip(t, filepath.Join(mine, p.file), mine, p.at)
			}
		})
	}
	for _, f := range list(t, dir) {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		step := int64(1)
		if info.Size() > 500 {
			step = 17
		}
		for at := int64(0); at < info.Size(); at += step {
			work <- place{f, at}
		}
	}
	close(work)
	wg.Wait()
	for _, f := range list(t, dir) {
		gone := filepath.Join(t.TempDir(), "gone")
		if err := os.CopyFS(gone, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(gone, f)); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.VerifyExport(gone, evidence.VerifyOptions{}); err == nil {
			t.Errorf("%s can be taken away", f)
		}
	}
}

func flip(t *testing.T, path, dir string, at int64) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	b[at] ^= 1 << (at % 8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Error(err)
	}
	if _, err := evidence.VerifyExport(dir, evidence.VerifyOptions{}); err == nil {
		t.Errorf("%s: byte %d can be changed", path, at)
	}
	b[at] ^= 1 << (at % 8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Error(err)
	}
}

// Who holds the key can sign any manifest, so the folder has to hang together
// by itself.
func TestADishonestManifestDoesNotVerifyThoughItIsSigned(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(m *evidence.Manifest)
	}{
		{"an item without records", "none of its records", func(m *evidence.Manifest) { m.Items[0].Records = nil; m.Items[0].Events = nil }},
		{"an item with the records of another", "none of its records", func(m *evidence.Manifest) {
			m.Items[0].Records, m.Items[0].Events = m.Items[1].Records, m.Items[1].Events
		}},
		{"an item without its raw event", "is missing", func(m *evidence.Manifest) { m.Items[0].Events = nil }},
		{"a raw event of another item", "is not the event", func(m *evidence.Manifest) { m.Items[0].Events[0].Path = m.Items[1].Events[0].Path }},
		{"a raw event bound to another verdict", "no proven verdict", func(m *evidence.Manifest) {
			m.Items[0].Events[0] = m.Items[1].Events[0]
		}},
		{"fewer items than were drawn", "not those that were drawn", func(m *evidence.Manifest) { m.Items = m.Items[1:] }},
	} {
		e := week(t)
		dir := e.export(audit.OfAlerts, 2)
		path := filepath.Join(dir, "manifest.json")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var m evidence.Manifest
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		c.change(&m)
		if b, err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := evidence.SealExport(dir, e.signer); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.VerifyExport(dir, evidence.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

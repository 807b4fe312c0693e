package pack_test

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sidedoor/ingest/logfile"
	"sidedoor/rules"
)

// corpus holds published events of other projects, with what their own rules
// say of them. It is not part of the repository.
const corpus = "../../../shared/corpus"

// units are the techniques of the corpus that the pack has a rule for, and
// the rules that may find them.
var units = map[string][]string{
	"k8s.direct-change":        {"k8s-direct-change"},
	"k8s.exec":                 {"k8s-exec"},
	"k8s.cluster-admin-bind":   {"k8s-cluster-admin-bound"},
	"ct.role-assumed":          {"aws-privileged-role-assumed"},
	"ct.root-login":            {"aws-root-login"},
	"ct.trail-stop-delete":     {"aws-trail-stopped"},
	"gh.branch-protection-off": {"github-audit-protection-weakened"},
	"gh.runner":                {"github-audit-runner-registered", "github-unknown-runner"},
	"gh.webhook-tamper":        {"github-audit-evidence-tampered"},
	"gh.security-feature-off":  {"github-audit-security-feature-off"},
	"gh.org-auth":              {"github-audit-org-authentication-changed"},
	"gh.visibility":            {"github-audit-repository-exposed"},
	"gh.repo-archived":         {"github-audit-repository-removed"},
	"gh.collaborator":          {"github-audit-privilege-granted"},
	"gh.workflow-fork":         {"github-fork-workflow"},
	"std.admin-assigned":       {"github-audit-privilege-granted"},
	// What has no technique and is labelled all the same.
	"branch_protection_rule": {"github-protection-weakened"},
	"meta":                   {"github-hook-removed"},
	"repository":             {"github-repository-publicized"},
}

// argued are the events of which we say something else than their origin.
var argued = map[string]string{
	"panther/a-cloudtrail.jsonl:41":   "a failed login is no use of root; somebody guesses, and that is not this control's",
	"panther/a-cloudtrail.jsonl:42":   "its origin looks for failed logins; one that succeeds is what ours is about",
	"panther/a-cloudtrail.jsonl:106":  "GetSessionToken gives a user what they have; no role is assumed",
	"stratus/a-cloudtrail.jsonl:141":  "GetFederationToken gives at most what its caller has; no role is assumed",
	"panther/a-cloudtrail.jsonl:113":  "an AWS service takes its own role, which is no privileged one",
	"panther/a-github-audit.jsonl:29": "a webhook more takes no evidence away",
	"panther/a-github-audit.jsonl:34": "likewise",
	"panther/a-github-audit.jsonl:37": "likewise",
	"panther/a-github-audit.jsonl:15": "a second factor that is demanded is no weakening",
	"panther/a-github-audit.jsonl:17": "a restriction of apps that is switched on is none either",
	"panther/a-github-audit.jsonl:19": "nor is single sign-on that is switched on",
	"panther/a-github-audit.jsonl:27": "a collaborator less has less power",
	"invictus/a-cloudtrail.jsonl:610": "there was no such trail (TrailNotFoundException), so nothing was stopped",
	"invictus/a-cloudtrail.jsonl:652": "likewise",
	"invictus/a-cloudtrail.jsonl:654": "likewise",
	"invictus/a-cloudtrail.jsonl:873": "likewise",
}

// label is a row of the corpus: an event and what its origin says of it.
type label struct{ file, line, source, unit, expected, header, why string }

func (l label) place() string { return l.file + ":" + l.line }

func TestThePackAgreesWithTheCorpus(t *testing.T) {
	m := compile(t, load(t))
	used := map[string]bool{}
	for _, l := range labels(t) {
		want := units[cmp.Or(l.unit, l.header)]
		if want == nil || l.expected == "unknown" {
			continue
		}
		names := foundIn(t, m, l)
		fires := slices.ContainsFunc(want, func(n string) bool { return slices.Contains(names, n) })
		if fires == (l.expected == "positive") {
			continue
		}
		if argued[l.place()] == "" {
			t.Errorf("%s: %s of %s (%s), and we find %q", l.place(), l.expected, l.unit, l.why, names)
		}
		used[l.place()] = true
	}
	for place := range argued {
		if !used[place] {
			t.Errorf("%s is argued about, and we agree with its origin", place)
		}
	}
}

// foundIn returns the names of the rules that match a labelled event. What
// shippers wrap around it is ingest's to take off.
func foundIn(t *testing.T, m *rules.Matcher, l label) []string {
	t.Helper()
	raw := line(t, l)
	if l.source == "github-webhook" { // its name stands in a header
		return found(t, m, "github", "webhook", l.header, raw)
	}
	var names []string
	err := logfile.Read(t.Context(), strings.NewReader(raw), l.file, logfile.Options{}, func(r logfile.Record) error {
		names = append(names, found(t, m, r.Envelope.Product, r.Envelope.Service, r.Event.Kind, string(r.Event.Raw))...)
		return nil
	}, func(b logfile.Bad) { t.Errorf("%s: %s", l.place(), b.Reason) })
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// line reads the line of a label.
func line(t *testing.T, l label) string {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, l.file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)
	n, err := strconv.Atoi(l.line)
	if err != nil {
		t.Fatal(err)
	}
	for ; n > 0; n-- {
		if !lines.Scan() {
			t.Fatalf("%s: the file is shorter: %v", l.place(), lines.Err())
		}
	}
	return lines.Text()
}

func labels(t *testing.T) []label {
	t.Helper()
	f, err := os.Open(filepath.Join(corpus, "labels.csv"))
	if os.IsNotExist(err) {
		t.Skipf("SKIPPED, so the pack is not compared with real events: there is no corpus at %s", corpus)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int {
		i := slices.Index(rows[0], name)
		if i < 0 {
			t.Fatalf("labels.csv has no column %s", name)
		}
		return i
	}
	file, line, source, unit := column("file"), column("line_no"), column("source"), column("unit")
	expected, header, why := column("expected"), column("event_header"), column("origin_rule_technique")
	var out []label
	for _, r := range rows[1:] {
		out = append(out, label{r[file], r[line], r[source], r[unit], r[expected], r[header], r[why]})
	}
	return out
}

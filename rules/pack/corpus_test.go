package pack_test

import (
	"bufio"
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

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
	"gh.runner":                {"github-audit-runner-registered"},
	"gh.webhook-tamper":        {"github-audit-evidence-tampered"},
}

// argued are the events of which we say something else than their origin.
var argued = map[string]string{}

// label is a row of the corpus: an event and what its origin says of it.
type label struct{ file, line, source, unit, expected, header, why string }

func (l label) place() string { return l.file + ":" + l.line }

func TestThePackAgreesWithTheCorpus(t *testing.T) {
	m := compile(t, load(t))
	used := map[string]bool{}
	for _, l := range labels(t) {
		want := units[l.unit]
		if want == nil || l.expected == "unknown" {
			continue
		}
		names := foundIn(t, m, l)
		fires := slices.ContainsFunc(want, func(n string) bool { return slices.Contains(names, n) })
		if fires == (l.expected == "positive") {
			continue
		}
		if argued[l.place()] == "" {
			t.Errorf("%s: %s of %s (%s), and %s", l.place(), l.expected, l.unit, l.why, describe(names))
		}
		used[l.place()] = true
	}
	for place := range argued {
		if !used[place] {
			t.Errorf("%s is argued about, and we agree with its origin", place)
		}
	}
}

// families are the log sources behind the corpus's names for them.
var families = map[string][2]string{
	"cloudtrail": {"aws", "cloudtrail"}, "k8saudit": {"kubernetes", "audit"},
	"github-webhook": {"github", "webhook"}, "github-audit": {"github", "audit"},
}

func foundIn(t *testing.T, m *rules.Matcher, l label) []string {
	t.Helper()
	family, ok := families[l.source]
	if !ok {
		t.Fatalf("%s: no source of the pack is called %s", l.place(), l.source)
	}
	return found(t, m, family[0], family[1], l.header, line(t, l))
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

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
	"ct.config-recorder":       {"aws-detective-service-off"},
	"ct.exposure-snapshot":     {"aws-data-exposed"},
	"ct.guardrail-encryption":  {"aws-safeguard-off"},
	"ct.iam-admin-grant":       {"aws-iam-changed", "aws-self-granted", "aws-credential-created"},
	"ct.login-profile":         {"aws-credential-created"},
	"ct.mfa-login":             {"aws-login-without-mfa"},
	"ct.net-change-manual":     {"aws-manual-change", "aws-network-opened"},
	"ct.org-region":            {"aws-guardrail-changed"},
	"ct.registry-build":        {"aws-workload-changed", "aws-data-exposed"},
	"ct.remote-exec-ssm":       {"aws-instance-session"},
	"ct.role-assumed":          {"aws-privileged-role-assumed"},
	"ct.root-login":            {"aws-root-login", "aws-root-used"},
	"ct.secret-read-sm":        {"aws-secret-read"},
	"ct.storage-log-lifecycle": {"aws-log-bucket-altered", "aws-service-log-off"},
	"ct.trail-stop-delete":     {"aws-trail-stopped"},
	"k8s.anonymous":            {"k8s-anonymous-access"},
	"k8s.cluster-admin-bind":   {"k8s-cluster-admin-bound"},
	"k8s.direct-change":        {"k8s-direct-change", "k8s-cluster-admin-bound"},
	"k8s.exec":                 {"k8s-exec"},
	"k8s.host-ns":              {"k8s-host-access"},
	"k8s.priv-pod":             {"k8s-host-access"},
	"k8s.secrets-dump":         {"k8s-secret-read"},
	"k8s.system-ns":            {"k8s-direct-change"},
	"k8s.token":                {"k8s-token-minted"},
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
	"panther/a-cloudtrail.jsonl:7":   "a session is called what its beginner likes, so this is no proof that alice set her own password",
	"panther/a-cloudtrail.jsonl:22":  "a delivery channel more takes nothing away",
	"panther/a-cloudtrail.jsonl:23":  "its origin looks for channels that are made; one that is deleted is what ours is about",
	"panther/a-cloudtrail.jsonl:41":  "a failed login is no use of root; somebody guesses, and that is not this control's",
	"panther/a-cloudtrail.jsonl:42":  "its origin looks for failed logins; one that succeeds is what ours is about",
	"panther/a-cloudtrail.jsonl:50":  "its origin knows Terraform by its user agent, which anybody can send; the estate says whose roles are the pipeline's",
	"panther/a-cloudtrail.jsonl:51":  "likewise",
	"panther/a-cloudtrail.jsonl:59":  "the call failed (NetworkInterfaceNotSupported), so nothing was changed",
	"panther/a-cloudtrail.jsonl:64":  "no mirroring of traffic, but a change by hand all the same",
	"panther/a-cloudtrail.jsonl:67":  "its origin is told which accounts may push; ours who may, and a user is no pipeline until the estate says so",
	"panther/a-cloudtrail.jsonl:71":  "likewise",
	"panther/a-cloudtrail.jsonl:73":  "its origin looks for administrators alone; whatever is attached by hand goes around the pipeline",
	"panther/a-cloudtrail.jsonl:75":  "likewise",
	"panther/a-cloudtrail.jsonl:92":  "the secret was not given out; who is denied much and then allowed something is found by a correlation",
	"panther/a-cloudtrail.jsonl:95":  "whatever the filter says, a person reads secrets",
	"panther/a-cloudtrail.jsonl:97":  "its origin looks for many at once; one secret read is what ours is about",
	"panther/a-cloudtrail.jsonl:106": "GetSessionToken gives a user what they have; no role is assumed",
	"stratus/a-cloudtrail.jsonl:141": "GetFederationToken gives at most what its caller has; no role is assumed",
	"panther/a-cloudtrail.jsonl:110": "as for line 7",
	"panther/a-cloudtrail.jsonl:112": "whoever sets a password knows it until it is changed",
	"panther/a-cloudtrail.jsonl:113": "an AWS service takes its own role, which is no privileged one",

	"panther/a-k8saudit.jsonl:14": "a process that is root in its container has no power over the node; its origin asks for less than ours",
	"panther/a-k8saudit.jsonl:15": "likewise",
	"panther/a-k8saudit.jsonl:21": "the version is public by default, in every cluster",
	"panther/a-k8saudit.jsonl:25": "so is the health, from wherever somebody asks",
	"panther/a-k8saudit.jsonl:26": "it was denied: the control worked",

	"invictus/a-cloudtrail.jsonl:958":  "there was no such instance (InvalidInstanceId), so nothing ran",
	"invictus/a-cloudtrail.jsonl:1625": "takes the sharing back",
	"invictus/a-cloudtrail.jsonl:1626": "likewise",
	"invictus/a-cloudtrail.jsonl:2304": "likewise",

	"streamalert/a-cloudtrail.jsonl:1":  "Config tells what it found; nobody switched it off",
	"streamalert/a-cloudtrail.jsonl:3":  "Config mends what it found; nobody switched it off",
	"streamalert/a-cloudtrail.jsonl:23": "its origin looks for public snapshots alone; whose the other account is, the event does not say",

	"falco/a-k8saudit.jsonl:7":  "the pod of a ReplicaSet: whoever wrote its template is judged, and the pod only follows",
	"falco/a-k8saudit.jsonl:8":  "likewise",
	"falco/a-k8saudit.jsonl:10": "likewise",
	"falco/a-k8saudit.jsonl:11": "likewise",
	"falco/a-k8saudit.jsonl:13": "likewise",
	"falco/a-k8saudit.jsonl:14": "likewise",

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

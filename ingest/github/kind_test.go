package github_test

import (
	"bufio"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"sidedoor/ingest/github"
)

func TestTheNameOfAnEventIsGuessedFromItsShape(t *testing.T) {
	for raw, want := range map[string]string{
		push: "push",
		`{"zen":"Keep it logically awesome.","hook_id":1,"hook":{}}`:                                   "ping",
		`{"action":"deleted","hook_id":1,"hook":{},"repository":{},"sender":{}}`:                       "meta",
		`{"action":"closed","number":1,"pull_request":{},"repository":{},"sender":{}}`:                 "pull_request",
		`{"action":"submitted","review":{},"pull_request":{},"repository":{},"sender":{}}`:             "pull_request_review",
		`{"action":"approved","workflow_run":{},"since":"x","approver":{},"reviewers":[]}`:             "deployment_review",
		`{"action":"requested","environment":"prod","requestor":{},"reviewers":[],"workflow_run":{}}`:  "deployment_review",
		`{"action":"created","deployment":{},"workflow":{},"repository":{}}`:                           "deployment",
		`{"action":"created","deployment_status":{},"deployment":{},"repository":{}}`:                  "deployment_status",
		`{"action":"completed","workflow_run":{},"workflow":{}}`:                                       "workflow_run",
		`{"action":"queued","workflow_job":{},"deployment":{}}`:                                        "workflow_job",
		`{"action":"edited","rule":{},"changes":{},"repository":{},"sender":{}}`:                       "branch_protection_rule",
		`{"action":"disabled","repository":{},"sender":{}}`:                                            "branch_protection_configuration",
		`{"action":"created","comment":{},"issue":{},"repository":{}}`:                                 "issue_comment",
		`{"action":"added","member":{},"repository":{},"sender":{}}`:                                   "member",
		`{"action":"added","member":{},"team":{},"scope":"team","organization":{}}`:                    "membership",
		`{"action":"privatized","repository":{},"sender":{}}`:                                          "repository",
		`{"action":"member_added","membership":{},"organization":{},"sender":{}}`:                      "organization",
		`{"ref":"x","ref_type":"branch","master_branch":"main","description":"","pusher_type":"user"}`: "create",
		`{"ref":"x","ref_type":"branch","pusher_type":"user","repository":{},"sender":{}}`:             "delete",
		`{"action":"published","release":{},"repository":{}}`:                                          "release",
		`{"forkee":{},"repository":{},"sender":{}}`:                                                    "fork",
		`{"hello":"world"}`:   "",
		`[]`:                  "",
		`{"action":"created"`: "",
	} {
		if got := github.KindOf([]byte(raw)); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}

// TestGuessedNamesAgreeWithTheHeadersOfRealEvents counts how many of the
// corpus's webhooks whose header is known are guessed.
func TestGuessedNamesAgreeWithTheHeadersOfRealEvents(t *testing.T) {
	const corpus = "../../../shared/corpus"
	f, err := os.Open(filepath.Join(corpus, "labels.csv"))
	if err != nil {
		t.Skip("NO CORPUS, so this test checks nothing: ", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	right, total := 0, 0
	for _, row := range rows[1:] {
		want := row[column["event_header"]]
		if row[column["source"]] != "github-webhook" || want == "" {
			continue
		}
		n, err := strconv.Atoi(row[column["line_no"]])
		if err != nil {
			t.Fatal(err)
		}
		total++
		if got := github.KindOf(line(t, filepath.Join(corpus, row[column["file"]]), n)); got == want {
			right++
		} else {
			t.Logf("%s:%d: guessed %q, is %q", row[column["file"]], n, got, want)
		}
	}
	t.Logf("%d of %d are guessed", right, total)
	if total == 0 || right*100 < total*97 {
		t.Errorf("only %d of %d are guessed", right, total)
	}
}

func line(t *testing.T, path string, n int) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 64<<20)
	for range n {
		if !s.Scan() {
			t.Fatalf("%s has no line %d: %v", path, n, s.Err())
		}
	}
	return s.Bytes()
}

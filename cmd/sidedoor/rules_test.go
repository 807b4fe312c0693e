package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ran runs the program and returns its exit code and its output.
func ran(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr strings.Builder
	code = report(run(t.Context(), args, strings.NewReader(""), &stdout, &stderr), &stderr)
	return code, stdout.String()
}

func TestAFaultInARuleIsNoMistakeInTheCommandLine(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yml")
	if err := os.WriteFile(bad, []byte("title: [\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"rules", "check"}, 0},
		{[]string{"rules", "check", bad}, 1},
		{[]string{"rules", "check", dir}, 1},
		{[]string{"rules", "check", dir + "/nowhere"}, exitUsage},
		{[]string{"rules", "check", "--format", "xml"}, exitUsage},
		{[]string{"rules", "test", bad}, 1},
		{[]string{"rules", "test", "--rule", "nobody"}, exitUsage},
		{[]string{"rules", "list", dir}, 0},
		{[]string{"rules", "list", dir + "/nowhere"}, exitUsage},
		{[]string{"rules", "explain", bad, bad}, 1},
		{[]string{"rules", "explain", "k8s-exec", dir + "/nowhere"}, exitUsage},
		{[]string{"rules", "explain", "nobody", bad}, exitUsage},
		{[]string{"rules", "bench", "--corpus", dir + "/nowhere"}, exitUsage},
		{[]string{"rules", "bench", "--corpus", bad, "--time", "0s"}, exitUsage},
	} {
		if code, out := ran(t, c.args...); code != c.code {
			t.Errorf("%v exits with %d, want %d\n%s", c.args, code, c.code, out)
		}
	}
}

// Names of files and lines of rules come from anywhere.
func TestAReportIsWellFormedWhateverTheRulesHold(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "50% & more: #1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rule := "title: \"\\e[31m\"\nname: x\nlogsource: {product: ä\x1b[31m<&>\u202e}\ndetection: {ä: {\ta|contains: x}, condition: ö}\n"
	if err := os.WriteFile(filepath.Join(dir, "a b.yml"), []byte(rule), 0o600); err != nil {
		t.Fatal(err)
	}
	code, sarif := ran(t, "rules", "check", "--format", "sarif", dir)
	var log sarifLog
	if err := json.Unmarshal([]byte(sarif), &log); err != nil || code != 1 {
		t.Fatalf("%v, exit code %d\n%s", err, code, sarif)
	}
	if len(log.Runs) != 1 || len(log.Runs[0].Results) == 0 {
		t.Fatalf("there are no results:\n%s", sarif)
	}
	ids := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		ids[r.ID] = true
	}
	for _, r := range log.Runs[0].Results {
		at := r.Locations[0].Physical
		if !strings.HasPrefix(at.Artifact.URI, "file:///") || !strings.HasSuffix(at.Artifact.URI, "/50%25%20&%20more:%20%231/a%20b.yml") {
			t.Errorf("the file is named %s", at.Artifact.URI)
		}
		if !ids[r.RuleID] || r.Message.Text == "" || at.Region.StartLine < 1 || at.Region.EndColumn <= at.Region.StartColumn {
			t.Errorf("a result: %+v", r)
		}
	}
	_, text := ran(t, "rules", "check", dir)
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Errorf("what a terminal obeys is printed: %q", text)
	}
}

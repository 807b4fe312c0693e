package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// quickstart matches the shell blocks of the README that are to be typed one
// after the other.
var quickstart = regexp.MustCompile("(?s)```sh quickstart\n(.*?)```")

// The README promises three alerts, and none for their approved twins. What it
// tells people to type is what runs here, with real curl.
func TestTheQuickStartDoesWhatTheReadmeSays(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("SKIPPED: the quick start needs %s, which is not installed here", tool)
		}
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\ntrap 'kill $(jobs -p)' EXIT\n"
	blocks := quickstart.FindAllSubmatch(readme, -1)
	if len(blocks) < 5 {
		t.Fatalf("the README has %d blocks to type", len(blocks))
	}
	for _, b := range blocks {
		script += string(b[1])
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS(filepath.Join("..", "..", "examples"))); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told, err := os.ReadFile(filepath.Join(dir, "try", "told.txt"))
	if err != nil {
		t.Fatal(err)
	}
	slack := 0
	for line := range strings.Lines(string(told)) {
		if strings.HasPrefix(line, "/slack ") {
			slack++
		}
	}
	for _, want := range []string{
		"alice: Production workload changed directly", "alice: Push to a protected branch", "alice: Privileged role assumed",
	} {
		if !strings.Contains(string(told), want) {
			t.Errorf("nobody was told: %s", want)
		}
	}
	if slack != 3 || strings.Contains(string(told), "bob: ") {
		t.Errorf("%d messages to Slack, want three and none about bob:\n%s\n%s", slack, told, out)
	}
	if !strings.Contains(string(out), "The ledger verifies") {
		t.Errorf("the ledger does not verify:\n%s", out)
	}
}

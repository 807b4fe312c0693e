package demo_test

import (
	"strings"
	"testing"

	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/pack"
)

func TestTheCompanysOwnRulesDoWhatTheirTestsSay(t *testing.T) {
	policy, faults := rules.Load(pack.FS(), load(t).Policy())
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, r := range policy.Test(logfile.Identify, offline.Verdict) {
		if !strings.HasPrefix(r.Rule, "kestrel-") {
			continue // the pack's are tested without the company's estate
		}
		tested++
		if r.Err != nil {
			t.Errorf("%s: %s: %v", r.Rule, r.Test, r.Err)
		}
	}
	if tested < 15 {
		t.Errorf("only %d tests of the company's rules", tested)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sidedoor/event"
)

// newSiteWithPolicy is a site with a policy folder of its own.
func newSiteWithPolicy(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.write("policy/estate.yaml", "lists: {verbs: [list]}\n")
	s.write("sidedoor.yaml", s.read("sidedoor.yaml")+"policy: [policy]\n")
	return s
}

// listRule finds the verb that it is given, by whomever.
func listRule(name, values string) string {
	return fmt.Sprintf(`title: %s
id: %s
name: %s
level: high
logsource: {product: kubernetes, service: audit}
detection: {s: {%s}, condition: s}
act: {control: CHG-03, actor: user.username, resource: '{scope}/{verb}'}
`, name, name, name, values)
}

// act sends one Kubernetes event.
func (s *site) act(id, verb, who string) {
	s.t.Helper()
	s.send("/k", "application/json", fmt.Appendf(nil, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":%q,"stage":"ResponseComplete","stageTimestamp":%q,"verb":%q,"user":{"username":%q},"responseStatus":{"code":200}}]}`,
		id, time.Now().UTC().Format(time.RFC3339Nano), verb, who), bearer)
}

func (s *site) hangUp() {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// shows waits until /metrics has a line.
func (s *site) shows(line string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		var metrics []byte
		resp, err := http.Get("http://" + s.addr + "/metrics")
		if err == nil {
			metrics, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
			if strings.Contains(string(metrics), line+"\n") {
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("/metrics lacks %s: %v\n%s", line, err, metrics)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// logs wants words in the log.
func (s *site) logs(words ...string) {
	s.t.Helper()
	log := s.read("log")
	for _, w := range words {
		if !strings.Contains(log, w) {
			s.t.Errorf("the log lacks %s", w)
		}
	}
}

// judgedBy returns the actors whose acts were judged, by rule.
func judgedBy(records []event.Record) map[string][]string {
	out := map[string][]string{}
	for _, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok && v.Revision == 1 {
			out[v.Rule.Name] = append(out[v.Rule.Name], v.Actor.Name)
		}
	}
	return out
}

// A monitor takes up a changed policy while it runs. What is broken in it is
// off, recorded and shown; all else is in force.
func TestAHangUpPutsTheChangedPolicyInForce(t *testing.T) {
	s := newSiteWithPolicy(t)
	s.write("policy/rules/deleted.yml", listRule("deleted", "verb: delete"))
	s.start()
	s.act("a-1", "list", "before")
	s.act("a-2", "delete", "deleter-1")
	s.settled(1) // so the first event is matched, by a policy that does not know its verb
	s.shows(`sidedoor_rules_rejected 0`)

	s.write("policy/rules/listed.yml", listRule("listed", "verb|expand: '%verbs%'"))
	s.write("policy/rules/broken.yml", listRule("broken", "verb|contians: x"))
	s.write("policy/rules/unlisted.yml", listRule("unlisted", "verb|expand: '%nowhere%'"))
	s.hangUp()
	s.shows(`sidedoor_policy_reloads_total{outcome="loaded"} 1`)
	s.shows(`sidedoor_rules_rejected 2`)
	s.act("a-3", "list", "lister")
	s.act("a-4", "delete", "deleter-2")
	s.settled(3)
	s.logs(`msg="rule rejected" rule=broken`, `broken.yml line=6`, `there is no modifier \"contians\"`, `rule rejected" rule=unlisted`,
		`msg="policy reloaded"`, `added=listed changed=none removed=none rejected="broken, unlisted"`)

	s.hangUp()
	s.shows(`sidedoor_policy_reloads_total{outcome="unchanged"} 1`)
	s.stop()
	s.checkRuleSets()
	s.checkReplay()
}

// checkRuleSets wants two rule sets on record, the second before the first
// verdict by a rule that is new in it, and the document of that rule.
func (s *site) checkRuleSets() {
	s.t.Helper()
	records := s.records()
	got := judgedBy(records)
	if !slices.Equal(got["listed"], []string{"lister"}) || !slices.Equal(got["deleted"], []string{"deleter-1", "deleter-2"}) {
		s.t.Errorf("judged are %v", got)
	}
	var sets []*event.Policy
	for _, r := range records {
		switch b := r.Body.(type) {
		case *event.Policy:
			sets = append(sets, b)
		case *event.Verdict:
			if b.Rule.Name != "listed" {
				continue
			}
			if len(sets) != 2 {
				s.t.Errorf("%d rule sets are on record before the new rule's first verdict", len(sets))
			}
			in := s.open()
			if _, err := in.Document(context.Background(), b.Rule.Digest); err != nil {
				s.t.Errorf("the new rule's document: %v", err)
			}
			in.Close(context.Background())
		}
	}
	if len(sets) != 2 || len(sets[0].Rejected) != 0 || len(sets[1].Rejected) != 2 || len(sets[1].Rules) != len(sets[0].Rules)+1 {
		s.t.Fatalf("the rule sets are %+v", sets)
	}
	if r := sets[1].Rejected[0]; r.Name != "broken" || r.Line != 6 || !strings.HasSuffix(r.File, filepath.Join("policy", "rules", "broken.yml")) {
		s.t.Errorf("rejected is %+v", r)
	}
}

func TestAPolicyThatCannotBeLoadedLeavesTheOldOneInForce(t *testing.T) {
	s := newSiteWithPolicy(t)
	s.write("policy/rules/listed.yml", listRule("listed", "verb: list"))
	s.start()
	s.act("a-1", "list", "one")
	s.settled(1)

	s.write("policy/estate.yaml", "lists: {verbs: [list\n") // half written
	s.hangUp()
	s.shows(`sidedoor_policy_reloads_total{outcome="failed"} 1`)
	s.logs(`msg="policy not reloaded; the old one stays in force"`, `estate.yaml:`)

	s.write("policy/estate.yaml", "lists: {verbs: [list]}\n")
	unreadable := filepath.Join(s.dir, "policy/rules/listed.yml")
	if err := errors.Join(os.Remove(unreadable), os.Symlink("nowhere", unreadable)); err != nil {
		t.Fatal(err)
	}
	s.hangUp()
	s.shows(`sidedoor_policy_reloads_total{outcome="failed"} 2`)
	s.logs(`listed.yml:1`)

	if err := os.Rename(filepath.Join(s.dir, "policy"), filepath.Join(s.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	s.hangUp()
	s.shows(`sidedoor_policy_reloads_total{outcome="failed"} 3`)
	s.act("a-2", "list", "two")
	s.settled(2)
	s.stop()
	if got := judgedBy(s.records()); !slices.Equal(got["listed"], []string{"one", "two"}) {
		t.Errorf("judged are %v", got)
	}
}

func TestALogLineNamesWhatAReloadChangesAndNoMoreThanThat(t *testing.T) {
	many := make(ruleNames, 30)
	for i := range many {
		many[i] = fmt.Sprint("r", i)
	}
	if got := many.LogValue().String(); !strings.HasSuffix(got, "r19 and 10 more") {
		t.Errorf("30 rules are logged as %s", got)
	}
}

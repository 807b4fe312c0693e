package demo_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sidedoor/event"
	"sidedoor/internal/demo"
)

func TestEveryBeatIsJudgedAsTheStoryTells(t *testing.T) {
	for name, judged := range map[string]func(*testing.T, *demo.Scenario) []judgement{
		"in the order of time": judgedOffline, "in the order of arrival": judgedOnArrival,
	} {
		t.Run(name, func(t *testing.T) {
			sc := load(t)
			want, got := story(sc), map[string]int{}
			for _, j := range judged(t, sc) {
				if j.beat == nil {
					continue
				}
				f := fact(*j.beat, j.verdict.Rule.Name, j.verdict.Actor.Person, j.history)
				got[f]++
				// What is approved all along need not be told.
				if want[f] == 0 && !slices.Equal(j.history, []event.State{event.Approved}) {
					t.Errorf("the story does not tell: %s: %s", f, j.verdict.Reason)
				}
			}
			for f, n := range want {
				if got[f] != n {
					t.Errorf("want %d, got %d: %s", n, got[f], f)
				}
			}
		})
	}
}

// story is what the beats expect, and how often.
func story(sc *demo.Scenario) map[string]int {
	want := map[string]int{}
	for _, b := range sc.Beats() {
		for _, e := range b.Expect {
			if strings.HasPrefix(e.Rule, "monitor-") {
				continue // of the monitor itself, which does not run here
			}
			history := []event.State{e.Verdict}
			if e.Becomes != "" {
				history = append(history, e.Becomes)
			}
			want[fact(b, e.Rule, e.Actor, history)] += max(e.Acts, 1)
		}
	}
	return want
}

func fact(b demo.Beat, rule, actor string, history []event.State) string {
	return fmt.Sprintf("%s %q: %s by %s is %v", b.At.Format("Mon 15:04"), b.Title, rule, actor, history)
}

func TestNothingInTheNormalWeekIsABypass(t *testing.T) {
	approved := map[string]int{}
	for _, j := range append(judgedOffline(t, load(t)), judgedOnArrival(t, load(t))...) {
		if j.beat != nil {
			continue
		}
		v := j.verdict
		if v.Verdict != event.Approved || len(j.history) != 1 {
			t.Errorf("%s: %s by %s on %s is %v: %s", v.Event.At().Format("Mon 15:04"), v.Rule.Name, v.Actor.Name, v.Resource, j.history, v.Reason)
		}
		approved[v.Rule.Name]++
	}
	t.Logf("approved: %v", approved)
	// The normal week has acts, and they come in by the front door.
	for _, rule := range []string{
		"aws-privileged-role-assumed", "k8s-exec", "k8s-direct-change", "github-direct-push", "github-unreviewed-merge",
		"github-unapproved-deployment", "github-unreviewed-deployment", "github-workflow-changed",
	} {
		if approved[rule] == 0 {
			t.Errorf("no act of rule %s is approved", rule)
		}
	}
}

func TestEveryBeatIsDecidedByWhatTheStoryTells(t *testing.T) {
	sc := load(t)
	judged := map[string][]judgement{"in the order of time": judgedOffline(t, sc), "in the order of arrival": judgedOnArrival(t, sc)}
	for order, list := range judged {
		for _, b := range sc.Beats() {
			for _, e := range b.Expect {
				if e.Why != "" && !slices.ContainsFunc(list, func(j judgement) bool {
					v := j.verdict
					return j.beat != nil && j.beat.Title == b.Title && v.Rule.Name == e.Rule && v.Actor.Person == e.Actor && demo.Decided(v) == e.Why
				}) {
					t.Errorf("%s: %q: %s by %s is not decided by an approval that is %s", order, b.Title, e.Rule, e.Actor, e.Why)
				}
			}
		}
	}
}

func TestTheWeekHoldsEveryReasonForWhichAnApprovalCountsOrDoesNot(t *testing.T) {
	told := map[event.Why]bool{}
	for _, b := range load(t).Beats() {
		for _, e := range b.Expect {
			told[e.Why] = true
		}
	}
	reasons := whys(t)
	if len(reasons) < 13 {
		t.Errorf("event has only the reasons %v", reasons)
	}
	for _, why := range reasons {
		if !told[why] {
			t.Errorf("no beat is decided by an approval that is %s", why)
		}
	}
	for why := range maps.Keys(told) {
		if why != "" && !slices.Contains(reasons, why) {
			t.Errorf("a beat tells of %q, which is no reason", why)
		}
	}
}

// whys reads the reasons from the source: a new one has to be told, too.
func whys(t *testing.T) []event.Why {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", "event", "verdict.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []event.Why
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Why" {
			return true
		}
		for _, v := range spec.Values {
			text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, event.Why(text))
		}
		return true
	})
	return out
}

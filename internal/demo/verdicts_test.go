package demo_test

import (
	"fmt"
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
				if j.beat != nil {
					got[fact(*j.beat, j.verdict.Rule.Name, j.verdict.Actor.Person, j.history)]++
				}
			}
			for f, n := range want {
				if got[f] != n {
					t.Errorf("want %d, got %d: %s", n, got[f], f)
				}
			}
			for f, n := range got {
				if want[f] == 0 {
					t.Errorf("the story does not tell: %d: %s", n, f)
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

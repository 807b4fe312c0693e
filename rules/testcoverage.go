package rules

import (
	"cmp"
	"slices"

	"sidedoor/event"
)

// Tested says what the tests of one rule or correlation show. Whether they
// pass is another question.
type Tested struct {
	Rule  string
	Tests int
	Lacks []Lack // none if all of it is shown
}

// Lack is a kind of test that a rule does not have.
type Lack string

// What the tests of a rule are to show.
const (
	LacksFiring Lack = "a test that fires"
	LacksSilent Lack = "one that must not match" // verdict none
	LacksLate   Lack = "one that is pending or late"
)

// TestCoverage says of all rules and correlations what their tests show: that
// they fire, that they do not always fire and, where approvals matter, that an
// act waits for one or has it too late. What has no tests and only serves a
// correlation that has some is left out. It is ordered by name.
func (p *Policy) TestCoverage() []Tested {
	var out []Tested
	steps := p.steps()
	for _, r := range p.Rules {
		if len(r.Tests) > 0 || !steps[r.ID] || declares(r.Extra) {
			out = append(out, tested(r.Name, r.Tests, r.Act))
		}
	}
	for _, c := range p.Correlations {
		if len(c.Tests) > 0 || !steps[c.ID] || declares(c.Extra) {
			out = append(out, tested(c.Name, c.Tests, c.Act))
		}
	}
	slices.SortFunc(out, func(a, b Tested) int { return cmp.Compare(a.Rule, b.Rule) })
	return out
}

// steps are the IDs of what a correlation that has tests refers to: these show
// what its steps do.
func (p *Policy) steps() map[string]bool {
	out := map[string]bool{}
	for _, c := range p.Correlations {
		for _, x := range c.rules {
			out[x.id()] = out[x.id()] || len(c.Tests) > 0
		}
	}
	return out
}

func tested(rule string, tests []Test, act *Act) Tested {
	out := Tested{Rule: rule, Tests: len(tests)}
	lacks := func(lack Lack, shows func(Test) bool) {
		if !slices.ContainsFunc(tests, shows) {
			out.Lacks = append(out.Lacks, lack)
		}
	}
	lacks(LacksFiring, func(t Test) bool { return t.Verdict != wantNone })
	lacks(LacksSilent, func(t Test) bool { return t.Verdict == wantNone })
	if act != nil && len(act.ApprovedBy) > 0 {
		lacks(LacksLate, func(t Test) bool {
			return t.Verdict == string(event.Pending) || t.Verdict == string(event.ApprovedLate)
		})
	}
	return out
}

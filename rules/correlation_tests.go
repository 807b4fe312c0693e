package rules

import (
	"time"

	"sidedoor/event"
)

// testCorrelations runs the tests of the correlations.
func (p *Policy) testCorrelations(identify Identify, judge JudgeFunc) []TestResult {
	var out []TestResult
	for _, c := range p.Correlations {
		if len(c.Tests) == 0 {
			continue
		}
		m, _ := p.Compile(Defaults{}) // without faults, or nothing is tested
		// One that otherwise only feeds others has to say what it finds.
		delete(m.feeds.silent, c.ID)
		for _, t := range c.Tests {
			run := &testRun{policy: p, matcher: m, test: t, identify: identify, judge: judge}
			out = append(out, TestResult{Rule: c.Name, Test: t.Name, Err: run.correlation(c)})
		}
	}
	return out
}

// correlation runs a test of a correlation: its event has to be the one that
// completes it.
func (t *testRun) correlation(c *Correlation) error {
	own, err := t.matches(t.test.TestEvent)
	if err != nil {
		return err
	}
	given, err := t.given()
	if err != nil {
		return err
	}
	if len(own) == 0 {
		return t.compare(outcome{is: wantNone})
	}
	act := event.Match{Rule: c.Ref(), Event: own[0].Event}
	got, err := t.completed(act, t.graceOf(c), append(own, given...))
	if err != nil {
		return err
	}
	return t.compare(got)
}

// completed returns what becomes of the correlation's act, or none.
func (t *testRun) completed(act event.Match, grace time.Duration, all []event.Match) (outcome, error) {
	sources, ends := t.sources(act.Event.At())
	policy := t.policy.Announce(time.Time{}, "test", sources)
	v, err := t.judge(policy, ends, all, act.ID(), time.Time{})
	switch {
	case err != nil:
		return outcome{}, err
	case v.Verdict == event.Pending: // for ever: there is no such act
		return outcome{is: wantNone}, nil
	case t.test.Verdict == string(event.Pending):
		v, err = t.judge(policy, ends, all, act.ID(), act.Event.At().Add(grace/2))
	}
	return outcomeOf(v), err
}

func (t *testRun) graceOf(c *Correlation) time.Duration {
	if c.Act.Grace > 0 {
		return c.Act.Grace
	}
	return t.matcher.defaults.Grace
}

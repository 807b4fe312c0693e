package judge_test

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

const (
	admin = "arn:aws:iam::1:role/Admin"
	grace = 5 * time.Minute
	limit = time.Hour
)

// nine is when the acts of most tests happen.
var nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// clock returns today's time of day, "15:04".
func clock(hhmm string) time.Time {
	t, err := time.Parse("15:04", hhmm)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, 16, t.Hour(), t.Minute(), 0, 0, time.UTC)
}

// anAct is alice assuming the admin role at nine, which an access grant by
// somebody else would approve.
func anAct(edit ...func(*event.Match)) event.Match {
	alice := event.Party{Name: "arn:aws:sts::1:assumed-role/Admin/alice", Person: "alice"}
	m := event.Match{
		Rule:    event.RuleRef{ID: "rule-1", Name: "aws-admin", Title: "Privileged role assumed", Level: event.High},
		Control: "LA-01",
		Event:   event.Ref{Source: "trail", Product: "aws", Service: "cloudtrail", ID: "act", Occurred: nine, Received: nine},
		Act: &event.Act{
			Actor: alice, Resource: admin, Scope: "1", Grace: grace, Limit: limit,
			ApprovedBy: []event.Requirement{{
				Kind: "access-grant", SameActor: true, Scope: admin, IndependentOf: []event.Party{alice},
			}},
		},
	}
	for _, e := range edit {
		e(&m)
	}
	return m
}

// aGrant is bob's grant AR-1042 of the admin role to alice, from eight to ten.
func aGrant(edit ...func(*event.Match)) event.Match {
	eight := clock("08:00")
	m := event.Match{
		Rule:  event.RuleRef{ID: "rule-2", Name: "access-grant"},
		Event: event.Ref{Source: "approvals", ID: "grant", Occurred: eight, Received: eight},
		Approval: &event.Approval{
			Kind: "access-grant", Actor: event.Party{Name: "alice@acme", Person: "alice"},
			Approver: event.Party{Name: "bob@acme", Person: "bob"}, NeedsApprover: true,
			Covers: admin, From: eight, Until: clock("10:00"), Recorded: eight, Reference: "AR-1042",
		},
	}
	for _, e := range edit {
		e(&m)
	}
	return m
}

// Edits of acts.
func withID(id string) func(*event.Match) { return func(m *event.Match) { m.Event.ID = id } }
func at(t time.Time) func(*event.Match)   { return func(m *event.Match) { m.Event.Occurred = t } }
func act(f func(*event.Act)) func(*event.Match) {
	return func(m *event.Match) { f(m.Act) }
}
func needs(f func(*event.Requirement)) func(*event.Match) {
	return func(m *event.Match) { f(&m.Act.ApprovedBy[0]) }
}

// Edits of approvals.
func grant(f func(*event.Approval)) func(*event.Match) {
	return func(m *event.Match) { f(m.Approval) }
}
func covering(scope string) func(*event.Match) {
	return grant(func(p *event.Approval) { p.Covers = scope })
}
func forActor(person string) func(*event.Match) {
	return grant(func(p *event.Approval) { p.Actor.Person = person })
}
func byApprover(person string) func(*event.Match) {
	return grant(func(p *event.Approval) { p.Approver.Person = person })
}
func recorded(t time.Time) func(*event.Match) {
	return grant(func(p *event.Approval) { p.Recorded = t })
}
func valid(from, until time.Time) func(*event.Match) {
	return grant(func(p *event.Approval) { p.From, p.Until = from, until })
}
func named(ref string) func(*event.Match) {
	return func(m *event.Match) { m.Approval.Reference, m.Event.ID = ref, ref }
}

// thePolicy has one source of approvals.
func thePolicy() *event.Policy {
	return &event.Policy{
		Digest: event.DigestOf([]byte("policy")), Loaded: clock("07:00"), Version: "test",
		Sources: []event.SourcePolicy{{Name: "trail"}, {Name: "approvals", Provides: []string{"access-grant", "break-glass"}}},
	}
}

// stream stands for the MATCHES stream: inputs are stored as time passes, and
// timers come back when they are due.
type stream struct {
	t      testing.TB
	judge  *judge.Judge
	now    time.Time
	timers []event.Timer
	log    []event.Input  // all that was applied
	out    []event.Record // all that came of it
}

// newStream begins at eight, with the policy in force.
func newStream(t testing.TB, cfg judge.Config) *stream {
	s := &stream{t: t, judge: judge.New(cfg), now: clock("08:00")}
	s.put(event.Input{Policy: thePolicy()})
	return s
}

// put applies an input now.
func (s *stream) put(in event.Input) {
	s.t.Helper()
	in.Time = s.now
	records, timers := s.judge.Apply(in)
	s.log = append(s.log, in)
	s.timers = append(s.timers, timers...)
	for _, r := range records {
		if _, err := r.Encode(); err != nil {
			s.t.Errorf("a record that cannot be stored: %v", err)
		}
		s.out = append(s.out, r)
	}
}

func (s *stream) match(m event.Match) { s.t.Helper(); s.put(event.Input{Match: &m}) }

func (s *stream) mark(source string, through time.Time) {
	s.t.Helper()
	s.put(event.Input{Mark: &event.Mark{Source: source, Through: through}})
}

// pass lets time pass up to t; timers due by then come back in their order.
func (s *stream) pass(t time.Time) {
	s.t.Helper()
	for {
		slices.SortFunc(s.timers, func(a, b event.Timer) int {
			return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID(), b.ID()))
		})
		if len(s.timers) == 0 || s.timers[0].Due.After(t) {
			break
		}
		due := s.timers[0]
		s.timers = s.timers[1:]
		if due.Due.After(s.now) {
			s.now = due.Due
		}
		s.put(event.Input{Timer: &due})
	}
	if t.After(s.now) {
		s.now = t
	}
}

// verdicts returns each act's last verdict, by the event's ID.
func verdicts(records []event.Record) map[string]event.Verdict {
	last := map[string]event.Verdict{}
	for _, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok {
			last[v.Event.ID] = *v
		}
	}
	return last
}

// alerts returns each alert's last revision, in the order of their opening.
func alerts(records []event.Record) []event.Alert {
	var list []event.Alert
	for _, r := range records {
		a, ok := r.Body.(*event.Alert)
		if !ok {
			continue
		}
		i := slices.IndexFunc(list, func(b event.Alert) bool { return b.ID == a.ID })
		if i < 0 {
			list = append(list, *a)
		} else {
			list[i] = *a
		}
	}
	return list
}

// state returns the state of the act with the event's ID now.
func (s *stream) state(id string) event.State {
	if v, ok := verdicts(s.out)[id]; ok {
		return v.Verdict
	}
	return event.Pending
}

func (s *stream) want(state event.State) {
	s.t.Helper()
	if got := s.state("act"); got != state {
		s.t.Fatalf("at %s the act is %s, want %s", s.now.Format(time.TimeOnly), got, state)
	}
}

// wire returns the records as they would be stored.
func wire(t testing.TB, records []event.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, r := range records {
		raw, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.Bytes()
}

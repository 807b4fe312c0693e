package rules_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
)

var (
	kubernetes = event.Envelope{Source: "prod", Product: "kubernetes", Service: "audit", Scope: "prod-eu"}
	feed       = event.Envelope{Source: "access", Product: "approvals", Service: "cloudevents"}
)

func matcher(t testing.TB, p *rules.Policy) *rules.Matcher {
	t.Helper()
	m, faults := p.Compile(rules.Defaults{})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func batch(env event.Envelope, raws ...string) event.Batch {
	b := event.Batch{Envelope: env}
	for i, raw := range raws {
		b.Events = append(b.Events, event.Event{
			ID: fmt.Sprint(i), Index: i, Raw: []byte(raw), Original: event.DigestOf([]byte(raw)),
			Occurred: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC),
		})
	}
	return b
}

// one returns the only match of one event.
func one(t testing.TB, p *rules.Policy, env event.Envelope, raw string) event.Match {
	t.Helper()
	matches, dead := matcher(t, p).Match(batch(env, raw))
	if len(matches) != 1 || len(dead) != 0 {
		t.Fatalf("%s: %d matches, %d dead", raw, len(matches), len(dead))
	}
	return matches[0]
}

func policy(t testing.TB) *rules.Policy {
	t.Helper()
	return load(t, folder{
		"controls.yaml": controls, "g.yml": grants, "r.yml": head + act,
		"estate.yaml": "people: [{name: alice, email: alice@acme.example}]\n",
	})
}

func TestAnActCarriesAllThatTheJudgeNeeds(t *testing.T) {
	b := batch(kubernetes, `{"verb":"get"}`, `{"verb":"delete","user":{"username":"ALICE@acme.example"},"objectRef":{"name":"cart"}}`)
	matches, _ := matcher(t, policy(t)).Match(b)
	if len(matches) != 1 {
		t.Fatalf("%d matches", len(matches))
	}
	m := matches[0]
	alice := event.Party{Name: "ALICE@acme.example", Person: "alice"}
	if m.Control != "CHG-03" || m.Rule.Name != "r" || m.Rule.Level != event.High || m.Event.Index != 1 || m.Event.Batch != b.ID().String() {
		t.Errorf("match: %+v", m)
	}
	a := m.Act
	if !reflect.DeepEqual(a.Actor, alice) || a.Resource != "prod-eu/cart" || a.Scope != "prod-eu" || a.Grace != 10*time.Minute || a.Limit != time.Hour {
		t.Errorf("act: %+v", a)
	}
	q := a.ApprovedBy[0]
	if q.Kind != "access-grant" || !q.SameActor || q.Scope != a.Resource || q.Skew != 2*time.Minute || len(q.IndependentOf) != 1 || !reflect.DeepEqual(q.IndependentOf[0], alice) {
		t.Errorf("requirement: %+v", q)
	}
}

func TestAnActByNobodyIsByUnknown(t *testing.T) {
	a := one(t, policy(t), kubernetes, `{"verb":"delete","user":{"username":""}}`).Act
	if !reflect.DeepEqual(a.Actor, event.Party{Name: "unknown", Person: "unknown"}) || a.Resource != "prod-eu/-" {
		t.Errorf("act: %+v", a)
	}
}

func TestAnApprovalCarriesWhatItsEventSays(t *testing.T) {
	a := one(t, policy(t), feed, `{"type":"grant","data":{"actor":"alice@acme.example","approver":"bob","scope":"prod-*","until":1794824400}}`).Approval
	if a.Kind != "access-grant" || a.Actor.Person != "alice" || a.Approver.Person != "bob" || !a.NeedsApprover || a.Covers != "prod-*" {
		t.Errorf("approval: %+v", a)
	}
	if !a.From.IsZero() || !a.Until.Equal(time.Unix(1794824400, 0)) || !a.Recorded.Equal(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("window: %v to %v, recorded %v", a.From, a.Until, a.Recorded)
	}
}

// What cannot be read must never serialise like an approval.
func TestAnApprovalThatCannotBeReadCoversNothing(t *testing.T) {
	p := policy(t)
	for name, data := range map[string]string{
		"no scope":                 `{"actor":"a","approver":"b"}`,
		"an empty scope":           `{"scope":""}`,
		"an end that is no time":   `{"scope":"s","until":"tomorrow"}`,
		"an empty end":             `{"scope":"s","until":""}`,
		"an end that is an object": `{"scope":"s","until":{"at":1}}`,
		"an end before 1970":       `{"scope":"s","until":-5}`,
		"an end beyond the years":  `{"scope":"s","until":9999999999999999}`,
		"an end pushed beyond":     `{"scope":"s","until":"9999-12-31T23:59:59-23:00"}`,
	} {
		m := one(t, p, feed, `{"type":"grant","data":`+data+`}`)
		if m.Approval.Covers != "" {
			t.Errorf("%s: it covers %q until %v", name, m.Approval.Covers, m.Approval.Until)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a := one(t, p, feed, `{"type":"grant","data":{"scope":"s","until":null}}`).Approval; a.Covers != "s" || !a.Until.IsZero() {
		t.Errorf("a grant that names no end: %+v", a)
	}
	p.Rules[slices.IndexFunc(p.Rules, func(r *rules.Rule) bool { return r.Approval != nil })].Approval.Lasts = time.Hour
	for until, want := range map[string]time.Time{"": nine.Add(time.Hour), `,"until":1794824400`: time.Unix(1794824400, 0)} {
		if a := one(t, p, feed, `{"type":"grant","data":{"scope":"s"`+until+`}}`).Approval; !a.Until.Equal(want) {
			t.Errorf("a kind that lasts an hour: it holds until %s, want %s", a.Until, want)
		}
	}
	if a := one(t, p, feed, `{"type":"grant","data":{"scope":"s","approver":""}}`).Approval; !a.NeedsApprover || a.Approver.Name != "" {
		t.Errorf("a grant that nobody gave: %+v", a)
	}
}

func TestAnUnreadableEventStopsNoOther(t *testing.T) {
	p := policy(t)
	b := batch(kubernetes, `{"verb":"delete"}`, `{"verb":`, `[]`, ``, `{"verb":"delete"}`)
	matches, dead := matcher(t, p).Match(b)
	if len(matches) != 2 || matches[1].Event.Index != 4 {
		t.Errorf("matches: %+v", matches)
	}
	if len(dead) != 3 || dead[0].Index != 1 || dead[0].Cause != "malformed" || dead[0].Reason == "" || dead[0].Source != "prod" {
		t.Errorf("dead: %+v", dead)
	}
	b.Events[0].Occurred = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	if matches, dead = matcher(t, p).Match(b); len(matches) != 1 || len(dead) != 4 {
		t.Errorf("an event of the year 10000: %d matches, %d dead; JSON cannot hold its time", len(matches), len(dead))
	}
}

func TestALongDeadLetterIsCut(t *testing.T) {
	_, dead := matcher(t, policy(t)).Match(batch(kubernetes, `{"a":"`+strings.Repeat("x", 2*event.MaxDead)))
	if len(dead) != 1 || len(dead[0].Raw) != event.MaxDead {
		t.Errorf("dead: %d", len(dead))
	}
}

func TestAMatcherMayBeSharedByManyGoroutines(t *testing.T) {
	m := matcher(t, policy(t))
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			name := fmt.Sprintf("cart-%d", g)
			for range 200 {
				matches, _ := m.Match(batch(kubernetes, `{"verb":"delete","objectRef":{"name":"`+name+`"}}`))
				if len(matches) != 1 || matches[0].Act.Resource != "prod-eu/"+name {
					t.Errorf("goroutine %d: %+v", g, matches)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestARuleWithoutAMeaningIsADetection(t *testing.T) {
	p := load(t, folder{"controls.yaml": controls, "r.yml": `title: T
name: stock
id: 22222222-2222-4222-8222-222222222222
related: [{id: x, type: derived}]
control: CHG-03
logsource: {product: github, service: audit}
detection: {s: {action: repo.destroy}, condition: s}
`})
	env := event.Envelope{Source: "gh", Product: "github", Service: "audit", Scope: "acme"}
	m := one(t, p, env, `{"action":"repo.destroy","actor":"alice-acme","user":"victim","repo":"acme/shop"}`)
	if m.Control != "CHG-03" || m.Act.Actor.Name != "alice-acme" || m.Act.Scope != "acme/shop" || len(m.Act.ApprovedBy) != 0 {
		t.Errorf("match: %+v of %+v", m, m.Act)
	}
	// The audit log's user is whom it was done to.
	if m := one(t, p, env, `{"action":"repo.destroy","user":"victim"}`); m.Act.Actor.Name != "unknown" {
		t.Errorf("the actor is %q", m.Act.Actor.Name)
	}
}

package judge

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

// someApprovals are of every form: with a party of every field, with what has a
// form of its own only in JSON, and with wildcards.
func someApprovals() []event.Match {
	nine := time.Date(2026, 11, 16, 9, 0, 0, 1, time.UTC)
	party := event.Party{
		Name: "arn:aws:sts::1:assumed-role/x", Person: "alice", Owner: "bob", Groups: []string{"g"}, Session: "s",
		Chain: []event.Hop{{By: "session", Name: "alice"}},
	}
	full := event.Match{
		Rule: event.RuleRef{ID: "rule-1", Name: "review"}, Control: "CHG-01",
		Event: event.Ref{
			Source: "github", ID: "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", Origin: "x", Occurred: nine, Received: nine.Add(time.Second),
			Batch: strings.Repeat("0f", 32), Index: 7, Digest: event.DigestOf(nil),
		},
		Approval: &event.Approval{
			Kind: "review", Actor: party, Approver: event.Party{Name: "bob", Person: "bob"}, NeedsApprover: true,
			Covers: "acme/shop@" + strings.Repeat("c0", 20), Recorded: nine, From: nine, Until: nine.Add(time.Hour), Reference: "https://acme.example/1",
			Requires: []event.Requirement{{Kind: "build", Scope: "acme/*", IndependentOf: []event.Party{party}, Also: []event.Requirement{{Kind: "test"}}}},
		},
		Facts: []event.Fact{{Is: "author", Of: "acme/shop@1", Who: party, Since: nine}},
		Parts: []event.Part{{Group: []string{"x"}}},
	}
	wild := full
	wild.Event.ID = "wild"
	wild.Approval = &event.Approval{Kind: "review", Covers: "acme/*@c0", Actor: party}
	return []event.Match{full, wild}
}

func FuzzTheSectionOfASnapshotThatHoldsApprovals(f *testing.F) {
	nine := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	cfg := Config{Memory: time.Hour}
	s := newApprovals()
	f.Add(s.save(nil))
	for i, m := range someApprovals() {
		s.add(bounded(m), []string{m.ID(), "cut"}[i], nine, cfg)
		f.Add(s.save(nil))
	}
	s.drop(s.oldest)
	f.Add(s.save(nil))
	f.Fuzz(loadApprovals)
}

// loadApprovals checks what may be checked of any section: it is refused, or
// what it holds is found, can be saved, and leaves nothing behind.
func loadApprovals(t *testing.T, b []byte) {
	t.Helper()
	s := newApprovals()
	if _, err := s.load(b, Config{}); err != nil {
		return
	}
	if _, err := newApprovals().load(s.save(nil), Config{}); err != nil {
		t.Fatalf("cannot restore its own snapshot: %v", err)
	}
	for n := range s.all() {
		h := held{s, n}
		ap := h.match().Approval
		for _, by := range []struct {
			key   string
			found []string
		}{
			{ap.Covers, idsOf(slices.Values(s.covering(nil, ap.Kind, ap.Covers)))},
			{ap.Actor.Person, idsOf(slices.Values(s.naming(nil, ap.Kind, ap.Actor.Person)))},
			{ap.Reference, idsOf(s.referenced(ap.Kind, ap.Reference))},
		} {
			if by.key != "" && !slices.Contains(by.found, h.id()) {
				t.Fatalf("%s is not found by %q", h.id(), by.key)
			}
		}
	}
	if s.forget(time.Time{}, Config{}); s.len() != 0 || s.words.byText.used != 0 {
		t.Fatalf("%d remain, and %d words", s.len(), s.words.byText.used)
	}
}

func TestASectionWithAnyByteChangedIsRefusedOrHoldsWhatItSays(t *testing.T) {
	s := newApprovals()
	for _, m := range someApprovals() {
		s.add(bounded(m), m.ID(), m.Event.Received, Config{})
	}
	whole := s.save(nil)
	for i := range whole {
		if _, err := newApprovals().load(whole[:i], Config{}); err == nil && i > 0 {
			t.Errorf("%d bytes of %d are taken for the whole", i, len(whole))
		}
		for _, change := range []byte{1, 2, 0x10, 0x7f, 0x80, 0xff} {
			b := slices.Clone(whole)
			b[i] ^= change
			loadApprovals(t, b)
		}
	}
}

func FuzzTheSectionOfASnapshotThatHoldsFacts(f *testing.F) {
	s := newFacts()
	for _, m := range someApprovals() {
		for _, x := range m.Facts {
			s.add(x, m.ID()+".0", m.Event.Occurred)
			f.Add(s.save(nil))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newFacts()
		if _, err := s.load(b); err != nil {
			return
		}
		if _, err := newFacts().load(s.save(nil)); err != nil {
			t.Fatalf("cannot restore its own snapshot: %v", err)
		}
		for n := range s.all() {
			x := s.read(n).fact
			found := 0
			for range s.of(event.FactRef{Is: x.Is, Of: x.Of}) {
				found++
			}
			if found == 0 || found > s.len() {
				t.Fatalf("%d of %d are found", found, s.len())
			}
		}
		if s.forget(Config{}); s.len() != 0 || s.words.byText.used != 0 {
			t.Fatalf("%d remain, and %d words", s.len(), s.words.byText.used)
		}
	})
}

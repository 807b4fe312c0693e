package judge

import (
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
)

// Texts that come again, and some of every form.
var (
	drawnText = rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "a", "alice", "Alice", "ALICE", "ſam", "Sam", "acme/shop@c0ffee", "acme/shop@0123456789abcdef0123456789abcdef01234567",
			"ghcr.io/acme/shop@sha256:" + strings.Repeat("0f", 32), "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", "0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9",
			"0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9/ResponseComplete", strings.Repeat("f", 31), strings.Repeat("f", 64), "a/", "@", "https://acme.example/t/1",
			"\x00", "a\x00b", "é…",
		}),
		rapid.StringMatching(`[a-c/@:.0-9-]{0,20}`), rapid.String(),
	)
	drawnPattern = rapid.OneOf(rapid.SampledFrom([]string{"", "*", "a*", "a/*", "a/b", "a/*/b", "*b", "a/b*", "a**"}), rapid.StringMatching(`[ab/*]{0,6}`), drawnText)
	drawnMoment  = rapid.Custom(func(t *rapid.T) time.Time {
		switch rapid.IntRange(0, 9).Draw(t, "moment") {
		case 0, 1:
			return time.Time{}
		case 2:
			return civil(time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC))
		case 3:
			return time.Unix(rapid.Int64Range(firstSecond, lastSecond).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		}
		return time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(t, "minutes")) * time.Minute)
	})
	drawnParty = rapid.Custom(func(t *rapid.T) event.Party {
		p := event.Party{Person: drawnText.Draw(t, "person")}
		if rapid.Bool().Draw(t, "named") {
			p.Name = drawnText.Draw(t, "name")
		}
		if rapid.IntRange(0, 3).Draw(t, "more") == 0 {
			p.Unknown, p.Owner, p.Session = rapid.Bool().Draw(t, "unknown"), drawnText.Draw(t, "owner"), drawnText.Draw(t, "session")
			p.Groups = some(t, "groups", drawnText)
			p.Chain = some(t, "chain", rapid.Make[event.Hop]())
		}
		return p
	})
	drawnFact = rapid.Custom(func(t *rapid.T) event.Fact {
		return event.Fact{
			Is: rapid.SampledFrom([]string{"author", "member", ""}).Draw(t, "is"), Of: drawnText.Draw(t, "of"),
			Who: drawnParty.Draw(t, "who"), Since: drawnMoment.Draw(t, "since"),
		}
	})
)

// some draws a short list; an empty one is nil.
func some[T any](t *rapid.T, label string, g *rapid.Generator[T]) []T {
	list := rapid.SliceOfN(g, 0, 2).Draw(t, label)
	if len(list) == 0 {
		return nil
	}
	return list
}

func drawnRequirement(depth int) *rapid.Generator[event.Requirement] {
	return rapid.Custom(func(t *rapid.T) event.Requirement {
		r := event.Requirement{
			Kind: drawnText.Draw(t, "kind"), SameActor: rapid.Bool().Draw(t, "same"), Scope: drawnText.Draw(t, "scope"),
			Within: some(t, "within", drawnText), Skew: time.Duration(rapid.Int64().Draw(t, "skew")),
			IndependentOf: some(t, "independent", drawnParty), Separate: some(t, "separate", rapid.Make[event.FactRef]()),
			Approvers: rapid.Int().Draw(t, "approvers"), Group: drawnText.Draw(t, "group"),
			MemberFor: time.Duration(rapid.Int64().Draw(t, "member for")),
		}
		if depth > 0 {
			r.Also = some(t, "also", drawnRequirement(depth-1))
		}
		return r
	})
}

// drawnApproval draws a match whose every field may be set.
var drawnApproval = rapid.Custom(func(t *rapid.T) event.Match {
	text := func(label string) string { return drawnText.Draw(t, label) }
	moment := func(label string) time.Time { return drawnMoment.Draw(t, label) }
	digest := func(label string) event.Digest { return event.DigestOf([]byte(text(label))) }
	m := event.Match{
		Rule:    event.RuleRef{ID: text("rule"), Name: text("name"), Title: text("title"), Level: event.Level(text("level")), Digest: digest("rule")},
		Control: text("control"),
		Event: event.Ref{
			Source: text("source"), Product: text("product"), Service: text("service"), Scope: text("scope"), ID: text("id"), Kind: text("event kind"),
			Digest: digest("event"), Occurred: moment("occurred"), Received: moment("received"), Origin: text("origin"),
			Index: rapid.Int().Draw(t, "index"), Batch: text("batch"),
		},
		Approval: &event.Approval{
			Kind: rapid.SampledFrom([]string{"grant", "review", ""}).Draw(t, "kind"), Actor: drawnParty.Draw(t, "actor"), Approver: drawnParty.Draw(t, "approver"),
			NeedsApprover: rapid.Bool().Draw(t, "needs approver"), Covers: drawnPattern.Draw(t, "covers"),
			From: moment("from"), Until: moment("until"), Recorded: moment("recorded"), Reference: text("reference"),
			Requires: some(t, "requires", drawnRequirement(2)),
		},
		Facts: some(t, "facts", drawnFact),
	}
	if rapid.IntRange(0, 5).Draw(t, "has parts") == 0 {
		m.Parts = []event.Part{{Correlation: event.Correlation{Rules: 2, Timespan: time.Hour}, Group: []string{"x"}, Act: &event.Act{Scope: "1"}}}
	}
	return m
})

func TestAnApprovalIsReadAsItWasAdded(t *testing.T) {
	s := newApprovals()
	rapid.Check(t, func(rt *rapid.T) {
		m := bounded(drawnApproval.Draw(rt, "approval"))
		id, stored := m.ID(), drawnMoment.Draw(rt, "stored")
		if rapid.Bool().Draw(rt, "was cut") {
			id = rapid.StringMatching(`[0-9a-f]{64}|x`).Draw(rt, "another id")
		}
		h, fresh := s.add(m, id, stored, Config{Memory: time.Hour})
		if !fresh {
			return
		}
		if got := h.match(); !reflect.DeepEqual(got, m) {
			rt.Fatalf("got\n%+v\n%+v\nwant\n%+v\n%+v", got, got.Approval, m, m.Approval)
		}
		if e := s.read(h.n); h.id() != id || h.match().Approval.Covers != m.Approval.Covers || !e.stored.Equal(stored) {
			rt.Fatalf("%s covers %q, arrived %s; want %s, %q, %s", h.id(), h.match().Approval.Covers, e.stored, id, m.Approval.Covers, stored)
		}
		if rapid.Bool().Draw(rt, "drop it") {
			s.drop(h.n)
		}
	})
	for s.len() > 0 {
		s.drop(s.oldest)
	}
	if n := len(s.words.free) + 1; int(s.words.next) != n || s.words.byText.used != 0 {
		t.Errorf("%d words remain, %d are found", int(s.words.next)-n, s.words.byText.used)
	}
}

// naive is what approvals are to be: a list.
type naive struct {
	list []naiveEntry
	cfg  Config
}

type naiveEntry struct {
	id    string
	match event.Match
	due   time.Time
}

func (s *naive) add(m event.Match, id string, stored time.Time) bool {
	if slices.ContainsFunc(s.list, func(e naiveEntry) bool { return e.id == id }) {
		return false
	}
	e := naiveEntry{id: id, match: m}
	if !m.Approval.Until.IsZero() {
		e.due = later(m.Approval.Until, stored).Add(s.cfg.Memory)
	}
	s.list = append(s.list, e)
	return true
}

func (s *naive) forget(clock time.Time) int {
	s.list = slices.DeleteFunc(s.list, func(e naiveEntry) bool { return !e.due.IsZero() && clock.After(e.due) })
	crowded := max(0, len(s.list)-s.cfg.MaxApprovals)
	s.list = s.list[crowded:]
	return crowded
}

// ids returns those for which is holds.
func (s *naive) ids(is func(*event.Approval) bool) (ids []string) {
	for _, e := range s.list {
		if is(e.match.Approval) {
			ids = append(ids, e.id)
		}
	}
	return ids
}

func idsOf(list iter.Seq[held]) (ids []string) {
	for h := range list {
		ids = append(ids, h.id())
	}
	return ids
}

func TestApprovalsAreFoundAsInAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{MaxApprovals: rapid.SampledFrom([]int{3, 10, 100}).Draw(rt, "bound"), Memory: time.Hour}
		s, want := newApprovals(), &naive{cfg: cfg}
		clock := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0:
				clock = clock.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "minutes")) * time.Minute)
				fallthrough
			case 1:
				if got, crowded := s.forget(clock, cfg), want.forget(clock); got != crowded {
					rt.Fatalf("%d were too much, not %d", got, crowded)
				}
			case 2:
				b := s.save(nil)
				s = newApprovals()
				if rest, err := s.load(b, cfg); err != nil || len(rest) > 0 {
					rt.Fatalf("%v, %d bytes remain", err, len(rest))
				}
				if again := s.save(nil); string(again) != string(b) {
					rt.Fatalf("restored\n%q\nfrom\n%q", again, b)
				}
			default:
				m := bounded(drawnApproval.Draw(rt, "approval"))
				m.Approval.Reference = rapid.SampledFrom([]string{"", "T-1", "T-2"}).Draw(rt, "reference")
				id := fmt.Sprint(rapid.IntRange(0, 30).Draw(rt, "id"))
				if _, got := s.add(m, id, clock, cfg); got != want.add(m, id, clock) {
					rt.Fatalf("%s is added: %v", id, got)
				}
			}
			agree(rt, s, want)
		}
	})
}

// agree looks for what is held, and for some that may not be.
func agree(t *rapid.T, s *approvals, want *naive) {
	if s.len() != len(want.list) {
		t.Fatalf("%d are held, want %d", s.len(), len(want.list))
	}
	kind := rapid.SampledFrom([]string{"grant", "review", ""}).Draw(t, "kind asked for")
	scope := drawnPattern.Draw(t, "scope asked for")
	person, reference := drawnText.Draw(t, "person asked for"), rapid.SampledFrom([]string{"", "T-1", "T-2"}).Draw(t, "reference asked for")
	got := idsOf(slices.Values(s.covering(nil, kind, scope)))
	slices.SortFunc(got, func(a, b string) int { return cmp.Compare(whereIn(want, a), whereIn(want, b)) })
	for what, ids := range map[string][2][]string{
		"covering": {got, want.ids(func(p *event.Approval) bool { return p.Kind == kind && covers(p.Covers, scope) })},
		"naming": {idsOf(slices.Values(s.naming(nil, kind, person))), want.ids(func(p *event.Approval) bool {
			return p.Kind == kind && samePerson(p.Actor, event.Party{Person: person})
		})},
		"referenced": {idsOf(s.referenced(kind, reference)), want.ids(func(p *event.Approval) bool { return reference != "" && p.Kind == kind && p.Reference == reference })},
	} {
		if !slices.Equal(ids[0], ids[1]) {
			t.Fatalf("%s %q, %q, %q, %q: got %q, want %q", what, kind, scope, person, reference, ids[0], ids[1])
		}
	}
}

func whereIn(s *naive, id string) int {
	return slices.IndexFunc(s.list, func(e naiveEntry) bool { return e.id == id })
}

func TestFactsAreFoundAsInAList(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := Config{MaxApprovals: rapid.SampledFrom([]int{3, 100}).Draw(rt, "bound")}
		s := newFacts()
		var want []stated
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			f := stated{
				id: fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "id")), stored: drawnMoment.Draw(rt, "stored"), fact: drawnFact.Draw(rt, "fact"),
			}
			f.fact.Of = rapid.SampledFrom([]string{"acme/shop@1", "acme/shop@2", ""}).Draw(rt, "of")
			fresh := !slices.ContainsFunc(want, func(o stated) bool { return same(o, f) })
			if fresh {
				want = append(want, f)
			}
			if got := s.add(f.fact, f.id, f.stored); got != fresh {
				rt.Fatalf("%+v is added: %v", f, got)
			}
			crowded := max(0, len(want)-cfg.MaxApprovals)
			want = want[crowded:]
			if got := s.forget(cfg); got != crowded || s.len() != len(want) {
				rt.Fatalf("%d were too much, not %d; %d are held, not %d", got, crowded, s.len(), len(want))
			}
			if rapid.IntRange(0, 9).Draw(rt, "restore") == 0 {
				b := s.save(nil)
				s = newFacts()
				if rest, err := s.load(append(b, "rest"...)); err != nil || string(rest) != "rest" {
					rt.Fatalf("%v, remains %q", err, rest)
				}
			}
			var about []event.Fact
			for _, o := range want {
				if o.fact.Is == f.fact.Is && o.fact.Of == f.fact.Of {
					about = append(about, o.fact)
				}
			}
			if got := slices.Collect(s.of(event.FactRef{Is: f.fact.Is, Of: f.fact.Of})); !reflect.DeepEqual(got, about) {
				rt.Fatalf("got %+v, want %+v", got, about)
			}
		}
	})
}

func TestATableHoldsWhatAMapDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var got table
		want := map[int32]uint32{}
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			n := rapid.Int32Range(0, 30).Draw(rt, "number")
			hash, there := want[n]
			if there {
				got.remove(hash, n)
				delete(want, n)
			} else {
				want[n] = rapid.SampledFrom([]uint32{0, 1, 7, 8, 15, 1 << 31}).Draw(rt, "hash")
				got.add(want[n], n)
			}
			for n := range int32(31) {
				hash, there := want[n]
				if k, ok := got.find(hash, func(k int32) bool { return k == n }); ok != there || ok && k != n {
					rt.Fatalf("%d is found: %v, want %v", n, ok, there)
				}
			}
			if got.used != len(want) {
				rt.Fatalf("%d are held, want %d", got.used, len(want))
			}
		}
	})
}

// id returns the ID with which it was added.
func (h held) id() string {
	e := h.in.read(h.n)
	return e.matchID()
}

package monitor

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

var nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func version(name string, n byte) event.RuleVersion {
	return event.RuleVersion{Name: name, Digest: event.Digest{n}}
}

// announced is a policy as it was loaded at nine.
func announced() event.Policy {
	return event.Policy{
		Digest: event.Digest{1}, Loaded: nine, Version: "1.0", By: "root", Commit: "c0ffee", Repository: "acme/policy",
		Rules:    []event.RuleVersion{version("exec", 1), version("push", 1)},
		Filters:  []event.RuleVersion{version("quiet", 1)},
		Controls: []event.RuleVersion{version("CHG-01", 1)},
		Estate:   []event.RuleVersion{version("lists/runners", 1), version("people/alice", 1)},
		Files:    []event.FileVersion{{Path: "rules.yml", Digest: event.Digest{1}}},
		Sources:  []event.SourcePolicy{{Name: "trail", Product: "aws", Service: "cloudtrail"}},
	}
}

// saying is what notes say, in short: their kind, and the rule or source, and what
// changed of the policy.
func saying(notes []Note) string {
	var out []string
	for _, n := range notes {
		s := string(n.Kind)
		if n.Rule != "" {
			s += " " + n.Rule + " (" + n.Why + ")"
		}
		if n.SourceNote != nil {
			s += " " + n.Source
		}
		if n.Change != nil {
			b, _ := json.Marshal(n.Change)
			s += " " + string(b)
		}
		out = append(out, s)
	}
	return strings.Join(out, "\n")
}

func TestNotesSayWhatIsAnotherThanBefore(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *event.Policy)
		want   string
	}{
		{"nothing", func(*event.Policy) {}, `policy-loaded {}`},
		{"a rule changed", func(p *event.Policy) { p.Rules[0] = version("exec", 2) }, `policy-changed {"rules":{"changed":["exec"]}}`},
		{"a rule more", func(p *event.Policy) { p.Rules = append(p.Rules, version("new", 1)) }, `policy-changed {"rules":{"added":["new"]}}`},
		{"a rule less", func(p *event.Policy) { p.Rules = p.Rules[:1] },
			"policy-changed {\"rules\":{\"removed\":[\"push\"]}}\nrule-disabled push (it is no longer in the policy)"},
		{"a rule with a fault", func(p *event.Policy) {
			p.Rules = p.Rules[:1]
			p.Rejected = []event.RejectedRule{{Name: "push", File: "rules.yml", Line: 3, Message: "there is no list"}}
		}, "policy-changed {\"rules\":{\"removed\":[\"push\"]},\"rejected\":[\"push\"]}\nrule-disabled push (it has a fault: rules.yml:3: there is no list)"},
		{"a new rule with a fault, and the rest as before", func(p *event.Policy) {
			p.Digest = event.Digest{1}
			p.Rejected = []event.RejectedRule{{File: "more.yml", Line: 3, Message: "no YAML"}}
		}, `policy-changed {"rejected":["more.yml"]}`},
		{"a filter more", func(p *event.Policy) { p.Filters = append(p.Filters, version("hush", 1)) }, `policy-changed {"filters":{"added":["hush"]}}`},
		{"a control", func(p *event.Policy) { p.Controls[0] = version("CHG-01", 2) }, `policy-changed {"controls":{"changed":["CHG-01"]}}`},
		{"a list and somebody", func(p *event.Policy) {
			p.Estate = []event.RuleVersion{version("lists/runners", 2), version("people/bob", 1)}
		}, `policy-changed {"estate":{"added":["people/bob"],"changed":["lists/runners"],"removed":["people/alice"]}}`},
		{"a comment in a file", func(p *event.Policy) { p.Digest, p.Files[0].Digest = event.Digest{1}, event.Digest{2} },
			`policy-loaded {"files":{"changed":["rules.yml"]}}`},
		{"sources", func(p *event.Policy) { p.Digest, p.Sources = event.Digest{1}, []event.SourcePolicy{{Name: "github"}} },
			"policy-loaded {\"sources\":{\"added\":[\"github\"],\"removed\":[\"trail\"]}}\nsource-added github\nsource-removed trail"},
		{"a source read as another", func(p *event.Policy) { p.Digest, p.Sources[0].Product = event.Digest{1}, "ci" },
			"policy-loaded {\"sources\":{\"changed\":[\"trail\"]}}\nsource-added trail\nsource-removed trail"},
		{"a clock that may be wrong by a day", func(p *event.Policy) { p.Digest, p.Sources[0].Skew = event.Digest{1}, 24*time.Hour },
			"policy-loaded {\"sources\":{\"changed\":[\"trail\"]}}\nsource-added trail\nsource-removed trail"},
	} {
		old, fresh := announced(), announced()
		if fresh.Digest = (event.Digest{2}); c.name == "nothing" {
			fresh.Digest = old.Digest
		}
		fresh.Loaded = nine.Add(time.Hour)
		c.change(&fresh)
		notes := notesOf(&old, fresh)
		if got := saying(notes); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
		if n := notes[0]; n.By != "root" || n.Commit != "c0ffee" || n.Before == nil || !n.Time.Equal(fresh.Loaded) {
			t.Errorf("%s: %+v", c.name, n)
		}
	}
}

// An installation that begins has nothing to say against itself.
func TestTheFirstPolicyIsNoChange(t *testing.T) {
	if got := saying(notesOf(nil, announced())); got != "policy-loaded" {
		t.Errorf("told %s", got)
	}
}

// A program that is newer announces more; what the older did not say did not change.
func TestWhatAnEarlierVersionDidNotAnnounceIsNotCompared(t *testing.T) {
	old := announced()
	old.Controls, old.Estate, old.Files = nil, nil, nil
	if got := saying(notesOf(&old, announced())); got != "policy-loaded {}" {
		t.Errorf("told %s", got)
	}
}

func TestWhatARecordHadNoRoomForIsNotTakenForGone(t *testing.T) {
	old, fresh := announced(), announced()
	fresh.Rules = []event.RuleVersion{version("exec", 2), {Name: "… and 1 more"}}
	if c := Compare(old, fresh).Rules; len(c.Removed) > 0 || len(c.Changed) != 1 {
		t.Errorf("%+v", c)
	}
	if c := Compare(fresh, old).Rules; len(c.Added) > 0 || len(c.Changed) != 1 {
		t.Errorf("%+v", c)
	}
}

// The same two announcements make the same notes, byte for byte: one that is
// published twice is one event. Other announcements make others.
func TestNotesAreTheSameWheneverTheyAreMade(t *testing.T) {
	old, fresh := announced(), announced()
	fresh.Digest, fresh.Rules = event.Digest{2}, nil
	ids := map[string]bool{}
	for range 2 {
		for _, n := range notesOf(&old, fresh) {
			e, err := n.event()
			if err != nil {
				t.Fatal(err)
			}
			ids[e.ID+e.Original.String()] = true
		}
	}
	if len(ids) != 3 {
		t.Errorf("%d events, want 3", len(ids))
	}
	later := fresh
	later.Loaded = nine.Add(time.Second)
	if notesOf(&old, fresh)[0].ID == notesOf(&old, later)[0].ID {
		t.Error("two loads have one id")
	}
}

func TestANoteOfThousandsOfRulesNamesTheFirst(t *testing.T) {
	old, fresh := announced(), announced()
	for i := range 5000 {
		fresh.Rules = append(fresh.Rules, version(fmt.Sprint("r", i), 1))
	}
	fresh.Digest = event.Digest{2}
	added := notesOf(&old, fresh)[0].Rules.Added
	if len(added) != maxNamed+1 || added[maxNamed] != "… and 4800 more" {
		t.Errorf("%d names, the last %s", len(added), added[len(added)-1])
	}
}

func TestANoteIsIdentifiedByItsBody(t *testing.T) {
	for raw, want := range map[string]string{
		`{"id":"a","kind":"policy-loaded","time":"2026-11-16T09:00:00Z"}`: "",
		`{"kind":"policy-loaded","time":"2026-11-16T09:00:00Z"}`:          "has no id",
		`{"id":"a","time":"2026-11-16T09:00:00Z"}`:                        "has no kind",
		`{"id":"a","kind":"policy-loaded"}`:                               "time is missing",
		`{"id":`:                                                          "not valid JSON",
	} {
		e, err := Identify([]byte(raw))
		if want == "" && (err != nil || e.ID != "a" || !e.Occurred.Equal(nine)) {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(`{"id":"a","kind":"policy-loaded","time":"2026-11-16T09:00:00Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := Identify(raw)
		if err == nil && (e.ID == "" || e.Occurred.IsZero() && !strings.Contains(string(raw), "0001") || e.Original != event.DigestOf(raw)) {
			t.Errorf("%+v of %q", e, raw)
		}
		OfPolicy(raw)
	})
}
